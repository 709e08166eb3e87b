"""The whole database as one SQLite file, and back again, whichever engine it is on.

On SQLite pages are copied. On PostgreSQL rows are: those of one moment into a new file with the same tables, and back
in one transaction, which readers see nothing of until it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, Text, TypeDecorator, column, insert, select, table, text
from sqlalchemy.exc import DBAPIError, OperationalError

from kunsthalle.authz.context import Context
from kunsthalle.db import nodes
from kunsthalle.db.engine import NODE, Store
from kunsthalle.db.prepare import prepare
from kunsthalle.db.session import Session

_ROWS = 1_000
"""So many rows are in memory at a time."""
_PATIENCE = "30s"
"""So long the load waits for the writes that are going on."""


class StoreBusy(Exception):
    """Others use the database, so that it cannot become another one now."""


class DoesNotFit(Exception):
    """The database does not take a value of the copy."""


def save(store: Store, path: Path, metadata: MetaData) -> None:
    """Write a copy of the database as it is now. On SQLite: to be asked for inside `Store.still`."""
    if store.embedded:
        store.copy_to(path)
        return
    copy = Store(f"sqlite:///{path}")
    try:
        prepare(copy, lambda: metadata)
        one_moment = store.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with one_moment.connect() as source, copy.engine.connect() as target:
            target.exec_driver_sql("BEGIN IMMEDIATE")
            _copy(source, target, metadata)
            target.exec_driver_sql("COMMIT")
    finally:
        copy.close()


def load(store: Store, path: Path, metadata: MetaData, ctx: Context, settle: Callable[[Session], None]) -> None:
    """Have the database become a copy, whose schema is this release's: all of it, or, when it raises, nothing.

    `settle` brings what came to where it is now, on PostgreSQL in the same transaction. On SQLite: to be asked for
    inside `Store.still`, which `settle` is then called outside of, by the caller. On PostgreSQL: StoreBusy while other
    nodes do not end their writes; DoesNotFit for what only SQLite takes. Other nodes take the copy for another world.
    """
    if store.embedded:
        store.become(path)
        return
    copy = Store(f"sqlite:///{path}")
    try:
        with copy.engine.connect() as source, store.engine.connect() as target, target.begin():
            _lock(target, metadata)
            session = Session(target, ctx, store.memo, store.cipher, writing=True)
            least = nodes.version(session) + 1
            for source_table in reversed(metadata.sorted_tables):
                target.execute(source_table.delete())
            _copy(source, target, metadata)
            settle(session)
            nodes.changed(session, world=True, least=least)
    except OperationalError as error:
        if _code(error) == "55P03":  # lock_not_available
            raise StoreBusy(f"Writes of other nodes did not end within {_PATIENCE}; try again.") from error
        raise
    except DBAPIError as error:
        raise DoesNotFit(f"PostgreSQL refuses a value of it (SQLSTATE {_code(error)}).") from error
    finally:
        copy.close()
    store.memo.clear()


def _code(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None))


_OLDER = text(
    "SELECT count(DISTINCT application_name) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE 'kunsthalle-%' AND application_name NOT LIKE :following"
)


def _lock(connection: Connection, metadata: MetaData) -> None:
    """Until the end of the transaction nobody else writes. Nodes of a release that follows no others remember what
    would be of another world.
    """
    older = connection.execute(_OLDER, {"following": f"{NODE}%"}).scalar_one()
    if older:
        raise StoreBusy(f"Nodes of an older release that use the database: {older}. Stop them, and load again.")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
    names = ", ".join(source_table.name for source_table in metadata.sorted_tables)
    connection.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")


def _copy(source: Connection, target: Connection, metadata: MetaData) -> None:
    """Row by row, tables that others refer to first; documents as the text that they are stored as."""
    for source_table in metadata.sorted_tables:
        plain = _plain(source_table)
        for rows in _parts(source, plain):
            target.execute(insert(plain), rows)


def _parts(source: Connection, plain: Any) -> Iterator[list[dict[str, Any]]]:
    result = source.execution_options(yield_per=_ROWS).execute(select(plain))
    for part in result.mappings().partitions(_ROWS):
        yield [dict(row) for row in part]


def _plain(plain_table: Table) -> Any:
    columns = (column(c.name, Text() if isinstance(c.type, TypeDecorator) else c.type) for c in plain_table.columns)
    return table(plain_table.name, *columns)
