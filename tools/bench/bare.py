"""The yardstick: a bare ASGI application that does one primary-key read of SQLite per request, on the same server.

`python -m tools.bench.bare DATABASE PORT`. Nothing but the server and sqlite3 is imported; the server's options and
the collector's settings are those of `kunsthalle serve`.
"""

from __future__ import annotations

import gc
import socket
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn

_READ = "SELECT document FROM documents WHERE id = ?"
_JSON = b"application/json; charset=utf-8"


def prepare(path: Path, documents: Mapping[str, bytes]) -> None:
    """Makes the database: each document is answered under the path that ends with its id."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE documents (id TEXT PRIMARY KEY, document BLOB NOT NULL)")
    connection.executemany("INSERT INTO documents VALUES (?, ?)", documents.items())
    connection.commit()
    connection.close()


class Bare:
    """One read, one answer."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        row = self._connection.execute(_READ, (scope["path"].rpartition("/")[2],)).fetchone()
        body, status = (row[0], 200) if row else (b"{}", 404)
        headers = [(b"content-type", _JSON), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _live(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return


def main(path: str, port: str) -> None:
    """Serves on loopback until interrupted."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    config = uvicorn.Config(
        Bare(path),
        loop="uvloop",
        http="httptools",
        ws="none",
        interface="asgi3",
        proxy_headers=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 50, 100)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
