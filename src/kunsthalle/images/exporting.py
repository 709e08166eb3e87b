"""The export job: an image's bytes, as they are or in another format, into a bucket of the account.

It may be killed at any point and is simply done again. Until the object is whole it is not there; when the job fails
or is cancelled, it goes.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from kunsthalle.blobs.buckets import BucketError
from kunsthalle.blobs.protocol import BlobError, Blobs
from kunsthalle.core.log import get_logger
from kunsthalle.images.exports import RUN, forget, settled
from kunsthalle.images.kinds import EXPORT, IMAGE
from kunsthalle.images.model import Image, ImageExport
from kunsthalle.images.sources import AccountBuckets
from kunsthalle.images.storage_instances import WRITING, is_open
from kunsthalle.imaging.errors import Refused, ToolFailed
from kunsthalle.imaging.limits import Limits
from kunsthalle.imaging.tools import Tools, convert
from kunsthalle.store import jobs
from kunsthalle.store.scope import unguarded
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit

log = get_logger("exports")
_TABLES = 64 * 2**20
"""More than the tables of the largest disk take in either format."""


class _Cancelled(Exception):
    """The job was deleted while it ran."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """`tools` is None on a host without qemu-img; `scratch` is a folder for files on their way."""

    blobs: Blobs
    buckets: AccountBuckets
    tools: Tools | None
    limits: Limits
    scratch: Path

    def handler(self) -> jobs.Handler:
        return jobs.Handler(RUN, self.run, self.give_up)

    def run(self, run: jobs.Run) -> None:
        export = run.write(lambda unit: _begin(unit, run.job.subject))
        if export is None:
            return
        try:
            self._write(run, export)
            run.finish(lambda unit: _end(unit, export, "succeeded"))
        except BucketError as error:
            self._refused(run, export, "cannot_access_storage_bucket", f"The bucket could not be written to: {error}.")
        except (Refused, ToolFailed) as error:
            self._refused(run, export, "internal_error", error.message)
        except BlobError as error:
            self._refused(run, export, "internal_error", f"The image could not be read: {error}.")
        except _Cancelled:
            self._remove(export)
            run.finish(lambda unit: forget(unit, export))

    def _write(self, run: jobs.Run, export: ImageExport) -> None:
        """The object, whole. Done again after a crash, it is simply replaced."""
        if export.status == "deleting":
            raise _Cancelled
        if not run.read(lambda unit: is_open(unit, export.bucket, WRITING)):
            raise BucketError("the authorization to it has gone", export.bucket)
        image = cast("Image", run.read(lambda unit: unguarded(unit, IMAGE, IMAGE.table.c.id == export.image_id)[0]))
        source = self.blobs.local_path(str(image.digest))
        target = self.buckets.of(export.account_id)
        if image.format == export.format:
            target.put(export.bucket, export.object_name, source)
            return
        if self.tools is None:
            text = f"Writing an image of the format {image.format} as {export.format} needs qemu-img on the server."
            raise ToolFailed(text)
        self.scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = self.scratch / f"{export.id}.{export.format}"
        made.unlink(missing_ok=True)
        size = image.virtual_size or 0
        try:
            convert(
                self.tools,
                source,
                str(image.format),
                made,
                export.format,
                quota_bytes=size + size // 1_000 + _TABLES,
                limits=self.limits,
            )
            target.put(export.bucket, export.object_name, made)
        finally:
            made.unlink(missing_ok=True)

    def _refused(self, run: jobs.Run, export: ImageExport, code: str, message: str) -> None:
        log.info("export refused", export=export.id, code=code, reason=message)
        self._remove(export)
        try:
            run.finish(lambda unit: _end(unit, export, "failed", code, message))
        except _Cancelled:
            run.finish(lambda unit: forget(unit, export))

    def _remove(self, export: ImageExport) -> None:
        with suppress(BucketError):
            self.buckets.of(export.account_id).delete(export.bucket, export.object_name)

    def give_up(self, unit: Unit, job: jobs.Claimed, error: str) -> None:
        """After the last try: the job is `failed` and says so; the details are in the log."""
        log.error("export failed", export=job.subject, error=error)
        for export in unguarded(unit, EXPORT, EXPORT.table.c.id == job.subject):
            self._remove(export)
            try:
                _end(unit, export, "failed", "internal_error", "The export failed; the server's log has the details.")
            except _Cancelled:
                forget(unit, export)


def _begin(unit: Unit, id_: str) -> ImageExport | None:
    """The export, if it has not ended; `running` from now on, unless it was deleted."""
    transition(unit, EXPORT, id_, "running", started_at=unit.ctx.now())
    found = unguarded(unit, EXPORT, EXPORT.table.c.id == id_)
    return found[0] if found and found[0].status in {"running", "deleting"} else None


def _end(unit: Unit, export: ImageExport, to: str, code: str = "", message: str = "") -> None:
    reasons = [{"code": code, "message": message}] if code else []
    if not transition(unit, EXPORT, export.id, to, completed_at=unit.ctx.now(), status_reasons=reasons):
        raise _Cancelled
    settled(unit, export)
