"""Migrations, run by the program itself: no ini file, no environment script, no command of alembic's.

`versions/` holds one file a revision, named by it, in explicit operations that never import the schema: a revision
means the same whatever the tables have become since. New ones are written by hand; on SQLite, what ALTER TABLE
cannot do there is done with `op.batch_alter_table`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

HERE = Path(__file__).parent
VERSIONS = HERE / "versions"


def scripts() -> ScriptDirectory:
    """The known revisions."""
    return ScriptDirectory(str(HERE), version_locations=[str(VERSIONS)])


def titles() -> list[dict[str, str]]:
    """Each revision with what it is for, the oldest first."""
    known = [*scripts().walk_revisions()]
    return [{"revision": step.revision, "title": step.doc.splitlines()[0]} for step in reversed(known)]


def upgrade(connection: Connection, to: str = "head") -> None:
    """Brings a database to a revision, in the transaction of the connection; an empty one is built from nothing.

    On SQLite that transaction must have been begun with foreign keys off: a table that others refer to can only be
    altered by making it anew.
    """
    known = scripts()

    def steps(revision: Any, _context: Any) -> Any:
        return known._upgrade_revs(to, revision)  # noqa: SLF001  what alembic's own upgrade command hands over

    with EnvironmentContext(Config(), known, fn=steps) as environment:
        environment.configure(connection=connection, render_as_batch=True)
        environment.run_migrations()
