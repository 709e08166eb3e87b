"""Where the audit goes: a file, a syslog server, an address of HTTP. Each delivers events in order, or raises
SinkError.

What a sink was given is durable, or in the hands of its receiver, before `deliver` returns, as far as the receiver
says: a file is synced, HTTP has answered 2xx. Syslog has no receipts: over TCP and UNIX sockets what the kernel has
taken may be lost with the receiver, over UDP anything may.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from kunsthalle.core import trace_parents
from kunsthalle.settings import AuditSink

Event = dict[str, Any]
_FACILITY = 13
"""Of syslog: log audit (RFC 5424, table 1)."""
_SEVERITIES = {"critical": 4, "warning": 5, "normal": 6}
"""Warning, notice and informational: an event is no failure of the product."""
_LARGEST_DATAGRAM = 60_000


class SinkError(Exception):
    """The sink did not take the events; the message says why, and holds no secret."""


class Sink(Protocol):
    """Where events go. One thread uses it. `calls` says that its receiver is called over HTTP."""

    calls: bool

    def deliver(self, events: Sequence[Event]) -> None:
        """Hand over events, in order. SinkError if any may not have arrived: all are then given again."""

    def reopen(self) -> None:
        """Open the file anew, or connect anew, with the next events."""


def make(sink: AuditSink) -> Sink:
    """What delivers to a sink of the settings, which have checked its address."""
    address = urlsplit(sink.url)
    match address.scheme:
        case "file":
            return FileSink(Path(address.path))
        case "http" | "https":
            return HttpSink(address, sink)
        case "syslog+udp" | "syslog+tcp" | "syslog+unix":
            return SyslogSink(address, sink.timeout)
        case scheme:
            raise ValueError(f"no sink is known for {scheme!a}")


def _line(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class FileSink:
    """Lines of JSON at the end of a file. One that was renamed or removed is made anew."""

    calls = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def deliver(self, events: Sequence[Event]) -> None:
        """See Sink.deliver."""
        try:
            descriptor = self._open()
            content = b"".join(_line(event) + b"\n" for event in events)
            while content:
                content = content[os.write(descriptor, content) :]
            os.fsync(descriptor)
        except OSError as error:
            self.reopen()
            raise SinkError(f"{self._path}: {error.strerror or error}") from error

    def reopen(self) -> None:
        """See Sink.reopen."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is not None and self._was_moved(self._descriptor):
            self.reopen()
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._end_line(self._descriptor)
        return self._descriptor

    def _was_moved(self, descriptor: int) -> bool:
        try:
            there, here = self._path.stat(), os.fstat(descriptor)
        except FileNotFoundError:
            return True
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def _end_line(self, descriptor: int) -> None:
        """A process that was killed may have left half a line: the next event begins behind it."""
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.write(descriptor, b"\n")


class SyslogSink:
    """Messages of RFC 5424: datagrams over UDP (RFC 5426) or a UNIX socket, octets counted over TCP (RFC 6587)."""

    calls = False

    def __init__(self, address: SplitResult, timeout: float) -> None:
        self._address, self._timeout = address, timeout
        self._kind = address.scheme.removeprefix("syslog+")
        self._host = socket.gethostname()[:255] or "-"
        self._socket: socket.socket | None = None

    def deliver(self, events: Sequence[Event]) -> None:
        """See Sink.deliver."""
        try:
            connection = self._connected()
            for event in events:
                message = self._message(event)
                if self._kind == "tcp":
                    connection.sendall(b"%d %b" % (len(message), message))
                else:
                    connection.send(message[:_LARGEST_DATAGRAM])
        except OSError as error:
            self.reopen()
            raise SinkError(f"{self._address.geturl()}: {error.strerror or error}") from error

    def reopen(self) -> None:
        """See Sink.reopen."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is not None and self._kind == "tcp" and _has_ended(self._socket):
            self.reopen()
        if self._socket is None:
            self._socket = self._connect()
        return self._socket

    def _connect(self) -> socket.socket:
        if self._kind == "unix":
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            made.settimeout(self._timeout)
            made.connect(self._address.path)
            return made
        place = (self._address.hostname or "", self._address.port or 514)
        if self._kind == "tcp":
            return socket.create_connection(place, self._timeout)
        family, type_, protocol, _, target = socket.getaddrinfo(*place, type=socket.SOCK_DGRAM)[0]
        made = socket.socket(family, type_, protocol)
        made.settimeout(self._timeout)
        made.connect(target)
        return made

    def _message(self, event: Event) -> bytes:
        priority = _FACILITY * 8 + _SEVERITIES[event["severity"]]
        moment = f"{event['eventTime'].removesuffix('+0000')}Z"
        header = f"<{priority}>1 {moment} {self._host} kunsthalle {os.getpid()} audit - "
        return header.encode("ascii", "replace") + b"\xef\xbb\xbf" + _line(event)


def _has_ended(connection: socket.socket) -> bool:
    """Whether the receiver has closed a connection, on which it has nothing to say."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable)


class HttpSink:
    """A JSON list of events in a POST, which is received once it is answered with 2xx."""

    calls = True

    def __init__(self, address: SplitResult, sink: AuditSink) -> None:
        self._address, self._sink = address, sink
        self._context: ssl.SSLContext | None = None
        self._connection: http.client.HTTPConnection | None = None

    def deliver(self, events: Sequence[Event]) -> None:
        """See Sink.deliver."""
        headers = {"Content-Type": "application/json", "User-Agent": "kunsthalle", **trace_parents.headers()}
        if self._sink.token:
            headers["Authorization"] = f"Bearer {self._sink.token}"
        path = self._address.path or "/"
        path += f"?{self._address.query}" if self._address.query else ""
        body = b"[" + b",".join(map(_line, events)) + b"]"
        try:
            connection = self._connection = self._connection or self._connect()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read(64 * 1024)
            if answer.will_close or not answer.isclosed():
                self.reopen()
        except (OSError, http.client.HTTPException) as error:
            self.reopen()
            raise SinkError(f"{self._shown()}: {error or 'the connection has ended'}") from error
        if not 200 <= answer.status < 300:
            raise SinkError(f"{self._shown()}: answered {answer.status}")

    def reopen(self) -> None:
        """See Sink.reopen."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        host, timeout = self._address.hostname or "", self._sink.timeout
        if self._address.scheme == "http":
            return http.client.HTTPConnection(host, self._address.port or 80, timeout=timeout)
        context = ssl.create_default_context(cafile=self._sink.ca_file or None)
        return http.client.HTTPSConnection(host, self._address.port or 443, timeout=timeout, context=context)

    def _shown(self) -> str:
        return f"{self._address.scheme}://{self._address.hostname}{self._address.path}"
