"""Make a backup while the installation serves.

The records are those of one moment: of SQLite the pages, of PostgreSQL the rows of one REPEATABLE READ transaction, as
a SQLite file either way. The blobs are those that these records name: a lease, taken before, keeps them until they are
copied, and what the repository has already is not copied again. The disks are what they are when they are copied; QEMU
stands still meanwhile, so that a disk is as after a power failure. Their names are linked before and after the moment
of the records, so that one that is deleted meanwhile is still there.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from kunsthalle import __version__
from kunsthalle.all_tables import metadata
from kunsthalle.authz.context import Context
from kunsthalle.blobs.protocol import BlobNotFound, Blobs
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB
from kunsthalle.db import database_copies
from kunsthalle.db.engine import Store
from kunsthalle.db.prepare import HEAD, NewerSchema, schema_of
from kunsthalle.hypervisor.folder_disks import LocalDisks
from kunsthalle.images import blob_leases
from kunsthalle.object_storage.folder_buckets import INCOMING
from kunsthalle.operator.backups.database_files import Contents, read_contents
from kunsthalle.operator.backups.manifests import FORMAT, NAME, BadBackup, Manifest, Stored
from kunsthalle.operator.backups.repositories import Repository
from kunsthalle.operator.backups.repository_turns import Turn, turn
from kunsthalle.operator.backups.retention import prune
from kunsthalle.operator.saved_states import BACKUP_WORK

_KINDS = ("volumes", "snapshots")
_TRIES = 5
"""How often the moment of the records is taken anew because a disk of it is gone already."""


class NotWhole(Exception):
    """The installation lacks something that its records name; the message says what."""


@dataclass(frozen=True, slots=True)
class Source:
    """An installation: the folder of its disks (that of all nodes, or its own), its database, its blobs, and the disks
    that this host keeps, None where the engine keeps them elsewhere. `ctx` is the system's. `buckets` is the folder of
    embedded buckets, None where they are on an S3 server.
    """

    data: Path
    store: Store
    blobs: Blobs
    disks: LocalDisks | None
    ctx: Context
    buckets: Path | None


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made: how many bytes were new in the repository, and which older ones were removed."""

    manifest: Manifest
    new_bytes: int
    removed: list[str]


def create(source: Source, repository: Repository, *, name: str = "", keep: int = 0) -> Made:
    """Make a backup; with `keep`, remove all but so many of the newest. TurnTaken, TurnLost, NotWhole, BadBackup,
    Damaged, NewerSchema; BlobError, S3Error, OSError of the stores.
    """
    made_at = rfc3339(source.ctx.clock.real())
    name = name or made_at[:19].replace("-", "").replace(":", "").lower() + "z"
    _check_name(repository, name)
    with turn(repository, source.store, source.ctx) as current, _work_folder(source, current.holder) as work:
        contents = _records(source, work)
        copying = _Copying(repository, current)
        blobs = {digest: copying.blob(source.blobs, digest) for digest in sorted(contents.digests)}
        manifest = Manifest(
            FORMAT,
            __version__,
            contents.schema,
            name,
            made_at,
            source.store.engine.dialect.name,
            contents.master_key,
            copying.file(contents.path),
            blobs,
            dict(_disks(source, contents, work, copying)),
            dict(_buckets(source, copying)),
        )
        current.beat()
        repository.keep(manifest)
        removed = prune(repository, keep, current.check) if keep else []
    return Made(manifest, copying.new_bytes, removed)


def _check_name(repository: Repository, name: str) -> None:
    if not NAME.fullmatch(name):
        text = f"Invalid name of a backup: {name[:80]!r}. Allowed: a-z, 0-9, '.', '-' and '_', at most 63, a-z or 0-9"
        raise BadBackup(f"{text} first.")
    if name in repository.names():
        raise BadBackup(f"{repository.place.shown} has a backup {name!r} already; choose another name.")


