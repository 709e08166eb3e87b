"""Consoles as web sockets: whoever has a token talks to the guest, by its serial line or by its screen.

What a guest says on its serial line is read where it is kept, so that a session begins with the last that was said and
misses nothing; the line itself rings when there is more, and carries what is typed. A slow reader never holds a guest
up: the line is emptied at once, whatever becomes of the text.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterator
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from kunsthalle.api.asgi import Headers, Query, Receive, Scope, Send
from kunsthalle.api.pipeline import refusal
from kunsthalle.api.surfaces.vpc import VPC
from kunsthalle.api.trace_context import trace_of
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem, Reason, Target, conflict
from kunsthalle.core.log import get_logger
from kunsthalle.db.engine import Store
from kunsthalle.hypervisor.protocol import Channel, Hypervisor, HypervisorError, Line, NotRunning
from kunsthalle.instances.consoles import grants
from kunsthalle.instances.consoles.grants import ConsoleGrant
from kunsthalle.instances.consoles.seats import IN_USE_CODE, Seat, Seats, SeatsOfNodes, SeatsOfProcess

log = get_logger("consoles")

PAUSE = 0.5
"""Seconds after which a serial line that does not ring is looked at all the same."""
_CHUNK = 65_536
_WAITING = 65_536
"""Bytes that may wait for a guest to read them."""
_UNREAD = 1 << 20
"""Bytes that may wait for a client to take them."""
_LAST = 4_096
"""Bytes of what was said before, for a start."""
_PATH = re.compile(r"/v1/instances/([A-Za-z0-9_-]{1,64})/console")
_INSTEAD = "websocket.http.response"
_BINARY = "binary"
"""The subprotocol that viewers of screens ask for."""
_WORDS = "words"
"""The subprotocol of browsers, which tell no script why a web socket was refused: with it a refusal is a close."""
IN_USE, REFUSED = 4409, 4400
"""With which codes a client of that subprotocol is refused: somebody has the console; anything else."""
_LONGEST_REASON = 123
"""Bytes of the words that a web socket is closed with, as RFC 6455 bounds control frames."""

ENDED, TAKEN = (1000, "The server is off."), (4000, "Another session has taken the console.")
CLIENT_TOO_SLOW = 4001, "The guest reads nothing of what is said to it."
"""With which codes and words a session ends that its client did not end."""


class Consoles:
    """The ASGI application for web sockets. What it cannot open it refuses as the VPC API does, before the upgrade."""

    def __init__(self, store: Store, base: Context, hypervisor: Hypervisor, pause: float = PAUSE) -> None:
        self._store, self._base, self._hypervisor, self._pause = store, base, hypervisor, pause
        self._seats: Seats = SeatsOfProcess() if store.embedded else SeatsOfNodes(store, base, pause)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope["headers"])
        ctx, web = self._base.asked(trace_of(headers, self._base.ids), ""), WebSocket(scope, receive, send)
        await web.receive()  # that it wants to connect
        async with contextlib.AsyncExitStack() as stack:
            try:
                session = await self._opened(stack, web, ctx)
            except Problem as problem:
                await _refuse(web, send, problem, ctx)
                return
            except Exception:
                log.exception("a console could not be opened", trace=ctx.trace)
                await _refuse(web, send, _failure(), ctx)
                return
            with contextlib.suppress(WebSocketDisconnect):
                await web.accept(next((name for name in (_BINARY, _WORDS) if name in web.scope["subprotocols"]), None))
                ended = await session.run()
                await stack.aclose()  # the next one need not wait until a client that hears nothing has heard this
                await web.close(*ended)

    async def _opened(self, stack: contextlib.AsyncExitStack, web: WebSocket, ctx: Context) -> Session:
        admission = await self._admitted(web, ctx)
        seat = await self._seated(stack, admission) if admission.line is Channel.SERIAL else Seat()
        line = await asyncio.to_thread(self._connected, admission)
        if line is not None:
            stack.callback(line.close)
        if admission.line is Channel.SERIAL and line is not None and line.tells_all:
            return LiveSerial(web, seat.taken, line, self._hypervisor, admission.instance_id)
        if admission.line is Channel.SERIAL:
            return Serial(web, seat.taken, line, self._hypervisor, admission.instance_id, self._pause)
        if line is None:
            raise _off()
        return Screen(web, seat.taken, line)

    def _connected(self, admission: ConsoleGrant) -> Line | None:
        try:
            return self._hypervisor.connect(admission.instance_id, admission.line)
        except NotRunning as error:
            raise _off() from error
        except HypervisorError as error:
            text = "What the server runs on does not answer now; try again later."
            raise Problem(Reason.UNAVAILABLE, "unavailable", text) from error

    async def _admitted(self, web: WebSocket, ctx: Context) -> ConsoleGrant:
        match = _PATH.fullmatch(web.scope["path"])
        if match is None:
            raise Problem(
                Reason.NOT_FOUND, "invalid_route", "There is no web socket here.", Target("path", "parameter")
            )
        token = Query(web.scope["query_string"]).get("access_token", "")
        # Whoever has no token is not to make those wait who write.
        await self._store.read_async(ctx, lambda session: grants.check(session, match[1], token))
        return await self._store.write_async(ctx, lambda session: grants.spend(session, match[1], token))

    async def _seated(self, stack: contextlib.AsyncExitStack, admission: ConsoleGrant) -> Seat:
        """The serial console to itself. 409 while somebody has it who is not to be hung up on."""
        return await self._seats.take(stack, admission.instance_id, force=admission.force)


async def _refuse(web: WebSocket, send: Send, problem: Problem, ctx: Context) -> None:
    """Refuse before the upgrade, as the VPC API does; after it, and at once, those who asked for words."""
    if _WORDS not in web.scope["subprotocols"]:
        await refusal(problem, VPC, ctx).send(send, _INSTEAD)
        return
    told = problem.message.encode()[:_LONGEST_REASON].decode(errors="ignore")
    with contextlib.suppress(WebSocketDisconnect):
        await web.accept(_WORDS)
        await web.close(IN_USE if problem.code == IN_USE_CODE else REFUSED, told)


def _off() -> Problem:
    return conflict("invalid_state", "The server has no such console now: its machine is not running.")


def _failure() -> Problem:
    return Problem(Reason.INTERNAL, "internal_error", "The server failed; its log has the trace.")


class Session(ABC):
    """A client and a line. It ends with either of them, or when another is given its place."""

    def __init__(self, web: WebSocket, taken: asyncio.Event, line: Line | None) -> None:
        self._web, self._taken, self._line = web, taken, line
        self._loop = asyncio.get_running_loop()
        self._typed, self._typing = bytearray(), asyncio.Event()

    async def run(self) -> tuple[int, str]:
        """Until it ends; the code and the words to close it with. WebSocketDisconnect where the client has left."""
        ends = {
            self._task(self._hear()): CLIENT_TOO_SLOW,
            self._task(self._say()): ENDED,
            self._task(self._taken.wait()): TAKEN,
        }
        aside = [self._task(step) for step in self._aside()]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            first = done.pop()
            await first
            return ends[first]
        finally:
            for task in (*ends, *aside):
                task.cancel()
            await asyncio.gather(*ends, *aside, return_exceptions=True)

    def _task(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        return self._loop.create_task(work)

    def _aside(self) -> Iterator[Coroutine[Any, Any, object]]:
        """What else is done meanwhile."""
        if self._line is not None:
            yield self._pass_on(self._line)

    @abstractmethod
    async def _say(self) -> None:
        """Tells the client what the guest says, until it has ended."""

    async def _hear(self) -> None:
        """Takes what the client says, until more waits for the guest than it will ever read.

        Whatever the guest does, the client is listened to: it may leave. A line that only speaks is told nothing.
        """
        while True:
            message = await self._web.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            if self._line is not None:
                self._typed += message.get("bytes") or (message.get("text") or "").encode()
                self._typing.set()
                await asyncio.sleep(0)  # for whoever passes it on
                if len(self._typed) > _WAITING:
                    return

    async def _pass_on(self, line: Line) -> None:
        """Tells the guest what the client said."""
        with contextlib.suppress(OSError):  # the line is dead, as whoever reads it finds out
            while await self._typing.wait():
                self._typing.clear()
                typed, self._typed = bytes(self._typed), bytearray()
                await line.write(typed)


class Screen(Session):
    """The screen, as it is."""

    async def _say(self) -> None:
        assert self._line is not None  # noqa: S101  nobody opens a screen that is not there
        while part := await self._line.read():
            await self._web.send_bytes(part)


class Serial(Session):
    """The serial line, from the last that was said on. Without a line the guest is read, and listens to nobody."""

    def __init__(
        self,
        web: WebSocket,
        taken: asyncio.Event,
        line: Line | None,
        hypervisor: Hypervisor,
        instance_id: str,
        pause: float,
    ) -> None:
        super().__init__(web, taken, line)
        self._hypervisor, self._id, self._pause = hypervisor, instance_id, pause
        self._rung, self._over = asyncio.Event(), False

    def _aside(self) -> Iterator[Coroutine[Any, Any, object]]:
        yield from super()._aside()
        if self._line is not None:
            yield self._empty(self._line)

    async def _empty(self, line: Line) -> None:
        while await line.read():
            self._rung.set()
        self._over = True
        self._rung.set()

    async def _say(self) -> None:
        at, most = None, _LAST
        while True:
            over = self._over or (self._line is None and not await self._lives())
            self._rung.clear()
            output = await asyncio.to_thread(self._hypervisor.read_console, self._id, at, most)
            at, most = output.end, _CHUNK
            if output.text:
                await self._web.send_bytes(output.text)
            elif over:
                return
            else:
                await self._ring()

    async def _lives(self) -> bool:
        return await asyncio.to_thread(self._hypervisor.lives, self._id)

    async def _ring(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pause):
                await self._rung.wait()


class LiveSerial(Session):
    """The serial line of a guest elsewhere: the last that was said before, and what the line says from then on."""

    def __init__(
        self, web: WebSocket, taken: asyncio.Event, line: Line, hypervisor: Hypervisor, instance_id: str
    ) -> None:
        super().__init__(web, taken, line)
        self._hypervisor, self._id = hypervisor, instance_id
        self._said, self._rung, self._over = bytearray(), asyncio.Event(), False

    def _aside(self) -> Iterator[Coroutine[Any, Any, object]]:
        yield from super()._aside()
        assert self._line is not None  # noqa: S101  a session of this kind has one
        yield self._gather(self._line)

    async def _gather(self, line: Line) -> None:
        """Empties the line at once: of what a client does not take, the oldest is dropped."""
        while part := await line.read():
            self._said += part
            del self._said[:-_UNREAD]
            self._rung.set()
        self._over = True
        self._rung.set()

    async def _say(self) -> None:
        before = await asyncio.to_thread(self._hypervisor.read_console, self._id, None, _LAST)
        if before.text:
            await self._web.send_bytes(before.text)
        while self._said or not self._over:
            await self._rung.wait()
            self._rung.clear()
            part, self._said = bytes(self._said), bytearray()
            if part:
                await self._web.send_bytes(part)
