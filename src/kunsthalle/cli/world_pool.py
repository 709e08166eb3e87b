"""Worlds side by side in one process: each test gets an application, a database and a port that nobody had before.

A world is made by copying a template, a data folder whose scenario was made once, and by building a fresh application
around the copy. Why so, and not a savepoint that is rolled back or a database that is written over: jobs, the clock,
faults, tokens and caches live in the application and not in the database, so only a fresh application is clean of all
of them; a call that an earlier test left behind finds a closed port, and not the next test's world; and tests of one
server may hold several worlds. It costs some 25 milliseconds of processor time (`./dev bench rehearsal`), most of which
are spent while the test before still runs: `ready` worlds wait for whoever asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Any

from kunsthalle.app import Server, build
from kunsthalle.chosen_drivers import find_image_tools
from kunsthalle.cli.serve import make_scenario, operator_token
from kunsthalle.core.ids import Ids
from kunsthalle.core.lazy import Lazy
from kunsthalle.core.recordings import Bounds, Page
from kunsthalle.core.records import dataclass
from kunsthalle.local import folder, running
from kunsthalle.settings import Settings

HOST = "127.0.0.1"
"""Worlds have API keys that are known to everybody, so that they are served on loopback only."""

_CALLS = "calls"
_KEPT = Bounds(events=1_000, body=4_096, unfetched_seconds=0)
"""Of each world: what a failing test shows at its end."""

Listen = Callable[[socket.socket], Coroutine[Any, Any, asyncio.Server]]


@dataclass(slots=True)
class World:
    """A running application with a data folder and a port of its own. `alive` keeps the folder marked."""

    id: str
    port: int
    data: Path
    server: Server
    alive: int
    listener: asyncio.Server | None = None
    closed: Callable[[], None] = field(default=lambda: None)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def calls(self) -> Page:
        """The last calls that it has answered."""
        return self.server.store.recordings.every(_CALLS) or Page([], 0)


class Template:
    """A data folder with a scenario, made once, of which each world gets a copy."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.data = root / "template"
        self.settings = replace(settings, data=self.data)
        self.tools = Lazy(find_image_tools)
        server = build(self.settings, operator_token(self.settings, Ids()), tools=self.tools)
        try:
            server.whole()  # with the keys that sign tokens, which take long to make
            make_scenario(server)
        finally:
            server.store.close()  # the database is one file again, without a log beside it
        self.credentials = folder.credentials(self.data)

    def copy(self, data: Path) -> Server:
        """An application on a copy of the folder; nothing of it runs yet."""
        shutil.copytree(self.data, data)
        settings = replace(self.settings, data=data)
        server = build(settings, self.credentials["operator_token"], tools=self.tools)
        server.store.recordings.start(_CALLS, _KEPT)
        return server


class WorldPool:
    """Hands out worlds. All methods are for the event loop; making and ending one happens in threads."""

    def __init__(self, root: Path, template: Template, listen: Listen, ready: int) -> None:
        self._root, self._template, self._listen, self._wanted = root, template, listen, ready
        self._ready: deque[asyncio.Task[World]] = deque()
        self._making = ThreadPoolExecutor(1, thread_name_prefix="worlds")
        self._ending = ThreadPoolExecutor(1, thread_name_prefix="worlds-ending")
        self._ended: set[asyncio.Future[None]] = set()
        self._ids = Ids()
        self.by_port: dict[int, World] = {}
        self.taken: dict[str, World] = {}

    def fill(self) -> None:
        """Begin to make as many worlds as should wait."""
        while len(self._ready) < self._wanted:
            self._ready.append(asyncio.ensure_future(self._made()))

    async def take(self) -> World:
        """A world that nobody had before. Another one is begun in its place."""
        task = self._ready.popleft() if self._ready else asyncio.ensure_future(self._made())
        try:
            world = await task
        finally:
            self.fill()
        self.taken[world.id] = world
        return world

    async def _made(self) -> World:
        loop = asyncio.get_running_loop()
        listener = socket.socket()
        listener.bind((HOST, 0))
        world = await loop.run_in_executor(self._making, self._make, listener.getsockname()[1])
        self.by_port[world.port] = world
        world.listener = await self._listen(listener)
        return world

    def _make(self, port: int) -> World:
        id_ = self._ids.hex(12)
        data = self._root / id_
        server = self._template.copy(data)
        server.whole()
        server.start()
        world = World(id_, port, data, server, running.mark(data))
        # Not by `folder.write`, whose bytes are on the disk before it returns: nobody needs them after a crash.
        (data / folder.SERVER).write_text(f'{{"url": "{world.url}", "pid": 0, "buckets": null}}')
        return world

    def end(self, world: World) -> None:
        """Nobody reaches the world from now on; its threads and its folder go in the background."""
        self.taken.pop(world.id, None)
        self.by_port.pop(world.port, None)
        if world.listener is not None:
            world.listener.close()
        world.closed()
        future = asyncio.get_running_loop().run_in_executor(self._ending, partial(_end, world))
        self._ended.add(future)
        future.add_done_callback(self._ended.discard)

    async def close(self) -> None:
        """Ends every world, those that wait included."""
        for task in self._ready:
            with contextlib.suppress(Exception):
                await task
        self._ready.clear()
        for world in list(self.by_port.values()):
            self.end(world)
        await asyncio.gather(*self._ended, return_exceptions=True)
        self._making.shutdown()
        self._ending.shutdown()


def _end(world: World) -> None:
    world.server.stop()
    os.close(world.alive)
    shutil.rmtree(world.data, ignore_errors=True)
