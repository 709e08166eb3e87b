"""`kunsthalle master-key`: the keys that secrets in the database are encrypted with."""

from __future__ import annotations

from pathlib import Path

import click

from kunsthalle.cli import common
from kunsthalle.cli.setting_options import offline
from kunsthalle.local import master_keys
from kunsthalle.local.master_keys import MasterKeyError


@click.group(name="master-key")
def master_key() -> None:
    """List or rotate the keys that encrypt secrets in the database.

    \b
    kunsthalle master-key list
    kunsthalle master-key rotate
    """


@master_key.command(name="list")
@common.DATA
@common.KEY_FILE
@common.OUTPUT
def list_(data: Path, master_key_file: str, output: str) -> None:
    """List the ids of the keys in the file, the active key first."""
    path = _path(data, master_key_file)
    try:
        keys_text = master_keys.read(path)
    except MasterKeyError as error:
        raise click.ClickException(str(error)) from error
    if keys_text is None:
        raise click.ClickException(f"Master key file not found: {path}. The first start of the server creates it.")
    ids = list(reversed(list(keys_text.by_id)))
    rows = [{"id": id_, "encrypts": id_ == keys_text.newest} for id_ in ids]
    table = common.table(("ID", "ENCRYPTS"), [(row["id"], "yes" if row["encrypts"] else "no") for row in rows])
    click.echo(common.as_json(rows) if output == "json" else table)


@master_key.command()
@common.DATA
@common.KEY_FILE
def rotate(data: Path, master_key_file: str) -> None:
    """Add a new key to the file. 'kunsthalle keys rotate', or the next start, encrypts all secrets with it.

    With several nodes: give every node the new file before that. Older keys stay in the file as long as there are
    saved scenarios or backups of the time when they encrypted.
    """
    path = _path(data, master_key_file)
    if not path.exists():
        raise click.ClickException(f"Master key file not found: {path}. The first start of the server creates it.")
    try:
        made = master_keys.add(path)
    except MasterKeyError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Added {made.newest} to {path}. 'kunsthalle keys rotate' or the next start uses it.")


def _path(data: Path, name: str) -> Path:
    return offline(data=data, master_key_file=name).master_key_path
