"""What `GET /_kunsthalle/clock` says of the clock: a declared word, whatever the class is called."""

from __future__ import annotations

from typing import get_args

from fixtures.worlds import TestClock, World
from kunsthalle.cli.main import _CHOICES
from kunsthalle.core.clock import MovableClock, SystemClock
from kunsthalle.operator.routes_control import _clock_response


def test_the_kind_is_declared(world: World) -> None:
    def kind(clock: MovableClock) -> str:
        return world.read(world.base, _clock_response, clock).kind

    assert kind(SystemClock()) == "system"
    assert kind(TestClock()) == "manual", "a class of another name"


def test_the_kinds_are_those_of_the_setting() -> None:
    assert [clock.kind for clock in get_args(MovableClock)] == _CHOICES["clock"]
