"""What a store of immutable bytes must do, whatever it is made of, and what can go wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from kunsthalle.core.disk_space import NoSpace

Watch = Callable[[int], None]
"""Is told how many bytes are done; what it raises ends the work."""


def unwatched(_done: int) -> None:
    """Nobody wants to know."""


class BlobError(Exception):
    """Anything that a blob store refuses or cannot do."""


class BadDigest(BlobError, ValueError):
    """The given name is not 64 lower-case hexadecimal digits; it was not used as a path."""

    def __init__(self, value: object) -> None:
        super().__init__(f"not a sha256 in lower-case hexadecimal: {str(value)[:80]!r}")


class BlobNotFound(BlobError, LookupError):
    """No blob of that digest is here."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"no blob has the sha256 {sha256}")
        self.sha256 = sha256


class OutOfSpace(BlobError, NoSpace):
    """There is no room for what was announced, or the package ended while writing. See NoSpace."""

    def __init__(self, needed: int, free: int, *, never: bool = False) -> None:
        NoSpace.__init__(self, "", needed, free, never=never)


class WrongLength(BlobError):
    """What arrived is not as long as what was announced (both in bytes)."""

    def __init__(self, expected: int, received: int) -> None:
        super().__init__(f"{expected} bytes were announced and {received} arrived")
        self.expected, self.received = expected, received


class StoreUnavailable(BlobError):
    """The store does not answer, or breaks off: trying later may help. The message names no host."""


class BlobDamaged(BlobError):
    """What the store keeps under a digest has another one."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"the content of the blob {sha256} is another one than its name says")
        self.sha256 = sha256


class Upload(Protocol):
    """Bytes on their way in. Leaving the context without `commit` or `suspend` aborts it."""

    @property
    def path(self) -> Path:
        """A local file with all that was written so far; tools may read it before the commit."""
        ...

    @property
    def written(self) -> int:
        """Bytes that are there so far: given to `write`, or kept of an earlier upload."""
        ...

    def write(self, chunk: bytes | bytearray | memoryview, /) -> int:
        """Appends the whole chunk. OutOfSpace where the disk is full."""
        ...

    def grown(self, written: int) -> None:
        """Somebody else has written to the file at `path`: so many bytes are there now."""
        ...

    def sync(self) -> int:
        """Has all that was written survive whatever happens; how many bytes that is."""
        ...

    def check(self) -> None:
        """WrongLength if a length was announced and the file has another; BlobError if it is not the one it was."""
        ...

    def commit(self, sha256: str, watch: Watch = unwatched) -> None:
        """
        Makes the bytes the blob of that digest, durably; a blob that is already there stays as it is.

        The digest is the caller's, who hashed the bytes while they passed. WrongLength if a length was
        announced and the file has another; the upload can then only be aborted. StoreUnavailable where the store
        is across a network. `watch` follows the bytes there.
        """
        ...

    def suspend(self) -> None:
        """Ends a named upload and leaves its bytes for a later `begin` of that name."""
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

    def begin(self, expected: int | None, name: str | None = None, keep: int = 0) -> Upload:
        """
        Opens an upload. `expected`: the announced length in bytes, None where it is unknown.

        With a `name` it may be taken up again on this host: then its first `keep` bytes are there already, which
        is for the caller to know to be durable (`sync`); none, if the file has fewer. BlobError if somebody is at
        it. OutOfSpace if less than 1.1 times what is to come is free.
        """
        ...

    def exists(self, sha256: str) -> bool:
        """Whether the blob is here, whole."""
        ...

    def size(self, sha256: str) -> int:
        """Length in bytes. BlobNotFound."""
        ...

    def read(self, sha256: str) -> Iterator[bytes]:
        """The bytes in order, from where they are kept. BlobNotFound, StoreUnavailable."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """The blob, readable and seekable; it stays readable if it is deleted meanwhile. BlobNotFound."""
        ...

    def local_path(self, sha256: str) -> Path:
        """
        The absolute path of a local read-only file, always the same, for disk overlays. BlobNotFound.

        Where blobs are kept elsewhere it is a checked copy, which stays while it is in use and for a while after
        it was asked for. StoreUnavailable, OutOfSpace, BlobDamaged.
        """
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
        Uploads that are still open, in this process or another, stay; those that have a name, for a day.
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
