"""The export job: an image's bytes, as they are or in another format, into a bucket of the account.

It may be killed at any point and is simply done again. Until the object is whole it is not there; when the job fails
or is cancelled, it goes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

from kunsthalle.blobs.protocol import BlobError, Blobs, StoreUnavailable
from kunsthalle.core.disk_space import NoSpace, Space
from kunsthalle.core.log import get_logger
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import GIB
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.unscoped import any_row
from kunsthalle.db.visibility import unscoped
from kunsthalle.disk_images.atomic_files import unfinished
from kunsthalle.disk_images.file_refusals import Refused, ToolFailed
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import TABLE_BYTES, Tools, convert, converted_size
from kunsthalle.images import transfer_progress
from kunsthalle.images.export_service import RUN, forget, settled
from kunsthalle.images.import_files import ImageProcesses
from kunsthalle.images.import_sources import AccountBuckets
from kunsthalle.images.models import Image, ImageExport
from kunsthalle.images.object_storage_instances import WRITING, is_open
from kunsthalle.images.resources import EXPORT, IMAGE
from kunsthalle.images.transfer_progress import Meter, Transfer, Unwanted
from kunsthalle.images.vhd_exports import VhdExport
from kunsthalle.jobs import queue
from kunsthalle.object_storage.protocol import BucketError, BucketUnavailable

log = get_logger("exports")
_NO_BUCKET = "cannot_access_storage_bucket"
_LATER = (BucketUnavailable, StoreUnavailable, NoSpace)
"""Trying again may help."""
_OTHERWISE = ("internal_error", "The export failed; the server's log has the details.")
_IN_THE_END = (
    (BucketUnavailable, (_NO_BUCKET, "The bucket could not be reached, or broke off, again and again.")),
    (StoreUnavailable, ("internal_error", "The image could not be read: its store was away again and again.")),
    (NoSpace, ("internal_error", "The server had no room for the export, again and again.")),
)


@dataclass(frozen=True, slots=True)
class Exporter:
    """`tools` is None on a host without qemu-img; `scratch` is a folder for files on their way. VHDs are written by
    `processes`, or in the job's thread where it is None.

    `most` is how many bytes of the server's disk an account's buckets may take; 0 sets no bound.
    """

    blobs: Blobs
    buckets: AccountBuckets
    tools: Tools | None
    limits: Limits
    scratch: Path
    space: Space
    most: int = 0
    processes: ImageProcesses | None = None

    def handler(self) -> queue.Handler:
        return queue.Handler(RUN, self.run, self.give_up)

    def run(self, run: queue.Run) -> None:
        export = run.write(lambda session: _begin(session, run.job.subject))
        if export is None:
            return
        try:
            image = _image(run, export)
            written = self._write(run, export, image)
            run.finish(lambda session: _succeed(session, export, written))
        except NoSpace as error:
            if not error.never:
                raise
            self._refused(run, export, "internal_error", "The disk of the server is too small for the export.")
        except _LATER:
            raise
        except BucketError as error:
            self._refused(run, export, _NO_BUCKET, f"The bucket could not be written to: {error}.")
        except (Refused, ToolFailed) as error:
            self._refused(run, export, "internal_error", error.message)
        except BlobError as error:
            log.error("export refused", export=export.id, error=str(error))  # noqa: TRY400  a reason, not a crash
            self._refused(run, export, "internal_error", "The image could not be read.")
        except Unwanted:
            self._remove(export)
            run.finish(lambda session: forget(session, export))

    def _write(self, run: queue.Run, export: ImageExport, image: Image) -> Transfer:
        """The object, whole. Done again after a crash, it is simply replaced."""
        if export.status == "deleting":
            raise Unwanted(export.id)
        if not run.read(lambda session: is_open(session, export.bucket, WRITING)):
            raise BucketError("the authorization to it has gone", export.bucket)
        size = int(image.file_size or 0)
        first = Transfer(export.id, "writing", 0, size, "", image.digest, run.ctx.now())
        meter = Meter(run, first, lambda session: _runs(session, export.id))
        target = self.buckets.of(export.account_id)
        source = self.blobs.local_path(str(image.digest))
        if image.format == export.format:
            self._within(export, target.used() + size)
            target.put(export.bucket, export.object_name, source, meter.at)
            return replace(first, phase="done", done=size)
        with self._converted(source, image, export, meter) as (made, digest):
            size = made.stat().st_size
            self._within(export, target.used() + size)
            meter.enter("writing", size)
            target.take(export.bucket, export.object_name, made, meter.at)
        return replace(first, phase="done", done=size, total=size, sha256=digest)

    def _within(self, export: ImageExport, size: int) -> None:
        """BucketError when the account's buckets would take more than they may."""
        if self.most and size > self.most:
            text = f"with it the buckets of the account would take {-(-size // GIB)} GB of {self.most // GIB}"
            raise BucketError(text, export.bucket, export.object_name)

    @contextmanager
    def _converted(self, source: Path, image: Image, export: ImageExport, meter: Meter) -> Iterator[tuple[Path, str]]:
        """The image in the format of the export, a file on its way; and its sha256."""
        self.scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = self.scratch / f"{export.id}.{export.format}"
        made.unlink(missing_ok=True)
        meter.enter("converting", image.virtual_size or 0)
        try:
            yield (
                made,
                self._as_vhd(source, image, export, made, meter) or self._by_tool(source, image, export, made, meter),
            )
        finally:
            made.unlink(missing_ok=True)
            unfinished(made).unlink(missing_ok=True)  # of a process that was ended

    def _as_vhd(self, source: Path, image: Image, export: ImageExport, made: Path, meter: Meter) -> str | None:
        """Writes the VHD of a QCOW2 file; None of what only qemu-img reads."""
        if (image.format, export.format) != ("qcow2", "vhd"):
            return None
        vhd = VhdExport(export.account_id, source, int(image.file_size or 0), self.processes)
        size = vhd.measure()
        if size is None:
            return None
        with self.space.holding(self.scratch, size):
            return vhd.write(made, meter.at)

    def _by_tool(self, source: Path, image: Image, export: ImageExport, made: Path, meter: Meter) -> str:
        if self.tools is None:
            text = f"Writing an image of the format {image.format} as {export.format} needs qemu-img on the server."
            raise ToolFailed(text)
        size = image.virtual_size or 0
        kind, most = str(image.format), size + size // 1_000 + TABLE_BYTES
        needed = converted_size(self.tools, source, kind, export.format, most=most, limits=self.limits)
        with self.space.holding(self.scratch, needed):
            convert(
                self.tools,
                source,
                kind,
                made,
                export.format,
                quota_bytes=needed,
                limits=self.limits,
                watch=lambda: meter.at(0),
            )
        with made.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _refused(self, run: queue.Run, export: ImageExport, code: str, message: str) -> None:
        log.info("export refused", export=export.id, code=code, reason=message)
        self._remove(export)
        try:
            run.finish(lambda session: _end(session, export, "failed", code, message))
        except Unwanted:
            run.finish(lambda session: forget(session, export))

    def _remove(self, export: ImageExport) -> None:
        with suppress(BucketError):
            self.buckets.of(export.account_id).delete(export.bucket, export.object_name)

    def give_up(self, session: Session, job: queue.Claimed, error: Exception) -> None:
        """After the last try: the job is `failed` and says so; the details are in the log."""
        log.error("export failed", export=job.subject, error=queue.text_of(error))
        code, text = next((reason for type_, reason in _IN_THE_END if isinstance(error, type_)), _OTHERWISE)
        for export in unscoped(session, EXPORT, EXPORT.table.c.id == job.subject):
            self._remove(export)
            try:
                _end(session, export, "failed", code, text)
            except Unwanted:
                forget(session, export)


