"""`/_kunsthalle/recordings`: the calls that this process answers, for the operator, while they ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.call_recording import OPERATOR_PATH, RECORDINGS_PATH
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route_without_transaction
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.core.recordings import MOST_RECORDINGS, Event, Kind, Page, Recordings
from kunsthalle.core.redaction import redact_body, redact_target, unread

MOST_FETCHED = 500


class RecordedEventResponse(ResponseBody):
    """A call, a change of state, or a fault that was applied to a job.

    `at` is a moment of the product clock. `trace` is that of the call; of a state and of a job, that of the call which
    led to it. `caller` is the id of an account, `operator`, or empty. `status` 0: the connection closed before an
    answer. `request` and `response` are JSON without secrets, or how long the body is. `fault` names the fault that was
    applied. `resource` is an id, `resource_type` what it is, `state` the one it got into; `job` a kind of job.
    """

    event: Kind
    number: int
    at: str
    trace: str
    caller: str
    method: str
    target: str
    status: int
    milliseconds: float
    request: str
    response: str
    fault: str
    resource_type: str
    resource: str
    state: str
    job: str


class RecordingResponse(ResponseBody):
    """A recording that has begun; `now` is where the product clock stands."""

    id: str
    now: str


class FetchRequest(RequestBody):
    """The number of the last event that the caller has; it and those before it are forgotten."""

    after: Annotated[int, Meta(ge=0, le=2**53)] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST_FETCHED)] = 200


class EventsResponse(ResponseBody):
    """Events in the order in which they began; `lost` of them were dropped before the first, because there were more
    than a recording keeps.
    """

    events: list[RecordedEventResponse]
    lost: int


def recorded(event: Event) -> RecordedEventResponse:
    """An event as it is shown: without secrets."""
    copied = {
        name: getattr(event, name)
        for name in RecordedEventResponse.__struct_fields__
        if name not in {"at", "caller", "target", "request", "response"}
    }
    operator = event.target.startswith(OPERATOR_PATH) and event.status != 401
    return RecordedEventResponse(
        at=rfc3339(event.at),
        caller="operator" if operator else event.account_id,
        target=redact_target(event.target),
        request=_body(event.request, event.request_size, form=event.form),
        response=_body(event.response, event.response_size),
        **copied,
    )


def _body(body: bytes, size: int, *, form: bool = False) -> str:
    return redact_body(body, form=form) if len(body) == size else unread(size)


def recording_routes(recordings: Recordings, other_nodes: Callable[[Context], int]) -> tuple[Route, ...]:
    """Recordings: start, fetch from, stop. `other_nodes` counts those that answer calls which are not seen here."""

    def start(ctx: Context, _request: Request) -> RecordingResponse:
        """Begin to record the calls that this process answers; without a fetch for a minute it ends."""
        others = other_nodes(ctx)
        if others:
            text = f"A recording is of one node, and others answer calls of this database, too: {others}. Stop them."
            raise conflict("conflict", text)
        id_ = ctx.ids.uuid()
        if not recordings.start(id_):
            raise invalid("over_quota", f"There are {MOST_RECORDINGS} recordings already; stop one.")
        return RecordingResponse(id=id_, now=rfc3339(ctx.now()))

    def fetch(_ctx: Context, request: Request) -> EventsResponse:
        """Fetch the next events of a recording, and have those forgotten that came before."""
        body: FetchRequest = request.body
        return _events(recordings.page(request.params["id"], body.after, body.limit))

    def stop(_ctx: Context, request: Request) -> EventsResponse:
        """End a recording; the answer holds the events that were not fetched."""
        return _events(recordings.stop(request.params["id"]))

    read = access.operator("kunsthalle.recording.read")
    item_path = f"{RECORDINGS_PATH}/{{id}}"
    return (
        route_without_transaction(
            "POST", RECORDINGS_PATH, start, surface=OPERATOR, access=read, body=None, answer=RecordingResponse
        ),
        route_without_transaction(
            "POST", f"{item_path}/fetch", fetch, surface=OPERATOR, access=read, body=FetchRequest, answer=EventsResponse
        ),
        route_without_transaction(
            "DELETE", item_path, stop, surface=OPERATOR, access=read, body=None, answer=EventsResponse
        ),
    )


def _events(page: Page | None) -> EventsResponse:
    if page is None:
        raise not_found()
    return EventsResponse(events=[recorded(event) for event in page.events], lost=page.lost)
