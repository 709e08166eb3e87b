"""What `GET /_kunsthalle/clock` says of the clock: a declared word, whatever the class is called."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

from fixtures.worlds import TestClock, World
from kunsthalle.core.clock import MovableClock, SystemClock
from kunsthalle.operator.routes_control import _clock_response
from kunsthalle.settings import Settings


def test_the_kind_is_declared(world: World) -> None:
    def kind(clock: MovableClock) -> str:
        return world.read(world.base, _clock_response, clock).kind

    assert kind(SystemClock()) == "system"
    assert kind(TestClock()) == "manual", "a class of another name"


def test_the_kinds_are_those_of_the_setting() -> None:
    choices = next(setting.metadata["choices"] for setting in fields(Settings) if setting.name == "clock")
    assert tuple(clock.kind for clock in get_args(MovableClock)) == choices
