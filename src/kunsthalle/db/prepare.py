"""Making a database ready: a new one gets every table at once, an older one is migrated, a newer one is refused.

There is no way back: an older release does not know what a newer one has written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, event, inspect, text

from kunsthalle.db.engine import Store

_LOOKS = ("SELECT", "PRAGMA")
"""What the statements begin with that change nothing."""
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


class OlderSchema(Exception):
    """The database was written by an older release, and is not to be migrated now."""


Tell = Callable[[str, str], None]


def say_nothing(_revision: str, _head: str) -> None:
    """Tell nobody that a database is migrated."""


def prepare(store: Store, tables: Callable[[], MetaData], *, migrates: bool = True, tell: Tell = say_nothing) -> None:
    """Brings the schema to HEAD, wholly or not at all. Safe to call by several processes at once.

    OlderSchema for one that is older, unless it `migrates`: then `tell` is called before, with both revisions.
    NewerSchema.
    """
    with _alone(store) as connection:
        revision = _revision(connection)
        if revision is None:
            tables().create_all(connection)
            connection.execute(text(_STAMP))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        elif revision > HEAD:
            raise NewerSchema(f"the database is at schema {revision}, this release knows up to {HEAD}")
        elif revision < HEAD and not migrates:
            raise OlderSchema(f"the database is at schema {revision}, this release needs {HEAD}")
        elif revision < HEAD:
            from kunsthalle.db.migrations import upgrade

            tell(revision, HEAD)
            upgrade(connection)
            if store.embedded:
                _whole(connection)


def schema_of(store: Store) -> str | None:
    """The revision of a database, None of an empty one; nothing is changed."""
    with store.engine.connect() as connection:
        return _revision(connection)


def dry_run(store: Store) -> tuple[str | None, list[str]]:
    """The schema that the database is at, None for one without tables, and the statements that would bring it to HEAD.

    They are carried out, and taken back with their transaction, so that a migration that would fail fails here. Others
    wait meanwhile. NewerSchema.
    """
    from kunsthalle.db.migrations import upgrade

    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    revision: str | None = None
    with suppress(_TakenBack), _alone(store) as connection:
        revision = _revision(connection)
        if revision is not None and revision > HEAD:
            raise NewerSchema(f"the database is at schema {revision}, this release knows up to {HEAD}")
        if revision is not None and revision < HEAD:
            event.listen(connection, "before_cursor_execute", note)
            upgrade(connection)
        raise _TakenBack
    return revision, [statement for statement in statements if not statement.lstrip().startswith(_LOOKS)]


class _TakenBack(Exception):
    """Ends a transaction that was only tried out."""


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
