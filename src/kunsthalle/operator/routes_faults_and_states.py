"""Rehearsals: faults on demand and saved scenarios, for the operator, under `/_kunsthalle/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.fault_injection import STATUSES
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route_without_transaction
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import duration, moment, rfc3339
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.core.fault_effects import EFFECTS, CallEffect, Effect, JobEffect, TokenEffect, effects_on
from kunsthalle.core.faults import IMPORT_REASONS, Fault, Faults
from kunsthalle.core.records import dataclass
from kunsthalle.operator.saved_states import Saved, SavedScenarios

_Seconds = Annotated[float, Meta(ge=0, le=100 * 366 * 86_400)]
_Count = Annotated[int, Meta(ge=0, le=1_000_000)]
_MOST = 1_000
_MOMENTS = ("starts_at", "ends_at")
_IMPORT = "image.import"


class FaultRequest(RequestBody):
    """What shall go wrong: `match` is a shell pattern over `METHOD /path` for calls, over the kind for jobs.

    `account` (an id or a name) and `user` (an IAM ID or the e-mail address of a login) name the only caller that is
    meant. `starts_at` and `ends_at` are moments of the product clock, in RFC 3339 or as a duration from now (`10m`).
    Of what matches so far `percent` go on to be counted, drawn from `seed`. `name` is told in answers.

    `seconds` and `spread` are of the effect `delay` (that long, and up to `spread` more), `seconds` also of `hold` and
    `late`; `cut_after` counts bytes of the body (-1: half of it); `retry_after` goes with 429 and 503; `reason` is what
    an image shows whose import failed.

    On `tokens` the effect `expire` takes place at once, for all access tokens and for good; it has no pattern and no
    count.
    """

    on: Literal["call", "job", "tokens"]
    effect: CallEffect | JobEffect | TokenEffect
    match: Annotated[str, Meta(min_length=1, max_length=500)] = "*"
    status: int = 503
    seconds: _Seconds = 0
    skip: _Count = 0
    times: _Count = 1
    name: Annotated[str, Meta(max_length=60, pattern=r"^[A-Za-z0-9 ._-]*$(?!\n)")] = ""
    spread: _Seconds = 0
    cut_after: Annotated[int, Meta(ge=-1, le=2**31)] = -1
    retry_after: Annotated[int, Meta(ge=0, le=86_400)] = 1
    reason: str = ""
    account: Annotated[str, Meta(max_length=128)] = ""
    user: Annotated[str, Meta(max_length=128)] = ""
    percent: Annotated[float, Meta(gt=0, le=100)] = 100
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 0
    starts_at: str | None = None
    ends_at: str | None = None


class FaultResponse(ResponseBody):
    """A fault; `hits` counts what it was applied to, `times` of 0 has no end."""

    id: str
    on: str
    match: str
    effect: str
    status: int
    seconds: float
    skip: int
    times: int
    hits: int
    name: str
    spread: float
    cut_after: int
    retry_after: int
    reason: str
    account_id: str
    iam_id: str
    percent: float
    seed: int
    starts_at: str | None
    ends_at: str | None


class FaultsResponse(ResponseBody):
    """The faults that may still apply; and what the last ones were applied to, also those that ended since."""

    faults: list[FaultResponse]
    applied: list[str]


class ClearedResponse(ResponseBody):
    """How many faults there were."""

    cleared: int


class SaveRequest(RequestBody):
    """The name, and whether a scenario that has it is replaced."""

    name: str
    replace: bool = False


class LoadRequest(RequestBody):
    """Whether the credentials that a scenario keeps for other systems are emptied, if its master key is not here."""

    without_secrets: bool = False


class ScenarioResponse(ResponseBody):
    """A saved scenario: when it was saved, where its clock stood, and how large its own files are."""

    name: str
    saved_at: str
    now: str
    size_bytes: int


class LoadedResponse(ScenarioResponse):
    """A saved scenario that was loaded; the faults that there were are cleared, and counted."""

    cleared_faults: int


class ScenariosResponse(ResponseBody):
    """The saved scenarios, by name."""

    scenarios: list[ScenarioResponse]


def _fault_response(fault: Fault) -> FaultResponse:
    shown = {name: getattr(fault, name) for name in FaultResponse.__struct_fields__ if name not in _MOMENTS}
    moments = {name: getattr(fault, name) for name in _MOMENTS}
    shown |= {name: None if at is None else rfc3339(at) for name, at in moments.items()}
    return FaultResponse(**shown)


def _fault(ctx: Context, body: FaultRequest, callers: Callers, hits: int = 0) -> Fault:
    """The fault that is asked for. A Problem for an unknown account or user."""
    elsewhere = {"account", "user", *_MOMENTS}
    sent = {name: getattr(body, name) for name in FaultRequest.__struct_fields__ if name not in elsewhere}
    account_id = callers.account(ctx, body.account) if body.account else ""
    iam_id = callers.user(ctx, body.user) if body.user else ""
    moments: dict[str, Any] = {name: _moment(ctx.now(), name, getattr(body, name)) for name in _MOMENTS}
    return Fault(id=ctx.ids.uuid(), hits=hits, account_id=account_id, iam_id=iam_id, **sent, **moments)


def _moment(now: int, name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return moment(text) if "T" in text and not text.startswith("P") else now + duration(text)
    except (ValueError, OverflowError) as error:
        allowed = "give a moment such as 2030-01-01T00:00:00Z, or a duration from now such as 10m"
        raise invalid("bad_field", f"{error}; {allowed}.", name) from error


def _scenario_response(saved: Saved) -> ScenarioResponse:
    return ScenarioResponse(**asdict(saved))


def _checked(body: FaultRequest, kinds: Callable[[], list[str]]) -> None:
    """400 for a fault that could never apply."""
    effects, effect = effects_on(body.on), EFFECTS[body.effect]
    if body.effect not in effects:
        text = f"The effect {body.effect!r} does not apply to {body.on}; use one of: {', '.join(effects)}."
        raise invalid("bad_field", text, "effect")
    if body.on == "tokens" and (body.match, body.skip, body.times) != ("*", 0, 1):
        raise invalid("bad_field", "All access tokens expire, once: give no match, skip and times.", "match")
    if body.status not in STATUSES:
        raise invalid("bad_field", f"The status must be one of {', '.join(map(str, STATUSES))}.", "status")
    _check_seconds(body, effect)
    _check_reason(body)
    if body.on == "job" and not any(fnmatchcase(kind, body.match) for kind in kinds()):
        raise invalid("bad_field", f"No job is of this kind; there are: {', '.join(kinds())}.", "match")


def _check_seconds(body: FaultRequest, effect: Effect) -> None:
    if effect.field == "seconds" and not 0 < body.seconds <= (effect.most or body.seconds):
        most = f" and at most {effect.most}" if effect.most else ""
        raise invalid("bad_field", f"The effect {body.effect!r} is of more than 0{most} seconds.", "seconds")
    if body.spread > EFFECTS["delay"].most:
        raise invalid("bad_field", f"A delay spreads over at most {EFFECTS['delay'].most} seconds.", "spread")


def _check_reason(body: FaultRequest) -> None:
    if not body.reason:
        return
    if body.reason not in IMPORT_REASONS:
        text = f"Unknown reason: {body.reason[:64]!r}; use one of: {', '.join(IMPORT_REASONS)}."
        raise invalid("bad_field", text, "reason")
    if (body.on, body.effect, body.match) != ("job", "fail", _IMPORT):
        text = f"A reason is of an import that fails: give it with on 'job', match {_IMPORT!r} and effect 'fail'."
        raise invalid("bad_field", text, "reason")


@dataclass(frozen=True, slots=True)
class Callers:
    """Who is meant by a text: the id of an account, the IAM ID of a user. A Problem where that is nobody."""

    account: Callable[[Context, str], str]
    user: Callable[[Context, str], str]


def fault_routes(
    faults: Faults, kinds: Callable[[], list[str]], expire: Callable[[Context], None], callers: Callers
) -> tuple[Route, ...]:
    """Faults: list, add, clear one, clear all. `expire` expires all access tokens."""

    def every(_ctx: Context, _request: Request) -> FaultsResponse:
        """List the faults that may still apply."""
        return FaultsResponse(faults=[_fault_response(fault) for fault in faults.list()], applied=faults.applied())

    def add(ctx: Context, request: Request) -> FaultResponse:
        """Have calls or jobs go wrong, or all access tokens expire."""
        body: FaultRequest = request.body
        _checked(body, kinds)
        if body.on == "tokens":
            expire(ctx)
            return _fault_response(_fault(ctx, body, callers, hits=1))
        if len(faults.list()) >= _MOST:
            raise invalid("over_quota", f"There are {_MOST} faults already; clear some.")
        fault = _fault(ctx, body, callers)
        faults.add(fault)
        return _fault_response(fault)

    def clear(_ctx: Context, _request: Request) -> ClearedResponse:
        """Clear all faults."""
        return ClearedResponse(cleared=faults.clear())

    def clear_one(_ctx: Context, request: Request) -> ClearedResponse:
        """Clear one fault."""
        if not faults.clear(request.params["id"]):
            raise not_found()
        return ClearedResponse(cleared=1)

    read, change = access.operator("kunsthalle.fault.read"), access.operator("kunsthalle.fault.update")
    path = "/_kunsthalle/faults"
    return (
        route_without_transaction("GET", path, every, surface=OPERATOR, access=read, body=None, answer=FaultsResponse),
        route_without_transaction(
            "POST", path, add, surface=OPERATOR, access=change, body=FaultRequest, answer=FaultResponse
        ),
        route_without_transaction(
            "DELETE", path, clear, surface=OPERATOR, access=change, body=None, answer=ClearedResponse
        ),
        route_without_transaction(
            "DELETE", f"{path}/{{id}}", clear_one, surface=OPERATOR, access=change, body=None, answer=ClearedResponse
        ),
    )


def scenario_routes(scenarios: SavedScenarios, faults: Faults) -> tuple[Route, ...]:
    """Saved scenarios: list, save, load, remove."""

    def every(_ctx: Context, _request: Request) -> ScenariosResponse:
        """List the saved scenarios."""
        return ScenariosResponse(scenarios=[_scenario_response(scenario) for scenario in scenarios.every()])

    def save(_ctx: Context, request: Request) -> ScenarioResponse:
        """Save everything the server keeps, under a name."""
        return _scenario_response(scenarios.save(request.body.name, replace=request.body.replace))

    def load(_ctx: Context, request: Request) -> LoadedResponse:
        """Make everything as it was when the scenario was saved; clear the faults, which belong to what was there."""
        body: LoadRequest = request.body or LoadRequest()
        loaded = scenarios.load(request.params["name"], without_secrets=body.without_secrets)
        return LoadedResponse(**asdict(loaded), cleared_faults=faults.clear())

    def remove(_ctx: Context, request: Request) -> ScenarioResponse:
        """Forget a saved scenario."""
        return _scenario_response(scenarios.remove(request.params["name"]))

    read, change = access.operator("kunsthalle.scenario.read"), access.operator("kunsthalle.scenario.update")
    path = "/_kunsthalle/scenarios"
    item_path = f"{path}/{{name}}"
    return (
        route_without_transaction(
            "GET", path, every, surface=OPERATOR, access=read, body=None, answer=ScenariosResponse
        ),
        route_without_transaction(
            "POST", path, save, surface=OPERATOR, access=change, body=SaveRequest, answer=ScenarioResponse
        ),
        route_without_transaction(
            "POST",
            f"{item_path}/load",
            load,
            surface=OPERATOR,
            access=change,
            body=LoadRequest,
            body_required=False,
            answer=LoadedResponse,
        ),
        route_without_transaction(
            "DELETE", item_path, remove, surface=OPERATOR, access=change, body=None, answer=ScenarioResponse
        ),
    )
