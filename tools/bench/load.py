"""The load: connections in a closed loop, kept where the server keeps them, from a process of its own.

`python -m tools.bench.load` reads a Load as JSON from its standard input and writes an outcome per label. It speaks
to sockets through epoll directly, because it must be faster than what it measures: per request it does one send, one
receive and one search, while asyncio alone would cost as much as the bare application.
"""

from __future__ import annotations

import json
import re
import select
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import Any

from tools.bench.processes import CLIENT_CORE, ROOT, on_core, python

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_CLOSING = re.compile(rb"\r\nconnection: close\r\n", re.IGNORECASE)
_RECEIVE = 1 << 18
_MEDIAN, _TAIL = 0.50, 0.99


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that is sent again and again; the answer must have `status`."""

    label: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    method: str = "GET"
    body: str = ""

    def wire(self, port: int) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines += [] if "Content-Type" in self.headers else ["Content-Type: application/json"]
            lines += [f"Content-Length: {len(self.body.encode())}"]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Answers per second, and seconds until an answer at the median and at the 99th percentile.

    `cpu` is the server's processor time per request in seconds, where whoever drives the load has measured it: it
    tells what a request costs even when the rate is another program's doing.
    """

    rate: float
    p50: float
    p99: float
    count: int
    cpu: float = 0.0


def median(each: list[Outcome]) -> Outcome:
    """Of some rounds of the same load, figure by figure; `count` is that of all of them."""
    return Outcome(
        statistics.median(one.rate for one in each),
        statistics.median(one.p50 for one in each),
        statistics.median(one.p99 for one in each),
        sum(one.count for one in each),
        statistics.median(one.cpu for one in each),
    )


def load(port: int, asks: list[Ask], connections: int, seconds: float) -> dict[str, Outcome]:
    """Runs asks in turn on every connection, from the client's core; an outcome per label.

    RuntimeError for an answer of another status than its ask expects: such figures mean nothing.
    """
    spec = {"port": port, "connections": connections, "seconds": seconds, "asks": [asdict(ask) for ask in asks]}
    with on_core(CLIENT_CORE):
        ran = subprocess.run(
            python("tools.bench.load"), input=json.dumps(spec), cwd=ROOT, capture_output=True, text=True, check=False
        )
    if ran.returncode:
        raise RuntimeError(f"the load failed: {ran.stderr[-2_000:]}")
    found: dict[str, Any] = json.loads(ran.stdout)
    return {label: Outcome(**one) for label, one in found.items()}


class _Connection:
    """One request under way, and a socket, which is dialled anew for the next one where the server closes it."""

    def __init__(self, port: int, asks: list[Ask], offset: int) -> None:
        self._port = port
        self._socket = self._dialled()
        self.closing = False
        turn = asks[offset % len(asks) :] + asks[: offset % len(asks)]
        self._turns = cycle([(ask.label, ask.wire(port), b"%d" % ask.status) for ask in turn])
        self._missing = 0
        self._begun = 0
        self._label, self._status = "", b""

    def _dialled(self) -> socket.socket:
        dialled = socket.create_connection(("127.0.0.1", self._port))
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return dialled

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self) -> None:
        self._label, request, self._status = next(self._turns)
        self._missing = 0
        self._begun = time.perf_counter_ns()
        if self.closing:
            self._socket = self._dialled()
        self._socket.sendall(request)

    def close(self) -> None:
        self._socket.close()

    def receive(self) -> tuple[str, int] | None:
        """The label and the nanoseconds of a complete answer, or None while some of it is missing."""
        data = self._socket.recv(_RECEIVE)
        if self._missing == 0:
            self._missing = self._size(data)
        self._missing -= len(data)
        return None if self._missing > 0 else (self._label, time.perf_counter_ns() - self._begun)

    def _size(self, data: bytes) -> int:
        end, length = data.find(b"\r\n\r\n"), _LENGTH.search(data)
        if data[9:12] != self._status or end < 0 or length is None:
            raise SystemExit(f"{self._label}: not the answer that was expected: {data[:300]!r}")
        self.closing = _CLOSING.search(data, 0, end + 2) is not None
        return end + 4 + int(length[1])


def _drive(spec: dict[str, Any]) -> dict[str, list[int]]:
    asks = [Ask(**one) for one in spec["asks"]]
    taken: dict[str, list[int]] = {ask.label: [] for ask in asks}
    poll = select.epoll()
    found: dict[int, _Connection] = {}
    for number in range(spec["connections"]):
        connection = _Connection(spec["port"], asks, number * max(1, len(asks) // spec["connections"]))
        found[connection.fileno()] = connection
        poll.register(connection.fileno(), select.EPOLLIN)
    for connection in found.values():
        connection.send()
    end = time.perf_counter() + spec["seconds"]
    while time.perf_counter() < end:
        for descriptor, _event in poll.poll():
            connection = found[descriptor]
            done = connection.receive()
            if done is not None:
                taken[done[0]].append(done[1])
                _go_on(connection, poll, found)
    return taken


def _go_on(connection: _Connection, poll: select.epoll, found: dict[int, _Connection]) -> None:
    """Send the next request, over another socket where the server has hung up."""
    if not connection.closing:
        connection.send()
        return
    del found[connection.fileno()]
    connection.close()  # epoll forgets it by itself
    connection.send()
    found[connection.fileno()] = connection
    poll.register(connection.fileno(), select.EPOLLIN)


def _outcome(nanoseconds: list[int], elapsed: float) -> Outcome:
    ordered = sorted(nanoseconds)
    at = {part: ordered[int(part * (len(ordered) - 1))] / 1e9 for part in (_MEDIAN, _TAIL)}
    return Outcome(len(ordered) / elapsed, at[_MEDIAN], at[_TAIL], len(ordered))


def main() -> None:
    """Reads the load, runs it, writes what came of it."""
    spec = json.load(sys.stdin)
    begun = time.perf_counter()
    taken = _drive(spec)
    elapsed = time.perf_counter() - begun
    json.dump({label: asdict(_outcome(each, elapsed)) for label, each in taken.items()}, sys.stdout)


if __name__ == "__main__":
    main()
