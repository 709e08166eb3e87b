"""The import job: bytes in, inspected while they arrive, stored once by content, then `available` or `failed`.

It may be killed at any point and is simply done again: until the last transaction nothing but a temporary file
exists, and that transaction ends the job and the import together.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from kunsthalle.blobs.buckets import ObjectReader
from kunsthalle.blobs.protocol import BlobError, Blobs, Upload
from kunsthalle.core.errors import Problem
from kunsthalle.core.log import get_logger
from kunsthalle.images import bytes as blob_bytes
from kunsthalle.images.dates import ripen
from kunsthalle.images.kinds import IMAGE
from kunsthalle.images.model import Image
from kunsthalle.images.service import IMPORT
from kunsthalle.images.sources import FIELD, AccountBuckets, VolumeBytes, Volumes, parse_href
from kunsthalle.images.storage_instances import refuse_closed
from kunsthalle.imaging.errors import Refused
from kunsthalle.imaging.examine import Examined, examine
from kunsthalle.imaging.limits import Limits
from kunsthalle.imaging.stream import Arrived, Intake
from kunsthalle.imaging.tools import Tools
from kunsthalle.store import jobs
from kunsthalle.store.rows import update
from kunsthalle.store.scope import unguarded
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit

log = get_logger("imports")
CHUNK = 2 * 1024 * 1024
_RUNNING = [{"code": "image_request_in_progress", "message": "The import is running."}]


@dataclass(frozen=True, slots=True)
class Importer:
    """What an import works with; `tools` is None on a host without qemu-img."""

    blobs: Blobs
    buckets: AccountBuckets
    volumes: Volumes
    tools: Tools | None
    limits: Limits

    def handler(self) -> jobs.Handler:
        return jobs.Handler(IMPORT, self.run, give_up)

    def run(self, run: jobs.Run) -> None:
        image = run.write(lambda unit: _begin(unit, run.job.subject))
        if image is None:
            return
        try:
            run.read(lambda unit: _still_open(unit, image))
            examined = self._from_volume(run, image) if image.source_volume else self._from_bucket(run, image)
        except Refused as refusal:
            code, message = refusal.code, refusal.message
            run.finish(lambda unit: _fail(unit, image.id, code, message))
        except Problem as problem:
            text = problem.message
            run.finish(lambda unit: _fail(unit, image.id, "image_data_corrupted", text))
        else:
            run.finish(lambda unit: self._complete(unit, image.id, examined))

    def _from_bucket(self, run: jobs.Run, image: Image) -> Examined:
        source = parse_href(image.source_href or "")
        with self.buckets.open(image.account_id, source) as found, self.blobs.begin(found.size) as upload:
            arrived = _take_in(found, upload, Intake(source.format, self.limits, found.size))
            examined = examine(upload.path, arrived, self.limits, self.tools)
            run.write(lambda unit: blob_bytes.foresee(unit, arrived.sha256))
            _commit(upload, arrived.sha256)
        return examined

    def _from_volume(self, run: jobs.Run, image: Image) -> Examined:
        volume_id = (image.source_volume or {})["id"]
        content = run.read(lambda unit: self.volumes.content(unit, volume_id))
        made: VolumeBytes = self.volumes.flatten(content)
        path = self.blobs.local_path(made.digest) if made.digest is not None else made.path
        if path is None:
            raise Refused("image_data_corrupted", "The volume has no content.")
        intake = Intake(made.format, self.limits, path.stat().st_size)
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                intake.feed(chunk)
        arrived = intake.finish()
        try:
            examined = examine(path, arrived, self.limits, self.tools)
        except Refused:
            if made.path is not None:
                made.path.unlink(missing_ok=True)
            raise
        if made.path is not None:
            run.write(lambda unit: blob_bytes.foresee(unit, examined.sha256))
            self.blobs.adopt(made.path, examined.sha256)
        return examined

    def _complete(self, unit: Unit, image_id: str, found: Examined) -> None:
        moved = transition(
            unit,
            IMAGE,
            image_id,
            "available",
            IMAGE.table.c.status == "pending",
            status_reasons=[],
            digest=found.sha256,
            format=found.format,
            file_size=found.size,
            virtual_size=found.virtual_size,
            checked=int(found.checked),
        )
        if moved:  # else it was deleted meanwhile; the bytes go with the sweep that was foreseen
            blob_bytes.retain(unit, self.blobs, found.sha256, f"image:{image_id}")
            ripen(unit, image_id)


def _still_open(unit: Unit, image: Image) -> None:
    """A Problem when the authorization to the bucket has gone since the import was asked for."""
    if image.source_href:
        refuse_closed(unit, parse_href(image.source_href).bucket, FIELD)


def _take_in(found: ObjectReader, upload: Upload, intake: Intake) -> Arrived:
    """Every chunk is looked at and hashed while the one before it is being written."""
    with ThreadPoolExecutor(1, thread_name_prefix="import") as writer:
        writing: Future[int] | None = None
        while chunk := found.read(CHUNK):
            intake.feed(chunk)
            if writing is not None:
                writing.result()
            writing = writer.submit(upload.write, chunk)
        if writing is not None:
            writing.result()
    return intake.finish()


def upload_name(image_id: str) -> str:
    """Under which an image's bytes come in, so that a later try finds what an earlier one has."""
    return f"import-{image_id}"


def _commit(upload: Upload, sha256: str) -> None:
    try:
        upload.commit(sha256)
    except BlobError as error:
        raise Refused("image_data_corrupted", f"The bytes could not be stored: {error}") from error


def _begin(unit: Unit, image_id: str) -> Image | None:
    """The image, if it still waits for its bytes."""
    waiting = unguarded(unit, IMAGE, IMAGE.table.c.id == image_id, IMAGE.table.c.status == "pending")
    if not waiting:
        return None
    update(unit, IMAGE, image_id, status_reasons=_RUNNING)
    return waiting[0]


def _fail(unit: Unit, image_id: str, code: str, message: str) -> None:
    known = code if code.startswith("image_") and code != "image_encrypted" else "image_data_corrupted"
    transition(unit, IMAGE, image_id, "failed", status_reasons=[{"code": known, "message": message}])
    log.info("import refused", image=image_id, code=code)


def give_up(unit: Unit, job: jobs.Claimed, error: str) -> None:
    """After the last try: the image is `failed` and says so; the details are in the log."""
    log.error("import failed", image=job.subject, error=error)
    _fail(unit, job.subject, "image_data_corrupted", "The import failed; the server's log has the details.")


def leftovers(blobs: Blobs) -> int:
    """At the start: removes the temporary files of uploads that a killed process left."""
    return blobs.sweep(0)
