"""Walks of random steps over catalogs, sharing, the tree and the clock: who may boot is always what the rules say.

So is what is listed, and how many there are said to be.

A run takes a share of the steps, and `./dev nightly boot` all of them.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from fixtures.postgres import Cluster
from fixtures.walks import Reached, share
from fixtures.worlds import make_world
from kunsthalle.db import list_versions
from unit.catalogs.account_tree import ACCOUNTS, lay
from unit.catalogs.rules import BRANCHES
from unit.catalogs.walker import TRANSITIONS, Walker

STEPS = share(60, 20_000)
LONG = 50
PHASES = [Phase.explicit, Phase.generate, Phase.shrink]
ANY = st.integers(0, 999)
NAMES = st.sampled_from(ACCOUNTS[1:])
MOST_EDITIONS = 6


def _has(what: str) -> Callable[[Any], bool]:
    return lambda machine: bool(getattr(machine.walk, what))


HAS_TITLES, HAS_EDITIONS = precondition(_has("titles")), precondition(_has("editions"))


class Machine(RuleBasedStateMachine):
    """Chooses steps. Places are chosen by numbers that are taken modulo what there is."""

    begin: Callable[[], Walker]

    def __init__(self) -> None:
        super().__init__()
        self.walk = type(self).begin()
        for number in range(2):
            self.walk.shelf()
            self.walk.title(number)
            self.walk.picture()
            self.walk.edition(number, number)
            self.walk.validate(number)
            self.walk.step(number, "publish")
            self.walk.share(number, self.walk.identifiers()[1 + 3 * number])
            self.walk.flags(number, enabled=True, public=False)
        self.walk.answer("near", accepts=True)

    def check_invariants(self, *given: Any, **more: Any) -> None:
        super().check_invariants(*given, **more)
        self.walk.compare()

    def teardown(self) -> None:
        self.walk.close()

    def _at(self, what: list[Any], number: int) -> int:
        return number % len(what)

    def _identifier(self, number: int) -> str:
        known = self.walk.identifiers()
        return known[number % len(known)]

    @precondition(lambda machine: len(machine.walk.pictures) < MOST_EDITIONS)
    @rule()
    def picture(self) -> None:
        self.walk.picture()

    @precondition(lambda machine: len(machine.walk.shelves) < 3)
    @rule()
    def shelf(self) -> None:
        self.walk.shelf()

    @precondition(lambda machine: len(machine.walk.titles) < 4)
    @rule(at=ANY)
    def title(self, at: int) -> None:
        self.walk.title(self._at(self.walk.shelves, at))

    @rule(at=ANY, label=st.sampled_from(["a", "b"]), hidden=st.booleans())
    def rewrite(self, at: int, label: str, hidden: bool) -> None:
        self.walk.rewrite(self._at(self.walk.titles, at), label, hidden=hidden)

    @precondition(lambda machine: len(machine.walk.editions) < MOST_EDITIONS)
    @rule(at=ANY, picture=ANY)
    def edition(self, at: int, picture: int) -> None:
        self.walk.edition(self._at(self.walk.titles, at), self._at(self.walk.pictures, picture))

    @HAS_EDITIONS
    @rule(at=ANY)
    def validate(self, at: int) -> None:
        self.walk.validate(self._at(self.walk.editions, at))

    @HAS_EDITIONS
    @rule(at=ANY)
    def publish(self, at: int) -> None:
        """Validated and published in one: most walks should come to something that boots."""
        self.walk.validate(self._at(self.walk.editions, at))
        self.walk.step(self._at(self.walk.editions, at), "publish")

    @HAS_EDITIONS
    @rule(at=ANY, name=st.sampled_from(["prerelease", "publish", "suspend", "archive"]))
    def step(self, at: int, name: str) -> None:
        self.walk.step(self._at(self.walk.editions, at), name)

    @HAS_EDITIONS
    @rule(at=ANY, days=st.sampled_from([0, 1, 30, 90]))
    def deprecate(self, at: int, days: int) -> None:
        self.walk.deprecate(self._at(self.walk.editions, at), days)

    @HAS_EDITIONS
    @rule(at=ANY)
    def undo_deprecation(self, at: int) -> None:
        self.walk.undo_deprecation(self._at(self.walk.editions, at))

    @HAS_EDITIONS
    @rule(at=ANY)
    def take_out(self, at: int) -> None:
        self.walk.take_out(self._at(self.walk.editions, at))

    @HAS_EDITIONS
    @rule(at=ANY)
    def delete_edition(self, at: int) -> None:
        self.walk.delete_edition(self._at(self.walk.editions, at))

    @rule(at=ANY, sure=st.integers(0, 3))
    def delete_title(self, at: int, sure: int) -> None:
        if sure == 0:
            self.walk.delete_title(self._at(self.walk.titles, at))

    @rule(at=ANY, sure=st.integers(0, 1))
    def delete_shelf(self, at: int, sure: int) -> None:
        if sure == 0:
            self.walk.delete_shelf(self._at(self.walk.shelves, at))

    @rule(at=ANY, restore=st.sampled_from([True, True, False]))
    def end_reclamation(self, at: int, restore: bool) -> None:
        self.walk.end_reclamation(self._at(self.walk.shelves, at), restore)

    @rule(at=ANY)
    def delete_picture(self, at: int) -> None:
        self.walk.delete_picture(self._at(self.walk.pictures, at))

    @rule(at=ANY, whom=ANY)
    def share(self, at: int, whom: int) -> None:
        at = self._at(self.walk.titles, at)
        self.walk.share(at, self._identifier(whom))
        self.walk.flags(at, enabled=True, public=False)

    @rule(at=ANY, whom=ANY)
    def unshare(self, at: int, whom: int) -> None:
        self.walk.unshare(self._at(self.walk.titles, at), self._identifier(whom))

    @rule(at=ANY, enabled=st.booleans(), public=st.booleans())
    def flags(self, at: int, enabled: bool, public: bool) -> None:
        self.walk.flags(self._at(self.walk.titles, at), enabled=enabled, public=public)

    @rule(name=NAMES, accepts=st.sampled_from([True, True, False]))
    def answer(self, name: str, accepts: bool) -> None:
        self.walk.answer(name, accepts=accepts)

    @rule(which=st.integers(4, 6), accepts=st.booleans())
    def answer_above(self, which: int, accepts: bool) -> None:
        self.walk.answer_above(self._identifier(which), accepts=accepts)

    @rule(whom=ANY)
    def withdraw(self, whom: int) -> None:
        self.walk.withdraw(self._identifier(whom))

    @rule(at=ANY, grants=st.booleans())
    def operator(self, at: int, grants: bool) -> None:
        self.walk.operator(self._at(self.walk.titles, at), grants=grants)

    @rule(name=st.sampled_from(ACCOUNTS), place=st.integers(0, 2))
    def move(self, name: str, place: int) -> None:
        if name != "outsider" or place == 1:
            self.walk.move(name, place)

    @rule(days=st.sampled_from([1, 3, 7, 30]))
    def travel(self, days: int) -> None:
        self.walk.travel(days)


@pytest.fixture(autouse=True)
def _short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of a few offerings are paged as those of thousands are."""
    monkeypatch.setattr(list_versions, "STEP", 1)


