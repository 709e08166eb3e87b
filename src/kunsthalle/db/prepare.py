"""Making a database ready: a new one gets every table at once, an older one is migrated, a newer one is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, MetaData, inspect, text

from kunsthalle.db.engine import Store

HEAD = max(path.name[1:5] for path in Path(__file__).with_name("migrations").glob("versions/v[0-9]*.py"))
"""The newest migration, by the names of the files. The comparison with it costs one row; alembic is imported only where
they differ.
"""
_STAMP = (
    "CREATE TABLE alembic_version"
    " (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
_ADVISORY_LOCK = 7201


class NewerSchema(Exception):
    """The database was written by a later release."""


def prepare(store: Store, tables: Callable[[], MetaData]) -> None:
    """Brings the schema to HEAD, wholly or not at all. Safe to call by several processes at once."""
    with _alone(store) as connection:
        revision = _revision(connection)
        if revision is None:
            tables().create_all(connection)
            connection.execute(text(_STAMP))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        elif revision > HEAD:
            raise NewerSchema(f"the database is at schema {revision}, this release knows up to {HEAD}")
        elif revision < HEAD:
            from kunsthalle.db.migrations import upgrade

            upgrade(connection)
            if store.embedded:
                _whole(connection)


def schema_of(store: Store) -> str | None:
    """The revision of a database, None of an empty one; nothing is changed."""
    with store.engine.connect() as connection:
        return _revision(connection)


def _whole(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise RuntimeError(f"after the migration rows refer to nothing: {broken[:3]}")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


@contextmanager
def _alone(store: Store) -> Iterator[Connection]:
    """One transaction that no other process's preparation runs beside."""
    with store.engine.connect() as connection:
        if not store.embedded:
            with connection.begin():
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                yield connection
            return
        # Off before the transaction, where alone it counts: altering a table makes it anew under its referrers.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        finally:
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")
