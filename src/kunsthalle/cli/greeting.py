"""What a server says to the person who started it on a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from kunsthalle import __version__
from kunsthalle.local.display import escape

_MOST_NAMES = 8


def create_command(data: Path) -> str:
    """What makes an account and its owner's first key."""
    return shlex.join(["kunsthalle", "account", "create", "NAME", "--owner", "MAIL", "--data", str(data)])


def greeting(url: str, data: Path, accounts: Sequence[str], *, empty: bool) -> str:
    """The address, the console, the accounts or how to make one, the data folder, credentials, and how to stop.

    `accounts` are the names of accounts whose keys `kunsthalle env` knows; `empty` says that there is no account.
    """
    folder = shlex.quote(str(data.resolve()))
    if accounts:
        names = ", ".join(accounts[:_MOST_NAMES]) + (", …" if len(accounts) > _MOST_NAMES else "")
        credentials = f"kunsthalle env --data {folder} --account {shlex.quote(accounts[0])}"
    else:
        names = "no account yet: nobody can sign in" if empty else f"kunsthalle account list --data {folder}"
        credentials = create_command(data.resolve()) if empty else f"kunsthalle account key create --data {folder}"
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
