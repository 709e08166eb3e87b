"""Read a backup again, all of it: every byte against its digest, and the database against what is there."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kunsthalle.core.records import dataclass
from kunsthalle.operator.backups.database_files import Contents, read_contents
from kunsthalle.operator.backups.manifests import Manifest
from kunsthalle.operator.backups.repositories import Damaged, Repository
from kunsthalle.operator.state_archives import BadArchive, check_database


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at a backup came to: a line for everything that is wrong. `master_key`: the id of the key that a
    restored installation needs, which no backup holds.
    """

    manifest: Manifest
    damage: list[str]


def verify(repository: Repository, name: str) -> Verified:
    """Read a backup again. BadBackup for one whose manifest cannot be used; BlobError, S3Error, OSError."""
    manifest = repository.manifest(name)
    damage = [text for digest, size in sorted(manifest.objects.items()) for text in _damage(repository, digest, size)]
    if not damage:
        damage = list(_database_damage(repository, manifest))
    return Verified(manifest, damage)


def _damage(repository: Repository, digest: str, size: int) -> Iterator[str]:
    try:
        for _chunk in repository.checked(digest, size):
            pass
    except Damaged as error:
        yield str(error)


def _database_damage(repository: Repository, manifest: Manifest) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="kunsthalle-backup-") as scratch:
        try:
            fetch_database(repository, manifest, Path(scratch) / "kunsthalle.sqlite")
        except Damaged as error:
            yield str(error)


def fetch_database(repository: Repository, manifest: Manifest, target: Path) -> Contents:
    """Write the database of a backup into a file, and look at it. Damaged for one that is not what it should be."""
    source = f"{repository.place.shown}: the database of {manifest.name}"
    write_file(repository, manifest.database.sha256, manifest.database.size, target)
    try:
        check_database(source, target, manifest.schema)
        contents = read_contents(target)
    except BadArchive as error:
        raise Damaged(str(error)) from error
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{source} is none of this product: {error}.") from error
    missing = sorted(contents.digests - manifest.blobs.keys())
    if missing:
        raise Damaged(f"{source} names the blob {missing[0]}, which is not in the backup.")
    lost = sorted(set(contents.needed_disks) - manifest.disks.keys())
    if lost and manifest.disks:  # an engine that keeps disks elsewhere has none in a backup
        raise Damaged(f"{source} names the disk {lost[0]}, which is not in the backup.")
    return contents


def write_file(repository: Repository, digest: str, size: int, target: Path) -> None:
    """Write bytes of a repository into a new file, checked; blocks of zeros become holes. Damaged."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        with target.open("xb") as file:
            for chunk in repository.checked(digest, size):
                if chunk.strip(b"\0"):
                    file.write(chunk)
                else:
                    file.seek(len(chunk), 1)
            file.truncate(size)
        target.chmod(0o600)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