@contextlib.contextmanager
def _work_folder(source: Source, holder: str) -> Iterator[Path]:
    """A folder on the file system of the disks; those of backups that were killed go."""
    parent = source.data / BACKUP_WORK
    (parent / holder).mkdir(mode=0o700, parents=True)
    running = source.store.read(source.ctx, blob_leases.holders)
    for path in parent.iterdir():
        if path.name not in running:
            shutil.rmtree(path, ignore_errors=True)
    try:
        yield parent / holder
    finally:
        shutil.rmtree(parent / holder, ignore_errors=True)
        with contextlib.suppress(OSError):  # others are at work
            parent.rmdir()


def _records(source: Source, work: Path) -> Contents:
    """The records of one moment, with a link for each disk of theirs."""
    path = work / "kunsthalle.sqlite"
    for _ in range(_TRIES):
        _link_disks(source.disks, work)
        path.unlink(missing_ok=True)
        _copy_database(source.store, path)
        _link_disks(source.disks, work)
        contents = read_contents(path)
        missing = [name for name in contents.needed_disks if not (work / name).exists()]
        if source.disks is None or not missing:
            return contents
    raise NotWhole(f"The disk {missing[0]} is not in {source.data / 'disks'}. Ask `kunsthalle doctor`.")


def _copy_database(store: Store, path: Path) -> None:
    if not store.embedded:
        schema = schema_of(store)
        if schema != HEAD:
            raise NewerSchema(f"the database is at schema {schema}, this release makes backups of {HEAD}")
    database_copies.save(store, path, metadata())


def _link_disks(disks: LocalDisks | None, work: Path) -> None:
    if disks is None:
        return
    for kind in _KINDS:
        (work / kind).mkdir(mode=0o700, exist_ok=True)
        for disk in (disks.folder / kind).glob("[!.]*.qcow2"):
            target = work / kind / disk.name
            with contextlib.suppress(FileNotFoundError):  # it was deleted meanwhile
                if not target.exists() or not disk.samefile(target):
                    target.unlink(missing_ok=True)
                    target.hardlink_to(disk)


class _Copying:
    """What goes into the repository, and how many bytes of it were new there."""

    def __init__(self, repository: Repository, current: Turn) -> None:
        self._place, self._turn = repository.place, current
        self._known = self._place.sizes()
        self.new_bytes = 0

    def blob(self, blobs: Blobs, digest: str) -> int:
        """Has the repository hold a blob; its length."""
        try:
            size = blobs.size(digest)
            if self._known.get(digest) != size:
                self._kept(self._place.put(self._watched(blobs.read(digest)), digest))
        except BlobNotFound as error:
            text = f"The blob {digest} is not in the store. Ask `kunsthalle doctor --repair`, which names its images."
            raise NotWhole(text) from error
        return size

    def file(self, path: Path) -> Stored:
        """Has the repository hold a file."""
        with path.open("rb") as file:
            return self._kept(self._place.put(self._watched(iter(lambda: file.read(MIB), b"")), None))

    def _kept(self, stored: Stored) -> Stored:
        if self._known.get(stored.sha256) != stored.size:
            self.new_bytes += stored.size
        self._known[stored.sha256] = stored.size
        return stored

    def _watched(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._turn.check()
            yield chunk


def _disks(source: Source, contents: Contents, work: Path, copying: _Copying) -> Iterator[tuple[str, Stored]]:
    for name, instance_id in sorted(contents.disks.items()):
        if source.disks is not None and (work / name).exists():  # a volume that nobody wrote to has none
            with tempfile.TemporaryDirectory(dir=work) as scratch:
                copy = Path(scratch) / "disk.qcow2"
                source.disks.copy_file(work / name, copy, instance_id)
                yield name, copying.file(copy)


def _buckets(source: Source, copying: _Copying) -> Iterator[tuple[str, Stored]]:
    """Each object is one that was whole; they are of the moments at which they were copied."""
    root = source.buckets
    if root is None:
        return
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not path.is_symlink() and INCOMING not in name.split("/") and name.count("/") > 1:
            with contextlib.suppress(FileNotFoundError):
                yield name, copying.file(path)


__all__ = ["Made", "NotWhole", "Source", "create"]
