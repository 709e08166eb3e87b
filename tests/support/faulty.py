"""A proxy in front of a real S3 server that does to its answers what networks and servers do."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from support.s3 import S3Server

FAULTS = ("refused", "slow", "held", "lost", "cut", "short", "tag", "denied", "broken")
"""Closed without a word; silent until released, then closed, or answered; done, and closed without a word; cut in the
middle of the body; shorter than it should be, and saying so; with the tag of another object; 403; 500."""
Match = Callable[[str, int], bool]
"""Of a request's method, and where the range begins that it asks for (-1 for all of it)."""


def reads(method: str, _start: int) -> bool:
    return method == "GET"


def writes(method: str, _start: int) -> bool:
    return method == "PUT"


@dataclass
class Proxy:
    """`fault` befalls requests that `match` picks, `times` of them; `asked` are all there were."""

    upstream: S3Server
    url: str = ""
    fault: str = ""
    match: Match = reads
    times: int = 10**9
    asked: list[tuple[str, int]] = field(default_factory=list)
    waiting: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def befall(self, fault: str, match: Match, times: int = 10**9) -> None:
        assert fault in FAULTS
        self.fault, self.match, self.times = fault, match, times

    def heal(self) -> None:
        self.fault = ""
        self.released.set()

    def address(self, bucket: str, prefix: str = "", **query: str) -> str:
        """The product's setting for a place behind this proxy."""
        return self.upstream.address(bucket, prefix, **query).replace(
            self.upstream.url.replace(":", "%3A").replace("/", "%2F"), self.url
        )

    def struck(self, method: str, start: int) -> str:
        self.asked.append((method, start))
        if not self.fault or self.times <= 0 or not self.match(method, start):
            return ""
        self.times -= 1
        return self.fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name of the overridden
        """Not a word."""

    def relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        asked = self.headers.get("range", "bytes=-").removeprefix("bytes=").split("-")[0]
        fault = self.proxy.struck(self.command, int(asked or -1))
        if fault in {"slow", "held"}:
            self.proxy.waiting.set()
            self.proxy.released.wait(30)
        if fault in {"refused", "slow"}:
            self.close_connection = True
        elif fault in {"denied", "broken"}:
            self._answer(403 if fault == "denied" else 500, [], b"<Error/>")
        else:
            self._pass_on(body, fault)

    def _pass_on(self, body: bytes, fault: str) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.proxy.upstream.url).netloc, timeout=30)
        connection.request(self.command, self.path, body or None, dict(self.headers))  # with the host that was signed
        answer = connection.getresponse()
        content, headers = answer.read(), answer.getheaders()
        connection.close()
        if fault == "lost":
            self.close_connection = True
            return
        if fault == "short":
            content = content[: len(content) // 2]
        if fault == "tag":
            headers = [(name, '"another"' if name.lower() == "etag" else value) for name, value in headers]
        self._answer(answer.status, headers, content, cut=fault == "cut")

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool = False) -> None:
        self.send_response_only(status)
        announced = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                announced = value
            elif name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", announced)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = relay  # noqa: N815  as the base class calls them


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients go away: that is what some of these tests are about."""


@contextmanager
def proxied(upstream: S3Server) -> Iterator[Proxy]:
    """A proxy for as long as the block runs."""
    proxy = Proxy(upstream)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.heal()
        server.shutdown()
        server.server_close()
        thread.join(10)
