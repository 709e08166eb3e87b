"""Locks of servers in the database, and an engine that several nodes share."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from fixtures.engines import storage_at
from fixtures.worlds import World
from kunsthalle.core.clock import SECOND, MovableClock
from kunsthalle.db.session import Session
from kunsthalle.db.tables import leases
from kunsthalle.hypervisor.disk_protocol import DiskKind, DiskSpec
from kunsthalle.hypervisor.protocol import NotRunning, ServerSpec
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.instances.locked_engine import LockedEngine
from kunsthalle.instances.server_locks import LOCK_SECONDS, LockHeld, ServerLocks


@pytest.fixture
def world(both: World) -> World:
    """On each database."""
    return both


class Late:
    """A clock that is so many seconds ahead of the world's in real time."""

    def __init__(self, clock: MovableClock, seconds: int) -> None:
        self._clock, self._ahead, self.now = clock, seconds * SECOND, clock.now

    def real(self) -> int:
        return self._clock.real() + self._ahead


class Patient:
    """Waits by doing what the test says, once."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.waited, self._meanwhile = 0.0, [meanwhile]

    def __call__(self, seconds: float) -> None:
        self.waited += seconds
        for then in self._meanwhile:
            then()
        self._meanwhile.clear()


def test_a_server_is_one_nodes_at_a_time_and_others_are_not_held_up(world: World) -> None:
    waiting = Patient()
    locks = [ServerLocks(world.store, world.base, waiting) for _ in range(2)]
    with locks[0].hold("a"):
        with locks[1].hold("b"):
            pass
        with pytest.raises(LockHeld, match="server a "), locks[1].hold("a", patience=2):
            pass
        assert 2 <= waiting.waited < 3
    with locks[1].hold("a"):
        pass


def test_who_waits_gets_the_lock_when_it_is_given_back(world: World) -> None:
    first = ServerLocks(world.store, world.base).hold("a")
    first.__enter__()
    waiting = Patient(lambda: first.__exit__(None, None, None) and None)
    with ServerLocks(world.store, world.base, waiting).hold("a"):
        assert waiting.waited > 0


def test_the_lock_of_a_node_that_died_is_free_after_a_while_and_stays_with_who_took_it(world: World) -> None:
    late = dataclasses.replace(world.base, clock=Late(world.clock, LOCK_SECONDS + 1))
    dead, other = ServerLocks(world.store, world.base), ServerLocks(world.store, late)
    with dead.hold("a"):
        taken = other.hold("a", patience=0)
        taken.__enter__()
    with pytest.raises(LockHeld), ServerLocks(world.store, world.base, Patient()).hold("a", patience=1):
        pass
    taken.__exit__(None, None, None)


def test_the_lock_of_a_call_that_takes_long_is_renewed(world: World) -> None:
    clock = Late(world.clock, 0)
    soon = dataclasses.replace(world.base, clock=clock)
    renewed = threading.Event()

    def until(session: Session) -> int:
        return int(session.execute(select(leases.c.until)).scalar_one())

    with ServerLocks(world.store, soon, renewal=0.01).hold("a"):
        before = world.store.read(world.base, until)
        clock._ahead = (LOCK_SECONDS - 1) * SECOND
        for _ in range(1000):
            if world.store.read(world.base, until) >= before + (LOCK_SECONDS - 2) * SECOND:
                break
            renewed.wait(0.01)
        late = dataclasses.replace(world.base, clock=Late(world.clock, LOCK_SECONDS + 1))
        with pytest.raises(LockHeld), ServerLocks(world.store, late, Patient()).hold("a", patience=0):
            pass
    with ServerLocks(world.store, world.base).hold("a", patience=0):
        pass


def test_a_fault_gives_the_lock_back(world: World) -> None:
    locks = ServerLocks(world.store, world.base)
    with pytest.raises(NotRunning), locks.hold("a"):
        raise NotRunning("gone")
    with locks.hold("a", patience=0):
        pass


class Shared(Simulated):
    shared = True


def test_every_call_that_changes_a_machine_holds_its_servers_lock(world: World, tmp_path: Path) -> None:
    locks = ServerLocks(world.store, world.base, Patient())
    inner = Shared(tmp_path / "machines", storage_at(tmp_path))
    engine = LockedEngine(inner, locks)
    inner.disks.ensure(DiskSpec(DiskKind.VOLUME, "boot", 1 << 30, room_bytes=1 << 30))
    spec = ServerSpec("a", "a", "boot", 1, 64, None, "02:00:00:00:00:01")
    changes: dict[str, Callable[[], object]] = {
        "start": lambda: engine.start(spec),
        "set_disks": lambda: engine.set_disks("a", ()),
        "reset": lambda: engine.reset("a"),
        "press": lambda: engine.press("a"),
        "stop": lambda: engine.stop("a", 0),
        "delete": lambda: engine.delete("a"),
    }
    held: list[str] = []
    for name, call in changes.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(inner, name, lambda *_rest, name=name, **_more: held.append(name) or _tried(locks))
            assert call() in (True, None), name
    assert held == list(changes)
    for call in changes.values():
        call()
    assert inner.servers() == engine.servers() == []
    with locks.hold("a"):
        assert engine.lives("a") is False
        assert engine.states(["a"], thorough=True) == inner.states(["a"], thorough=True)
        engine.press("a")  # whoever is at work on it knows better


def _tried(locks: ServerLocks) -> bool:
    """True where nobody else gets the lock now."""
    with pytest.raises(LockHeld), locks.hold("a", patience=0):
        pass
    return True