def test_who_may_boot_is_what_the_rules_say(sqlite_template: Path, tmp_path: Path, walk_seed: int) -> None:
    first = make_world(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'ground.sqlite')}")
    tree = lay(first)
    first.store.close()

    def begin(number: int) -> Walker:
        path = shutil.copy(tmp_path / "ground.sqlite", tmp_path / f"{number}.sqlite")
        return Walker(tree, make_world(f"sqlite:///{path}"), str(number))

    _walk(begin, STEPS, walk_seed).require_all()


@pytest.mark.by_turns(3)
@pytest.mark.needs_postgres
def test_so_it_is_on_postgresql(cluster: Cluster, postgres_database: str, postgres_url: str, walk_seed: int) -> None:
    def begin(number: int) -> Walker:
        cluster.empty(postgres_database)
        world = make_world(postgres_url)
        return Walker(lay(world), world, str(number))

    _walk(begin, max(40, STEPS // 3), walk_seed)


def _walk(start: Callable[[int], Walker], steps: int, first: int) -> Reached:
    """So many steps in walks from the first seed on; how often they came to each branch of the rules."""
    walks: list[Walker] = []

    def begin() -> Walker:
        walks.append(start(len(walks)))
        return walks[-1]

    class Begun(Machine):
        """Each walk begins on ground of its own."""

    Begun.begin = staticmethod(begin)  # type: ignore[method-assign]  # how hypothesis makes a machine is its own
    taken = 0
    while taken < steps:
        chosen = settings(
            max_examples=(steps - taken) // LONG + 1,
            stateful_step_count=LONG,
            deadline=None,
            database=None,
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(seed(first + len(walks))(Begun), settings=chosen)
        taken = sum(walk.steps for walk in walks)
    reached = Reached((*BRANCHES, *TRANSITIONS))
    for walk in walks:
        reached.update(walk.rules.reached)
        reached.update(walk.passed)
    sys.stdout.write(f"{taken} steps in {len(walks)} walks came to {dict(reached)}\n")
    assert sum(walk.lent for walk in walks), "somebody else boots something"
    return reached
