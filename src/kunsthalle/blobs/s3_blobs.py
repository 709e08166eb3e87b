"""Blobs on an S3 server: `<prefix>/sha256/ab/<64 hex>`. What this host works with is a bounded cache of them.

An upload is a local file until it is whole and examined; only then does it go out. It goes out also where the same
blob is there already: whoever uploads must not be able to tell, by the time that it takes, that somebody else has it.
"""

from __future__ import annotations

import contextlib
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from kunsthalle.blobs import s3_uploads
from kunsthalle.blobs.blob_cache import BlobCache
from kunsthalle.blobs.protocol import BlobError, BlobNotFound, Blobs, StoreUnavailable, Upload, Watch, unwatched
from kunsthalle.blobs.s3 import S3Bucket, S3Changed, S3Error, S3Head, S3Missing
from kunsthalle.core.event_counts import CACHE_READS

_REMOTE = "parts:"
_FORSAKEN_SECONDS = 6 * 3600.0
"""No upload in parts takes so long: 250 GB at 12 MB a second."""
_OBJECT = re.compile(r"sha256/([0-9a-f]{2})/([0-9a-f]{64})")


class S3Blobs(Blobs):
    """The Blobs below a prefix of a bucket. Any number of nodes may share it, each with a cache of its own."""

    def __init__(self, bucket: S3Bucket, cache: BlobCache, now: Callable[[], float] | None = None) -> None:
        """`now`: seconds since the epoch, by the clock of the servers; by default that of the cache's files."""
        self._bucket = bucket
        self._cache = cache
        self._now = now or cache.clock

    def begin(self, expected: int | None, name: str | None = None, keep: int = 0) -> Upload:
        """See Blobs.begin; the package is that of the cache's file system."""
        self._cache.make_room(expected or 0)
        return S3Upload(self, self._cache.begin(expected, name, keep))

    def exists(self, sha256: str) -> bool:
        """See Blobs.exists."""
        try:
            self._head(sha256)
        except BlobNotFound:
            return False
        return True

    def size(self, sha256: str) -> int:
        """See Blobs.size."""
        return self._head(sha256).size

    def open(self, sha256: str) -> BinaryIO:
        """See Blobs.open."""
        return self.local_path(sha256).open("rb")

    def read(self, sha256: str) -> Iterator[bytes]:
        """See Blobs.read."""
        with _said(sha256):
            yield from self._bucket.read(_key(self, sha256), self._head(sha256))

    def local_path(self, sha256: str) -> Path:
        """See Blobs.local_path. What is here is given without a question: servers start while the storage is away."""
        if self._cache.exists(sha256):
            CACHE_READS.add("hit")
            return self._cache.used(sha256)
        head = self._head(sha256)
        with _said(sha256):
            return self._cache.fetched(sha256, head.size, lambda: self._bucket.read(_key(self, sha256), head))

    def place(self, sha256: str) -> Path:
        """See Blobs.place."""
        return self._cache.place(sha256)

    def adopt(self, path: Path, sha256: str) -> None:
        """See Blobs.adopt."""
        if not stat.S_ISREG(path.lstat().st_mode):
            raise BlobError(f"not a regular file: {path}")
        self.send(path, sha256)
        self._cache.adopt(path, sha256)

    def send(self, path: Path, sha256: str, watch: Watch = unwatched) -> None:
        """Writes a local file under its digest."""
        with _said(sha256):
            self._bucket.put(_key(self, sha256), path, watch)

    def delete(self, sha256: str) -> None:
        """See Blobs.delete."""
        with _said(sha256):
            self._bucket.delete(_key(self, sha256))
        self._cache.delete(sha256)

    def sweep(self, older_than_seconds: float, now: float | None = None) -> int:
        """See Blobs.sweep; what was on its way out is aborted by whoever sent it, or found by the doctor."""
        return self._cache.sweep(older_than_seconds, now)

    def leftovers(self) -> list[str]:
        """See Blobs.leftovers; on the server, what was begun so long ago that no node is at it any more."""
        with _said(""), contextlib.suppress(S3Missing):
            return self._cache.leftovers() + [f"{_REMOTE}{unfinished.id}" for unfinished in self._forsaken()]
        return self._cache.leftovers()

    def discard(self, name: str) -> None:
        """See Blobs.discard."""
        if not name.startswith(_REMOTE):
            self._cache.discard(name)
            return
        with _said(""):
            for unfinished in self._forsaken():
                if name == f"{_REMOTE}{unfinished.id}":
                    s3_uploads.abort(self._bucket.address, unfinished)

    def _forsaken(self) -> list[s3_uploads.Unfinished]:
        limit = self._now() - _FORSAKEN_SECONDS
        return [unfinished for unfinished in s3_uploads.unfinished(self._bucket.address) if unfinished.since < limit]

    def inventory(self) -> Iterator[tuple[str, int]]:
        """See Blobs.inventory. A bucket that is not there has none: some servers make it with the first object."""
        with _said(""), contextlib.suppress(S3Missing):
            for name, size in self._bucket.listed("sha256/"):
                match = _OBJECT.fullmatch(name)
                if match and match[2].startswith(match[1]):
                    yield match[2], size

    def _head(self, sha256: str) -> S3Head:
        with _said(sha256):
            return self._bucket.head(_key(self, sha256))


class S3Upload(Upload):
    """An upload into S3Blobs; see Upload."""

    def __init__(self, blobs: S3Blobs, local: Upload) -> None:
        self._blobs, self._local = blobs, local

    @property
    def path(self) -> Path:
        """See Upload.path."""
        return self._local.path

    @property
    def written(self) -> int:
        """See Upload.written."""
        return self._local.written

    def write(self, chunk: bytes | bytearray | memoryview, /) -> int:
        """See Upload.write."""
        return self._local.write(chunk)

    def grown(self, written: int) -> None:
        """See Upload.grown."""
        self._local.grown(written)

    def sync(self) -> int:
        """See Upload.sync."""
        return self._local.sync()

    def check(self) -> None:
        """See Upload.check."""
        self._local.check()

    def commit(self, sha256: str, watch: Watch = unwatched) -> None:
        """See Upload.commit. StoreUnavailable; it may then be tried again."""
        self._local.check()
        self._blobs.place(sha256)
        self._blobs.send(self.path, sha256, watch)
        self._local.commit(sha256)

    def suspend(self) -> None:
        """See Upload.suspend."""
        self._local.suspend()

    def abort(self) -> None:
        """See Upload.abort."""
        self._local.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()


def _key(blobs: S3Blobs, sha256: str) -> str:
    """BadDigest for what is none: it never becomes part of a name."""
    blobs.place(sha256)
    return f"sha256/{sha256[:2]}/{sha256}"


@contextlib.contextmanager
def _said(sha256: str) -> Iterator[None]:
    """The server's failures in the words of the protocol."""
    try:
        yield
    except S3Missing as error:
        raise BlobNotFound(sha256) from error
    except S3Changed as error:
        raise StoreUnavailable("The blob was written anew while it was read.") from error
    except S3Error as error:
        raise StoreUnavailable(str(error)) from error


__all__ = ["S3Blobs", "S3Upload"]
