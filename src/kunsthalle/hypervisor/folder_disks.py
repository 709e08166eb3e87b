"""The disks of an engine that runs on this host: files in a folder, overlays on blobs.

Everything here may be repeated: what is finished is left alone, and what a crash left unfinished is replaced.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import field
from pathlib import Path
from typing import BinaryIO, Protocol

from kunsthalle.blobs.protocol import Blobs
from kunsthalle.core.disk_space import NoSpace, Space
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import GIB
from kunsthalle.disk_images import backing_files, encrypted_disks, qcow2
from kunsthalle.disk_images.disk_reencryption import Layer, copy_content
from kunsthalle.disk_images.file_refusals import ToolFailed
from kunsthalle.disk_images.growth import grow
from kunsthalle.disk_images.kept_streams import keep
from kunsthalle.disk_images.limits import SECTOR, Limits
from kunsthalle.disk_images.qemu_img import TABLE_BYTES, Tools, convert, converted_size
from kunsthalle.disk_images.writers import write_empty
from kunsthalle.hypervisor import folder_disk_checks, overlays
from kunsthalle.hypervisor.disk_protocol import (
    FAULTS,
    Damage,
    DiskKind,
    Disks,
    DiskSpec,
    ExpectedDisk,
    ImageBytes,
    Leftover,
)
from kunsthalle.hypervisor.disk_quota import NoDiskSpace, Quota, taken_bytes
from kunsthalle.hypervisor.protocol import DiskError
from kunsthalle.hypervisor.specs import OverlaySpec, check_disk_id

_OVERHEAD = 1_000
_FOLDERS = {DiskKind.VOLUME: "volumes", DiskKind.SNAPSHOT: "snapshots"}


class LocalEngine(Protocol):
    """What an engine of this host does with the files of disks, and knows of who has them open."""

    def create_overlay(self, spec: OverlaySpec) -> None:
        """
        Makes an empty overlay. What a crash left unfinished is replaced; a finished disk is left alone.

        The cost does not depend on the base's size. BadSpec; DiskError, also if another disk has the path.
        """
        ...

    def copy_overlay(self, source: Path, target: Path, server_id: str | None) -> None:
        """
        Makes a consistent copy of a disk, on the same base. `server_id`: the server that may be running on it.

        A running server stands still meanwhile, and goes on afterwards whether or not the copy succeeds. A
        target that is there is a finished copy and stays; DiskError if it has another base or cannot be made.
        """
        ...

    def lives(self, server_id: str) -> bool:
        """See Hypervisor.lives."""
        ...


@dataclass(frozen=True, slots=True)
class LocalStorage:
    """Where an engine of this host keeps disks. `folder` is absolute; `tools` is None on a host without qemu-img.
    `scratch` is where this process keeps what is not done, on the same file system; by default in the folder.
    """

    folder: Path
    blobs: Blobs
    tools: Tools | None
    limits: Limits
    quota: Quota = Quota()
    space: Space = field(default_factory=Space)
    scratch: Path | None = None

    @property
    def unfinished(self) -> Path:
        """Where what is not done is kept."""
        return self.scratch or self.folder / "scratch"


class LocalDisks(Disks):
    """See Disks."""

    def __init__(self, storage: LocalStorage, engine: LocalEngine) -> None:
        self.folder, self.blobs, self.quota = storage.folder, storage.blobs, storage.quota
        self._tools, self._limits, self._space = storage.tools, storage.limits, storage.space
        self._engine = engine
        self._unfinished = storage.unfinished

    def path(self, kind: DiskKind, id_: str) -> Path:
        """Where the file of a disk is. BadSpec for an id that is no name of a file."""
        check_disk_id(id_)
        return self.folder / _FOLDERS[kind] / f"{id_}.qcow2"

    def volume(self, id_: str) -> Path:
        """Where the disk of a volume is."""
        return self.path(DiskKind.VOLUME, id_)

    def snapshot_path(self, id_: str) -> Path:
        """Where the disk of a snapshot is."""
        return self.path(DiskKind.SNAPSHOT, id_)

    def exists(self, kind: DiskKind, id_: str) -> bool:
        """See Disks.exists."""
        return self.path(kind, id_).exists()

    def delete(self, kind: DiskKind, id_: str) -> None:
        """See Disks.delete."""
        overlays.delete_overlay(self.path(kind, id_))

    def check_room(self, new_bytes: int = 0) -> None:
        """See Disks.check_room."""
        self.quota.check(self.folder, new_bytes // GIB)

    def make(self, disk: DiskSpec, origin: DiskSpec | None) -> None:
        """See Disks.make."""
        if disk.encrypted:
            self._make_encrypted(disk, origin)
            return
        path = self._path(disk)
        copied = origin is not None and origin.base == disk.base and self._copied(disk, origin)
        if not path.exists() and (copied or disk.base is not None):
            self.check_room(disk.size_bytes)
        self._stand(path, disk.base)
        if origin is not None and copied:
            if not path.exists():
                self._stand(self._path(origin), disk.base)
                self.copy_file(self._path(origin), path, None)
            self._grow(disk)  # no server has it before it is made
        elif disk.base is not None:
            self._overlay(path, disk.base, disk.size_bytes)

    def _overlay(self, path: Path, base: ImageBytes, size: int) -> None:
        blob = self.blobs.local_path(base.digest)
        try:
            name = backing_files.name_of(blob, base.format)
        except OSError as error:
            raise DiskError(f"the image {blob} could not be read: {error}") from error
        self._engine.create_overlay(OverlaySpec(path, blob, base.format, size, name))

    def _copied(self, disk: DiskSpec, origin: DiskSpec) -> bool:
        """Whether the volume begins as a copy of its snapshot's file; of a disk that never had one, there is none."""
        if disk.base is None:
            return self._path(origin).exists()
        return origin.size_bytes == disk.size_bytes

    def _make_encrypted(self, disk: DiskSpec, origin: DiskSpec | None) -> None:
        """`make` for a volume with a key of its owner's: what its snapshot holds is encrypted anew unless the key is
        the same.
        """
        path = self._path(disk)
        written = origin if origin is not None and self._written(origin) else None
        if path.exists():
            self._grow(disk)
        elif written is not None and disk.passphrases.disk == written.passphrases.disk:
            self.check_room(disk.size_bytes)
            self.copy_file(self._path(written), path, None)
            self._grow(disk)
        elif written is not None or disk.base is not None:
            self.check_room(disk.size_bytes)
            self._place(path, lambda part: self._write_encrypted(part, disk, written))

    def _written(self, snapshot: DiskSpec) -> bool:
        """Whether a snapshot holds anything besides the bytes that it stands on."""
        path = self._path(snapshot)
        return path.exists() and not untouched(path)

    def _write_encrypted(self, part: Path, disk: DiskSpec, origin: DiskSpec | None) -> None:
        size, passphrase, base = disk.size_bytes, disk.passphrases.disk or b"", self._base(disk)
        if disk.base is None or base is None:
            encrypted_disks.write_disk(part, size, passphrase, room=disk.room_bytes)
        else:
            encrypted_disks.write_overlay(part, base, disk.base.format, size, passphrase)
        if origin is None:
            return
        source, target = self._layer(origin, self._path(origin), disk), self._layer(disk, part, disk)
        self._copy_content(source, target, taken_bytes(source.path), own_only=True)

    def _layer(self, disk: DiskSpec, path: Path, below: DiskSpec) -> Layer:
        """A disk's file on what is below another one, where it stands on anything."""
        kind = below.base.format if below.base is not None else "qcow2"
        return Layer(path, disk.passphrases.disk, self._base(below), kind, below.passphrases.base)

    def _copy_content(self, source: Layer, target: Layer, needed: int, *, own_only: bool, most: int = 0) -> None:
        if self._tools is None:
            raise ToolFailed("The disk was written to; copying its content needs qemu-img on the host.")
        bound = (most or source.path.stat().st_size) + TABLE_BYTES
        with self._room(needed + TABLE_BYTES):
            copy_content(self._tools, source, target, own_only=own_only, quota_bytes=bound, limits=self._limits)

    def _base(self, disk: DiskSpec) -> Path | None:
        return None if disk.base is None else self.blobs.local_path(disk.base.digest)

    def ensure(self, disk: DiskSpec) -> None:
        """See Disks.ensure. Several jobs may come to do so at once: the first file stays, for a server may write to it
        already.
        """
        path = self._path(disk)
        if path.exists():
            return
        self.check_room(disk.size_bytes)
        size, room, passphrase = disk.size_bytes, disk.room_bytes, disk.passphrases.disk
        if passphrase is None:
            self._place(path, lambda part: write_empty(part, size, room))
        else:
            self._place(path, lambda part: encrypted_disks.write_disk(part, size, passphrase, room=room))

    def _place(self, path: Path, write: Callable[[Path], None]) -> None:
        """Has `write` make a file under a name of its own, which then gets its place; the first that comes there stays.
        FAULTS.
        """
        part = self._scratch(path.stem)
        part.unlink(missing_ok=True)
        try:
            write(part)
            part.chmod(0o600)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):
                path.hardlink_to(part)
        except OSError as error:
            raise DiskError(f"the disk {path} could not be made: {error}") from error
        finally:
            part.unlink(missing_ok=True)

    def _scratch(self, name: str) -> Path:
        """A place for a file of this piece of work."""
        self._unfinished.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._unfinished / f"{name}.{os.getpid()}.{threading.get_ident()}"

    def _stand(self, path: Path, base: ImageBytes | None) -> None:
        """Sees to it that a disk finds its bytes: they are on this host, and it names them where they are. FAULTS.

        Nothing where there is no disk yet, or it stands on nothing. No server may run on it.
        """
        if base is None or not path.exists():
            return
        self._rebase(path, base.digest)

    def _rebase(self, path: Path, digest: str) -> None:
        try:
            backing_files.rebase(path, self.blobs.local_path(digest))
        except OSError as error:
            raise DiskError(f"the disk {path} could not be put on its bytes: {error}") from error

    def _runs(self, server_id: str | None) -> bool:
        """Whether the server runs that a volume is attached to: the file is the engine's then."""
        return server_id is not None and self._engine.lives(server_id)

    def grow(self, disk: DiskSpec) -> None:
        """See Disks.grow. Nothing while a server runs on it: the file is the engine's then."""
        if not self._runs(disk.server_id):
            self._grow(disk)

    def _grow(self, disk: DiskSpec) -> None:
        path = self._path(disk)
        if not path.exists():
            return
        self._stand(path, disk.base)
        try:
            grow(path, disk.size_bytes)
        except OSError as error:
            raise DiskError(f"the disk {path} could not be made larger: {error}") from error

    def outgrows(self, disk: DiskSpec, origin: DiskSpec) -> bool:
        """See Disks.outgrows: where the snapshot holds data, neither copy nor overlay will do."""
        if disk.encrypted or origin.base is None or origin.base != disk.base:
            return False
        return origin.size_bytes < disk.size_bytes and not untouched(self._path(origin))

    def snapshot(self, disk: DiskSpec, snapshot_id: str) -> int:
        """See Disks.snapshot."""
        path, source = self.snapshot_path(snapshot_id), self._path(disk)
        if disk.base is None and not source.exists():
            return 0
        self.check_room()
        self.copy_file(source, path, disk.server_id)
        return path.stat().st_size + (self.blobs.size(disk.base.digest) if disk.base is not None else 0)

    def copy_file(self, source: Path, target: Path, server_id: str | None) -> None:
        """Copies the file of a disk, which a server may be running on, where there is room. FAULTS."""
        with self._room(taken_bytes(source)):
            self._engine.copy_overlay(source, target, server_id)

    @contextmanager
    def _room(self, needed: int) -> Iterator[None]:
        """Keeps bytes of the disk for a piece of work. NoDiskSpace."""
        try:
            hold = self._space.hold(self.folder, needed)
        except NoSpace as error:
            raise NoDiskSpace(error) from error
        try:
            yield
        finally:
            hold.end()

    @contextmanager
    def read_out(self, disk: DiskSpec) -> Iterator[BinaryIO | None]:
        """See Disks.read_out. The stream is that of a file, which is gone when it is closed."""
        source = self._path(disk)
        copy, whole = (self._scratch(f"{disk.id}.{name}") for name in ("copy", "whole"))
        try:
            if disk.kind is DiskKind.VOLUME:
                copy.unlink(missing_ok=True)
                self.copy_file(source, copy, disk.server_id)
                source = copy
            if not disk.encrypted and disk.base is not None and untouched(source):
                yield None
                return
            whole.unlink(missing_ok=True)
            if disk.encrypted:
                self._write_whole_encrypted(source, disk, whole)
            else:
                self._write_whole(source, disk, whole)
            copy.unlink(missing_ok=True)
            with whole.open("rb") as stream:
                yield stream
        finally:
            copy.unlink(missing_ok=True)
            whole.unlink(missing_ok=True)

    def _write_whole(self, source: Path, disk: DiskSpec, target: Path) -> None:
        """Writes the content of an overlay, with the bytes that it stands on, as one qcow2 file. FAULTS."""
        if self._tools is None:
            raise ToolFailed("The disk was written to; making one file of it needs qemu-img on the server's host.")
        self._stand(source, disk.base)
        most = disk.size_bytes + disk.size_bytes // _OVERHEAD + TABLE_BYTES
        tools, limits, kind = self._tools, self._limits, "qcow2"
        needed = converted_size(tools, source, kind, kind, most=most, limits=limits, backing_allowed=True)
        with self._room(needed):
            convert(tools, source, kind, target, kind, quota_bytes=needed, limits=limits, backing_allowed=True)

    def _write_whole_encrypted(self, source: Path, disk: DiskSpec, target: Path) -> None:
        """As `_write_whole`, for a copy of an encrypted disk: the file opens as the disk does. FAULTS."""
        size, base = disk.size_bytes, self._base(disk)
        self._stand(source, disk.base)
        encrypted_disks.write_disk(target, size, disk.passphrases.disk or b"")
        needed = taken_bytes(source) + (base.stat().st_size if base else 0)
        whole = Layer(target, disk.passphrases.disk)
        most = size + size // _OVERHEAD
        self._copy_content(self._layer(disk, source, disk), whole, needed, own_only=False, most=most)

    def read_in(self, disk: DiskSpec, content: BinaryIO | None) -> None:
        """See Disks.read_in. A stream of a file is linked where it can be, and read from there by qemu-img."""
        path, whole = self._path(disk), self._scratch(f"{disk.id}.whole")
        if path.exists():
            return
        self.check_room(disk.size_bytes)
        try:
            if content is not None:
                whole.unlink(missing_ok=True)
                keep(content, whole)
            self._place(path, lambda part: self._write_content(part, disk, whole if content is not None else None))
        finally:
            whole.unlink(missing_ok=True)

    def _write_content(self, part: Path, disk: DiskSpec, whole: Path | None) -> None:
        """Writes the file of a disk with what is in another file, which opens as the disk does. FAULTS."""
        size = disk.size_bytes
        if disk.encrypted:
            self._write_encrypted(part, disk, None)
        elif disk.base is None:
            write_empty(part, size, disk.room_bytes)
        else:
            self._overlay(part, disk.base, size)
        if whole is not None:
            most = size + size // _OVERHEAD
            source = Layer(whole, disk.passphrases.disk)
            self._copy_content(source, self._layer(disk, part, disk), taken_bytes(whole), own_only=False, most=most)

    def inventory(self, kind: DiskKind) -> dict[str, int]:
        """See Disks.inventory."""
        paths = folder_disk_checks.files(self.folder / _FOLDERS[kind], "[!.]*.qcow2")
        return {path.name.removesuffix(".qcow2"): folder_disk_checks.virtual_size(path) for path in paths}

    def damage(self, expected: ExpectedDisk) -> Iterator[Damage]:
        """See Disks.damage."""
        place = None if expected.digest is None else self.blobs.place(expected.digest)
        return folder_disk_checks.damage(self.path(expected.kind, expected.id), expected, place)

    def reattach_base(self, expected: ExpectedDisk) -> bool:
        """See Disks.reattach_base."""
        if expected.digest is None or self._runs(expected.server_id):
            return False
        path = self.path(expected.kind, expected.id)
        try:
            if path.exists():
                self._rebase(path, expected.digest)
        except FAULTS:
            return False
        return True

    def forget_base(self, digest: str) -> None:
        """See Disks.forget_base. The bytes are used where they are."""

    def leftovers(self) -> Iterator[Leftover]:
        """See Disks.leftovers. The folder of work on its way is shared with whoever makes files for the blobs."""
        for folder in _FOLDERS.values():
            for path in folder_disk_checks.files(self.folder / folder, ".*.partial"):
                disk_id = path.name[1:].removesuffix(".qcow2.partial")
                yield Leftover(path.name, "A disk was left unfinished.", disk_id)
        for path in folder_disk_checks.files(self._unfinished, "*"):
            yield Leftover(path.name, "Work on a disk was left unfinished.", None)

    def remove_leftover(self, name: str) -> None:
        """See Disks.remove_leftover."""
        for folder in (*(self.folder / kind for kind in _FOLDERS.values()), self._unfinished):
            if name in {path.name for path in folder_disk_checks.files(folder, "*")} and (
                folder == self._unfinished or name.startswith(".")
            ):
                (folder / name).unlink(missing_ok=True)

    def sweep(self) -> int:
        """See Disks.sweep."""
        paths = [path for path in self._unfinished.glob("*") if path.is_file()]
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def _path(self, disk: DiskSpec) -> Path:
        return self.path(disk.kind, disk.id)


def untouched(path: Path) -> bool:
    """Whether an overlay holds nothing of its own, so that its base is all there is to see."""
    with path.open("rb") as file:
        header = qcow2.parse(file.read(SECTOR))
        file.seek(header.l1_offset)
        return not any(file.read(header.l1_entries * 8))
