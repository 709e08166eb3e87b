"""A signal ends the server whatever it interrupts, and whoever reads the log."""

from __future__ import annotations

import io
import signal
from collections.abc import Callable

import uvicorn

from fixtures.clients import eventually
from kunsthalle.cli.stopping import StoppableServer


class InterruptedFile(io.RawIOBase):
    """A file in the middle of whose first write a signal comes."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.interrupt: Callable[[], None] | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # any buffer
        interrupt, self.interrupt = self.interrupt, None
        if interrupt is not None:
            interrupt()
        self.lines.append(bytes(data))
        return len(data)


def server_that_says(say: Callable[[str], None]) -> StoppableServer:
    return StoppableServer(uvicorn.Config("none:none"), lambda: 0, say)


def test_a_signal_in_the_middle_of_a_line_of_the_log_ends_the_server() -> None:
    raw = InterruptedFile()
    log = io.BufferedWriter(raw)

    def say(text: str) -> None:
        log.write(f"{text}\n".encode())
        log.flush()

    server = server_that_says(say)
    raw.interrupt = lambda: server.handle_exit(signal.SIGTERM, None)
    say("a request")
    assert server.should_exit
    eventually(lambda: len(raw.lines) == 2, "the line that says what is waited for")
    assert raw.lines == [b"a request\n", b"Stopping.\n"]


def test_a_server_whose_log_nobody_reads_ends() -> None:
    def say(_text: str) -> None:
        raise BrokenPipeError

    server = server_that_says(say)
    server.handle_exit(signal.SIGTERM, None)
    assert server.should_exit
