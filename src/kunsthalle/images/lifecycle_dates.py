"""When an image is to be deprecated and made obsolete: the rules of the two dates, and the timers behind them (C1)."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.core.clock import moment, rfc3339
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.images.holds import RefusesHeld
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE
from kunsthalle.jobs import queue

APPLY_DUE_DATES = "image.ripen"  # stored in the rows of jobs; words: allow
_END_OF_DATES = 253_402_300_800_000_000
"""The year 10000, in microseconds since the epoch."""
Given = str | UnsetType | None


@dataclass(frozen=True, slots=True)
class Dates:
    """Both dates as they are to be; microseconds since the epoch."""

    deprecation_at: int | None
    obsolescence_at: int | None


def read(value: Given, field: str) -> int | None:
    """The moment that a date of a body means; None where there is none. 400 for what is no date with a time zone."""
    if value is None or isinstance(value, UnsetType):
        return None
    try:
        at = moment(value)
    except (ValueError, OverflowError) as error:
        raise invalid("bad_field", f"The date is not in the form of RFC 3339: {error}", field) from error
    if not 0 <= at < _END_OF_DATES:
        raise invalid("bad_field", "The date is out of range.", field)
    return at


def first(session: Session, deprecation_at: Given, obsolescence_at: Given) -> Dates:
    """The dates of a new image: not now and not in the past, and in their order."""
    dates = Dates(read(deprecation_at, "deprecation_at"), read(obsolescence_at, "obsolescence_at"))
    for field in ("deprecation_at", "obsolescence_at"):
        _future(session, getattr(dates, field), field)
    _ordered(dates, "obsolescence_at")
    return dates


def changed(
    session: Session, image: Image, deprecation_at: Given, obsolescence_at: Given, refuse_held: RefusesHeld
) -> Dates | None:
    """What a change makes of an image's dates; None if it changes none. 409 where its state or a hold forbids it."""
    sent = {"deprecation_at": deprecation_at, "obsolescence_at": obsolescence_at}
    new = {field: read(value, field) for field, value in sent.items() if value is not UNSET}
    new = {field: value for field, value in new.items() if not _same(value, getattr(image, field))}
    if not new:
        return None
    refuse_held(session, image)
    if image.status == "failed":
        raise conflict("invalid_state", "The dates of an image that is failed cannot be changed.", next(iter(new)))
    for field, value in new.items():
        if value is None:
            continue
        if (image.status, field) in {("deprecated", "deprecation_at"), ("obsolete", "obsolescence_at")}:
            text = f"The date of an image that is {image.status} can only be removed."
            raise conflict("invalid_state", text, field)
        _future(session, value, field)
    dates = Dates(new.get("deprecation_at", image.deprecation_at), new.get("obsolescence_at", image.obsolescence_at))
    _ordered(dates, list(new)[-1])
    return dates


def _same(new: int | None, old: int | None) -> bool:
    """As clients see it: dates are shown in milliseconds, and may be said again."""
    if new is None or old is None:
        return new is old
    return new == old or rfc3339(new) == rfc3339(old)


def _future(session: Session, value: int | None, field: str) -> None:
    if value is not None and value <= session.ctx.now():
        raise invalid("bad_field", "The date must be in the future.", field)


def _ordered(dates: Dates, field: str) -> None:
    early, late = dates.deprecation_at, dates.obsolescence_at
    if early is not None and late is not None and early >= late:
        raise invalid("bad_field", "deprecation_at must be earlier than obsolescence_at.", field)


def apply(session: Session, image: Image, dates: Dates) -> None:
    """Writes the dates, moves the image back where one was removed, sets the timers. 409 if it changed meanwhile."""
    columns = IMAGE.table.c
    values = {"deprecation_at": dates.deprecation_at, "obsolescence_at": dates.obsolescence_at}
    to = _status(image.status, dates, session.ctx.now())
    sure = (columns.revision == image.revision, columns.hold_crn.is_(None))
    if to == image.status:
        done = update(session, IMAGE, image.id, *sure, IMAGE.table.c.status == to, **values)
    else:
        done = transition(session, IMAGE, image.id, to, *sure, **values)
    if not done:
        raise conflict("invalid_state", "The image was changed meanwhile; try again.")
    schedule(session, image.id, dates)


def _status(now: str, dates: Dates, moment_: int) -> str:
    """Where the dates lead an image that is in a state: only a removed date moves it, and only back."""
    deprecated = dates.deprecation_at is not None and dates.deprecation_at <= moment_
    if now == "obsolete" and dates.obsolescence_at is None:
        return "deprecated" if deprecated else "available"
    return "available" if now == "deprecated" and dates.deprecation_at is None else now


def schedule(session: Session, image_id: str, dates: Dates) -> None:
    """One timer for each date that is still to come, and no others."""
    queue.cancel(session, APPLY_DUE_DATES, image_id)
    for due in (dates.deprecation_at, dates.obsolescence_at):
        if due is not None and due > session.ctx.now():
            queue.enqueue(session, APPLY_DUE_DATES, image_id, due_at=due)


def apply_due_dates(session: Session, image_id: str) -> None:
    """Moves an image to where its dates have led it by now. A managed image stays: its catalog leads it."""
    columns, now = IMAGE.table.c, session.ctx.now()
    for to, column, sources in (
        ("obsolete", columns.obsolescence_at, ("available", "deprecated")),
        ("deprecated", columns.deprecation_at, ("available",)),
    ):
        transition(session, IMAGE, image_id, to, columns.status.in_(sources), column <= now, columns.hold_crn.is_(None))


def handler() -> queue.Handler:
    """The timer: due on the product clock, so that time travel reaches it."""
    return queue.Handler(
        APPLY_DUE_DATES,
        lambda run: run.finish(lambda session: apply_due_dates(session, run.job.subject)),
        lambda _session, _job, _error: None,
    )
