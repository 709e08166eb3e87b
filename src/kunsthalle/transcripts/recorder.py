"""Records what a server answers, from outside: starts a recording by the operator's API, fetches from it, ends it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from kunsthalle.local.client import CallFailed
from kunsthalle.transcripts.collecting import Collector
from kunsthalle.transcripts.models import Transcript
from kunsthalle.transcripts.writing import text_of

_PATH = "/_kunsthalle/recordings"
_PAUSE = 0.5
"""Seconds between two fetches, where there was nothing more."""
MOST_CALLS = 100_000
"""Calls of a transcript: those that follow are left out, and counted."""

Operate = Callable[[str, str, Any], Any]
"""A call with the operator's token: method, path, body."""


class Recorder:
    """Records from `start` to `stop`. `failed` says why it ended before, where the server went away.

    CallFailed where the server does not start a recording. The thread fetches while the program under test runs, so
    that the server keeps little.
    """

    def __init__(
        self, operate: Operate, url: str, accounts: Mapping[str, str], *, durations: bool, every_call: bool
    ) -> None:
        self._operate = operate
        self.url, self._accounts = url, accounts
        self._options = {"durations": durations, "every_call": every_call}
        self._collector: Collector
        self._path = ""
        self._after = self._left_out = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.failed = ""

    @property
    def calls(self) -> int:
        """How many calls there were so far."""
        return self._collector.calls

    def start(self) -> Self:
        """Begin."""
        made = self._operate("POST", _PATH, None)
        self._path = f"{_PATH}/{made['id']}"
        self._collector = Collector(made["now"], self.url, self._accounts, **self._options)
        self._thread.start()
        return self

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the server has gone away."""
        self._thread.join(seconds)

    def stop(self) -> Transcript:
        """End, and return what there was."""
        self._stopping.set()
        self._thread.join()
        if not self.failed:
            try:
                while self._fetch():
                    pass
                self._take(self._operate("DELETE", self._path, None))
            except CallFailed as error:
                self.failed = str(error)
        self._collector.lose(self._left_out)
        return self._collector.transcript()

    def _run(self) -> None:
        more = 0
        while more or not self._stopping.wait(_PAUSE):
            try:
                more = self._fetch()
            except CallFailed as error:
                self.failed = str(error)
                return

    def _fetch(self) -> int:
        return self._take(self._operate("POST", f"{self._path}/fetch", {"after": self._after}))

    def _take(self, page: dict[str, Any]) -> int:
        self._collector.lose(page["lost"])
        for event in page["events"]:
            if event["number"] <= self._after:
                continue
            self._after = event["number"]
            if self._collector.calls >= MOST_CALLS:
                self._left_out += event["event"] == "call"
            else:
                self._collector.add(event)
        return len(page["events"])


def write(transcript: Transcript, path: Path) -> None:
    """Write the file of a transcript, whole or not at all. OSError as the system has it."""
    write_text(text_of(transcript), path)


def write_text(text: str, path: Path) -> None:
    """Write a file, whole or not at all. OSError as the system has it."""
    content, path = text.encode("utf-8", "backslashreplace"), path.resolve()
    if path.exists() and not path.is_file():  # a pipe, or a terminal
        path.write_bytes(content)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
