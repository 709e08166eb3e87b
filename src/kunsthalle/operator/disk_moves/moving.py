"""Moves disks one by one: read from this host's folder, made by the other engine, read back from it and compared.

A disk is written down before it is made and after it was compared. So whoever goes on after a kill makes none twice,
and what somebody has written to on the other engine is never replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kunsthalle.blobs.protocol import Blobs
from kunsthalle.core.disk_space import Space
from kunsthalle.core.records import dataclass
from kunsthalle.disk_images.content_digest import content_digest
from kunsthalle.disk_images.kept_streams import keep
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools
from kunsthalle.hypervisor.disk_protocol import Disks, DiskSpec
from kunsthalle.hypervisor.folder_disks import LocalDisks
from kunsthalle.hypervisor.protocol import DiskError
from kunsthalle.operator.disk_moves.move_notes import MoveNote, MoveNotes, stamp_of
from kunsthalle.operator.disk_moves.move_plan import CannotMove, MovableDisk

MADE, COMPARED, KNOWN = "moved", "compared", "moved before"
"""What was done with a disk: made and compared; it was there, and is the same; it was moved and has not changed."""


@dataclass(frozen=True, slots=True)
class MovedDisk:
    """A disk that is on the other engine. `sha256`: of its content, as `content_digest` has it."""

    disk: MovableDisk
    sha256: str
    done: str


@dataclass(frozen=True, slots=True)
class Bench:
    """What disks are read with: qemu-img and a folder for files of minutes, on the file system of the disks."""

    blobs: Blobs
    tools: Tools
    limits: Limits
    space: Space
    scratch: Path


@dataclass(frozen=True, slots=True)
class Move:
    """From the folder `here` to the engine whose disks are `target`. `notes` are those of the folder."""

    here: LocalDisks
    target: Disks
    notes: MoveNotes
    bench: Bench

    def move(self, disk: MovableDisk) -> MovedDisk:
        """
        Sees to it that the other engine has a disk, with the content that it has here. FAULTS, NoSpace.

        CannotMove if the other engine has a disk of that id with something else in it.
        """
        spec, stamp = disk.spec, self._stamp(disk.spec)
        note, there = self.notes.get(spec.kind, spec.id), self.target.exists(spec.kind, spec.id)
        if there and note is not None and self.notes.is_moved(spec.kind, spec.id, stamp):
            return MovedDisk(disk, note.sha256, KNOWN)
        with self._content(self.here, spec) as (content, sha256):
            stamp = self._stamp(spec)  # a snapshot's file may have been put on its image anew
            if there and note is not None and not note.moved:
                self.target.read_in(spec, content)  # goes on with what was begun, or waits for its end
            if there and self._same(disk, sha256, note):
                self._note(spec, sha256, stamp, moved=True)
                return MovedDisk(disk, sha256, COMPARED)
            self._note(spec, sha256, stamp, moved=False)
            self.target.read_in(spec, content)
        with self._content(self.target, spec) as (_, returned):
            same = returned == sha256
        if not same:
            self.target.delete(spec.kind, spec.id)
            raise DiskError(f"what the engine made of the {spec.kind.value} {spec.id} is not what was sent to it")
        self._note(spec, sha256, stamp, moved=True)
        return MovedDisk(disk, sha256, MADE)

    def _same(self, disk: MovableDisk, sha256: str, note: MoveNote | None) -> bool:
        """Whether the other engine has this content already; what an earlier move left of another state of the disk is
        removed, if nobody has written to it. CannotMove.
        """
        spec = disk.spec
        with self._content(self.target, spec) as (_, there):
            if there == sha256:
                return True
        if note is None or there != note.sha256:
            text = "was written to there since it was moved" if note is not None else "is there, with another content"
            raise CannotMove(
                f"The disk of the {spec.kind.value} {disk.name} ({spec.id}) {text}. If what is here is the one to"
                " keep, remove it there, and move again."
            )
        self.target.delete(spec.kind, spec.id)
        return False

    @contextmanager
    def _content(self, disks: Disks, spec: DiskSpec) -> Iterator[tuple[BinaryIO | None, str]]:
        """What a disk holds, as `read_out` has it, and the digest of that."""
        bench = self.bench
        bench.scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        whole, plain = (bench.scratch / f"move.{spec.id}.{name}" for name in ("whole", "plain"))
        with disks.read_out(spec) as stream:
            try:
                for path in (whole, plain):
                    path.unlink(missing_ok=True)  # of a move that was cut off
                if stream is not None:
                    keep(stream, whole)
                    stream.seek(0)
                yield stream, self._digest(whole if stream is not None else None, spec, plain)
            finally:
                whole.unlink(missing_ok=True)

    def _digest(self, whole: Path | None, spec: DiskSpec, plain: Path) -> str:
        bench, kind = self.bench, "qcow2"
        if whole is None:
            if spec.base is None:
                raise DiskError(f"nothing is known of the content of the {spec.kind.value} {spec.id}")
            whole, kind = bench.blobs.local_path(spec.base.digest), spec.base.format
        return content_digest(bench.tools, whole, kind, spec.size_bytes, plain, bench.space, bench.limits)

    def _stamp(self, spec: DiskSpec) -> str:
        return stamp_of(self.here.path(spec.kind, spec.id))

    def _note(self, spec: DiskSpec, sha256: str, stamp: str, *, moved: bool) -> None:
        self.notes.add(MoveNote(spec.kind, spec.id, sha256, stamp, moved))

    def remove_source(self, disk: MovableDisk) -> None:
        """Removes the file of a disk that was moved. CannotMove where the other engine has it no more."""
        spec = disk.spec
        if not self.target.exists(spec.kind, spec.id):
            raise CannotMove(
                f"The disk of the {spec.kind.value} {disk.name} ({spec.id}) is not on the engine any more."
            )
        self.here.delete(spec.kind, spec.id)
