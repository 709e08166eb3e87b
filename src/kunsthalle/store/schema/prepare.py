"""Making a database ready: a new one gets every table at once, an older one is migrated, a newer one is refused."""

from __future__ import annotations

from sqlalchemy import inspect, text

from kunsthalle.store.engine import Store
from kunsthalle.store.schema import metadata

HEAD = "0001"
"""The newest migration. The comparison with it costs one row; alembic is imported only when they differ."""


class NewerSchema(Exception):
    """The database was written by a later release."""


def prepare(store: Store) -> None:
    """Brings the schema to HEAD. Safe to call by several nodes at once on PostgreSQL."""
    with store.engine.begin() as connection:
        if not store.embedded:
            connection.execute(text("SELECT pg_advisory_xact_lock(7201)"))
        if not inspect(connection).has_table("alembic_version"):
            metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
            return
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        if found > HEAD:
            raise NewerSchema(f"the database is at schema {found}, this release knows up to {HEAD}")
        if found < HEAD:
            from kunsthalle.store.migrations import upgrade

            upgrade(connection)
