"""Restore a backup into an empty installation: blobs and files first, the records last, in one transaction.

An installation that is not empty is refused with what is there. A restore that was cut off leaves a note in the data
folder, with which the same one is begun again; no server starts on such a folder.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import inspect

from kunsthalle.all_tables import metadata, prepare
from kunsthalle.authz.context import Context
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.block_storage.disk_specs import DiskDrivers
from kunsthalle.core.records import dataclass
from kunsthalle.db import database_copies, nodes
from kunsthalle.db.engine import Store
from kunsthalle.db.reencryption import Places
from kunsthalle.db.session import Session
from kunsthalle.db.tables import facts
from kunsthalle.db.transitions import transition_all
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.disk_images.backing_files import rebase
from kunsthalle.images import blob_leases
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.jobs import queue
from kunsthalle.local import folder, master_keys
from kunsthalle.local.master_keys import MasterKeyError
from kunsthalle.operator.backups.database_files import Contents
from kunsthalle.operator.backups.manifests import Manifest, encode
from kunsthalle.operator.backups.repositories import Repository
from kunsthalle.operator.backups.verification import fetch_database, write_file
from kunsthalle.operator.doctor.findings import CheckContext
from kunsthalle.operator.doctor.service import Report, examine
from kunsthalle.operator.saved_databases import bring
from kunsthalle.settings import Settings

_OWN = {folder.LOCK, folder.RESTORING}


class NotEmpty(Exception):
    """The installation holds something already; the message names it."""


@dataclass(frozen=True, slots=True)
class Target:
    """An installation that is to be made: its settings, and what its packages work with. The caller holds the lock of
    the data folder. `buckets` is None where buckets are on an S3 server.
    """

    settings: Settings
    store: Store
    disks: DiskDrivers
    ctx: Context
    buckets: Path | None
    secrets: Places

    @property
    def data(self) -> Path:
        return self.settings.data.resolve()

    @property
    def shared(self) -> Path:
        """Where disks, machines and embedded buckets are: a folder of all nodes, or the data folder."""
        return self.settings.shared_root


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, what the doctor says of it, and how many instances ran when the backup was made: they are
    stopped, as after a power failure.
    """

    manifest: Manifest
    report: Report
    stopped: int


def restore(target: Target, repository: Repository, name: str, *, without_secrets: bool = False) -> Restored:
    """Make an installation of a backup. NotEmpty, MasterKeyError, NewerSchema, BadBackup, Damaged; what the stores
    raise.
    """
    manifest = repository.manifest(name)
    note = {
        "name": name,
        "sha256": hashlib.sha256(encode(manifest)).hexdigest(),
        "database": target.store.engine.url.render_as_string(hide_password=True),
        "blobs": target.settings.blobs,
    }
    if folder.read(target.data, folder.RESTORING) != note:
        _refuse_unless_empty(target)
    _check_key(target, manifest, without_secrets)
    folder.write(target.data, folder.RESTORING, note)
    with tempfile.TemporaryDirectory(prefix=".restoring-", dir=target.data) as scratch:
        database = Path(scratch) / "kunsthalle.sqlite"
        contents = fetch_database(repository, manifest, database)
        _files(target, repository, manifest)
        bring(database, target.store.cipher, target.ctx, target.secrets, without_secrets=without_secrets)
        prepare(target.store)
        settled = _Settled()
        database_copies.load(target.store, database, metadata(), target.ctx, settled)
    if target.store.embedded:
        target.store.write(target.ctx, settled)
    _rebase_disks(target, manifest, contents)
    report = examine(CheckContext(target.store, target.ctx, target.disks))
    (target.data / folder.RESTORING).unlink()
    return Restored(manifest, report, settled.stopped)


def _refuse_unless_empty(target: Target) -> None:
    for sentence in _what_is_there(target):
        text = (
            f"{sentence}. A backup is restored into an empty installation only: choose another place, or remove what is"
        )
        raise NotEmpty(f"{text} there.")


def _what_is_there(target: Target) -> Iterator[str]:
    own = {*_OWN, target.settings.master_key_path.name, target.settings.blob_root.name, "disks", "machines", "buckets"}
    own.add(target.settings.cache_root.name)
    names = [path.name for path in sorted(target.data.iterdir()) if path.name not in own]
    if names:
        yield f"The data folder {target.data} holds {_some(names)}"
    for name in ("disks", "machines", "buckets"):
        paths = sorted(path for path in (target.shared / name).rglob("*") if path.is_file())
        if paths:
            files = [path.relative_to(target.shared).as_posix() for path in paths]
            yield f"The folder {target.shared} holds {_some(files)}"
    digest = next(iter(target.disks.blobs.digests()), None)
    if digest is not None:
        yield f"The store of blobs holds {digest}"
    if not target.store.embedded:
        with target.store.engine.connect() as connection:
            tables = sorted(inspect(connection).get_table_names())
        if tables:
            yield f"The database holds the tables {_some(tables)}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _check_key(target: Target, manifest: Manifest, without_secrets: bool) -> None:
    if manifest.master_key is None or without_secrets:
        target.store.cipher.ensure()
        return
    path = target.settings.master_key_path
    keys = master_keys.of(target.settings)
    there = ", ".join(keys.by_id) if keys is not None else ""
    if manifest.master_key not in there.split(", "):
        holds = f"{path} holds {there}" if there else f"there is no file {path}"
        raise MasterKeyError(
            f"The backup needs the master key {manifest.master_key}, which is in no backup; {holds}. Put the file of"
            f" the installation there, or name it with {master_keys.SETTING}; without it: --without-secrets, which"
            " empties what catalogs keep for other systems."
        )


def _files(target: Target, repository: Repository, manifest: Manifest) -> None:
    for digest, size in sorted(manifest.blobs.items()):
        _blob(target.disks.blobs, repository, digest, size)
    for name, disk in sorted(manifest.disks.items()):
        write_file(repository, disk.sha256, disk.size, target.shared / "disks" / name)
    for name, file in sorted(manifest.buckets.items()):
        if target.buckets is not None:
            write_file(repository, file.sha256, file.size, target.buckets / name)


def _blob(blobs: Blobs, repository: Repository, digest: str, size: int) -> None:
    if blobs.exists(digest) and blobs.size(digest) == size:  # of this restore, which was cut off before
        return
    with blobs.begin(size) as upload:
        for chunk in repository.checked(digest, size):
            upload.write(chunk)
        upload.commit(digest)


class _Settled:
    """Whoever held a lease when the backup was made is not at work here, the nodes are others, and no machine runs.
    `stopped`: how many did.
    """

    def __init__(self) -> None:
        self.stopped = 0

    def __call__(self, session: Session) -> None:
        remove_rows(session, facts, facts.c.key.in_([blob_leases.KEY, *nodes.OWN]))
        queue.release_all(session)
        self.stopped += transition_all(session, INSTANCE, "stopped", INSTANCE.table.c.status == "running")


def _rebase_disks(target: Target, manifest: Manifest, contents: Contents) -> None:
    """Each disk names the blob that it stands on by its path, which is another one here."""
    for name in sorted(manifest.disks):
        digest = contents.bases.get(name)
        if digest is not None:
            place = target.disks.blobs.place(digest)
            base = place if place.is_file() else target.disks.blobs.local_path(digest)
            rebase(target.shared / "disks" / name, base)


__all__ = ["NotEmpty", "Restored", "Target", "restore"]
