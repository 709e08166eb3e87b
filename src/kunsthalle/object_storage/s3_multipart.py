"""Uploads to an S3 server: its own uploads in parts, which it keeps and lists itself."""

from __future__ import annotations

from collections.abc import Callable

from kunsthalle.blobs import s3_uploads
from kunsthalle.blobs.s3 import S3Missing
from kunsthalle.blobs.s3_address import S3Address
from kunsthalle.object_storage.uploads import (
    LONGEST_SECONDS,
    PartsMissing,
    Upload,
    UploadNotFound,
    missing_parts,
    seconds,
)


class S3Uploads:
    """`address_of` is where a bucket of the account is; `account` is where all of them are, or None where nobody
    says which are the account's. S3Error from every method; the caller translates it.
    """

    def __init__(
        self,
        address_of: Callable[[str], S3Address],
        account: S3Address | None,
        now: Callable[[], float] = seconds,
    ) -> None:
        self._address_of, self._account, self._now = address_of, account, now

    def begin(self, bucket: str, key: str, size: int, id_: str) -> Upload:  # noqa: ARG002  the server has its own
        """See Uploads."""
        address = self._address_of(bucket)
        for old in s3_uploads.unfinished(address):
            if old.since < self._now() - LONGEST_SECONDS:
                s3_uploads.abort(address, old)
        return Upload(s3_uploads.begin(address, _whole(address, key)), bucket, key)

    def pending(self) -> list[Upload]:
        """Of a server whose buckets cannot be listed, none."""
        if self._account is None:
            return []
        before = f"{self._account.prefix}/" if self._account.prefix else ""
        results = []
        for entry in s3_uploads.unfinished(self._account):
            bucket, _, key = entry.key.removeprefix(before).partition("/")
            results.append(Upload(entry.id, bucket, key))
        return results

    def received(self, upload: Upload) -> dict[int, int]:
        """See Uploads."""
        return {part.number: part.size for part in self._parts(upload)}

    def write(self, upload: Upload, number: int, size: int, content: bytes) -> None:  # noqa: ARG002  as the protocol
        """See Uploads."""
        address = self._address_of(upload.bucket)
        try:
            s3_uploads.put_part(address, _whole(address, upload.key), upload.id, number, content)
        except S3Missing as error:
            raise UploadNotFound(upload.id) from error

    def end(self, upload: Upload, size: int) -> None:
        """See Uploads."""
        parts = self._parts(upload)
        missing = missing_parts(size, {part.number: part.size for part in parts})
        if missing:
            raise PartsMissing(missing)
        address = self._address_of(upload.bucket)
        s3_uploads.complete(address, _whole(address, upload.key), upload.id, parts)

    def abort(self, upload: Upload) -> None:
        """See Uploads."""
        address = self._address_of(upload.bucket)
        s3_uploads.abort(address, s3_uploads.Unfinished(_whole(address, upload.key), upload.id, 0))

    def _parts(self, upload: Upload) -> list[s3_uploads.Part]:
        address = self._address_of(upload.bucket)
        try:
            return s3_uploads.parts(address, _whole(address, upload.key), upload.id)
        except S3Missing as error:
            raise UploadNotFound(upload.id) from error


def _whole(address: S3Address, key: str) -> str:
    return f"{address.prefix}/{key}" if address.prefix else key
