"""The object storage of one account on an S3 server, as the operator has laid it out.

The address is a template. `{account}` in it keeps accounts apart and has to be there; `{bucket}` is where the bucket's
name goes, by default the last part of the prefix: `s3://{account}-{bucket}` has a bucket of the server for each bucket
of an account, `s3://shared/{account}/{bucket}` has folders in one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

from kunsthalle.blobs.protocol import Watch, unwatched
from kunsthalle.blobs.s3 import S3Bucket, S3Changed, S3Denied, S3Error, S3Head, S3Missing
from kunsthalle.blobs.s3_address import BadAddress, S3Address
from kunsthalle.object_storage.protocol import (
    BucketError,
    BucketNotFound,
    BucketUnavailable,
    ObjectChanged,
    ObjectNotFound,
    ObjectUnreadable,
    check_bucket,
    check_key,
    is_bucket,
)
from kunsthalle.object_storage.uploads import StoredObject, Upload, Uploads

_MARK = ".bucket"
"""An object that makes a folder of a shared bucket be there before anything else is in it. No image has the name."""


def checked(address: S3Address) -> S3Address:
    """A template that keeps accounts apart. BadAddress."""
    if "{account}" not in address.bucket + address.prefix:
        raise BadAddress("The address of the buckets says {account}: every account has its own.")
    if "{bucket}" in address.bucket + address.prefix:
        return address
    return address.under("{bucket}")


class S3Buckets:
    """The buckets of one account. `address` is a template that was checked."""

    def __init__(self, address: S3Address, account_id: str) -> None:
        self._template = address
        self._account = account_id
        self._folders = "{bucket}" not in address.bucket
        self._opened = lru_cache(64)(self._open)

    def create_bucket(self, name: str) -> None:
        """A folder is made; a bucket of the server's is the operator's to make. BadBucketName, BucketUnavailable."""
        check_bucket(name)
        if self._folders:
            with _said(name, _MARK):
                self._bucket(name).put_bytes(_MARK, b"")

    def has_bucket(self, name: str) -> bool:
        """Whether there is such a bucket. BucketUnavailable where nobody says."""
        try:
            bucket = self._bucket(name)
        except BucketNotFound:
            return False
        with _said(name, None):
            return next(bucket.listed(), None) is not None if self._folders else bucket.answers()

    def list_buckets(self) -> list[str]:
        """The names of the folders, sorted; buckets of the server's are not listed: nobody says whose they are."""
        if not self._folders:
            return []
        with _said("", None):
            return sorted(name for name in S3Bucket(self._account_place()).folders() if is_bucket(name))

    def _account_place(self) -> S3Address:
        """What all folders of the account are in."""
        before = self._template.prefix.split("{bucket}")[0].rstrip("/")
        return replace(self._template, prefix=before).at(account=self._account)

    def open(self, bucket: str, key: str) -> S3Object:
        """BucketNotFound, ObjectNotFound, BadObjectName, ObjectUnreadable, BucketUnavailable."""
        check_key(bucket, key)
        location = self._bucket(bucket)
        with _said(bucket, key):
            return S3Object(location, bucket, key, location.head(key))

    def put(self, bucket: str, key: str, source: Path, watch: Watch = unwatched) -> None:
        """Writes a local file into an object: whole, or not at all. As for `open`."""
        check_key(bucket, key)
        with _said(bucket, key):
            self._bucket(bucket).put(key, source, watch)

    def take(self, bucket: str, key: str, source: Path, watch: Watch = unwatched) -> None:
        """See ObjectStorage.take: the file stays."""
        self.put(bucket, key, source, watch)

    def objects(self, bucket: str, most: int, after: str = "") -> list[StoredObject]:
        """See ObjectStorage: in the order that the server has; the mark of a folder is none. BucketNotFound,
        BucketUnavailable.
        """
        if not self.has_bucket(bucket):
            raise BucketNotFound("there is no bucket of this name", bucket)
        with _said(bucket, None):
            results = self._bucket(bucket).objects(most + 1, after)
        return [StoredObject(*entry) for entry in results if entry[0] != _MARK][:most]

    @property
    def uploads(self) -> Uploads:
        """See ObjectStorage."""
        from kunsthalle.object_storage.s3_multipart import S3Uploads

        account = self._account_place() if self._folders else None
        return _Translated(S3Uploads(lambda bucket: self._bucket(bucket).address, account))

    def used(self) -> int:
        """See ObjectStorage.used."""
        return 0

    def delete(self, bucket: str, key: str) -> None:
        """An absent object is fine. As for `open`."""
        check_key(bucket, key)
        with _said(bucket, key):
            self._bucket(bucket).delete(key)

    def _bucket(self, name: str) -> S3Bucket:
        if not is_bucket(name):
            raise BucketNotFound("no bucket can have this name", name[:255])
        try:
            return self._opened(name)
        except BadAddress as error:
            raise BucketNotFound("no bucket can have this name", name) from error

    def _open(self, name: str) -> S3Bucket:
        return S3Bucket(self._template.at(account=self._account, bucket=name))


