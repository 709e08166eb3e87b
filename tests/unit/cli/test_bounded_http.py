"""The head of an answer goes to the socket with its body, and never waits for one that does not come; what is kept is
answered without a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from kunsthalle.api.asgi import Receive, Scope, Send, SendWhole
from kunsthalle.cli.bounded_http import BoundedProtocol, _JoiningTransport
from kunsthalle.cli.connections import Connections, Limits


class Socket(asyncio.Transport):
    """A transport that notes what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def _both(answer: _JoiningTransport) -> None:
    answer.write(b"head ")
    answer.write(b"body")


def _parts(answer: _JoiningTransport) -> None:
    _both(answer)
    answer.write(b"more")


def _nothing(answer: _JoiningTransport) -> None:
    answer.write(b"head ")
    answer.write(b"")


def _cut_off(answer: _JoiningTransport) -> None:
    answer.write(b"head ")
    answer.close()


def _head(answer: _JoiningTransport) -> None:
    answer.write(b"head ")


@pytest.mark.parametrize(
    ("write", "at_once", "in_the_end"),
    [
        pytest.param(_both, [b"head body"], [b"head body"], id="head and body"),
        pytest.param(_parts, [b"head body", b"more"], [b"head body", b"more"], id="a body in parts"),
        pytest.param(_nothing, [b"head "], [b"head "], id="an empty body"),
        pytest.param(_cut_off, [b"head "], [b"head "], id="the connection is closed"),
        pytest.param(_head, [], [b"head "], id="the body comes later"),
    ],
)
def test_what_is_written(
    write: Callable[[_JoiningTransport], None], at_once: list[bytes], in_the_end: list[bytes]
) -> None:
    async def answered() -> tuple[list[bytes], Socket]:
        socket = Socket()
        write(_JoiningTransport(socket))
        written = list(socket.written)
        await asyncio.sleep(0)
        return written, socket

    written, socket = asyncio.run(answered())
    assert (written, socket.written, socket.closed) == (at_once, in_the_end, write is _cut_off)


class Answers:
    """What a connection answers: what is kept at once, everything else in a task, which is noted."""

    def __init__(self) -> None:
        self.tasks: list[str] = []
        self.at_once: list[str] = []
        self.let = asyncio.Event()

    async def task(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.tasks.append(f"{scope['method']} {scope['path']}")
        if scope["path"] == "/slow":
            await self.let.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": f"task {scope['path']}".encode()})

    def kept(self, scope: Scope, send_whole: SendWhole) -> bool:
        path = scope["path"]
        self.at_once.append(path)
        if path == "/breaks":
            raise RuntimeError("before the answer")
        answered = path.startswith("/kept") and send_whole(200, f"\r\nkept {path}\n".encode())
        if path == "/kept/breaks":
            raise RuntimeError("behind the answer")
        return answered


def _spoken(requests: str, let: bool = True) -> tuple[str, Answers, bool]:
    """All that a connection answers to `requests`, each a method and a path, which come in one packet."""

    async def speak() -> tuple[str, Answers, bool]:
        answers, socket = Answers(), Socket()
        quiet = {"log_config": None, "access_log": False, "server_header": False, "date_header": False}
        config = Config(answers.task, interface="asgi3", proxy_headers=False, **quiet)
        config.load()
        register = Connections(Limits(60, 60, 60, 10, 10))
        more: dict[str, Any] = {"config": config, "server_state": ServerState(), "app_state": {}}
        protocol = BoundedProtocol(register, answers.kept, **more)
        protocol.connection_made(socket)
        for request in requests.split(", "):
            line, _, header = request.partition(" with ")
            head = f"{line} HTTP/1.1\r\nhost: localhost\r\n" + (f"{header}\r\n" if header else "")
            protocol.data_received(f"{head}\r\n".encode())
        for _ in range(10):
            if let:
                answers.let.set()
            await asyncio.sleep(0)
        spoken = b"".join(socket.written).decode(), answers, socket.closed
        protocol.connection_lost(None)
        answers.let.set()
        return spoken

    return asyncio.run(speak())


@pytest.mark.parametrize(
    ("requests", "answers", "tasks", "closed"),
    [
        pytest.param("GET /kept/1", ["kept /kept/1"], [], False, id="what is kept"),
        pytest.param("GET /kept/1, GET /kept/2", ["kept /kept/1", "kept /kept/2"], [], False, id="one behind another"),
        pytest.param("GET /other", ["task /other"], ["GET /other"], False, id="what is not"),
        pytest.param(
            "GET /slow, GET /kept/1, GET /kept/2",
            ["task /slow", "kept /kept/1", "kept /kept/2"],
            ["GET /slow"],
            False,
            id="behind one that is not",
        ),
        pytest.param("HEAD /kept/1", [""], ["HEAD /kept/1"], False, id="a head alone"),
        pytest.param("POST /kept/1", ["task /kept/1"], ["POST /kept/1"], False, id="a write"),
        pytest.param("GET /kept/1 with connection: close", ["kept /kept/1"], [], True, id="the last one"),
        pytest.param(
            "GET /kept/1 with expect: 100-continue",
            ["task /kept/1"],
            ["GET /kept/1"],
            True,
            id="one that may have a body",
        ),
        pytest.param("GET /breaks", ["task /breaks"], ["GET /breaks"], False, id="a fault before the answer"),
        pytest.param(
            "GET /kept/breaks, GET /kept/1", ["kept /kept/breaks", "kept /kept/1"], [], False, id="and behind"
        ),
    ],
)
def test_what_is_kept_is_answered_at_once_and_in_order(
    requests: str,
    answers: list[str],
    tasks: list[str],
    closed: bool,
) -> None:
    written, asked, ended = _spoken(requests)
    heads = written.split("HTTP/1.1 ")[1:]
    assert [head[:3] for head in heads] == ["200"] * len(answers), written
    assert [next((line for line in head.splitlines() if " /" in line), "") for head in heads] == answers
    assert (asked.tasks, ended) == (tasks, closed)


def test_what_is_kept_waits_for_the_answers_to_earlier_requests() -> None:
    written, asked, _ = _spoken("GET /slow, GET /kept/1", let=False)
    assert (written, asked.at_once) == ("", ["/slow"])
