"""`kunsthalle migrate`: brings the database of an older release to the schema of this one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kunsthalle.cli import common
from kunsthalle.cli.setting_options import offline
from kunsthalle.local import folder

if TYPE_CHECKING:
    from kunsthalle.db.engine import Store

_BACKUP = "There is no way back but to restore a backup: make one before."


@click.command()
@common.DATA
@click.option("--database", default="", help="As for serve; default: the SQLite file of the data folder")
@click.option("--dry-run", is_flag=True, help="Try it out, take it back, and say what would be done")
@click.option("--sql", is_flag=True, help="With --dry-run: the statements, too")
@click.option("--yes", is_flag=True, help="There is a backup: do not ask")
@common.OUTPUT
def migrate(data: Path, database: str, dry_run: bool, sql: bool, yes: bool, output: str) -> None:
    """Bring the database of an older release to the schema of this one.

    All of it is done, or nothing. A server does the same when it starts, unless it has --schema-upgrade never.

    \b
    kunsthalle migrate --data /var/lib/kunsthalle --dry-run
    kunsthalle migrate --data /var/lib/kunsthalle --yes
    """
    if sql and not dry_run:
        raise common.Refused("--sql: statements are shown by --dry-run; give both.")
    with _opened(data, database) as store:
        plan = _plan(store)
        if dry_run or not plan["revisions"]:
            _show(plan, output, sql=sql)
            return
        if not yes:
            _confirm(plan)
        _migrate(store)
        click.echo(common.as_json({**_short(plan), "migrated": True}) if output == "json" else _done(plan))


@contextlib.contextmanager
def _opened(data: Path, database: str) -> Iterator[Store]:
    """The database, which no server of the folder uses."""
    from sqlalchemy.exc import DatabaseError

    from kunsthalle.db.engine import Store
    from kunsthalle.db.prepare import NewerSchema

    settings = offline(data=data, database=database)
    try:
        if not settings.database and not (data / "kunsthalle.sqlite").is_file():
            raise common.Refused(f"--data {str(data)!a}: there is no database in this folder; name that of a server.")
        if not settings.database:
            folder.lock(data)
        with contextlib.closing(Store(settings.database_url)) as store:
            yield store
    except folder.FolderInUse as error:
        raise common.Refused(f"--data {str(data)!a}: a server works on this folder; stop it first.") from error
    except NewerSchema as error:
        raise common.Refused(f"A later release has worked on this data: {error}. {_BACKUP}") from error
    except DatabaseError as error:
        why = " ".join(str(error.orig).split())
        raise common.Refused(f"--database: {why}. Nothing was changed.") from error


def _plan(store: Store) -> dict[str, Any]:
    from kunsthalle.db.migrations import titles
    from kunsthalle.db.prepare import HEAD, dry_run

    revision, statements = dry_run(store)
    revisions = [] if revision is None else [step for step in titles() if step["revision"] > revision]
    return {"schema": revision, "head": HEAD, "revisions": revisions, "statements": statements}


def _migrate(store: Store) -> None:
    from kunsthalle.all_tables import prepare

    prepare(store)


def _short(plan: dict[str, Any]) -> dict[str, Any]:
    return {**plan, "statements": len(plan["statements"])}


def _show(plan: dict[str, Any], output: str, *, sql: bool) -> None:
    if output == "json":
        click.echo(common.as_json(plan if sql else _short(plan)))
        return
    if plan["schema"] is None:
        click.echo("The database has no tables yet: the first start of a server makes them.")
        return
    if not plan["revisions"]:
        click.echo(f"The database is at schema {plan['schema']}, which is this release's. There is nothing to do.")
        return
    click.echo("\n".join(_told(plan)))
    for statement in plan["statements"] if sql else ():
        click.echo(f"{' '.join(statement.split())};")


def _told(plan: dict[str, Any]) -> list[str]:
    count = len(plan["statements"])
    return [
        f"The database is at schema {plan['schema']}; this release has {plan['head']}.",
        *(f"  {step['revision']}  {step['title']}" for step in plan["revisions"]),
        f"{count} statements change it. They were tried out, and taken back.",
        _BACKUP,
    ]


def _done(plan: dict[str, Any]) -> str:
    return f"The database was at schema {plan['schema']} and is at {plan['head']} now."


def _confirm(plan: dict[str, Any]) -> None:
    """Refused unless somebody at a terminal says that there is a backup."""
    import sys

    click.echo("\n".join(_told(plan)), err=True)
    if not sys.stdin.isatty():
        raise common.Refused("Nothing was changed. Make a backup, then give --yes.")
    if not click.confirm("Is there a backup, and shall the database be migrated?", err=True):
        raise common.Refused("Nothing was changed.")
