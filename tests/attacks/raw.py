"""Bytes over a socket, as no HTTP library would send them."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from kunsthalle.testing import Served

PATIENCE = 60
"""Seconds after which a test gives up; nothing waits that long unless the server is wrong."""


@dataclass(frozen=True)
class Heard:
    """What a server said before it closed the connection: the first answer, if there is any."""

    raw: bytes

    @property
    def status(self) -> int | None:
        return int(self.raw.split(b" ", 2)[1]) if self.raw else None

    @property
    def statuses(self) -> list[int]:
        """Of all answers, in their order."""
        return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", self.raw)]

    @property
    def head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").lower()

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.raw.partition(b"\r\n\r\n")[2])


class Raw:
    """One connection."""

    def __init__(self, served: Served) -> None:
        where = urlsplit(served.url)
        self.host = where.netloc
        self._socket = socket.create_connection((where.hostname, where.port), timeout=PATIENCE)

    def send(self, data: bytes) -> None:
        """Sends all; a server that has closed meanwhile is no error."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def request(self, method: str, path: str, *headers: str, body: bytes = b"") -> None:
        """A head with these headers, and as much of the body as is given."""
        lines = (f"{method} {path} HTTP/1.1", f"Host: {self.host}", *headers, "", "")
        self.send("\r\n".join(lines).encode("latin-1") + body)

    def until_closed(self) -> Heard:
        """Everything until the server ends the connection; the test fails when it does not."""
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := self._socket.recv(65_536):
                parts.append(part)
        return Heard(b"".join(parts))

    def answer(self) -> Heard:
        """One answer with a length, on a connection that may stay open."""
        heard = b""
        while not _complete(heard):
            part = self._socket.recv(65_536)
            assert part, heard
            heard += part
        return Heard(heard)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _complete(heard: bytes) -> bool:
    head, end, body = heard.partition(b"\r\n\r\n")
    length = next((line[16:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")), b"0")
    return bool(end) and len(body) >= int(length)
