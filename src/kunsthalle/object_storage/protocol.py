"""The object storage of an account as the product uses it: buckets of objects, the names that they may have, and what
goes wrong. Folders of this host (`folder_buckets.py`) and S3 servers (`s3_buckets.py`) are both like this.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from kunsthalle.blobs.protocol import Watch, unwatched
from kunsthalle.core.disk_space import NoSpace
from kunsthalle.object_storage.uploads import StoredObject, Uploads

# Bucket names as object storage has them: 3 to 63 of lower-case letters, digits, dots and hyphens.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MAX_KEY_BYTES = 1024
MAX_PART_BYTES = 255


class BucketError(Exception):
    """Anything that the object storage refuses or cannot do. `bucket`, `key`: what was asked for."""

    def __init__(self, message: str, bucket: str, key: str | None = None) -> None:
        super().__init__(message)
        self.bucket, self.key = bucket, key


class BadBucketName(BucketError, ValueError):
    """No bucket can have this name."""


class BadObjectName(BucketError, ValueError):
    """No object can have this name: `..`, NUL, empty parts, too long, or a folder of that name is there."""


class BucketNotFound(BucketError, LookupError):
    """There is no bucket of that name."""


class ObjectNotFound(BucketError, LookupError):
    """The bucket has no such object; links, folders, pipes and devices are not objects."""


class ObjectUnreadable(BucketError):
    """The object is there, and the operating system does not let the program read it."""


class BucketFull(BucketError, NoSpace):
    """There is no room for the object. `never` where the disk is too small for it."""

    def __init__(self, message: str, bucket: str, key: str | None = None, *, never: bool = False) -> None:
        BucketError.__init__(self, message, bucket, key)
        self.never = never


class ObjectChanged(BucketError):
    """The object is another one than it was when it was opened."""


class BucketUnavailable(BucketError):
    """The object storage does not answer, or breaks off: trying later may help. The message names no host."""


class ObjectReader(Protocol):
    """An object open for reading. `size`: bytes; `tag` is another one when the content is another one. `descriptor` is
    that of its file, where it is one of this host.
    """

    size: int
    tag: str
    descriptor: int | None

    def skip(self, count: int) -> None:
        """Has the first read begin at an offset."""

    def narrow(self, start: int, count: int) -> None:
        """Has reads be of at most so many bytes from an offset on, and nothing else be fetched."""

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; empty at the end. ObjectChanged, BucketUnavailable."""

    def close(self) -> None:
        """May be repeated."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ObjectStorage(Protocol):
    """The object storage of one account: buckets of objects. See Buckets for what the methods may raise."""

    def create_bucket(self, name: str) -> None:
        """An existing bucket is fine."""

    def has_bucket(self, name: str) -> bool:
        """Whether there is such a bucket."""

    def list_buckets(self) -> list[str]:
        """The names, sorted, as far as they can be listed."""

    def objects(self, bucket: str, most: int, after: str = "") -> list[StoredObject]:
        """At most so many objects of a bucket by name, from the first one after a name."""

    @property
    def uploads(self) -> Uploads:
        """Objects that come in parts."""

    def open(self, bucket: str, key: str) -> ObjectReader:
        """An object, to be read."""

    def put(self, bucket: str, key: str, source: Path, watch: Watch = unwatched) -> None:
        """Writes a local file into an object: whole, or not at all. `watch` follows the bytes."""

    def take(self, bucket: str, key: str, source: Path, watch: Watch = unwatched) -> None:
        """As `put`, of a synced file that may become the object itself, and then has gone from where it was."""

    def delete(self, bucket: str, key: str) -> None:
        """An absent object is fine."""

    def used(self) -> int:
        """Bytes that all of it takes on the server's own disk."""


def is_bucket(name: str) -> bool:
    """Whether a bucket can have this name."""
    return _BUCKET.fullmatch(name) is not None


def check_bucket(name: str) -> None:
    """BadBucketName."""
    if not is_bucket(name):
        text = "a bucket name has 3 to 63 lower-case letters, digits, dots and hyphens"
        raise BadBucketName(text, name[:MAX_PART_BYTES])


def check_key(bucket: str, key: str) -> None:
    """BadObjectName."""
    parts_of(bucket, key)


def parts_of(bucket: str, key: str) -> list[str]:
    problem = wrong_name(key)
    if problem:
        raise BadObjectName(problem, bucket[:MAX_PART_BYTES], key[:_MAX_KEY_BYTES])
    return key.split("/")


def wrong_name(key: str) -> str | None:
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        return "an object name is UTF-8"
    if not 1 <= len(encoded) <= _MAX_KEY_BYTES:
        return f"an object name has 1 to {_MAX_KEY_BYTES} bytes"
    if b"\0" in encoded:
        return "an object name has no NUL"
    for part in encoded.split(b"/"):
        if part in {b"", b".", b".."}:
            return "an object name has no empty parts, and none that is . or .."
        if len(part) > MAX_PART_BYTES:
            return f"a part of an object name has at most {MAX_PART_BYTES} bytes"
    return None
