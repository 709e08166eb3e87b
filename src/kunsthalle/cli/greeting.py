"""What a server says to the person who started it on a terminal."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from kunsthalle import __version__
from kunsthalle.local.display import escape

_MOST_NAMES = 8


def create_command(data: Path, program: str = "kunsthalle") -> str:
    """What makes an account and its owner's first key."""
    return f"{program} account create NAME --owner MAIL --data {shlex.quote(str(data))}"


def _program() -> str:
    """What runs this program from the shell of its reader: its name, or its place where that is not on the path."""
    if shutil.which("kunsthalle") is not None:
        return "kunsthalle"
    here = Path(sys.argv[0])
    return shlex.join([str(here.absolute())] if here.name == "kunsthalle" else [sys.executable, "-m", "kunsthalle"])


def greeting(url: str, data: Path, accounts: Sequence[str], *, empty: bool) -> str:
    """The address, the console, the accounts or how to make one, the data folder, credentials, and how to stop.

    `accounts` are the names of accounts whose keys `kunsthalle env` knows; `empty` says that there is no account.
    """
    folder, program = shlex.quote(str(data.resolve())), _program()
    if accounts:
        names = ", ".join(accounts[:_MOST_NAMES]) + (", …" if len(accounts) > _MOST_NAMES else "")
        credentials = f"{program} env --data {folder} --account {shlex.quote(accounts[0])}"
    else:
        names = "no account yet: nobody can sign in" if empty else f"{program} account list --data {folder}"
        credentials = (
            create_command(data.resolve(), program) if empty else f"{program} account key create --data {folder}"
        )
    lines = {
        "Address": url,
        "Console": f"{url}/console/",
        "Accounts": names,
        "Data folder": str(data.resolve()),
        "Credentials": credentials,
        "Stop": "Ctrl-C",
    }
    width = max(map(len, lines))
    return "\n".join(
        [f"Kunsthalle {__version__}", *(f"  {name.ljust(width)}  {escape(text)}" for name, text in lines.items()), ""]
    )
