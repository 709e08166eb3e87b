"""Uploads in parts: what may be interrupted for days, and becomes an object at once when its last part is there."""

from __future__ import annotations

from typing import Protocol

from kunsthalle.core.clock import SECOND, SystemClock
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB

SMALLEST_PART = 8 * MIB
MOST_PARTS = 9_000
"""S3 takes 10,000 of them, and none but the last below 5 MiB."""
LONGEST_SECONDS = 7 * 24 * 60 * 60
"""An upload that began longer ago is forgotten, with what has come of it."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of a bucket. `size` is in bytes, `modified` in seconds since the epoch."""

    key: str
    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that has not ended: the object that it will be. `id` means something to the storage alone."""

    id: str
    bucket: str
    key: str


class UploadNotFound(LookupError):
    """There is no such upload: it never was, has ended, or was cancelled."""


class PartsMissing(Exception):
    """The upload cannot end: `missing` are the first numbers of parts that have not come whole."""

    def __init__(self, missing: list[int]) -> None:
        super().__init__(f"parts are missing: {', '.join(map(str, missing))}")
        self.missing = missing


class Uploads(Protocol):
    """The uploads of one account. Parts are numbered from 1; a part that comes again replaces the one before.

    Beside what is said here, methods raise what those of ObjectStorage do.
    """

    def begin(self, bucket: str, key: str, size: int, id_: str) -> Upload:
        """Begins an upload of so many bytes. `id_`, 32 hexadecimal digits, is its id unless the storage has its own."""

    def pending(self) -> list[Upload]:
        """Those that have not ended."""

    def received(self, upload: Upload) -> dict[int, int]:
        """The parts that are there, with their bytes. UploadNotFound."""

    def write(self, upload: Upload, number: int, size: int, content: bytes) -> None:
        """Keeps a part of an upload of `size` bytes, durably. UploadNotFound."""

    def end(self, upload: Upload, size: int) -> None:
        """Makes it an object of `size` bytes. UploadNotFound, PartsMissing."""

    def abort(self, upload: Upload) -> None:
        """Forgets it and its parts; one that is not there is fine."""


def seconds() -> float:
    """The present moment, in seconds of real time since the epoch."""
    return SystemClock().real() / SECOND


def part_size(size: int) -> int:
    """The bytes of each part but the last of an upload."""
    return max(SMALLEST_PART, -(-size // MOST_PARTS // MIB) * MIB)


def part_lengths(size: int) -> dict[int, int]:
    """The number of each part of an upload, and its bytes."""
    step = part_size(size)
    return {number: min(step, size - start) for number, start in enumerate(range(0, size, step), 1)}


def missing_parts(size: int, received: dict[int, int]) -> list[int]:
    """The numbers of the first parts that are not there whole."""
    return [number for number, length in part_lengths(size).items() if received.get(number) != length][:10]
