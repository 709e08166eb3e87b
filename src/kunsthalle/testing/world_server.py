"""The server that hands out worlds: a process of its own, started here, or one that runs already."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO, Any, Self

from kunsthalle.local.client import Response, exchange
from kunsthalle.testing.world import World

URL, TOKEN = "KUNSTHALLE_WORLDS_URL", "KUNSTHALLE_WORLDS_TOKEN"
_PATIENCE = 60.0
"""Seconds in which the process must end after it was told to."""


class WorldServerError(Exception):
    """The server of worlds did not start, does not answer, or refused; the message says what to do."""


class WorldServer:
    """Starts `kunsthalle worlds` on entering and ends it on leaving; with a `url`, uses one that runs.

    `options` are further options of `kunsthalle worlds`. The process is of another session, so that Ctrl-C in the test
    runner does not end it before the last test has: it ends with the runner, however that ends, because it waits on its
    standard input.
    """

    def __init__(self, *options: str, url: str = "", token: str = "", env: Mapping[str, str] | None = None) -> None:
        self._options, self._env = options, env
        self.url, self._token = url.rstrip("/"), token
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(self) -> Self:
        """Start the process, unless there is an address. WorldServerError where it does not come up."""
        if self.url:
            return self
        self._log = tempfile.TemporaryFile(prefix="kunsthalle-worlds-log-")  # noqa: SIM115  closed by `stop`
        command = [sys.executable, "-m", "kunsthalle.cli.main", "worlds", "--with-parent", *self._options]
        self._process = subprocess.Popen(  # noqa: S603  our own program
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **(self._env or {})},
            start_new_session=True,
        )
        line = self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            self._process.wait(_PATIENCE)
            raise WorldServerError(f"kunsthalle worlds did not start: {self.log()}")
        answer = json.loads(line)
        self.url, self._token = answer["url"], answer["token"]
        return self

    @property
    def pid(self) -> int | None:
        """Of the process that was started here."""
        return None if self._process is None else self._process.pid

    def log(self) -> str:
        """What the process has written to standard error so far; its end."""
        if self._log is None:
            return ""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4_000:].strip()

    def stop(self) -> None:
        """End the process that was started here; its folders are gone afterwards."""
        process, self._process = self._process, None
        if process is None:
            return
        self.url = ""
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None

    def world(self) -> World:
        """A world that nobody had before. To be closed, or used as a context manager."""
        made = self.ask("POST", "/worlds")
        return World(self, made)

    def ask(self, method: str, path: str) -> Any:
        """A call of the server of worlds itself. WorldServerError where it refuses."""
        if not self.url:
            raise WorldServerError("The server of worlds does not run: call start(), or use it with `with`.")
        try:
            answer: Response = exchange(self.url, method, path, headers={"Authorization": f"Bearer {self._token}"})
        except OSError as error:
            raise WorldServerError(f"No server of worlds answers at {self.url}: {error}. {self.log()}") from error
        document = json.loads(answer.content)
        if answer.status >= 400:
            hint = f" Set {TOKEN}." if answer.status == 401 else ""
            raise WorldServerError(f"{self.url} answered {answer.status}: {document.get('message', '')}{hint}")
        return document

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()


_shared: list[WorldServer] = []


def _shared_server() -> WorldServer:
    """One server for all of a process's worlds: started with the first, ended with the process."""
    if not _shared:
        server = WorldServer(url=os.environ.get(URL, ""), token=os.environ.get(TOKEN, "")).start()
        atexit.register(server.stop)
        _shared.append(server)
    return _shared[0]


@contextlib.contextmanager
def clean_world() -> Iterator[World]:
    """A world for the length of a block, for unittest and scripts: `self.world = self.enterContext(clean_world())`.

    The server behind it is started once a process. An exception that leaves the block tells the calls that the world
    was sent.
    """
    world = _shared_server().world()
    try:
        yield world
    except BaseException as error:
        error.add_note(world.report())
        raise
    finally:
        world.close()
