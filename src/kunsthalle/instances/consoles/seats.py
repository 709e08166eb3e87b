"""Who has the serial console of an instance: one client at a time, whichever node it is connected to.

In one process that is remembered in memory. Nodes that share a database keep it there: whoever has a console says so
again and again, so that a node that was killed loses it within seconds, and sees there that another is to have it.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import field
from functools import partial
from typing import Any, Protocol

from kunsthalle.authz.context import Context
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import Problem, conflict
from kunsthalle.core.log import get_logger
from kunsthalle.core.records import dataclass
from kunsthalle.db import kv
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.tables import facts
from kunsthalle.db.unscoped import remove_rows

log = get_logger("consoles")
IN_USE_CODE = "instance_console_in_use"
LASTS = 5 * SECOND
"""Real time after which a console is free whose holder says nothing any more."""


@dataclass(eq=False, slots=True)
class Seat:
    """Whoever has a console: `taken` tells it to leave, `left` tells others of the process that it has."""

    taken: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)


class Seats(Protocol):
    """Gives consoles to clients."""

    async def take(self, stack: contextlib.AsyncExitStack, instance_id: str, *, force: bool) -> Seat:
        """The console of an instance until the stack ends. `force` has its holder leave first; else 409."""


def in_use() -> Problem:
    """The console has a holder who is not to be hung up on."""
    return conflict(IN_USE_CODE, "The serial console is in use; `force` hangs up on its user.")


class SeatsOfProcess:
    """See Seats: those of the only process of a store."""

    def __init__(self) -> None:
        self._seats: dict[str, Seat] = {}

    async def take(self, stack: contextlib.AsyncExitStack, instance_id: str, *, force: bool) -> Seat:
        """See Seats.take."""
        seat = Seat()
        while (other := self._seats.get(instance_id)) is not None:
            if not force:
                raise in_use()
            other.taken.set()
            await other.left.wait()
        self._seats[instance_id] = seat
        stack.callback(self._leave, instance_id, seat)
        return seat

    def _leave(self, instance_id: str, seat: Seat) -> None:
        del self._seats[instance_id]
        seat.left.set()


class SeatsOfNodes:
    """See Seats: those of all nodes of a database. `pause` is the seconds between two looks at it."""

    def __init__(self, store: Store, base: Context, pause: float) -> None:
        self._store, self._base, self._pause = store, base, pause

    async def take(self, stack: contextlib.AsyncExitStack, instance_id: str, *, force: bool) -> Seat:
        """See Seats.take."""
        me, seat = self._base.ids.uuid(), Seat()
        while not await self._write(  # noqa: ASYNC110  another process sets nothing here
            partial(_take, instance_id=instance_id, me=me, force=force)
        ):
            await asyncio.sleep(self._pause)
        stack.push_async_callback(self._write, partial(_leave, instance_id=instance_id, me=me))
        holding = asyncio.create_task(self._hold(instance_id, me, seat))
        stack.callback(holding.cancel)
        return seat

    async def _hold(self, instance_id: str, me: str, seat: Seat) -> None:
        while True:
            await asyncio.sleep(self._pause)
            try:
                if not await self._write(partial(_hold, instance_id=instance_id, me=me)):
                    seat.taken.set()
                    return
            except Exception:
                log.exception("console not held", instance=instance_id)

    async def _write(self, function: Any) -> Any:
        return await self._store.write_async(self._base, function)


def _key(instance_id: str) -> str:
    return f"console:{instance_id}"[:64]


def _take(session: Session, instance_id: str, me: str, *, force: bool) -> bool:
    """Whether the console is mine now; if not, its holder has been told to leave."""
    key, now = _key(instance_id), session.ctx.clock.real()
    seat: dict[str, Any] | None = kv.locked(session, key)
    if seat is None or seat["until"] < now:
        kv.put(session, key, {"holder": me, "until": now + LASTS, "next": ""})
        return True
    if not force:
        raise in_use()
    kv.put(session, key, {**seat, "next": me})
    return False


def _hold(session: Session, instance_id: str, me: str) -> bool:
    """Whether I go on to have the console."""
    key = _key(instance_id)
    seat: dict[str, Any] | None = kv.locked(session, key)
    if seat is None or seat["holder"] != me or seat["next"]:
        return False
    kv.put(session, key, {**seat, "until": session.ctx.clock.real() + LASTS})
    return True


def _leave(session: Session, instance_id: str, me: str) -> None:
    seat: dict[str, Any] | None = kv.locked(session, _key(instance_id))
    if seat is None or seat["holder"] == me:
        remove_rows(session, facts, facts.c.key == _key(instance_id))
