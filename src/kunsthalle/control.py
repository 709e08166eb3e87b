"""What the operator may do, with the operator token, under `/_kunsthalle/`; and the two health questions."""

from __future__ import annotations

from collections.abc import Callable

from kunsthalle import __version__
from kunsthalle.api import access
from kunsthalle.api.families.iam import OPERATOR
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, outside, route
from kunsthalle.api.wire import Body, Wire
from kunsthalle.core.clock import MovableClock, duration, moment, rfc3339
from kunsthalle.core.context import Context
from kunsthalle.core.errors import invalid
from kunsthalle.store import jobs
from kunsthalle.store.unit import Unit
from kunsthalle.store.worker import Worker


class MoveClockBody(Body):
    """One of `advance` (a duration such as `P7D` or `7d`) and `to` (an RFC 3339 moment)."""

    advance: str | None = None
    to: str | None = None


class ClockWire(Wire):
    """`kind` is `system` or `manual`; `pending_jobs` counts what runs or is due."""

    now: str
    kind: str
    pending_jobs: int


class MovedWire(Wire):
    """Where the clock stands now."""

    now: str


class StatusWire(Wire):
    """What this process is made of.

    `accelerator` is what guests are run by (`kvm`, `tcg`, `none`); in words why it is nothing better, where it is not.
    `unchecked_images`: how many were imported without qemu-img and not yet examined by it.
    """

    version: str
    region: str
    hypervisor: str
    accelerator: str
    accelerator_reason: str
    store: str
    qemu_img: bool
    unchecked_images: int


class HealthWire(Wire):
    """Answered once the server is ready."""

    status: str
    version: str


def _clock_wire(unit: Unit, clock: MovableClock) -> ClockWire:
    kind = type(clock).__name__.removesuffix("Clock").lower()
    return ClockWire(now=rfc3339(clock.now()), kind=kind, pending_jobs=jobs.pending(unit))


def target_moment(body: MoveClockBody, now: int) -> int:
    """The moment that is asked for; 400 unless it is named once, well-formed and not in the past."""
    if (body.advance is None) == (body.to is None):
        raise invalid("bad_request", "Give either advance or to.", "advance")
    try:
        to = now + duration(body.advance) if body.advance is not None else moment(body.to or "")
    except (ValueError, OverflowError) as error:
        raise invalid("bad_request", str(error), "advance" if body.advance is not None else "to") from error
    if to < now:
        raise invalid("bad_request", "The clock runs forward only.", "to")
    return to


def _health(_unit: Unit, _request: Request) -> HealthWire:
    """Whether the server is up."""
    return HealthWire(status="ok", version=__version__)


def routes(
    clock: MovableClock, worker: Worker, status: Callable[[], StatusWire], stores_answer: Callable[[Context], None]
) -> tuple[Route, ...]:
    def get_status(_ctx: Context, _request: Request) -> StatusWire:
        """What the server is made of; the first time KVM is tried out, which may take a second."""
        return status()

    def move_clock(_ctx: Context, request: Request) -> MovedWire:
        """Move the product clock; answered after everything that became due has run."""
        body: MoveClockBody = request.body
        worker.travel(clock, target_moment(body, clock.now()))
        return MovedWire(now=rfc3339(clock.now()))

    def get_clock(unit: Unit, _request: Request) -> ClockWire:
        """Read the product clock."""
        return _clock_wire(unit, clock)

    def ready(ctx: Context, _request: Request) -> HealthWire:
        """Whether the stores answer too."""
        stores_answer(ctx)
        return HealthWire(status="ok", version=__version__)

    family, anyone, operator = (
        OPERATOR,
        access.public("kunsthalle.health.read"),
        access.operator("kunsthalle.clock.read"),
    )
    return (
        route("GET", "/healthz", _health, family=family, access=anyone, answer=HealthWire),
        outside("GET", "/readyz", ready, family=family, access=anyone, body=None, answer=HealthWire),
        route("GET", "/_kunsthalle/clock", get_clock, family=family, access=operator, answer=ClockWire),
        outside(
            "GET",
            "/_kunsthalle/status",
            get_status,
            family=family,
            access=access.operator("kunsthalle.status.read"),
            body=None,
            answer=StatusWire,
        ),
        outside(
            "POST",
            "/_kunsthalle/clock",
            move_clock,
            family=family,
            access=access.operator("kunsthalle.clock.update"),
            body=MoveClockBody,
            answer=MovedWire,
        ),
    )


__all__ = ["MoveClockBody", "StatusWire", "routes", "target_moment"]
