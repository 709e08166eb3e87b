"""Many connections that begin or end at the same moment leave every turn of the event loop to others, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any, cast

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from kunsthalle.api.asgi import Receive, Scope, Send
from kunsthalle.cli.address_turns import REST_SECONDS, TURN_SECONDS, AddressTurns
from kunsthalle.cli.arrivals import Arrival
from kunsthalle.cli.bounded_http import BoundedProtocol
from kunsthalle.cli.connections import Connections, Limits
from unit.cli.test_bounded_http import Socket

HALF = b"POST /half HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{"


@contextmanager
def _noted(notes: list[str], loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Each turn of the loop is noted meanwhile, too."""
    going = True

    def note() -> None:
        if going:
            notes.append("turn")
            loop.call_soon(note)

    note()
    yield
    going = False


def _steps(notes: list[str]) -> list[list[str]]:
    """What was noted in each turn, without those in which nothing was."""
    turns: list[list[str]] = [[]]
    for one in notes:
        if one == "turn":
            turns.append([])
        else:
            turns[-1].append(one)
    return [turn for turn in turns if turn]


LONG = TURN_SECONDS


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        pytest.param(
            LONG,
            [["many 1"], ["many 2"], ["some 1"], ["one 1"], ["many 3"], ["some 2"], ["later"]],
            id="that take a while",
        ),
        pytest.param(
            LONG * 0.6,
            [["many 1"], ["many 2", "some 1"], ["one 1", "many 3"], ["some 2"], ["later"]],
            id="that take less",
        ),
    ],
)
def test_addresses_take_turns_and_steps_of_one_keep_their_order(seconds: float, told: list[list[str]]) -> None:
    async def taken() -> list[list[str]]:
        notes: list[str] = []
        loop = asyncio.get_running_loop()
        turns = AddressTurns(now=lambda: seconds * sum(note != "turn" for note in notes))
        with _noted(notes, loop):
            for name in ("many 1", "many 2", "many 3", "some 1", "some 2", "one 1"):
                turns.take(name.split()[0], partial(notes.append, name), loop)
            await _turns(20)
            turns.take("one", partial(notes.append, "later"), loop)
            assert notes[-1] == "later", "nobody waits where nobody came"
            await _turns(5)
        return _steps(notes)

    assert asyncio.run(taken()) == told


def test_addresses_of_one_network_have_one_turn() -> None:
    """A host of IPv6 has a whole network of addresses."""
    loop, taken = RestingLoop(), list[str]()
    turns = AddressTurns(now=count().__next__)
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"):
        turns.take(address, partial(taken.append, address), cast("asyncio.AbstractEventLoop", loop))
    for _ in range(2):
        loop.go_on()
    assert taken == ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]


def test_the_loop_rests_between_two_steps_while_threads_work() -> None:
    """So it is asked for a timer and not for its next turn: threads have the interpreter meanwhile."""
    loop, busy = RestingLoop(), [True]
    turns = AddressTurns(lambda: busy[0], now=iter(range(100)).__next__)
    for number in range(4):
        turns.take("many", partial(loop.notes.append, f"step {number}"), cast("asyncio.AbstractEventLoop", loop))
    loop.go_on()
    loop.go_on()
    busy.clear()
    busy.append(False)
    loop.go_on()
    assert loop.notes == ["next turn", "step 0", "timer", "step 1", "timer", "step 2", "next turn", "step 3"]


class RestingLoop:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._waiting: list[Callable[[], Any]] = []

    def call_soon(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.notes.append("next turn")
        self._waiting.append(partial(call, *arguments))

    def call_later(self, seconds: float, call: Callable[..., Any], *arguments: Any) -> None:
        assert seconds == REST_SECONDS
        self.notes.append("timer")
        self._waiting.append(partial(call, *arguments))

    def go_on(self) -> None:
        self._waiting.pop(0)()


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class _Server:
    """Notes when it is asked, and when it hears that a client has left."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.register = Connections(Limits(60, 60, 60, 100, 100))
        self.register.turns = AddressTurns(now=count().__next__)  # every step takes a while
        quiet = {"log_config": None, "access_log": False, "server_header": False, "date_header": False}
        self._config = Config(self._task, interface="asgi3", proxy_headers=False, **quiet)
        self._config.load()

    async def _task(self, _scope: Scope, receive: Receive, _send: Send) -> None:
        self.notes.append("asked")
        await receive()
        if (await receive())["type"] == "http.disconnect":
            self.notes.append("left")

    def connection(self) -> Switched:
        more: dict[str, Any] = {"config": self._config, "server_state": ServerState(), "app_state": {}}
        return Switched(Arrival(self.register, partial(BoundedProtocol, self.register), **more))


class Switched(Socket):
    """A transport that another protocol may take over."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._protocol = protocol
        protocol.connection_made(self)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast("asyncio.Protocol", protocol)

    def data_received(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def lose(self) -> None:
        self.closed = True
        self._protocol.connection_lost(None)


def _noticed(story: Callable[[list[Switched], _Server], Any]) -> list[list[str]]:
    """What a server notices of five connections in each turn."""

    async def told() -> list[list[str]]:
        notes: list[str] = []
        server = _Server(notes)
        with _noted(notes, asyncio.get_running_loop()):
            await story([server.connection() for _ in range(5)], server)
        return _steps(notes)

    return asyncio.run(told())


def test_requests_that_come_with_many_new_connections_begin_one_by_one() -> None:
    async def story(connections: list[Switched], _server: _Server) -> None:
        for one in connections:
            one.data_received(HALF)
        await _turns(20)

    assert _noticed(story) == [["asked"]] * 5


def test_what_comes_behind_the_first_waits_with_it() -> None:
    async def story(connections: list[Switched], server: _Server) -> None:
        for part in (HALF[:30], HALF[30:]):
            for one in connections:
                one.data_received(part)
        await _turns(20)
        assert server.notes.count("asked") == 5

    _noticed(story)


def test_nothing_is_made_of_a_connection_that_is_lost_before_its_turn() -> None:
    async def story(connections: list[Switched], server: _Server) -> None:
        for one in connections:
            one.data_received(HALF)
        for one in connections[2:]:
            one.lose()
        await _turns(20)
        assert len(server.register) == 2

    assert _noticed(story) == [["asked"]] * 2


def test_requests_whose_clients_leave_at_once_end_one_by_one() -> None:
    async def story(connections: list[Switched], server: _Server) -> None:
        for one in connections:
            one.data_received(HALF)
        await _turns(20)
        server.notes.clear()
        for one in connections:
            one.lose()
        await _turns(20)

    assert _noticed(story) == [["left"]] * 5
