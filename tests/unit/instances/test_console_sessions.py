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
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.instances.consoles.console_sessions import CLIENT_TOO_SLOW, Serial


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
