"""Calls over one connection that is kept: the client of measurements that make one call after the other."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import Any, NamedTuple

_KEPT = 3.0
"""Seconds for which a connection that nobody speaks on is trusted."""
_BLOCK = 1 << 20
"""Bytes of a file that are read and sent at once."""


class Answer(NamedTuple):
    """What a server answered, wholly read."""

    status: int
    headers: Message
    content: bytes

    @property
    def document(self) -> Any:
        """The content, which is JSON."""
        return json.loads(self.content)


class Connection:
    """A connection to a server on loopback, dialled when it is needed and again when the server may have hung up."""

    def __init__(self, port: int) -> None:
        self._used = time.monotonic()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, blocksize=_BLOCK)

    def hang_up(self) -> None:
        """Close it; the next call dials anew."""
        self._connection.close()

    def ask(
        self, method: str, path: str, body: str | bytes | Path | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to a request with these headers alone, whatever its status. A path is a file, sent as it is."""
        if time.monotonic() - self._used > _KEPT:
            self._connection.close()  # the server has hung up, or is about to; it is dialled again by itself
        if isinstance(body, Path):
            with body.open("rb") as file:
                sized = {"Content-Length": str(body.stat().st_size), **(headers or {})}
                self._connection.request(method, path, file, sized)
        else:
            self._connection.request(method, path, body, headers or {})
        response = self._connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        self._used = time.monotonic()
        return answer

    def expect(
        self,
        status: int,
        method: str,
        path: str,
        body: str | bytes | Path | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The same; RuntimeError for any other status than this one."""
        answer = self.ask(method, path, body, headers)
        if answer.status != status:
            raise RuntimeError(f"{method} {path}: {answer.status} instead of {status}: {answer.content[:500]!r}")
        return answer
