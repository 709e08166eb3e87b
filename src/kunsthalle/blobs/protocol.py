"""What a store of immutable bytes must do, whatever it is made of, and what can go wrong in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self


class BlobError(Exception):
    """Anything that a blob store refuses or cannot do."""


class BadDigest(BlobError, ValueError):
    """The given name is not 64 lower-case hexadecimal digits; it was not used as a path."""

    def __init__(self, given: object) -> None:
        super().__init__(f"not a sha256 in lower-case hexadecimal: {str(given)[:80]!r}")


class BlobNotFound(BlobError, LookupError):
    """No blob of that digest is here."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"no blob has the sha256 {sha256}")
        self.sha256 = sha256


class OutOfSpace(BlobError):
    """There is no room for what was announced, or the room ended while writing. `needed`, `free`: bytes."""

    def __init__(self, needed: int, free: int) -> None:
        super().__init__(f"{needed} bytes are needed and {free} are free")
        self.needed, self.free = needed, free


class WrongLength(BlobError):
    """What arrived is not as long as what was announced (both in bytes)."""

    def __init__(self, expected: int, received: int) -> None:
        super().__init__(f"{expected} bytes were announced and {received} arrived")
        self.expected, self.received = expected, received


class Upload(Protocol):
    """Bytes on their way in. Leaving the context without `commit` aborts it."""

    @property
    def path(self) -> Path:
        """A local file with all that was written so far; tools may read it before the commit."""
        ...

    @property
    def written(self) -> int:
        """Bytes given to `write` so far."""
        ...

    def write(self, chunk: bytes | bytearray | memoryview, /) -> int:
        """Appends the whole chunk. OutOfSpace where the disk is full."""
        ...

    def commit(self, sha256: str) -> None:
        """
        Makes the bytes the blob of that digest, durably; a blob that is already there stays as it is.

        The digest is the caller's, who hashed the bytes while they passed. WrongLength if a length was
        announced and the file has another; the upload can then only be aborted.
        """
        ...

    def abort(self) -> None:
        """Forgets the bytes. Nothing happens after a commit or a second time."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Blobs(Protocol):
    """Immutable bytes by content. Every method with a digest raises BadDigest for what is not one."""

    def begin(self, expected: int | None) -> Upload:
        """
        Opens an upload. `expected`: the announced length in bytes, None where it is unknown.

        OutOfSpace if less than 1.1 times that length is free.
        """
        ...

    def exists(self, sha256: str) -> bool:
        """Whether the blob is here, whole."""
        ...

    def size(self, sha256: str) -> int:
        """Length in bytes. BlobNotFound."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """The blob, readable and seekable; it stays readable if it is deleted meanwhile. BlobNotFound."""
        ...

    def local_path(self, sha256: str) -> Path:
        """The absolute path of a local read-only file that never moves, for disk overlays. BlobNotFound."""
        ...

    def place(self, sha256: str) -> Path:
        """Where `local_path` is, or would be if the blob were here; nothing is looked up and nothing fetched."""
        ...

    def adopt(self, path: Path, sha256: str) -> None:
        """Moves a finished local regular file in; `path` is gone afterwards, also if the blob was here."""
        ...

    def delete(self, sha256: str) -> None:
        """Removes the blob; an absent one is fine. Whether anybody needs it is the caller's to know."""
        ...

    def sweep(self, older_than_seconds: float, now: float | None = None) -> int:
        """
        Removes what crashed uploads left, if it was last written more than that before `now`; how many.

        `now`: seconds since the epoch, by the clock that stamps the files; None asks the file system.
        Uploads that are still open, in this process or another, stay.
        """
        ...

    def leftovers(self) -> list[str]:
        """Names of uploads that nobody is at, sorted: what a crash left, and what waits to be taken up again."""
        ...

    def discard(self, name: str) -> None:
        """Removes such an upload, unless somebody is at it again; an absent one is fine."""
        ...

    def inventory(self) -> Iterator[tuple[str, int]]:
        """The digest and the length in bytes of every blob, in no order."""
        ...

    def digests(self) -> Iterator[str]:
        """The digests of all blobs, in no order."""
        return (digest for digest, _ in self.inventory())
