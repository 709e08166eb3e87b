"""Signing keys are rotated by the clock: every so many days, by a job, on whichever node works on it."""

from __future__ import annotations

from kunsthalle.authz.context import Context
from kunsthalle.core.clock import DAY
from kunsthalle.core.log import get_logger
from kunsthalle.db import kv
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.iam import signing_keys
from kunsthalle.iam.signing_keys import SigningKeys
from kunsthalle.jobs import queue

log = get_logger("identity")
JOB = "signing-keys.rotate"
_FACT, _SUBJECT = kv.SIGNING_KEY_DAYS, "signing-keys"


def rotate_every(store: Store, ctx: Context, days: int) -> None:
    """At a start: from now on keys are rotated every so many days, 0 for by hand alone."""

    def write(session: Session) -> None:
        if (kv.locked(session, _FACT) or 0) != days:  # another node may have been quicker
            kv.put(session, _FACT, days)
            _schedule(session)

    store.write(ctx, write)


def _schedule(session: Session) -> None:
    queue.cancel(session, JOB, _SUBJECT)
    days = int(kv.get(session, _FACT) or 0)
    if days:
        queue.enqueue(session, JOB, _SUBJECT, due_at=session.ctx.now() + days * DAY)


def rotate_now(session: Session) -> SigningKeys:
    """Rotate by hand; the next rotation by the clock is as many days from now."""
    keys = signing_keys.rotate(session)
    _schedule(session)
    return keys


def _rotate(run: queue.Run) -> None:
    def finish(session: Session) -> None:
        keys = signing_keys.rotate(session)
        _schedule(session)
        log.info("signing keys rotated", key=keys.keys[0].id)

    run.finish(finish)


def handler() -> queue.Handler:
    """The job; when it has failed for good it is tried again as many days later."""
    return queue.Handler(JOB, _rotate, lambda session, _job, _error: _schedule(session))
