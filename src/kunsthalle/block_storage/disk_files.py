"""The files of volumes and snapshots: overlays on blobs, made and copied by the engine, outside any transaction.

Everything here may be repeated: what is finished is left alone, and what a crash left unfinished is replaced.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from kunsthalle.blobs.protocol import BlobError, Blobs
from kunsthalle.block_storage.disk_quota import NoDiskSpace, Quota, taken_bytes
from kunsthalle.block_storage.models import Snapshot, Volume
from kunsthalle.block_storage.volume_profiles import most_of
from kunsthalle.core.sizes import GIB
from kunsthalle.core.space import NoSpace, Space
from kunsthalle.disk_images import backing_files, encrypted_disks, qcow2
from kunsthalle.disk_images.disk_reencryption import Layer, copy_content
from kunsthalle.disk_images.file_refusals import Refused, ToolFailed
from kunsthalle.disk_images.growth import grow
from kunsthalle.disk_images.limits import SECTOR, Limits
from kunsthalle.disk_images.qemu_img import TABLE_BYTES, Tools, convert, converted_size
from kunsthalle.disk_images.writers import write_empty
from kunsthalle.hypervisor.protocol import DiskError, DiskSpec, Hypervisor, HypervisorError, Passphrases

FAULTS = (HypervisorError, BlobError, Refused, ToolFailed)
"""What making, checking and copying disks may raise."""
_OVERHEAD = 1_000


@dataclass(frozen=True, slots=True)
class Disks:
    """`folder` is absolute; `tools` is None on a host without qemu-img."""

    folder: Path
    hypervisor: Hypervisor
    blobs: Blobs
    tools: Tools | None
    limits: Limits
    quota: Quota = Quota()
    space: Space = field(default_factory=Space)

    def volume(self, id_: str) -> Path:
        """Where the disk of a volume is."""
        return self.folder / "volumes" / f"{id_}.qcow2"

    def snapshot(self, id_: str) -> Path:
        """Where the disk of a snapshot is."""
        return self.folder / "snapshots" / f"{id_}.qcow2"

    def scratch(self, name: str) -> Path:
        """A place for a file on its way into the blobs."""
        folder = self.folder / "scratch"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder / name

    def sweep(self) -> int:
        """At the start of the only process: removes what a killed one left on its way; how many files."""
        paths = [path for path in (self.folder / "scratch").glob("*") if path.is_file()]
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def make(self, volume: Volume, source: Snapshot | None) -> None:
        """The file of a new volume: a copy of its snapshot, or an empty overlay on its blob; none without either."""
        path = self.volume(volume.id)
        copied = source is not None and source.digest == volume.digest and self._copied(volume, source)
        if not path.exists() and (copied or volume.digest is not None):
            self.quota.check(self.folder, volume.capacity)
        if volume.digest is not None:
            self.stand(path, volume.digest)
        if source is not None and copied:
            if not path.exists():
                if volume.digest is not None:
                    self.stand(self.snapshot(source.id), volume.digest)
                self.copy(self.snapshot(source.id), path, None)
            self._grow(volume)  # no server has it before it is made
        elif volume.digest is not None and volume.format is not None:
            base = self.blobs.local_path(volume.digest)
            self._overlay(path, base, volume.format, volume.capacity * GIB)

    def _overlay(self, path: Path, base: Path, kind: str, size: int) -> None:
        try:
            name = backing_files.name_of(base, kind)
        except OSError as error:
            raise DiskError(f"the image {base} could not be read: {error}") from error
        self.hypervisor.create_disk(DiskSpec(path, base, kind, size, name))

    def _copied(self, volume: Volume, source: Snapshot) -> bool:
        """Whether the volume begins as a copy of its snapshot's file; of a disk that never had one, there is none."""
        if volume.digest is None:
            return self.snapshot(source.id).exists()
        return source.minimum_capacity == volume.capacity

    def make_encrypted(
        self, volume: Volume, source: Snapshot | None, opened: Passphrases, source_opened: Passphrases
    ) -> None:
        """`make` for a volume with a key of its owner's: what its snapshot holds is encrypted anew unless the key is
        the same. The passphrases are of the volume and of the snapshot. FAULTS.
        """
        path = self.volume(volume.id)
        written = source if source is not None and self._written(source) else None
        if path.exists():
            self._grow(volume)
        elif written is not None and opened.disk == source_opened.disk:
            self.quota.check(self.folder, volume.capacity)
            self.copy(self.snapshot(written.id), path, None)
            self._grow(volume)
        elif written is not None or volume.digest is not None:
            self.quota.check(self.folder, volume.capacity)
            self._place(path, lambda part: self._write_encrypted(part, volume, opened, written, source_opened))

    def _written(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot holds anything besides the bytes that it stands on."""
        path = self.snapshot(snapshot.id)
        return path.exists() and not untouched(path)

    def _write_encrypted(
        self, part: Path, volume: Volume, opened: Passphrases, source: Snapshot | None, source_opened: Passphrases
    ) -> None:
        size, passphrase, base = volume.capacity * GIB, opened.disk or b"", self._base(volume)
        if base is None:
            encrypted_disks.write_disk(part, size, passphrase, room=most_of(volume.profile) * GIB)
        else:
            encrypted_disks.write_overlay(part, base, str(volume.format), size, passphrase)
        if source is None:
            return
        below = (base, str(volume.format), opened.base)
        copied = Layer(self.snapshot(source.id), source_opened.disk, *below)
        self._copy_content(copied, Layer(part, passphrase, *below), taken_bytes(copied.path), own_only=True)

    def _copy_content(self, source: Layer, target: Layer, needed: int, *, own_only: bool, most: int = 0) -> None:
        if self.tools is None:
            raise ToolFailed("The disk was written to; encrypting it with another key needs qemu-img on the host.")
        bound = (most or source.path.stat().st_size) + TABLE_BYTES
        with self.room(needed + TABLE_BYTES):
            copy_content(self.tools, source, target, own_only=own_only, quota_bytes=bound, limits=self.limits)

    def _base(self, volume: Volume) -> Path | None:
        return None if volume.digest is None else self.blobs.local_path(volume.digest)

    def ready(self, volume: Volume, opened: Passphrases) -> None:
        """Sees to it that a volume which a server is to have has a file, if only an empty one. FAULTS.

        Several jobs may come to do so at once: the first file stays, for a server may write to it already.
        """
        path = self.volume(volume.id)
        if path.exists():
            return
        self.quota.check(self.folder, volume.capacity)
        size, room = volume.capacity * GIB, most_of(volume.profile) * GIB
        if opened.disk is None:
            self._place(path, lambda part: write_empty(part, size, room))
        else:
            passphrase = opened.disk
            self._place(path, lambda part: encrypted_disks.write_disk(part, size, passphrase, room=room))

    def _place(self, path: Path, write: Callable[[Path], None]) -> None:
        """Has `write` make a file under a name of its own, which then gets its place; the first that comes there stays.
        FAULTS.
        """
        part = self.scratch(f"{path.stem}.{os.getpid()}.{threading.get_ident()}")
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

    def stand(self, path: Path, digest: str) -> None:
        """Sees to it that a disk finds its bytes: they are on this host, and it names them where they are. FAULTS.

        Nothing where there is no disk yet. No server may run on it.
        """
        if not path.exists():
            return
        try:
            backing_files.rebase(path, self.blobs.local_path(digest))
        except OSError as error:
            raise DiskError(f"the disk {path} could not be put on its bytes: {error}") from error

    def runs(self, instance_id: str | None) -> bool:
        """Whether the server runs that a volume is attached to: the file is the engine's then."""
        return instance_id is not None and self.hypervisor.lives(instance_id)

    def grow(self, volume: Volume) -> None:
        """Makes the file of a volume as large as the volume is. Nothing while a server runs on it: the file is the
        engine's then, and grows before the next start. FAULTS.
        """
        if not self.runs(volume.instance_id):
            self._grow(volume)

    def _grow(self, volume: Volume) -> None:
        path = self.volume(volume.id)
        if not path.exists():
            return
        if volume.digest is not None:
            self.stand(path, volume.digest)
        try:
            grow(path, volume.capacity * GIB)
        except OSError as error:
            raise DiskError(f"the disk {path} could not be made larger: {error}") from error

    def outgrown(self, volume: Volume, source: Snapshot | None) -> bool:
        """Whether the snapshot holds data and the volume is to be larger: then neither copy nor overlay will do."""
        if source is None or source.digest is None or source.digest != volume.digest:
            return False
        return source.minimum_capacity < volume.capacity and not untouched(self.snapshot(source.id))

    def capture(self, volume: Volume, snapshot: Snapshot) -> int:
        """Copies the volume as it is now; the bytes that the snapshot stands on. Nothing where there is no file yet."""
        path, source = self.snapshot(snapshot.id), self.volume(volume.id)
        if volume.digest is None and not source.exists():
            return 0
        self.quota.check(self.folder)
        self.copy(source, path, volume.instance_id)
        return path.stat().st_size + (self.blobs.size(volume.digest) if volume.digest else 0)

    def copy(self, source: Path, target: Path, instance_id: str | None) -> None:
        """Copies the file of a disk, which a server may be running on, where there is room. FAULTS."""
        with self.room(taken_bytes(source)):
            self.hypervisor.copy_disk(source, target, instance_id)

    @contextmanager
    def room(self, needed: int) -> Iterator[None]:
        """Keeps bytes of the disk for a piece of work. NoDiskSpace."""
        try:
            hold = self.space.hold(self.folder, needed)
        except NoSpace as error:
            raise NoDiskSpace(error) from error
        try:
            yield
        finally:
            hold.end()

    def standalone(self, source: Path, digest: str, capacity: int, target: Path) -> None:
        """Writes the content of an overlay, with the bytes that it stands on, as one qcow2 file. FAULTS."""
        if self.tools is None:
            raise ToolFailed("The disk was written to; making one file of it needs qemu-img on the server's host.")
        self.stand(source, digest)
        size = capacity * GIB
        most = size + size // _OVERHEAD + TABLE_BYTES
        target.unlink(missing_ok=True)
        tools, limits, kind = self.tools, self.limits, "qcow2"
        needed = converted_size(tools, source, kind, kind, most=most, limits=limits, backing_allowed=True)
        with self.room(needed):
            convert(tools, source, kind, target, kind, quota_bytes=needed, limits=limits, backing_allowed=True)

    def standalone_encrypted(self, source: Path, volume: Volume, opened: Passphrases, target: Path) -> None:
        """As `standalone`, for a copy of the disk of an encrypted volume: the file opens as the volume does. FAULTS."""
        size, base = volume.capacity * GIB, self._base(volume)
        if volume.digest is not None:
            self.stand(source, volume.digest)
        target.unlink(missing_ok=True)
        encrypted_disks.write_disk(target, size, opened.disk or b"")
        copied = Layer(source, opened.disk, base, str(volume.format), opened.base)
        needed = taken_bytes(source) + (base.stat().st_size if base else 0)
        most = size + size // _OVERHEAD
        self._copy_content(copied, Layer(target, opened.disk), needed, own_only=False, most=most)


def untouched(path: Path) -> bool:
    """Whether an overlay holds nothing of its own, so that its base is all there is to see."""
    with path.open("rb") as file:
        header = qcow2.parse(file.read(SECTOR))
        file.seek(header.l1_offset)
        return not any(file.read(header.l1_entries * 8))
