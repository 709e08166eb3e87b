"""`kunsthalle quota`: how much an account has, and how much it may have."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kunsthalle.cli import common
from kunsthalle.cli.setting_options import offline
from kunsthalle.core.quota_names import QUOTAS, parse
from kunsthalle.local.text_tables import line

if TYPE_CHECKING:
    from kunsthalle.db.engine import Store
    from kunsthalle.db.session import Session
    from kunsthalle.operator.account_quotas import AccountQuota

_DATABASE = click.option("--database", default="", help="As for serve; default: a SQLite file in the data folder")
_NAME = click.argument("name", metavar="QUOTA")
F = TypeVar("F", bound=Callable[..., Any])


def _installation(verb: F) -> F:
    """The options that say where the data and its settings are."""
    return common.DATA(_DATABASE(common.OUTPUT(verb)))


@click.group()
def quota() -> None:
    """Show and set how much an account may have. ACCOUNT is an id or a name; the server may run meanwhile.

    The default limits are those of the file that --config or KUNSTHALLE_CONFIG names, and of KUNSTHALLE_ACCOUNT_QUOTA:
    give the file that the server was given.

    \b
    kunsthalle quota list consumer-a
    kunsthalle quota set consumer-a images 20
    kunsthalle quota clear consumer-a images
    """


Place = tuple[Path, str]
"""The data folder and the database, as they were given."""


@contextlib.contextmanager
def _opened(data: Path, database: str) -> Iterator[Store]:
    """The database of an installation. Refused where there is none."""
    from sqlalchemy.exc import DatabaseError

    from kunsthalle.db.encryption import Cipher
    from kunsthalle.db.engine import Store
    from kunsthalle.db.prepare import HEAD, schema_of
    from kunsthalle.operator.account_quotas import BadQuota

    settings = offline(data=data, database=database)
    if not settings.database and not (settings.data / "kunsthalle.sqlite").is_file():
        raise common.Refused(f"{settings.data} contains no data. Name the folder of the server: --data FOLDER.")
    try:
        with contextlib.closing(Store(settings.database_url, Cipher(None))) as store:
            store.quotas = parse(settings.account_quota)
            schema = schema_of(store)
            if schema != HEAD:
                raise common.Refused(f"The database is at schema {schema}, this release works with {HEAD}.")
            yield store
    except BadQuota as error:
        raise common.Refused(line(error)) from error
    except DatabaseError as error:
        raise click.ClickException(line(f"The database: {error.orig}")) from error


def _change(place: Place, account: str, change: Callable[[Session, str], Any]) -> None:
    """Change something of an account, and show what it has now."""
    from kunsthalle.cli.system_context import system
    from kunsthalle.operator.account_quotas import account_named

    with _opened(*place) as store:
        store.write(system(), lambda session: change(session, account_named(session, account)))


def _show(place: Place, account: str, output: str, only: str = "") -> None:
    from kunsthalle.cli.system_context import system
    from kunsthalle.operator.account_quotas import account_named, every

    with _opened(*place) as store:
        shown = store.read(system(), lambda session: every(session, account_named(session, account)))
    chosen = [row for row in shown if only in {"", row.name}]
    if output == "json":
        click.echo(common.as_json([asdict(row) for row in chosen]))
        return
    cells = [(row.name, row.used, *_limit(row), QUOTAS[row.name]) for row in chosen]
    click.echo(common.table(("QUOTA", "USED", "LIMIT", "SET FOR", "WHAT IT COUNTS"), cells))


def _limit(row: AccountQuota) -> tuple[str, str]:
    """The limit, and whether it is the account's own."""
    return "none" if row.limit is None else str(row.limit), "account" if row.own else "default"


@quota.command(name="list")
@click.argument("account")
@_installation
def list_(account: str, data: Path, database: str, output: str) -> None:
    """List what the account has of everything, and how much it may have."""
    _show((data, database), account, output)


@quota.command(name="set")
@click.argument("account")
@_NAME
@click.argument("limit", type=int)
@_installation
def set_(account: str, name: str, limit: int, data: Path, database: str, output: str) -> None:
    """Set a limit of the account. What it has beyond a lower limit stays."""
    from kunsthalle.operator.account_quotas import put

    _change((data, database), account, lambda session, account_id: put(session, account_id, name, limit))
    _show((data, database), account, output, name)


@quota.command()
@click.argument("account")
@_NAME
@_installation
def clear(account: str, name: str, data: Path, database: str, output: str) -> None:
    """Have the default apply to the account again."""
    from kunsthalle.operator.account_quotas import clear as clear_limit

    _change((data, database), account, lambda session, account_id: clear_limit(session, account_id, name))
    _show((data, database), account, output, name)
