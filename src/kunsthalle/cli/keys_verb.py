"""`kunsthalle keys`: the keys that tokens are signed with."""

from __future__ import annotations

from pathlib import Path

import click

from kunsthalle.cli import common

_PATH = "/_kunsthalle/signing_keys"
_COLUMNS = ("ID", "STATE", "SIGNS FROM", "VERIFIES UNTIL")


@click.group()
def keys() -> None:
    """List or rotate the keys that tokens are signed with, and rotate the master key.

    \b
    kunsthalle keys list
    kunsthalle keys rotate
    """


@keys.command(name="list")
@common.DATA
@common.OUTPUT
def list_(data: Path, output: str) -> None:
    """List the keys that sign and verify tokens, newest first.

    \b
    kunsthalle keys list
    kunsthalle keys list --output json
    """
    _show(common.operate(data, "GET", _PATH)["signing_keys"], output)


@keys.command()
@common.DATA
@common.OUTPUT
def rotate(data: Path, output: str) -> None:
    """Add a key, which signs three seconds later. Nobody is signed out: older keys verify until their last token ends.

    Every node of the database takes the new key within that time. '--signing-key-days' of 'kunsthalle serve' has it
    done by the clock.

    The master key, which encrypts secrets in the database, is replaced too where it comes from a file: a new key is
    added, and secrets are encrypted with it while the server serves. Where other nodes serve the database, or the
    master key comes from the environment or a command, you are told what to do.

    \b
    kunsthalle keys rotate
    kunsthalle keys rotate --output json
    """
    answer = common.operate(data, "POST", f"{_PATH}/rotate")
    _show(answer["signing_keys"], output)
    click.echo(answer["master_key"]["message"], err=True)


def _show(entries: list[dict[str, str]], output: str) -> None:
    names = ("id", "state", "begins_at", "ends_at")
    table = common.table(_COLUMNS, [tuple(entry.get(name, "-") for name in names) for entry in entries])
    click.echo(common.as_json(entries) if output == "json" else table)
