"""A session at its edges: a guest that reads nothing, a client that leaves or goes on typing all the same."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect

from fixtures.engines import storage_at
from fixtures.threads import PATIENCE
from kunsthalle.hypervisor.channels import SocketLine
from kunsthalle.hypervisor.protocol import Excerpt, Hypervisor
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.instances.consoles.console_sessions import CLIENT_TOO_SLOW, ENDED, LiveSerial, Serial


class Client:
    """What a web socket is to a session: messages in their order, then a disconnect, or nothing any more."""

    def __init__(self, *said: bytes, leaves: bool) -> None:
        self.said, self.leaves = deque(said), leaves

    async def receive(self) -> dict[str, Any]:
        if self.said:
            return {"type": "websocket.receive", "bytes": self.said.popleft()}
        if not self.leaves:
            await asyncio.Event().wait()
        return {"type": "websocket.disconnect", "code": 1001}


def _run(client: Client, line: socket.socket, root: Path) -> tuple[int, str]:
    async def session() -> tuple[int, str]:
        web, engine = cast("WebSocket", client), Simulated(root, storage_at(root))
        async with asyncio.timeout(PATIENCE):
            return await Serial(web, asyncio.Event(), SocketLine(line), engine, "0717_any", 0.01).run()

    return asyncio.run(session())


def _deaf() -> tuple[socket.socket, socket.socket]:
    """A line whose other end nobody reads, soon full."""
    line, guest = socket.socketpair()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    return line, guest


def test_a_client_may_leave_a_guest_that_reads_nothing(tmp_path: Path) -> None:
    line, guest = _deaf()
    with line, guest, pytest.raises(WebSocketDisconnect):
        _run(Client(*[b"x" * 1_024] * 30, leaves=True), line, tmp_path)


def test_what_waits_for_a_guest_is_bounded(tmp_path: Path) -> None:
    line, guest = _deaf()
    with line, guest:
        assert _run(Client(*[b"x" * 1_024] * 200, leaves=False), line, tmp_path) == CLIENT_TOO_SLOW


def test_all_that_is_typed_before_a_client_leaves_arrives_in_its_order(tmp_path: Path) -> None:
    line, guest = socket.socketpair()
    typed = [f"line {number}\n".encode() for number in range(100)]
    with line, guest:
        with pytest.raises(WebSocketDisconnect):
            _run(Client(*typed, leaves=True), line, tmp_path)
        guest.setblocking(False)
        assert guest.recv(1 << 16) == b"".join(typed)


class Line:
    """A guest elsewhere, whose line tells all: it answers what it is told, and has hung up when it has said it all."""

    tells_all = True

    def __init__(self, *said: bytes) -> None:
        self.heard: list[bytes] = []
        self.spent = asyncio.Event()
        self.said: asyncio.Queue[bytes] = asyncio.Queue()
        for part in (*said, b""):
            self.said.put_nowait(part)

    async def read(self) -> bytes:
        part = await self.said.get()
        if not part:
            self.spent.set()
        return part

    async def write(self, text: bytes) -> None:
        self.heard.append(text)

    def close(self) -> None:
        """Nothing is held."""


class Reader(Client):
    """A client that keeps what it is sent; until `eager` it takes none of it."""

    def __init__(self, *said: bytes, eager: bool = True) -> None:
        super().__init__(*said, leaves=False)
        self.got, self.takes = bytearray(), asyncio.Event()
        if eager:
            self.takes.set()

    async def send_bytes(self, part: bytes) -> None:
        await self.takes.wait()
        self.got += part


class Spoken:
    """An engine that knows what was said before."""

    def read_console(self, server_id: str, start: int | None, max_bytes: int) -> Excerpt:
        assert (server_id, start) == ("0717_any", None)
        assert max_bytes > 4
        return Excerpt(0, 4, b"old ")


def _live(reader: Reader, line: Line) -> LiveSerial:
    web, engine = cast("WebSocket", reader), cast("Hypervisor", Spoken())
    return LiveSerial(web, asyncio.Event(), line, engine, "0717_any")


def test_a_guest_elsewhere_is_told_and_says_it_all_in_its_order() -> None:
    async def story() -> tuple[bytes, list[bytes], tuple[int, str]]:
        reader, line = Reader(b"typed"), Line(*[b"%d " % number for number in range(50)])
        async with asyncio.timeout(PATIENCE):
            ended = await _live(reader, line).run()
        return bytes(reader.got), line.heard, ended

    got, heard, ended = asyncio.run(story())
    assert (got, heard, ended) == (b"old " + b"".join(b"%d " % number for number in range(50)), [b"typed"], ENDED)


def test_a_client_that_takes_nothing_holds_no_guest_up() -> None:
    async def story() -> bytes:
        reader, line = Reader(eager=False), Line(*[b"%06d " % number for number in range(400_000)])
        async with asyncio.timeout(PATIENCE):
            session = asyncio.create_task(_live(reader, line).run())
            await line.spent.wait()
            reader.takes.set()
            await session
        return bytes(reader.got)

    got = asyncio.run(story())
    assert got.endswith(b"399999 "), "the newest is there"
    assert len(got) <= (1 << 20) + 10, "and no more than is bounded"
