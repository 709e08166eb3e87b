"""Helper processes: heavy work of the processor outside of the process that serves, whose interpreter it would hold.

A pool starts a process when it is asked to work and none is free, up to a number, and hands it one call at a time over
a socket. The process (`core/helper_main.py`) is nice, has a bound on its memory, ends when it has had nothing to do for
a while, and ends with the process that started it. A call has a deadline: the process that is over it is killed.
(docs/decisions/0028-helper-processes.md)
"""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from msgspec import Struct

from kunsthalle.core.log import get_logger

log = get_logger("helpers")

IDLE_SECONDS = 60.0
"""How long a process with nothing to do stays: its memory is given back after a burst of work."""
START_SECONDS = 60.0
"""How long a process may take to load its code; it has a low priority, and the machine may be busy."""
WAIT_SECONDS = 2.0
"""How long a call waits for a process that is being started, before its work is done in this process instead."""
REST_SECONDS = 30.0
"""After one that could not be started, for how long none is tried."""
NICENESS = 10
IDLE_CODE = 3
"""The exit code of a process that ended because it had nothing to do."""
_SOURCE = str(Path(__file__).parents[2])
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT")


Parts = tuple[type[Exception], tuple[Any, ...], dict[str, Any]]
"""Of an exception: its type, its arguments, its attributes."""


class CannotStart(Exception):
    """No helper process is ready, or can be started here, now: the work is to be done in this process."""


class HelperEnded(Exception):
    """The process ended, or was ended, while it worked on the call."""


class HelperTimeout(Exception):
    """The call took longer than it may."""


class HelperFailed(Exception):
    """The function raised what cannot be brought over; the text says what and where."""


class HelperOutOfMemory(HelperFailed):
    """The call needs more memory than a process may have."""


class Call(Struct, frozen=True):
    """What a process is asked: a function of its module, by name, with its argument."""

    function: str
    argument: Any
    descriptors: int = 0


class Answer(Struct, frozen=True):
    """`kind`: `ready`, `progress`, `done`, `raised` with the parts of an exception, `failed` with a text,
    `memory`.
    """

    kind: str
    value: Any = None
    processor: float = 0.0
    """Seconds of the processor that the call took."""


