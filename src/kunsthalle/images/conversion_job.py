"""The conversion job: an object with a disk in a format that is not imported becomes a QCOW2 object beside it.

The stranger's file is copied out of the bucket, so that nobody changes it while it is read; its own rules come first,
then qemu-img under limits (`disk_images/conversion.py`). The object goes when the new one is there. It may be killed at
any point and is simply done again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from kunsthalle.core.clock import DAY
from kunsthalle.core.disk_space import NoSpace, Space
from kunsthalle.core.log import get_logger
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.disk_images.conversion import to_qcow2
from kunsthalle.disk_images.file_refusals import Refused, ToolFailed
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools
from kunsthalle.images import transfer_progress
from kunsthalle.images.import_sources import AccountBuckets
from kunsthalle.images.tables import transfers
from kunsthalle.images.transfer_progress import Meter, Transfer
from kunsthalle.jobs import queue
from kunsthalle.object_storage.protocol import BucketError, BucketUnavailable, ObjectNotFound, ObjectStorage

log = get_logger("conversions")
RUN = "object.convert"
FAILED = "failed"
_CHUNK = 4 * 1024 * 1024
_KEPT = 7 * DAY
_LONGEST_REASON = 256
_LATER = (BucketUnavailable, NoSpace)
"""Trying again may help."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be converted: `key` of `format` becomes `target`. `size` is in bytes."""

    bucket: str
    key: str
    target: str
    format: str
    size: int


def enqueue(session: Session, work: Work) -> str:
    """Adds the job to the caller's transaction and account; the id by which it is asked for."""
    id_ = f"{session.ctx.account_id}.{session.ctx.ids.hex(24)}"
    old = transfers.c.updated_at < session.ctx.now() - _KEPT
    remove_rows(session, transfers, transfers.c.subject.startswith(f"{session.ctx.account_id}."), old)
    transfer_progress.note(session, Transfer(id_, "waiting", 0, work.size, "", None, session.ctx.now()))
    queue.enqueue(session, RUN, id_, transfer_bytes=work.size, **asdict(work))
    return id_


def known(session: Session, id_: str) -> Transfer | None:
    """A conversion of the caller's account; nothing for any other. Why it failed is in `tag`."""
    own = id_.startswith(f"{session.ctx.account_id}.")
    return transfer_progress.known(session, id_) if own else None


@dataclass(frozen=True, slots=True)
class Converter:
    """`tools` is None on a host without qemu-img; `scratch` is a folder for files on their way."""

    buckets: AccountBuckets
    tools: Tools | None
    limits: Limits
    scratch: Path
    space: Space

    def handler(self) -> queue.Handler:
        return queue.Handler(RUN, self.run, self.give_up)

    def run(self, run: queue.Run) -> None:
        work = Work(**run.job.payload)
        first = Transfer(run.job.subject, "receiving", 0, work.size, "", None, run.ctx.now())
        try:
            size = self._convert(run, work, first)
            run.finish(lambda session: transfer_progress.note(session, replace(first, phase="done", done=size)))
        except NoSpace as error:
            if not error.never:
                raise
            self._fail(run, first, "The disk of the server is too small for the conversion.")
        except _LATER:
            raise
        except (Refused, ToolFailed) as error:
            self._fail(run, first, error.message)
        except BucketError as error:
            self._fail(run, first, f"The object storage refuses this: {error}.")

    def _convert(self, run: queue.Run, work: Work, first: Transfer) -> int:
        if self.tools is None:
            raise ToolFailed("Converting a disk needs qemu-img on the server. Convert the file before the upload.")
        storage = self.buckets.of(run.job.account_id)
        meter = Meter(run, first, lambda session: known(session, first.subject) is not None)
        self.scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        source, made = (self.scratch / f"{run.job.id}.{end}" for end in (work.format, "qcow2"))
        try:
            with self.space.holding(self.scratch, 2 * work.size):
                _fetch(storage, work, source, meter)
                meter.enter("converting", work.size)
                to_qcow2(
                    source,
                    made,
                    self.limits,
                    self.tools,
                    format=work.format,
                    replace=True,
                    watch=lambda: meter.at(0),
                )
                meter.enter("writing", made.stat().st_size)
                storage.put(work.bucket, work.target, made, meter.at)
            with suppress(ObjectNotFound):
                storage.delete(work.bucket, work.key)
            return made.stat().st_size
        finally:
            source.unlink(missing_ok=True)
            made.unlink(missing_ok=True)

    def _fail(self, run: queue.Run, first: Transfer, reason: str) -> None:
        log.info("conversion refused", object=first.subject, reason=reason)
        run.finish(lambda session: _note_failure(session, first, reason))

    def give_up(self, session: Session, job: queue.Claimed, error: Exception) -> None:
        """After the last try: the conversion says that it failed; the object that was uploaded stays."""
        log.error("conversion failed", subject=job.subject, error=queue.text_of(error))
        reason = "The conversion failed, again and again; the server's log has the details."
        first = Transfer(job.subject, FAILED, 0, int(job.payload["size"]), "", None, session.ctx.now())
        _note_failure(session, first, reason)


def _note_failure(session: Session, first: Transfer, reason: str) -> None:
    failed = replace(first, phase=FAILED, done=0, tag=reason[:_LONGEST_REASON], updated_at=session.ctx.now())
    transfer_progress.note(session, failed)


def _fetch(storage: ObjectStorage, work: Work, target: Path, meter: Meter) -> None:
    """Copies the object; what is zero in it stays a hole."""
    with storage.open(work.bucket, work.key) as reader, target.open("wb") as file:
        done = 0
        while chunk := reader.read(_CHUNK):
            if chunk.count(0) == len(chunk):
                file.seek(len(chunk), os.SEEK_CUR)
            else:
                file.write(chunk)
            done += len(chunk)
            meter.at(done)
        file.truncate(done)
