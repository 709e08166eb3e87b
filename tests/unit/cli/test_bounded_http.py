"""The head of an answer goes to the socket with its body, and never waits for one that does not come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from kunsthalle.cli.bounded_http import _JoiningTransport


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
