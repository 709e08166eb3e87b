"""What the operator may do, with the operator token, under `/_kunsthalle/`; and the two health questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from kunsthalle import __version__
from kunsthalle.api import access
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route, route_without_transaction
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import MovableClock, duration, moment, rfc3339
from kunsthalle.core.errors import invalid
from kunsthalle.db.session import Session
from kunsthalle.jobs import queue
from kunsthalle.jobs.worker import Worker

if TYPE_CHECKING:
    from kunsthalle.hypervisor.protocol import Hypervisor


class MoveClockRequest(RequestBody):
    """One of `advance` (a duration such as `P7D` or `7d`) and `to` (an RFC 3339 moment)."""

    advance: str | None = None
    to: str | None = None


class ClockResponse(ResponseBody):
    """`kind` is `system` or `manual`; `pending_jobs` counts what runs or is due."""

    now: str
    kind: str
    pending_jobs: int


class MovedResponse(ResponseBody):
    """Where the clock stands now."""

    now: str


class AuditSinkStatus(ResponseBody):
    """How a sink of the audit is doing: entries that it has not received, attempts in a row that failed, and why."""

    name: str
    unsent: int
    failures: int
    last_error: str | UnsetType = UNSET


class HostCounts(ResponseBody):
    """How many hosts of the engine are in each state."""

    up: int
    silent: int
    lost: int


def host_counts(hypervisor: Hypervisor) -> HostCounts | UnsetType:
    """The hosts of an engine by their states; UNSET while it does not answer."""
    from kunsthalle.hypervisor.host_protocol import HostState  # with an engine, which is loaded later than this
    from kunsthalle.hypervisor.protocol import HypervisorError

    try:
        states = [*hypervisor.hosts.states().values()]
    except HypervisorError:
        return UNSET
    return HostCounts(**{state.value: states.count(state) for state in HostState})


class StatusResponse(ResponseBody):
    """What this process is made of.

    `accelerator` is what guests are run by (`kvm`, `tcg`, `none`); in words why it is nothing better, where it is not.
    `hosts` is left out while the engine does not answer. `unchecked_images`: how many were imported without qemu-img
    and not yet examined by it.
    """

    version: str
    region: str
    hypervisor: str
    accelerator: str
    accelerator_reason: str
    store: str
    qemu_img: bool
    unchecked_images: int
    audit_sinks: list[AuditSinkStatus]
    hosts: HostCounts | UnsetType = UNSET


class EntryResponse(ResponseBody):
    """Where what this server offers is found, for programs."""

    name: str
    version: str
    console: str
    docs: str
    vpc: str
    catalog: str
    iam: str
    health: str


class HealthResponse(ResponseBody):
    """Answered once the server is ready."""

    status: str
    version: str


def _clock_response(session: Session, clock: MovableClock) -> ClockResponse:
    return ClockResponse(now=rfc3339(clock.now()), kind=clock.kind, pending_jobs=queue.pending(session))


def target_moment(body: MoveClockRequest, now: int) -> int:
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


def _health(_session: Session, _request: Request) -> HealthResponse:
    """Whether the server is up."""
    return HealthResponse(status="ok", version=__version__)


_ENTRIES = {
    "console": "/console/",
    "docs": "/docs/",
    "vpc": "/v1",
    "catalog": "/api/v1-beta",
    "iam": "/identity",
    "health": "/healthz",
}


def _entry(session: Session, request: Request) -> EntryResponse | Reply:
    """Where the APIs are. Browsers are sent to the console."""
    base = session.ctx.origin
    if "text/html" in request.headers.get("accept", ""):
        return Reply(status=303, headers={"Location": f"{base}/console/"})
    addresses = {name: base + path for name, path in _ENTRIES.items()}
    return EntryResponse(name="Kunsthalle", version=__version__, **addresses)


def routes(
    clock: MovableClock, worker: Worker, status: Callable[[], StatusResponse], stores_answer: Callable[[Context], None]
) -> tuple[Route, ...]:
    def get_status(_ctx: Context, _request: Request) -> StatusResponse:
        """What the server is made of; the first time KVM is tried out, which may take a second."""
        return status()

    def move_clock(_ctx: Context, request: Request) -> MovedResponse:
        """Move the product clock; answered after everything that became due has run."""
        body: MoveClockRequest = request.body
        worker.travel(clock, target_moment(body, clock.now()))
        return MovedResponse(now=rfc3339(clock.now()))

    def get_clock(session: Session, _request: Request) -> ClockResponse:
        """Read the product clock."""
        return _clock_response(session, clock)

    def ready(ctx: Context, _request: Request) -> HealthResponse:
        """Whether the stores answer too."""
        stores_answer(ctx)
        return HealthResponse(status="ok", version=__version__)

    surface, anyone, operator = (
        OPERATOR,
        access.public("kunsthalle.health.read"),
        access.operator("kunsthalle.clock.read"),
    )
    return (
        route("GET", "/", _entry, surface=surface, access=anyone, answer=EntryResponse),
        route("GET", "/healthz", _health, surface=surface, access=anyone, answer=HealthResponse),
        route_without_transaction(
            "GET", "/readyz", ready, surface=surface, access=anyone, body=None, answer=HealthResponse
        ),
        route("GET", "/_kunsthalle/clock", get_clock, surface=surface, access=operator, answer=ClockResponse),
        route_without_transaction(
            "GET",
            "/_kunsthalle/status",
            get_status,
            surface=surface,
            access=access.operator("kunsthalle.status.read"),
            body=None,
            answer=StatusResponse,
        ),
        route_without_transaction(
            "POST",
            "/_kunsthalle/clock",
            move_clock,
            surface=surface,
            access=access.operator("kunsthalle.clock.update"),
            body=MoveClockRequest,
            answer=MovedResponse,
        ),
    )


__all__ = ["AuditSinkStatus", "MoveClockRequest", "StatusResponse", "routes", "target_moment"]
