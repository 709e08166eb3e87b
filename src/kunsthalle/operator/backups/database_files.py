"""The database of a backup, a SQLite file: what it names, and whether it is sound."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from kunsthalle.core.records import dataclass
from kunsthalle.db.kv import MASTER_KEY
from kunsthalle.operator.state_archives import opened

_OF_VOLUMES = "SELECT 'volumes/' || id || '.qcow2', instance_id, digest, status IN ({}) FROM volumes"
_OF_SNAPSHOTS = "SELECT 'snapshots/' || id || '.qcow2', NULL, digest, lifecycle_state IN ({}) FROM snapshots"
_WHOLE = {"volumes": "'available', 'updating'", "snapshots": "'stable'"}
"""States in which a resource that stands on bytes has its file."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database names. `disks`: each that may be there, with the instance that it is attached to; `needed_disks`
    have to be there, `bases` are the blobs that disks stand on. `master_key`: the id of the key that secrets are
    encrypted with.
    """

    path: Path
    schema: str
    master_key: str | None
    digests: set[str]
    disks: dict[str, str | None]
    needed_disks: list[str]
    bases: dict[str, str]


def read_contents(path: Path) -> Contents:
    """What a database names, which was written by this product. sqlite3.Error for any other."""
    with contextlib.closing(opened(path)) as connection:
        rows = connection.execute(_OF_VOLUMES.format(_WHOLE["volumes"])).fetchall()
        rows += connection.execute(_OF_SNAPSHOTS.format(_WHOLE["snapshots"])).fetchall()
        key = connection.execute("SELECT value FROM facts WHERE key = ?", (MASTER_KEY,)).fetchone()
        return Contents(
            path,
            str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]),
            str(json.loads(key[0])["id"]) if key else None,
            {str(row[0]) for row in connection.execute("SELECT DISTINCT digest FROM blob_refs")},
            {str(name): instance_id for name, instance_id, _, _ in rows},
            [str(name) for name, _, digest, whole in rows if digest is not None and whole],
            {str(name): str(digest) for name, _, digest, _ in rows if digest is not None},
        )


__all__ = ["Contents", "read_contents"]
