"""The process behind `kunsthalle worlds`: one event loop that serves many worlds, each on its own port, and the port on
which worlds are asked for.
"""

from __future__ import annotations

import asyncio
import gc
import hmac
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, cast

import msgspec
import uvicorn

from kunsthalle.api.asgi import Receive, Scope, Send
from kunsthalle.cli import log_format
from kunsthalle.cli.arrivals import Arrival
from kunsthalle.cli.bounded_http import BoundedProtocol
from kunsthalle.cli.connections import Connections, limits_of
from kunsthalle.cli.serve import SWITCH_SECONDS, raise_file_limit, web_socket
from kunsthalle.cli.world_pool import HOST, Template, World, WorldPool
from kunsthalle.core import core_files
from kunsthalle.core.ids import Ids
from kunsthalle.core.sizes import GIB
from kunsthalle.operator.routes_recordings import recorded
from kunsthalle.settings import Settings

_JSON = [(b"content-type", b"application/json")]


class _Listening(uvicorn.Server):
    """A server that may listen on further sockets while it runs."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in order. Uvicorn raises the signal once more at its end, which would leave the folder of the worlds."""
        del sig, frame
        self.force_exit = self.should_exit
        self.should_exit = True

    async def listen(self, listener: socket.socket) -> asyncio.Server:
        """Serve a bound socket."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._protocol, sock=listener, backlog=self.config.backlog)

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn itself calls it
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=None
        )

    def close_connections(self, port: int) -> None:
        """Close what is open to a port, whatever it waits for."""
        for connection in list(self.server_state.connections):
            address = connection.transport.get_extra_info("sockname")
            if address and address[1] == port:
                connection.transport.close()


class Host:
    """The ASGI application of all ports. `POST /worlds` makes a world, `GET /worlds/ID/calls` lists its calls,
    `DELETE /worlds/ID` ends it; all with the token.
    """

    def __init__(self, port: int, token: str, template: Template) -> None:
        self._port, self._token, self._template = port, f"Bearer {token}".encode(), template
        self.pool: WorldPool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        port = scope["server"][1]
        if port == self._port and scope["type"] == "http":
            status, document = await self._answer(scope)
            await send({"type": "http.response.start", "status": status, "headers": _JSON})
            await send({"type": "http.response.body", "body": msgspec.json.encode(document)})
            return
        world = self.pool.by_port[port]
        await world.server(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.pool.fill()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.pool.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope) -> tuple[int, Any]:
        if scope["path"] == "/healthz":
            return 200, {"status": "ok"}
        authorization = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(authorization, self._token):
            return 401, {"message": "The token of `kunsthalle worlds` is missing or wrong."}
        match scope["method"], scope["path"].strip("/").split("/"):
            case "POST", ["worlds"]:
                return 201, self._shown(await self.pool.take())
            case "GET", ["worlds", id_, "calls"] if id_ in self.pool.taken:
                page = self.pool.taken[id_].calls()
                return 200, {"calls": [recorded(event) for event in page.events], "dropped": page.lost}
            case "DELETE", ["worlds", id_] if id_ in self.pool.taken:
                self.pool.end(self.pool.taken[id_])
                return 200, {"id": id_}
            case _:
                return 404, {"message": f"There is no {scope['path'][:200]!a} here; a world is made by POST /worlds."}

    def _shown(self, world: World) -> dict[str, Any]:
        known = self._template.credentials
        return {
            "id": world.id,
            "url": world.url,
            "data": str(world.data),
            "operator_token": known["operator_token"],
            "accounts": known.get("accounts", {}),
        }


_MEMORY = Path("/dev/shm")  # noqa: S108  a folder of its own, which nobody else may enter, is made there
_MEMORY_BYTES = GIB


def _place() -> Path | None:
    """Where the folders of worlds are: in memory where there is room, because making and removing one on a disk takes
    half as long again; as the system says (None) where TMPDIR is set.
    """
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES else None


def run(settings: Settings, *, ready: int, token: str, with_parent: bool) -> None:
    """Serve worlds until told to stop; with `with_parent` also until standard input is closed. The first line on
    standard output is a JSON object with `url` and `token`.
    """
    os.umask(0o077)
    core_files.prevent()  # keys are in memory
    sys.setswitchinterval(SWITCH_SECONDS)
    log_format.set_up(settings.log, text=log_format.is_text(settings))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)  # until the server has handlers of its own
    token = token or Ids().secret()
    with tempfile.TemporaryDirectory(prefix="kunsthalle-worlds-", dir=_place(), ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        template = Template(root, settings)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, settings.port))
        port = listener.getsockname()[1]
        host = Host(port, token, template)
        server = _Listening(_config(settings, host))
        host.pool = WorldPool(root, template, partial(_listen, server, host), ready)
        if with_parent:
            threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
        listener.listen(server.config.backlog)
        gc.collect()
        gc.freeze()  # the program itself is no garbage: looking at it whenever a world has ended takes 40 ms
        gc.enable()
        print(json.dumps({"url": f"http://{HOST}:{port}", "token": token}), flush=True)
        server.run(sockets=[listener])


def _end(_number: int, _frame: FrameType | None) -> None:
    """End by way of the `with` that removes the folder."""
    raise SystemExit(0)


async def _listen(server: _Listening, host: Host, listener: socket.socket) -> asyncio.Server:
    port = listener.getsockname()[1]
    host.pool.by_port[port].closed = partial(server.close_connections, port)
    return await server.listen(listener)


def _config(settings: Settings, host: Host) -> uvicorn.Config:
    register = Connections(limits_of(settings, raise_file_limit()))
    return uvicorn.Config(
        host,
        loop="uvloop",
        http=cast(
            "type[asyncio.Protocol]", partial(Arrival, register, partial(BoundedProtocol, register))
        ),  # called as a class would be
        ws=cast("type[asyncio.Protocol]", partial(web_socket, register)),
        interface="asgi3",
        proxy_headers=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )


def _end_with_parent(server: uvicorn.Server) -> None:
    """Whoever started this process keeps the other end of standard input open for as long as it lives."""
    while sys.stdin.buffer.read(4_096):
        pass
    server.should_exit = True