def _begin(session: Session, id_: str) -> ImageExport | None:
    """The export, if it has not ended; `running` from now on, unless it was deleted."""
    transition(session, EXPORT, id_, "running", started_at=session.ctx.now())
    exports = unscoped(session, EXPORT, EXPORT.table.c.id == id_)
    return exports[0] if exports and exports[0].status in {"running", "deleting"} else None


def _image(run: queue.Run, export: ImageExport) -> Image:
    """The image, which an export that has not ended keeps."""
    return cast("Image", run.read(lambda session: unscoped(session, IMAGE, IMAGE.table.c.id == export.image_id)[0]))


def _runs(session: Session, export_id: str) -> bool:
    return any_row(session, EXPORT.table, EXPORT.table.c.id == export_id, EXPORT.table.c.status == "running")


def _succeed(session: Session, export: ImageExport, written: Transfer) -> None:
    _end(session, export, "succeeded")
    transfer_progress.note(session, replace(written, updated_at=session.ctx.now()))


def _end(session: Session, export: ImageExport, to: str, code: str = "", message: str = "") -> None:
    reasons = [{"code": code, "message": message}] if code else []
    if not transition(session, EXPORT, export.id, to, completed_at=session.ctx.now(), status_reasons=reasons):
        raise Unwanted(export.id)
    settled(session, export)
