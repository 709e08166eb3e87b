"""The import job: bytes in, inspected while they arrive, stored once by content, then `available` or `failed`.

It may be killed at any point. What had come by then, and was noted, is taken up by the next try on the same host, as
long as the object is the same: its bytes are hashed and inspected once more, and only the others fetched. Elsewhere,
and where nothing was noted, it begins anew. Nothing but that file exists until the last transaction, which ends the
job and the import together.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kunsthalle.blobs.protocol import BlobError, Blobs, OutOfSpace, StoreUnavailable, Upload
from kunsthalle.core.disk_space import NoSpace, is_out_of_space
from kunsthalle.core.errors import Problem
from kunsthalle.core.event_counts import IMPORTED_BYTES, IMPORTS
from kunsthalle.core.faults import IMPORT_REASONS
from kunsthalle.core.log import get_logger
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.unscoped import any_row
from kunsthalle.db.visibility import unscoped
from kunsthalle.disk_images.file_refusals import ENCRYPTED, Refused
from kunsthalle.disk_images.image_process import CHUNK
from kunsthalle.disk_images.inspection import Examined, examine
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools
from kunsthalle.disk_images.stream_inspection import Arrived, Intake
from kunsthalle.images import blob_references as blob_bytes
from kunsthalle.images import image_encryption, transfer_progress
from kunsthalle.images.import_files import ImageProcesses, ImportFile
from kunsthalle.images.import_sources import FIELD, AccountBuckets, VolumeBytes, Volumes, parse_href
from kunsthalle.images.lifecycle_dates import apply_due_dates
from kunsthalle.images.models import Image
from kunsthalle.images.object_storage_instances import refuse_closed
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.service import IMPORT
from kunsthalle.images.transfer_progress import Meter, Transfer, Unwanted
from kunsthalle.jobs import queue
from kunsthalle.jobs.worker import InjectedFailure
from kunsthalle.key_protect.data_keys import DataKey, KeyRefused
from kunsthalle.object_storage.protocol import BucketError, BucketUnavailable, ObjectReader

log = get_logger("imports")
_CORRUPTED = "image_data_corrupted"
_RUNNING = [{"code": "image_request_in_progress", "message": "The import is running."}]
_WAITING = [
    {
        "code": "image_request_queued",
        "message": "The server has no room for the image at present; the import is tried again.",
    }
]
_LATER = (BucketUnavailable, StoreUnavailable, queue.LeaseLost)
"""After these the bytes that have come are of use to the next try."""
_IN_THE_END = (
    (BucketUnavailable, "The object storage could not be reached, or broke off, again and again."),
    (StoreUnavailable, "The bytes could not be stored: the server's store could not be reached, again and again."),
    (NoSpace, "The server had no room for the image, again and again."),
)


@dataclass(frozen=True, slots=True)
class Importer:
    """What an import works with; `tools` is None on a host without qemu-img."""

    blobs: Blobs
    buckets: AccountBuckets
    volumes: Volumes
    tools: Tools | None
    limits: Limits
    processes: ImageProcesses | None = None

    def handler(self) -> queue.Handler:
        return queue.Handler(IMPORT, self.run, self.give_up)

    def run(self, run: queue.Run) -> None:
        image = run.write(lambda session: _begin(session, run.job.subject))
        if image is None:
            self.blobs.discard(upload_name(run.job.subject))
            return
        try:
            run.read(lambda session: _still_open(session, image))
            secret = run.read(lambda session: image_encryption.passphrase(session, image))
            fetch = self._from_volume if image.source_volume else self._from_bucket
            examined = fetch(run, image, secret)
        except KeyRefused as refusal:
            key_reason = image_encryption.reason(refusal)
            run.finish(lambda session: _fail(session, image.id, **key_reason))
        except NoSpace as error:
            if not error.never:
                self._wait_for_room(run, image)
                raise
            log.error("import refused", image=image.id, error=str(error))  # noqa: TRY400  a small disk, not a crash
            run.finish(lambda session: _fail(session, image.id, _CORRUPTED, "The disk of the server is too small."))
        except Refused as refusal:
            code, message = refusal.code, refusal.message
            run.finish(lambda session: _fail(session, image.id, code, message))
        except Problem as problem:
            text = problem.message
            run.finish(lambda session: _fail(session, image.id, _CORRUPTED, text))
        except Unwanted:
            run.finish()  # it was deleted, and what it left went with the upload
        else:
            run.finish(lambda session: self._complete(session, image, examined))

    def _wait_for_room(self, run: queue.Run, image: Image) -> None:
        """Says that the import waits; where the database has no room either, nothing can be said."""

        def wait(session: Session) -> None:
            update(session, IMAGE, image.id, status_reasons=_WAITING)
            transfer_progress.forget(
                session, image.id
            )  # what had come is gone, so that others have the package meanwhile

        try:
            run.write(wait)
        except Exception as error:
            if not is_out_of_space(error):
                raise
            log.warning("no room to say that an import waits", image=image.id)

    def _from_bucket(self, run: queue.Run, image: Image, secret: DataKey | None) -> Examined:
        source = parse_href(image.source_href or "")
        try:
            with self.buckets.open(image.account_id, source) as source_object:
                return self._take_up(run, image, source.format, source_object, secret)
        except _LATER:
            raise
        except BucketError as error:
            raise Refused(_CORRUPTED, f"The object could not be read to its end: {error}") from error

    def _take_up(
        self, run: queue.Run, image: Image, format_: str, object_reader: ObjectReader, secret: DataKey | None
    ) -> Examined:
        """The object, from where an earlier try has come to."""
        had = run.read(lambda session: transfer_progress.known(session, image.id))
        received = _kept(had, object_reader)
        first = Transfer(image.id, "receiving", received, object_reader.size, object_reader.tag, None, run.ctx.now())
        meter = Meter(run, first, lambda session: _waits(session, image.id))
        with self.blobs.begin(object_reader.size, upload_name(image.id), first.done) as upload:
            try:
                file = ImportFile(image.account_id, format_, self._expecting(secret), self.tools, self.processes)
                arrived = file.take_in(object_reader, upload, meter)
                upload.sync()
                meter.enter("checking", object_reader.size)
                examined = file.examine(upload.path, arrived, None if secret is None else secret.reveal())
                run.write(lambda session: blob_bytes.foresee(session, arrived.sha256))
                meter.enter("storing", object_reader.size)
                _commit(upload, arrived.sha256, meter)
            except _LATER:
                upload.suspend()
                raise
        return examined

    def _expecting(self, secret: DataKey | None) -> Limits:
        """A file has to be encrypted where there is a data key for it, and only there."""
        return replace(self.limits, encrypted=secret is not None)

    def _examine(self, path: Path, arrived: Arrived, secret: DataKey | None) -> Examined:
        passphrase = None if secret is None else secret.reveal()
        return examine(path, arrived, self._expecting(secret), self.tools, passphrase)

    def _from_volume(self, run: queue.Run, image: Image, secret: DataKey | None) -> Examined:
        volume_id = (image.source_volume or {})["id"]
        content = run.read(lambda session: self.volumes.content(session, volume_id))
        made: VolumeBytes = self.volumes.flatten(content)
        path = self.blobs.local_path(made.digest) if made.digest is not None else made.path
        if path is None:
            raise Refused(_CORRUPTED, "The volume has no content.")
        size = path.stat().st_size
        first = Transfer(image.id, "receiving", 0, size, "", None, run.ctx.now())
        meter = Meter(run, first, lambda session: _waits(session, image.id))
        try:
            arrived = _look_at(path, Intake(made.format, self._expecting(secret), size), meter)
            examined = self._examine(path, arrived, secret)
            if made.path is not None:
                run.write(lambda session: blob_bytes.foresee(session, examined.sha256))
                self.blobs.adopt(made.path, examined.sha256)
        finally:
            if made.path is not None:
                made.path.unlink(missing_ok=True)
        return examined

    def _complete(self, session: Session, image: Image, examined: Examined) -> None:
        """The image is `available`, unless its key was disabled or deleted while its bytes came in."""
        try:
            image_encryption.passphrase(session, image)
        except KeyRefused as refusal:
            _fail(session, image.id, **image_encryption.reason(refusal))
        else:
            self._make_available(session, image.id, examined)

    def _make_available(self, session: Session, image_id: str, examined: Examined) -> None:
        moved = transition(
            session,
            IMAGE,
            image_id,
            "available",
            IMAGE.table.c.status == "pending",
            status_reasons=[],
            digest=examined.sha256,
            format=examined.format,
            file_size=examined.size,
            virtual_size=examined.virtual_size,
            checked=int(examined.checked),
        )
        transfer_progress.forget(session, image_id)
        if moved:  # else it was deleted meanwhile; the bytes go with the sweep that was foreseen
            blob_bytes.retain(session, self.blobs, examined.sha256, f"image:{image_id}")
            apply_due_dates(session, image_id)
            session.after_commit(lambda: IMPORTS.add("available"))
            session.after_commit(lambda: IMPORTED_BYTES.add(by=examined.size))

    def give_up(self, session: Session, job: queue.Claimed, error: Exception) -> None:
        """After the last try: the image is `failed` and says so; the details are in the log."""
        log.error("import failed", image=job.subject, error=queue.text_of(error))
        if isinstance(error, InjectedFailure) and error.reason:
            _mark_failed(session, job.subject, error.reason, IMPORT_REASONS[error.reason])
            self.blobs.discard(upload_name(job.subject))
            return
        otherwise = "The import failed; the server's log has the details."
        text = next((text for type_, text in _IN_THE_END if isinstance(error, type_)), otherwise)
        _fail(session, job.subject, _CORRUPTED, text)
        self.blobs.discard(upload_name(job.subject))


def _still_open(session: Session, image: Image) -> None:
    """A Problem when the authorization to the bucket has gone since the import was asked for."""
    if image.source_href:
        refuse_closed(session, parse_href(image.source_href).bucket, FIELD)


def _kept(had: Transfer | None, object_reader: ObjectReader) -> int:
    """Bytes of this very object that an earlier try has made durable: all of them where it had come to the end."""
    if had is None or (had.tag, had.total) != (object_reader.tag, object_reader.size):
        return 0
    return had.done if had.phase == "receiving" else had.total


def _look_at(path: Path, intake: Intake, meter: Meter) -> Arrived:
    """A file that is here already."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            intake.feed(chunk)
            meter.at(file.tell())
    return intake.finish()


