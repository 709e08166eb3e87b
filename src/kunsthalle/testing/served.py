"""A `kunsthalle serve` process under a test's control."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from kunsthalle.local import environment, folder
from kunsthalle.local.client import call, is_healthy

_PAUSE = 0.01


class DidNotStart(Exception):
    """The process ended, or did not answer in time; the message holds what it wrote."""


class Served:
    """Starts on entering, stops on leaving. A second `start` on the same folder finds everything as it was."""

    _no_config: tuple[str, ...] = ("--config", os.devnull)
    """What keeps a file of settings of this user away from the process."""
    _program: tuple[str, ...] = (sys.executable, "-m", "kunsthalle.cli.main")

    def __init__(
        self,
        data: Path,
        *options: str,
        scenario: str = "enterprise",
        patience: float = 30,
        own_group: bool = False,
    ) -> None:
        """`own_group`: Ctrl-C on the terminal reaches the caller alone, who must stop the process."""
        self._group = 0 if own_group else None
        self.data = data
        self._options = options
        self._scenario = scenario
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self.log = data.parent / f"{data.name}.log"

    @property
    def url(self) -> str:
        return folder.url(self.data)

    @property
    def pid(self) -> int:
        if self._process is None:
            raise DidNotStart("the server is not running")
        return self._process.pid

    @property
    def ended(self) -> int | None:
        """The exit code of a process that ended by itself; negative for a signal."""
        return None if self._process is None else self._process.poll()

    def environment(self) -> dict[str, str]:
        """Of the process. It is none of this user's servers: a verb that is told no folder means another."""
        return {**os.environ, "XDG_STATE_HOME": str(self.data.parent / f"{self.data.name}.state")}

    def start(self) -> Self:
        """Runs the process and waits until /healthz answers 200."""
        arguments = ["serve", *self._no_config, "--data", str(self.data), "--port", "0"]
        arguments += ["--scenario", self._scenario] if self._scenario else []
        self.data.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = self._run([*arguments, *self._options], log)
        try:
            self._wait(self._process)
        except BaseException:  # an interrupt, too: nobody else would end the process
            self.kill()
            raise
        return self

    def _run(self, arguments: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Begin the process."""
        return subprocess.Popen(  # noqa: S603  our own program
            [*self._program, *arguments], stdout=log, stderr=log, env=self.environment(), process_group=self._group
        )

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self._patience
        while not self._healthy():
            if process.poll() is not None or time.monotonic() > deadline:
                raise DidNotStart(self.log.read_text(errors="replace")[-4_000:])
            time.sleep(_PAUSE)

    def _healthy(self) -> bool:
        written = folder.read(self.data, folder.SERVER).get("pid") == self.pid
        return written and is_healthy(self.url, folder.ca_file(self.data))

    def stop(self) -> int:
        """Asks the process to end; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kills the process as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        if process.poll() is None:
            os.kill(process.pid, how)
        return process.wait(timeout=60)

    def env(self, account: str) -> dict[str, str]:
        """What `kunsthalle env --account NAME` prints."""
        return environment.variables(self.data, account)

    def bucket(self, account: str, name: str = "images") -> Path:
        """The folder of one of an account's buckets."""
        return Path(self.env(account)["KUNSTHALLE_BUCKETS"]) / name

    def operate(self, method: str, path: str, body: Any = None) -> Any:
        """A call with the operator's token."""
        token = folder.credentials(self.data)["operator_token"]
        return call(self.url, method, path, token, body, ca_file=folder.ca_file(self.data))

    def advance(self, duration: str) -> None:
        """Time travel: returns after everything that became due has run."""
        self.operate("POST", "/_kunsthalle/clock", {"advance": duration})

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