class S3Object:
    """An object open for reading; see blobs.buckets.ObjectReader. One that is replaced meanwhile is ObjectChanged."""

    descriptor: int | None = None

    def __init__(self, where: S3Bucket, bucket: str, key: str, head: S3Head) -> None:
        """Made by S3Buckets.open."""
        self._where, self._bucket, self._key, self._head = where, bucket, key, head
        self._start, self._end = 0, head.size
        self._ranges: Iterator[bytes] | None = None
        self._rest = memoryview(b"")
        self.size, self.tag = head.size, head.tag

    def skip(self, count: int) -> None:
        """Has the first read begin there."""
        self._start = count

    def narrow(self, start: int, count: int) -> None:
        """See ObjectReader."""
        self._start, self._end = start, min(start + count, self.size)

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; empty at the end."""
        with _said(self._bucket, self._key):
            if self._ranges is None:
                self._ranges = self._where.read(self._key, self._head, self._start, self._end)
            if not self._rest:
                self._rest = memoryview(next(self._ranges, b""))
        rest, self._rest = self._rest[:count], self._rest[count:]
        return bytes(rest)

    def close(self) -> None:
        """May be repeated."""
        if self._ranges is not None:
            self._ranges.close()  # type: ignore[attr-defined]  # a generator

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Translated:
    """Uploads whose failures are in the words of object storage."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    def begin(self, bucket: str, key: str, size: int, id_: str) -> Upload:
        check_key(bucket, key)
        with _said(bucket, key):
            return self._uploads.begin(bucket, key, size, id_)

    def pending(self) -> list[Upload]:
        with _said("", None):
            return self._uploads.pending()

    def received(self, upload: Upload) -> dict[int, int]:
        with _said(upload.bucket, upload.key):
            return self._uploads.received(upload)

    def write(self, upload: Upload, number: int, size: int, content: bytes) -> None:
        with _said(upload.bucket, upload.key):
            self._uploads.write(upload, number, size, content)

    def end(self, upload: Upload, size: int) -> None:
        with _said(upload.bucket, upload.key):
            self._uploads.end(upload, size)

    def abort(self, upload: Upload) -> None:
        with _said(upload.bucket, upload.key):
            self._uploads.abort(upload)


@contextlib.contextmanager
def _said(bucket: str, key: str | None) -> Iterator[None]:
    """The server's failures in the words of object storage."""
    kinds: tuple[tuple[type[S3Error], type[BucketError]], ...] = (
        (S3Missing, ObjectNotFound),
        (S3Denied, ObjectUnreadable),
        (S3Changed, ObjectChanged),
        (S3Error, BucketUnavailable),
    )
    try:
        yield
    except S3Error as error:
        problem = next(theirs for ours, theirs in kinds if isinstance(error, ours))
        raise problem(str(error), bucket, key) from error
