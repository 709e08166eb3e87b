"""Who needs which bytes. A blob is kept while anything refers to it, and removed by a job some time after the last.

The row of a digest is written before a reference is added or the file removed, so that both take its lock: a blob
that is being removed cannot be taken up, and one that was just taken up is not removed.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text

from kunsthalle.blobs.protocol import BlobNotFound, Blobs
from kunsthalle.core.clock import SECOND
from kunsthalle.db.compiled_changes import CompiledChange
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import add_row, any_row, change_rows, number_of, remove_rows, removed_rows
from kunsthalle.images import blob_leases
from kunsthalle.images.tables import blob_refs, blobs
from kunsthalle.jobs import queue

SWEEP = "blob.sweep"
GRACE = 60 * SECOND
"""How long unneeded bytes stay: the same file is often imported again at once."""

_TOUCH = CompiledChange(
    lambda: text(
        "INSERT INTO blobs (digest, size, revision) VALUES (:digest, :size, 1)"
        " ON CONFLICT (digest) DO UPDATE SET revision = blobs.revision + 1"
    )
)


class BytesGone(Exception):
    """The blob was swept between its upload and its first reference; the work is simply done again."""


def retain(session: Session, store: Blobs, digest: str, holder: str) -> None:
    """Adds a reference `<kind>:<id>` to bytes that are in the store. BytesGone if they are not (any more).

    The store, which may be across a network, is asked only where no other reference shows that the bytes are there.
    """
    _TOUCH.count(session, {"digest": digest, "size": 0})
    if not any_row(session, blob_refs, blob_refs.c.digest == digest):
        try:
            size = store.size(digest)
        except BlobNotFound as error:
            raise BytesGone(digest) from error
        change_rows(session, blobs, {blobs.c.size: size}, blobs.c.digest == digest)
    add_row(session, blob_refs, digest=digest, holder=holder)


def foresee(session: Session, digest: str) -> None:
    """Before bytes go into the store: should nobody come to refer to them, whatever happens, they are swept."""
    queue.enqueue(session, SWEEP, digest, due_at=session.ctx.now() + GRACE)


def release(session: Session, holder: str) -> None:
    """Drops what a holder refers to; bytes that nobody needs any more are swept a little later."""
    for held in removed_rows(session, blob_refs, blob_refs.c.holder == holder):
        unneeded(session, held.digest)


def unneeded(session: Session, digest: str) -> None:
    """Has bytes swept a little later, unless something refers to them by then."""
    if number_of(session, blob_refs, blob_refs.c.digest == digest) == 0:
        queue.enqueue(session, SWEEP, digest, due_at=session.ctx.now() + GRACE)


def sweep_job(store: Blobs, forget: Callable[[str], None] = lambda _digest: None) -> queue.Handler:
    """Removes the bytes of a digest unless something refers to them again; while a lease runs, it waits.

    `forget` is told the digest then: an engine elsewhere may have a copy. What it does not do the doctor finds.
    """

    def run(run: queue.Run) -> None:
        digest = run.job.subject

        def remove(session: Session) -> bool:
            _TOUCH.count(session, {"digest": digest, "size": 0})
            if number_of(session, blob_refs, blob_refs.c.digest == digest) != 0:
                return False
            leased_until = blob_leases.last_end(session)
            if leased_until is not None:
                queue.enqueue(session, SWEEP, digest, not_before=leased_until)
                return False
            remove_rows(session, blobs, blobs.c.digest == digest)
            store.delete(digest)
            return True

        if run.finish(remove):
            forget(digest)

    return queue.Handler(SWEEP, run, lambda _session, _job, _error: None)


__all__ = ["BytesGone", "foresee", "release", "retain", "sweep_job", "unneeded"]