class _Helper:
    """One process, and this end of the socket to it."""

    def __init__(self, module: str, setup: Any, memory_bytes: int, idle_seconds: float) -> None:
        if not sys.executable:
            raise CannotStart("There is no interpreter to start.")
        ours, theirs = socket.socketpair()
        number = theirs.fileno()
        command = [sys.executable, "-m", "kunsthalle.core.helper_main", module, str(number)]
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (_SOURCE, os.environ.get("PYTHONPATH", ""))))
        try:
            with theirs:
                self.process = subprocess.Popen(  # noqa: S603  a list of our own making, no shell
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=environment,
                    pass_fds=(number,),
                    start_new_session=True,  # what a terminal sends to the server is the server's to act on
                )
        except OSError as error:
            ours.close()
            raise CannotStart(str(error)) from error
        self._socket = ours
        self.ready, self._begun = False, time.monotonic()
        self._link = Connection(os.dup(ours.fileno()))
        self._link.send_bytes(pickle.dumps((setup, memory_bytes, idle_seconds, NICENESS)))

    def is_ready(self, seconds: float) -> bool:
        """Whether it has loaded its code, waiting so long at most. CannotStart when it has ended, or never will."""
        try:
            if not self.ready and self._link.poll(seconds):
                self.ready = self._receive().kind == "ready"
        except (OSError, EOFError) as error:
            self.kill()
            raise CannotStart(f"The process has ended with exit code {self.process.returncode}.") from error
        if not self.ready and time.monotonic() - self._begun > START_SECONDS:
            self.kill()
            raise CannotStart(f"The process was not ready after {START_SECONDS:g} seconds.")
        return self.ready

    def call(
        self, call: Call, descriptors: Sequence[int], seconds: float, until: float, progress: Callable[[Any], None]
    ) -> Answer:
        """HelperTimeout; EOFError or OSError where the process has gone."""
        self._link.send_bytes(pickle.dumps(call, pickle.HIGHEST_PROTOCOL))
        if descriptors:
            socket.send_fds(self._socket, [b"d"], list(descriptors))
        while True:
            if not self._link.poll(max(0.0, until - time.monotonic())):
                raise HelperTimeout
            answer = self._receive()
            if answer.kind != "progress":
                return answer
            progress(answer.value)
            until = time.monotonic() + seconds

    def _receive(self) -> Answer:
        answer: Answer = pickle.loads(self._link.recv_bytes())  # noqa: S301  a process of ours wrote it
        return answer

    def kill(self) -> None:
        """It is gone, and so is everything that this process had of it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._link.close()
        self._socket.close()


class HelperProcesses:
    """A pool of processes that run functions of one module.

    `most`: processes at once. `memory_bytes`: the address space of each. `setup` makes what the module's `set_up` is
    given in each new process.
    """

    def __init__(
        self,
        module: str,
        most: int,
        memory_bytes: int,
        setup: Callable[[], Any] = lambda: None,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._module, self._most, self._memory, self._setup = module, most, memory_bytes, setup
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._idle: list[_Helper] = []
        self._working: set[_Helper] = set()
        self._generation = 0
        self._closed = False
        self._none_until = 0.0
        """None is tried before: the last one could not be started."""

    @property
    def running(self) -> bool:
        """Whether a process is ready, so that a call need not wait for its start."""
        with self._changed:
            return any(helper.ready for helper in (*self._idle, *self._working))

    @property
    def pids(self) -> list[int]:
        """Of those that run."""
        with self._changed:
            return sorted(helper.process.pid for helper in (*self._idle, *self._working))

    def call(
        self,
        function: str,
        argument: Any,
        seconds: float,
        descriptors: Sequence[int] = (),
        progress: Callable[[Any], None] = lambda _value: None,
    ) -> Answer:
        """What a function of the module returns, and the processor time that it took. What it raises comes out.

        `seconds` is how long it may take, or how long from one report to the next where it reports how far it is.
        `progress` is called, in this thread, with what the function reports; what it raises ends the process and comes
        out. CannotStart, HelperTimeout, HelperEnded, HelperFailed.
        """
        until = time.monotonic() + seconds
        call = Call(function, argument, len(descriptors))
        while True:
            helper, generation = self._take(until)
            try:
                answer = helper.call(call, descriptors, seconds, until, progress)
            except (OSError, EOFError) as error:
                self._end(helper)
                if helper.process.returncode == IDLE_CODE:
                    continue  # it ended by itself before it had the call
                raise HelperEnded(f"{self._module}: exit code {helper.process.returncode}") from error
            except BaseException:
                self._end(helper)
                raise
            self._put_back(helper, generation)
            return _result(answer)

    def restart(self) -> None:
        """What the processes have read may have become another: none of them is given a further call."""
        with self._changed:
            self._generation += 1
            idle, self._idle = self._idle, []
        for helper in idle:
            helper.kill()

    def close(self) -> None:
        """No process is left. Calls under way end with HelperEnded."""
        with self._changed:
            self._closed = True
            working = list(self._working)
        for helper in working:
            helper.process.kill()  # the thread that waits for it does the rest
        self.restart()

    def _take(self, until: float) -> tuple[_Helper, int]:
        """A process that is ready, and the generation that it belongs to."""
        helper, generation = self._next(until)
        try:
            ready = helper.is_ready(min(WAIT_SECONDS, max(0.0, until - time.monotonic())))
        except CannotStart as error:
            self._end(helper)
            self._rest(error)
            raise
        if not ready:
            self._put_back(helper, generation)
            raise CannotStart("The process is being started.")
        return helper, generation

    def _next(self, until: float) -> tuple[_Helper, int]:
        """One with nothing to do, rather one that is ready, or a new one."""
        with self._changed:
            while not self._idle and len(self._working) >= self._most and not self._closed:
                if not self._changed.wait(max(0.0, until - time.monotonic())):
                    raise HelperTimeout
            if self._closed:
                raise CannotStart("The server is stopping.")
            helper = max(self._idle, key=lambda idle: idle.ready, default=None) or self._started()
            if helper in self._idle:
                self._idle.remove(helper)
            self._working.add(helper)
            return helper, self._generation

    def _started(self) -> _Helper:
        if time.monotonic() < self._none_until:
            raise CannotStart("None could be started a moment ago.")
        try:
            return _Helper(self._module, self._setup(), self._memory, self._idle_seconds)
        except CannotStart as error:
            self._rest(error)
            raise

    def _rest(self, error: CannotStart) -> None:
        """None is tried for a while."""
        log.warning("no helper process", module=self._module, error=str(error))
        self._none_until = time.monotonic() + REST_SECONDS

    def _put_back(self, helper: _Helper, generation: int) -> None:
        with self._changed:
            self._working.discard(helper)
            fresh = generation == self._generation and not self._closed
            if fresh:
                self._idle.append(helper)
            self._changed.notify()
        if not fresh:
            helper.kill()

    def _end(self, helper: _Helper) -> None:
        helper.kill()
        with self._changed:
            self._working.discard(helper)
            self._changed.notify()


def _result(answer: Answer) -> Answer:
    match answer.kind:
        case "done":
            return answer
        case "raised":
            raise restored(*answer.value)
        case "failed":
            raise HelperFailed(answer.value)
        case "memory":
            raise HelperOutOfMemory("The work needs more memory than a helper process may have.")
        case kind:
            raise HelperFailed(f"an answer of the unknown kind {kind!r}")


def parts_of(error: Exception) -> Parts:
    """What an exception is made of: one whose constructor takes other arguments cannot be pickled as it is."""
    return type(error), error.args, vars(error)


def restored(type_: type[Exception], arguments: tuple[Any, ...], attributes: dict[str, Any]) -> Exception:
    """The exception that `parts_of` took apart."""
    error = type_.__new__(type_, *arguments)
    error.args = arguments
    vars(error).update(attributes)
    return error
