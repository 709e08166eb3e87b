"""How long the server waits for a web socket, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from kunsthalle.cli.bounded_http import BoundedProtocol
from kunsthalle.cli.connections import Connections, Limits
from kunsthalle.cli.serve import web_socket

PATIENCE = 30
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Console:
    """An application that answers a handshake when it may."""

    def __init__(self) -> None:
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def __call__(self, _scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        await receive()
        self.asked.set()
        await self.may_answer.wait()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass


@asynccontextmanager
async def connected(register: Connections, console: Console) -> AsyncIterator[Connection]:
    """A client whose handshake the application has been asked about."""
    config = uvicorn.Config(
        cast("Any", console), ws=cast("type[asyncio.Protocol]", partial(web_socket, register)), log_config=None
    )
    state = ServerState()
    make = partial(BoundedProtocol, register, config=config, server_state=state, app_state={})
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        writer.write(HANDSHAKE)
        await console.asked.wait()
        yield reader, writer
    finally:
        writer.close()
        console.may_answer.set()
        server.close()
        await asyncio.gather(*state.tasks)


async def _closed(reader: asyncio.StreamReader) -> bool:
    """Whether the server has closed, having said nothing."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


def test_a_handshake_without_an_answer_ends_with_the_time_for_headers() -> None:
    async def story() -> None:
        loop, console, register = asyncio.get_running_loop(), Console(), Connections(Limits(header_timeout=15))
        async with asyncio.timeout(PATIENCE), connected(register, console) as (reader, _):
            register.expire(loop.time() + 14)
            assert len(register) == 1
            register.expire(loop.time() + 16)
            assert await _closed(reader)
            assert len(register) == 0

    asyncio.run(story())


@pytest.mark.parametrize("timeout", [0, 15])
def test_an_open_web_socket_stays(timeout: float) -> None:
    async def story() -> None:
        loop, console, register = asyncio.get_running_loop(), Console(), Connections(Limits(header_timeout=timeout))
        async with asyncio.timeout(PATIENCE), connected(register, console) as (reader, _):
            if not timeout:
                register.expire(loop.time() + 1_000)  # no bound
            console.may_answer.set()
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            register.expire(loop.time() + 1_000)
            assert len(register) == 1

    asyncio.run(story())


def test_what_is_no_frame_ends_the_connection_before_the_handshake_too(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        console, register = Console(), Connections(Limits())
        async with asyncio.timeout(PATIENCE), connected(register, console) as (reader, writer):
            writer.write(b"\xff" * 16)
            assert await _closed(reader)
            assert len(register) == 0

    asyncio.run(story())
    assert not caplog.records
