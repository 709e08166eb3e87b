"""Formats, states, effects, surfaces: what is none of a closed set raises, wherever it is decided by."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Never

import pytest
from sqlalchemy import true

import kunsthalle
from fixtures.worlds import World
from kunsthalle.accounts.tables import accounts
from kunsthalle.api import fault_injection
from kunsthalle.api.asgi import Answer
from kunsthalle.app import _clock
from kunsthalle.cli import fault_verb as faults_command
from kunsthalle.core.closed_tables import ClosedTable, UnknownMember
from kunsthalle.core.fault_effects import EFFECTS, CallEffect, JobEffect, TokenEffect, effects_on
from kunsthalle.core.fault_sets import SETS
from kunsthalle.core.faults import Fault, Faults
from kunsthalle.db.engine import Store
from kunsthalle.db.unscoped import _insert_for
from kunsthalle.db.wildcards import any_item
from kunsthalle.disk_images import import_rules, qemu_img
from kunsthalle.hypervisor.protocol import Status
from kunsthalle.iam import custom_roles, history, time_conditions
from kunsthalle.ibmcloud.grammar import Flag, _valued
from kunsthalle.instances import ended_machines
from kunsthalle.jobs import queue
from kunsthalle.jobs.worker import Worker
from kunsthalle.local import environment
from kunsthalle.networks import dns
from kunsthalle.testing.world_faults import WorldFaults


def _tables() -> dict[str, ClosedTable[Any, Any]]:
    names = [module.name for module in pkgutil.walk_packages(kunsthalle.__path__, "kunsthalle.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, ClosedTable)
    }


TABLES = _tables()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_has_no_value_for_a_member_that_is_planted(name: str) -> None:
    with pytest.raises(UnknownMember, match="'planted'") as caught:
        TABLES[name]["planted"]
    assert caught.value.what in str(caught.value)


def test_the_tables_are_found() -> None:
    """By state, by reason, by surface, by mark."""
    assert len(TABLES) >= 12
    assert {table.what for table in TABLES.values()} >= {
        "reason",
        "surface",
        "state of an instance",
        "state of a volume",
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"a": 1}, r"letter: without a value \['b'\], unknown \[\]"),
        ({"a": 1, "b": 2, "c": 3}, r"letter: without a value \[\], unknown \['c'\]"),
    ],
)
def test_a_table_is_complete_or_none(values: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClosedTable("letter", ("a", "b"), values)
    assert ClosedTable("letter", ("a", "b"), {"a": 1, "b": 2})["b"] == 2


@pytest.mark.parametrize("url", ["mysql://localhost/x", "oracle://localhost/x", "", "sqlitefile.db"])
def test_an_engine(url: str) -> None:
    with pytest.raises(UnknownMember, match="unknown database engine"):
        Store(url)


def test_an_engines_own_statements() -> None:
    session: Any = SimpleNamespace(dialect="mysql")
    with pytest.raises(UnknownMember, match="unknown database engine: 'mysql'"):
        _insert_for(session, accounts)
    with pytest.raises(UnknownMember, match="unknown database engine: 'mysql'"):
        any_item("mysql", accounts.c.name, lambda _value: true())


def test_the_effects_are_those_of_calls_jobs_and_tokens() -> None:
    assert set(EFFECTS) == {*CallEffect.__args__, *JobEffect.__args__, *TokenEffect.__args__}  # type: ignore[attr-defined]  # of a Literal


@pytest.mark.parametrize(
    ("method", "names"),
    [
        (WorldFaults.call, effects_on("call")),
        (WorldFaults.job, effects_on("job")),
        (WorldFaults.use_set, tuple(SETS)),
    ],
)
def test_whoever_tests_with_worlds_is_told_every_effect_and_set(method: Any, names: tuple[str, ...]) -> None:
    listed = re.search(r"(?:one of|ships:) ([\w, -]+)\.", " ".join(method.__doc__.split()))
    assert listed is not None
    assert tuple(listed[1].split(", ")) == names


@pytest.mark.parametrize("effect", effects_on("call"))
def test_every_effect_on_calls_is_applied(effect: str) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def respond() -> Answer:
        return Answer(200, {}, b"{}")

    fault = Fault(id="f", on="call", match="*", effect=effect)
    asyncio.run(fault_injection.answer(fault, respond, lambda problem: Answer(problem.reason.value, {}, b"{}"), send))
    assert sent[0]["type"] == "http.response.start"


@pytest.mark.parametrize("effect", ["explode", *JobEffect.__args__])  # type: ignore[attr-defined]  # of a Literal
def test_an_effect_on_calls_does_nothing_else(effect: str) -> None:
    async def never(*_arguments: Any) -> Never:
        raise AssertionError("carried out or answered")

    def refuse(_problem: Any) -> Never:
        raise AssertionError("refused")

    fault = Fault(id="f", on="call", match="*", effect=effect)
    with pytest.raises(UnknownMember, match=f"unknown effect of a fault on calls: '{effect}'"):
        asyncio.run(fault_injection.answer(fault, never, refuse, never))


@pytest.mark.parametrize("effect", ["explode", *CallEffect.__args__])  # type: ignore[attr-defined]  # of a Literal
def test_an_effect_on_jobs_ends_none(world: World, effect: str) -> None:
    ctx = world.account()
    world.write(ctx, queue.enqueue, "kind", "subject")
    worker = Worker(world.store, world.base, [queue.Handler("kind", _never_run, _never_given_up)], faults=Faults())
    worker._faults.add(Fault(id="f", on="job", match="*", effect=effect))
    with pytest.raises(UnknownMember, match=f"unknown effect of a fault on jobs: '{effect}'"):
        worker._take("owner", transfers=True)


def _never_run(_run: queue.Run) -> None:
    raise AssertionError("run")


def _never_given_up(*_arguments: Any) -> None:
    raise AssertionError("given up")


def test_an_effect_is_shown_for_each_that_there_is() -> None:
    fault = {"status": 503, "seconds": 2}
    shown = {effect: faults_command._effect({**fault, "effect": effect}) for effect in EFFECTS}
    assert (shown["refuse"], shown["cut"], shown["hold"]) == ("refuse 503", "cut", "hold 2s")
    with pytest.raises(KeyError, match="explode"):
        faults_command._effect({**fault, "effect": "explode"})


def test_a_clock(world: World) -> None:
    settings: Any = SimpleNamespace(clock="sundial")
    with pytest.raises(UnknownMember, match="unknown clock: 'sundial'"):
        _clock(settings, world.store, lambda _clock: world.base)


def test_a_resolver(world: World) -> None:
    vpc: Any = SimpleNamespace(id="vpc", dns={"type": "multicast", "vpc_id": None, "manual_servers": []})
    with pytest.raises(UnknownMember, match="unknown type of a resolver: 'multicast'"):
        world.read(world.base, lambda session: dns._servers(vpc, session))


def test_a_condition_on_time() -> None:
    with pytest.raises(UnknownMember, match="'tide'"):
        time_conditions._moment("tide", "12:00")
    with pytest.raises(UnknownMember, match="'tide'"):
        time_conditions._of("tide", datetime(2026, 1, 1, tzinfo=UTC))


def test_a_type_of_policy() -> None:
    with pytest.raises(UnknownMember, match="unknown type of a policy: 'denial'"):
        custom_roles.offered("is", None, "denial")


def test_an_action_on_an_identity(world: World) -> None:
    with pytest.raises(UnknownMember, match="unknown action on an identity: 'rename'"):
        world.write(world.base, history.note, "id", "rename")


def test_a_machine_that_runs_has_not_ended(world: World) -> None:
    instance: Any = SimpleNamespace(id="x", revision=1)
    with pytest.raises(UnknownMember, match="unknown status of a machine that has ended"):
        world.write(world.base, ended_machines._ended, instance, Status.RUNNING)


def test_a_form_of_variables() -> None:
    assert set(environment._RENDERERS) == set(environment.FORMATS)
    with pytest.raises(KeyError, match="xml"):
        environment.render({}, "xml")


def test_a_kind_of_flag() -> None:
    with pytest.raises(ValueError, match="unknown kind 'colour'"):
        _valued(Flag("shade", "VALUE", "", kind="colour"), "red")


def test_a_format_of_images() -> None:
    with pytest.raises(ValueError, match="no such image format: vdi"):
        import_rules.get("vdi")
    assert set(qemu_img._MEASURED_WITH) == set(qemu_img._TARGET_OPTIONS)
    with pytest.raises(KeyError, match="vdi"):
        qemu_img._MEASURED_WITH["vdi"]