def upload_name(image_id: str) -> str:
    """Under which an image's bytes come in, so that a later try finds what an earlier one has."""
    return f"import-{image_id}"


def _commit(upload: Upload, sha256: str, meter: Meter) -> None:
    try:
        upload.commit(sha256, meter.at)
    except (OutOfSpace, StoreUnavailable):
        raise
    except BlobError as error:
        raise Refused(_CORRUPTED, f"The bytes could not be stored: {error}") from error


def _begin(session: Session, image_id: str) -> Image | None:
    """The image, if it still waits for its bytes."""
    waiting = unscoped(session, IMAGE, IMAGE.table.c.id == image_id, IMAGE.table.c.status == "pending")
    if not waiting:
        return None
    update(session, IMAGE, image_id, status_reasons=_RUNNING)
    return waiting[0]


def _waits(session: Session, image_id: str) -> bool:
    return any_row(session, IMAGE.table, IMAGE.table.c.id == image_id, IMAGE.table.c.status == "pending")


def _fail(session: Session, image_id: str, code: str, message: str) -> None:
    shown = code if code in IMPORT_REASONS else _CORRUPTED
    if code == ENCRYPTED:
        message += " Import it with its encryption_key and its encrypted_data_key."
    _mark_failed(session, image_id, shown, message)
    log.info("import refused", image=image_id, code=code)


def _mark_failed(session: Session, image_id: str, code: str, message: str) -> None:
    if transition(session, IMAGE, image_id, "failed", status_reasons=[{"code": code, "message": message}]):
        session.after_commit(lambda: IMPORTS.add("failed"))
    transfer_progress.forget(session, image_id)
