"""A line to a guest over the web socket of one of Nova's console proxies."""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import parse_qs, urlsplit, urlunsplit

from websockets import ClientConnection, Origin, Subprotocol, WebSocketException, connect

from kunsthalle.hypervisor.protocol import Line

_OPEN_SECONDS = 20.0
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_ENDS = (OSError, WebSocketException, EOFError)


def address_of(url: str) -> str:
    """
    The web socket of a console. Of a screen Nova gives the page of a viewer, which is told in its query where that is:
    `http://host/vnc_lite.html?path=%3Ftoken%3D…`.
    """
    parts = urlsplit(url)
    path, query = parts.path, parts.query
    told = parse_qs(query).get("path")
    if told:
        path, _, query = ("/" + told[0].lstrip("/")).partition("?")
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, query, ""))


class WebSocketLine(Line):
    """See Line. It is opened by whoever reads or writes first, on whose event loop it stays. `url` holds a secret."""

    tells_all = True

    def __init__(self, url: str, tls: ssl.SSLContext) -> None:
        self._url, self._tls = address_of(url), tls
        self._opening = asyncio.Lock()
        self._web: ClientConnection | None = None
        self._closed = False

    async def _opened(self) -> ClientConnection:
        async with self._opening:
            if self._closed:
                raise ConnectionAbortedError("the line was hung up")
            if self._web is None:
                parts = urlsplit(self._url)
                secure = parts.scheme == "wss"
                # The proxy takes nobody who comes from a page of another host than its own.
                origin = Origin(f"{'https' if secure else 'http'}://{parts.netloc}")
                self._web = await connect(
                    self._url,
                    subprotocols=[Subprotocol("binary")],
                    origin=origin,
                    ssl=self._tls if secure else None,
                    open_timeout=_OPEN_SECONDS,
                    max_size=None,
                    compression=None,
                    proxy=None,
                )
            return self._web

    async def read(self) -> bytes:
        """See Line.read."""
        try:
            web = await self._opened()
            while True:
                message = await web.recv()
                if message:
                    return message.encode() if isinstance(message, str) else message
        except _ENDS:
            return b""

    async def write(self, text: bytes) -> None:
        """See Line.write."""
        try:
            await (await self._opened()).send(text)
        except WebSocketException as error:
            raise ConnectionResetError("the line has ended") from error

    def close(self) -> None:
        """See Line.close."""
        self._closed = True
        if self._web is not None:
            self._web.transport.close()
