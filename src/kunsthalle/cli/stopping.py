"""How a server ends: the first Ctrl-C waits for what runs and says for what, the second ends at once."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn


class StoppableServer(uvicorn.Server):
    """`running_jobs` counts the jobs of this process that are being carried out; `say` takes what the log is told."""

    def __init__(self, config: uvicorn.Config, running_jobs: Callable[[], int], say: Callable[[str], None]) -> None:
        super().__init__(config)
        self._running_jobs = running_jobs
        self._say = say

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signals that end a process, in its main thread."""
        del frame
        if not self.should_exit:
            self.should_exit = True  # and the process ends with 0: it was asked to
            self._tell(_waiting(len(self.server_state.tasks), self._running_jobs()))
            return
        self._tell(_cut_off(self._running_jobs())).join(_TELLING_SECONDS)
        os._exit(_SIGNALLED + sig)

    def _tell(self, text: str) -> threading.Thread:
        """In a thread: the signal may have come while this one writes a line of the log, whose file then takes no other
        from it. That nobody reads the log any more keeps no server from ending.
        """

        def say() -> None:
            with contextlib.suppress(OSError, ValueError):
                self._say(text)

        thread = threading.Thread(target=say, name="stopping", daemon=True)
        thread.start()
        return thread


_TELLING_SECONDS = 1.0
"""How long the end of a process waits for its last line."""
_SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a process."""


def _waiting(requests: int, jobs: int) -> str:
    parts = [_counted(requests, "request"), _counted(jobs, "job")]
    busy = " and ".join(part for part in parts if part)
    if not busy:
        return "Stopping."
    return f"Stopping: waiting for {busy} in progress. Press Ctrl-C again to stop at once."


def _cut_off(jobs: int) -> str:
    if not jobs:
        return "Stopped at once. No job was in progress; nothing that was answered is lost."
    return f"Stopped at once. {_counted(jobs, 'job').capitalize()} cut off: the next start does the work again."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""
