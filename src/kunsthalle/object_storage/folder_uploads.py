"""Uploads into folders: a file that grows in any order, beside the buckets, and a mark for each part that is in it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from kunsthalle.core.disk_space import NoSpace, Space, disk_room
from kunsthalle.object_storage.protocol import BucketFull, BucketNotFound, check_key, is_bucket
from kunsthalle.object_storage.uploads import (
    LONGEST_SECONDS,
    PartsMissing,
    Upload,
    UploadNotFound,
    missing_parts,
    part_lengths,
    part_size,
    seconds,
)

FOLDER = ".uploads"
"""Beside the buckets; no bucket can have this name."""
_ID = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"part-([0-9]{1,5})")


class _About(msgspec.Struct):
    """What an upload will be."""

    bucket: str
    key: str
    size: int


class FolderUploads:
    """`root/.uploads/<id>`: `about`, the bytes in `data`, and an empty `part-<number>` for each part that is in them.

    `place` moves a file to the name of an object. `now` is in seconds since the epoch.
    """

    def __init__(
        self,
        root: Path,
        space: Space,
        place: Callable[[str, str, Path], None],
        now: Callable[[], float] = seconds,
    ) -> None:
        self._root, self._space, self._place, self._now = root / FOLDER, space, place, now

    def begin(self, bucket: str, key: str, size: int, id_: str) -> Upload:
        """BucketFull where the disk cannot take it and what is still to come of others; BucketNotFound and
        BadObjectName as for `put`.
        """
        check_key(bucket, key)
        if not is_bucket(bucket) or not (self._root.parent / bucket).is_dir():
            raise BucketNotFound("there is no bucket of this name", bucket[:255])
        self._forget_old()
        self._check_room(bucket, key, size)
        upload = Upload(id_, bucket, key)
        folder = self._root / upload.id
        folder.mkdir(parents=True, mode=0o700)
        (folder / "data").touch(0o600)
        (folder / "about").write_bytes(msgspec.json.encode(_About(bucket, key, size)))
        return upload

    def pending(self) -> list[Upload]:
        """See Uploads."""
        return [Upload(id_, about.bucket, about.key) for id_, about in self._all()]

    def received(self, upload: Upload) -> dict[int, int]:
        """See Uploads."""
        lengths = part_lengths(self._about(upload).size)
        try:
            names = [path.name for path in (self._root / upload.id).iterdir()]
        except FileNotFoundError as error:
            raise UploadNotFound(upload.id) from error
        numbers = [int(match[1]) for match in map(_PART.fullmatch, names) if match]
        return {number: lengths[number] for number in sorted(numbers) if number in lengths}

    def write(self, upload: Upload, number: int, size: int, content: bytes) -> None:
        """See Uploads. BucketFull."""
        folder = self._folder(upload, size)
        try:
            with self._space.holding(self._root, len(content)):
                descriptor = os.open(folder / "data", os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    _write_at(descriptor, content, (number - 1) * part_size(size))
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            (folder / f"part-{number}").touch(0o600)
        except FileNotFoundError as error:  # cancelled meanwhile
            raise UploadNotFound(upload.id) from error
        except NoSpace as error:
            raise self._full(upload.bucket, upload.key, never=error.never) from error

    def end(self, upload: Upload, size: int) -> None:
        """See Uploads."""
        missing = missing_parts(size, self.received(upload))
        if missing:
            raise PartsMissing(missing)
        folder = self._folder(upload, size)
        os.truncate(folder / "data", size)
        self._place(upload.bucket, upload.key, folder / "data")
        shutil.rmtree(folder, ignore_errors=True)

    def abort(self, upload: Upload) -> None:
        """See Uploads."""
        with contextlib.suppress(UploadNotFound):
            shutil.rmtree(self._folder(upload), ignore_errors=True)

    def _folder(self, upload: Upload, size: int | None = None) -> Path:
        """The folder of an upload that began as what the caller says of it. UploadNotFound."""
        about = self._about(upload)
        began_so = (about.bucket, about.key) == (upload.bucket, upload.key) and size in (None, about.size)
        if not began_so:
            raise UploadNotFound(upload.id)
        return self._root / upload.id

    def _about(self, upload: Upload) -> _About:
        if not _ID.fullmatch(upload.id):
            raise UploadNotFound(upload.id)
        try:
            return msgspec.json.decode((self._root / upload.id / "about").read_bytes(), type=_About)
        except (OSError, msgspec.MsgspecError) as error:
            raise UploadNotFound(upload.id) from error

    def _all(self) -> list[tuple[str, _About]]:
        results = []
        names = sorted(path.name for path in self._root.iterdir()) if self._root.is_dir() else []
        for name in names:
            with contextlib.suppress(UploadNotFound):
                results.append((name, self._about(Upload(name, "", ""))))
        return results

    def _forget_old(self) -> None:
        for path in self._root.glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < self._now() - LONGEST_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)

    def _check_room(self, bucket: str, key: str, size: int) -> None:
        """What others of this account may still send counts, though nothing of it has come."""
        coming = 0
        for id_, about in self._all():
            with contextlib.suppress(UploadNotFound):
                coming += about.size - sum(self.received(Upload(id_, about.bucket, about.key)).values())
        try:
            self._space.hold(self._root, size + coming).end()
        except NoSpace as error:
            total, _ = disk_room(self._root)
            raise self._full(bucket, key, never=size > total - self._space.reserve) from error

    def _full(self, bucket: str, key: str, *, never: bool) -> BucketFull:
        return BucketFull("there is no room for the object", bucket, key, never=never)


def _write_at(descriptor: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
