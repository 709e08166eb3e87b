"""Rehearsals: faults on demand and saved scenarios, for the operator, under `/_kunsthalle/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.families.iam import OPERATOR
from kunsthalle.api.faulty import STATUSES
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, outside
from kunsthalle.api.wire import Body, Wire
from kunsthalle.core.context import Context
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.core.faults import CallEffect, Fault, Faults, JobEffect
from kunsthalle.saved import Saved, SavedScenarios

_Seconds = Annotated[float, Meta(ge=0, le=100 * 366 * 86_400)]
_LONGEST_DELAY = 300
_Count = Annotated[int, Meta(ge=0, le=1_000_000)]
_MOST = 1_000


class FaultBody(Body):
    """What shall go wrong: `match` is a shell pattern over `METHOD /path` for calls, over the kind for jobs."""

    on: Literal["call", "job"]
    match: Annotated[str, Meta(min_length=1, max_length=500)]
    effect: CallEffect | JobEffect
    status: int = 503
    seconds: _Seconds = 0
    skip: _Count = 0
    times: _Count = 1


class FaultWire(Wire):
    """A fault; `hits` counts what it struck, `times` of 0 has no end."""

    id: str
    on: str
    match: str
    effect: str
    status: int
    seconds: float
    skip: int
    times: int
    hits: int


class FaultsWire(Wire):
    """The faults that may still strike."""

    faults: list[FaultWire]


class ClearedWire(Wire):
    """How many faults there were."""

    cleared: int


class SaveBody(Body):
    """The name, and whether a scenario that has it is replaced."""

    name: str
    replace: bool = False


class ScenarioWire(Wire):
    """A saved scenario: when it was saved, where its clock stood, and how large its own files are."""

    name: str
    saved_at: str
    now: str
    size_bytes: int


class ScenariosWire(Wire):
    """The saved scenarios, by name."""

    scenarios: list[ScenarioWire]


def _fault_wire(fault: Fault) -> FaultWire:
    return FaultWire(**{name: getattr(fault, name) for name in FaultWire.__struct_fields__})


def _scenario_wire(saved: Saved) -> ScenarioWire:
    return ScenarioWire(**asdict(saved))


def _checked(body: FaultBody, kinds: Callable[[], list[str]]) -> None:
    """400 for what could never strike."""
    of_calls = body.effect in CallEffect.__args__  # type: ignore[attr-defined]  # a Literal's values
    if of_calls != (body.on == "call"):
        raise invalid("bad_field", f"The effect {body.effect!r} is not one of a {body.on}.", "effect")
    if body.status not in STATUSES:
        raise invalid("bad_field", f"The status must be one of {', '.join(map(str, STATUSES))}.", "status")
    if body.effect == "delay" and not 0 < body.seconds <= _LONGEST_DELAY:
        raise invalid("bad_field", f"A delay is of more than 0 and at most {_LONGEST_DELAY} seconds.", "seconds")
    if body.effect == "hold" and body.seconds <= 0:
        raise invalid("bad_field", "A job is held for more than 0 seconds.", "seconds")
    if body.on == "job" and not any(fnmatchcase(kind, body.match) for kind in kinds()):
        raise invalid("bad_field", f"No job is of this kind; there are: {', '.join(kinds())}.", "match")


def fault_routes(faults: Faults, kinds: Callable[[], list[str]]) -> tuple[Route, ...]:
    """Faults: list, add, clear one, clear all."""

    def every(_ctx: Context, _request: Request) -> FaultsWire:
        """List the faults that may still strike."""
        return FaultsWire(faults=[_fault_wire(one) for one in faults.list()])

    def add(ctx: Context, request: Request) -> FaultWire:
        """Have calls or jobs go wrong."""
        body: FaultBody = request.body
        _checked(body, kinds)
        if len(faults.list()) >= _MOST:
            raise invalid("over_quota", f"There are {_MOST} faults already; clear some.")
        given = {name: getattr(body, name) for name in FaultBody.__struct_fields__}
        fault = Fault(id=ctx.ids.uuid(), **given)
        faults.add(fault)
        return _fault_wire(fault)

    def clear(_ctx: Context, _request: Request) -> ClearedWire:
        """Clear all faults."""
        return ClearedWire(cleared=faults.clear())

    def clear_one(_ctx: Context, request: Request) -> ClearedWire:
        """Clear one fault."""
        if not faults.clear(request.params["id"]):
            raise not_found()
        return ClearedWire(cleared=1)

    read, change = access.operator("kunsthalle.fault.read"), access.operator("kunsthalle.fault.update")
    path = "/_kunsthalle/faults"
    return (
        outside("GET", path, every, family=OPERATOR, access=read, body=None, answer=FaultsWire),
        outside("POST", path, add, family=OPERATOR, access=change, body=FaultBody, answer=FaultWire),
        outside("DELETE", path, clear, family=OPERATOR, access=change, body=None, answer=ClearedWire),
        outside("DELETE", f"{path}/{{id}}", clear_one, family=OPERATOR, access=change, body=None, answer=ClearedWire),
    )


def scenario_routes(scenarios: SavedScenarios) -> tuple[Route, ...]:
    """Saved scenarios: list, save, load, remove."""

    def every(_ctx: Context, _request: Request) -> ScenariosWire:
        """List the saved scenarios."""
        return ScenariosWire(scenarios=[_scenario_wire(one) for one in scenarios.every()])

    def save(_ctx: Context, request: Request) -> ScenarioWire:
        """Save everything the server keeps, under a name."""
        return _scenario_wire(scenarios.save(request.body.name, replace=request.body.replace))

    def load(_ctx: Context, request: Request) -> ScenarioWire:
        """Make everything as it was when the scenario was saved."""
        return _scenario_wire(scenarios.load(request.params["name"]))

    def remove(_ctx: Context, request: Request) -> ScenarioWire:
        """Forget a saved scenario."""
        return _scenario_wire(scenarios.remove(request.params["name"]))

    read, change = access.operator("kunsthalle.scenario.read"), access.operator("kunsthalle.scenario.update")
    path = "/_kunsthalle/scenarios"
    one = f"{path}/{{name}}"
    return (
        outside("GET", path, every, family=OPERATOR, access=read, body=None, answer=ScenariosWire),
        outside("POST", path, save, family=OPERATOR, access=change, body=SaveBody, answer=ScenarioWire),
        outside("POST", f"{one}/load", load, family=OPERATOR, access=change, body=None, answer=ScenarioWire),
        outside("DELETE", one, remove, family=OPERATOR, access=change, body=None, answer=ScenarioWire),
    )
