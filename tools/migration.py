"""Writes the first migrations anew from the tables, one for each room.

Only while there is no release: after one, revisions never change, and new ones are written by hand.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from sqlalchemy import Table, create_engine

from kunsthalle.store import schema
from kunsthalle.store.migrations import VERSIONS
from kunsthalle.store.types import Json

ROOMS = [import_module(f"{schema.__name__}.{room}") for room in schema.ROOMS]
TEMPLATE = '''"""First release, tables of this room: {room}."""

import sqlalchemy as sa
from alembic import op

revision = "{number:04}"
down_revision = {before}


def upgrade() -> None:
    {body}
'''


def _frozen_type(kind: str, item: Any, _context: Any) -> str | bool:
    """Types of the product by what they are in the database: a revision must not change with the product."""
    return "sa.Text()" if kind == "type" and isinstance(item, Json) else False


def _body(room: ModuleType) -> str:
    mine = {one.name for one in vars(room).values() if isinstance(one, Table)}

    def included(_item: Any, name: str | None, kind: str, *_more: Any) -> bool:
        return kind != "table" or name in mine

    with create_engine("sqlite://").connect() as connection:
        options = {"render_item": _frozen_type, "user_module_prefix": None, "include_object": included}
        context = MigrationContext.configure(connection, opts=options)
        wanted = produce_migrations(context, schema.metadata)
        if wanted.upgrade_ops is None:
            raise RuntimeError("alembic found nothing to do")
        body = render_python_code(wanted.upgrade_ops, render_item=_frozen_type, migration_context=context)
    return "\n".join(line for line in body.splitlines() if not line.strip().startswith("#")).strip()


def revisions() -> dict[str, str]:
    """File names and texts as they would be written now."""
    made = {}
    for number, room in enumerate(ROOMS, 1):
        name = room.__name__.rsplit(".", 1)[1]
        before = f'"{number - 1:04}"' if number > 1 else None
        text = TEMPLATE.format(room=name, number=number, before=before, body=_body(room))
        made[f"v{number:04}_{name}.py"] = _formatted(text)
    return made


def _formatted(source: str) -> str:
    ruff = Path(sys.executable).parent / "ruff"
    command = [str(ruff), "format", "--stdin-filename", str(VERSIONS / "revision.py"), "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout


def main() -> int:
    made = revisions()
    for path in VERSIONS.glob("v*.py"):
        path.unlink()
    for name, source in made.items():
        (VERSIONS / name).write_text(source)
        print(f"{name}: {len(source.splitlines())} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
