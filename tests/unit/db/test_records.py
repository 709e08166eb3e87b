"""Our `dataclass` does what Python's does, and compiles an `__init__` only when somebody needs one."""

# mypy: disable-error-code="call-arg"
# (what a decorator makes that is a parameter, mypy cannot know)

from __future__ import annotations

import copy
import dataclasses
import pickle
import threading
from collections.abc import Callable
from dataclasses import field
from typing import Any

import pytest

from kunsthalle.core import records

Make = Callable[..., Any]
MAKERS = [pytest.param(dataclasses.dataclass, id="Python's"), pytest.param(records.dataclass, id="ours")]


def _point(make: Make, **options: bool) -> Any:
    @make(**options)
    class Point:
        x: int
        y: int = 2
        secret: str = field(default="s", repr=False)
        seen: list[int] = field(default_factory=list)
        total: int = field(init=False, default=0)
        first: dict[str, int] = field(init=False, default_factory=dict)

        def norm(self) -> int:
            return self.x + self.y

    return Point


SHAPES = [
    {"frozen": frozen, "slots": slots, "eq": eq, "repr": shows}
    for frozen in (False, True)
    for slots in (False, True)
    for eq in (False, True)
    for shows in (False, True)
]


def _told(action: Callable[[], Any]) -> Any:
    """What a action gives, or the kind of error that it ends with, with its text."""
    try:
        return action()
    except (TypeError, AttributeError, dataclasses.FrozenInstanceError) as error:
        return type(error).__name__, str(error).replace("_point.<locals>.", "")


@pytest.mark.parametrize("options", SHAPES, ids=lambda options: "-".join(name for name, on in options.items() if on))
def test_every_shape_behaves_as_pythons_own(options: dict[str, bool]) -> None:
    def story(make: Make) -> list[Any]:
        kind = _point(make, **options)
        one, same, other = kind(1), kind(x=1), kind(3, 4, seen=[5])
        actions: list[Callable[[], Any]] = [
            lambda: dataclasses.asdict(other),
            lambda: dataclasses.asdict(dataclasses.replace(other, y=9)),
            lambda: (one == same, one != other, one == 1),
            lambda: hash(dataclasses.replace(one, seen=())) == hash(dataclasses.replace(same, seen=())),
            lambda: hash(one) == hash(one),
            lambda: repr(one).split(" object at ")[0],
            lambda: kind(),  # noqa: PLW0108  calls differ in what they lack
            lambda: kind(1, 2, "s", [], 5),
            lambda: kind(1, z=1),
            lambda: setattr(one, "x", 7),
            lambda: delattr(one, "y"),
            lambda: one.seen is same.seen,
            one.norm,
            lambda: kind.__match_args__,
            lambda: hasattr(one, "__dict__"),
            lambda: dataclasses.asdict(copy.copy(other)),
        ]
        return [_told(action) for action in actions]

    assert story(records.dataclass) == story(dataclasses.dataclass)


@records.dataclass(frozen=True, slots=True)
class Sent:
    name: str
    more: tuple[int, ...] = ()


@records.dataclass(frozen=True, slots=True)
class SentOn(Sent):
    to: str = "b"


def test_a_frozen_one_with_slots_is_pickled() -> None:
    for sent in (Sent("a", (1, 2)), SentOn("a", (1,), "c")):
        assert pickle.loads(pickle.dumps(sent)) == sent  # noqa: S301  written on the line itself


@pytest.mark.parametrize("make", MAKERS)
def test_what_a_class_says_itself_counts(make: Make) -> None:
    @make(frozen=True)
    class Own:  # noqa: PLW1641  both decorators make it
        name: str

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __post_init__(self) -> None:
            if not self.name:
                raise ValueError("no name")

    assert repr(Own("a")) == "own"
    assert Own("a") == Own("b") and hash(Own("a")) == hash(Own("a"))
    with pytest.raises(ValueError, match="no name"):
        Own("")


@pytest.mark.parametrize("make", MAKERS)
def test_a_class_below_inherits_and_adds(make: Make) -> None:
    @make(frozen=True, slots=True)
    class Base:
        name: str

    @make(frozen=True, slots=True)
    class Below(Base):
        more: int = 1

    class Plain(Base):
        pass

    assert (Below("a").name, Below("a", 2).more) == ("a", 2)
    assert Plain("b").name == "b"
    assert Base("c").name == "c"
    assert Below("a") != Base("a")


def test_init_is_compiled_by_the_first_call_and_once() -> None:
    kind = _point(records.dataclass, frozen=True, slots=True)
    first = kind.__init__
    kind(1)
    compiled = kind.__init__
    kind(2)
    assert first is not compiled is kind.__init__
    assert first.__code__.co_varnames[:3] == ("self", "arguments", "named")
    assert compiled.__code__.co_varnames[:4] == ("self", "x", "y", "secret")


def test_first_calls_of_many_threads_all_make_whole_instances() -> None:
    kind, made, ready = _point(records.dataclass, frozen=True), [], threading.Barrier(8)

    def make(number: int) -> None:
        ready.wait()
        made.append(kind(number))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.x for one in made) == list(range(8))
