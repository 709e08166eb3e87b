"""What is written down of disks that go to another engine: a line for each step, in a file beside the disks.

A line is on the disk before the step after it begins, so that a move that was cut off goes on where it was.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from kunsthalle.core.records import dataclass
from kunsthalle.hypervisor.disk_protocol import DiskKind

FILE = "moves.jsonl"


@dataclass(frozen=True, slots=True)
class MoveNote:
    """A disk that goes to another engine, or is there and was compared (`moved`). `sha256` is of its content.

    `stamp` says which state of the file here it was.
    """

    kind: DiskKind
    id: str
    sha256: str
    stamp: str
    moved: bool


class MoveNotes:
    """The notes in the folder of the disks."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._notes: dict[tuple[DiskKind, str], MoveNote] = {}
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                self._load(line)

    def _load(self, line: str) -> None:
        try:
            fields = json.loads(line)
        except ValueError:
            return  # cut off by the end of the process that wrote it: as if it had not begun to
        note = MoveNote(**{**fields, "kind": DiskKind(fields["kind"])})
        self._notes[note.kind, note.id] = note

    def get(self, kind: DiskKind, id_: str) -> MoveNote | None:
        """What was noted last of a disk."""
        return self._notes.get((kind, id_))

    def is_moved(self, kind: DiskKind, id_: str, stamp: str) -> bool:
        """Whether a disk was moved, and its file here is as it was then."""
        note = self.get(kind, id_)
        return note is not None and note.moved and note.stamp == stamp

    def add(self, note: MoveNote) -> None:
        """Writes a note down, durably."""
        text = json.dumps(
            {"kind": note.kind.value, "id": note.id, "sha256": note.sha256, "stamp": note.stamp, "moved": note.moved}
        )
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, f"\n{text}\n".encode())  # whatever is left of a line that was cut off ends here
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._notes[note.kind, note.id] = note


def stamp_of(path: Path) -> str:
    """Which state of a file this is: it changes with whatever is written to it."""
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"
