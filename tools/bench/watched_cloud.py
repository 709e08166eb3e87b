"""`kunsthalle serve` that writes down what it asks of its cloud, and since when the cloud had done what was waited for.

    KUNSTHALLE_BENCH_CALLS=FILE python -m tools.bench.watched_cloud serve --hypervisor openstack ...

While the product waits for the cloud, the cloud is looked at more often than the product does: so it is known how late
the product notices. A line is a JSON object: `kind` (`call`, `look` for a call of those waits, `wait`), `thread`,
`begin` and `end` in seconds of the monotonic clock; of a wait `end` is when the cloud was done.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from keystoneauth1.session import Session

from kunsthalle.cli.main import cli
from kunsthalle.hypervisor.openstack.cloud_client import Cloud
from kunsthalle.hypervisor.protocol import HypervisorError

VARIABLE = "KUNSTHALLE_BENCH_CALLS"
_SPACING = 0.04
"""Seconds between two looks of ours."""


class _State(threading.local):
    """What a thread is at."""

    waiting = False
    """It asks because it waits."""
    ours = False
    """It is us who ask."""


_state = _State()
_file = Path(os.environ[VARIABLE]).open("a", buffering=1)  # noqa: SIM115  as long as the process


def _tell(kind: str, begin: float, end: float) -> None:
    line = {"kind": kind, "thread": threading.current_thread().name, "begin": begin, "end": end}
    _file.write(json.dumps(line) + "\n")


_request, _until = Session.request, Cloud.until


def request(session: Session, url: str, method: str, **more: Any) -> Any:
    begun = time.monotonic()
    try:
        return _request(session, url, method, **more)
    finally:
        if not _state.ours and "endpoint_filter" in more:  # those for tokens have none
            _tell("look" if _state.waiting else "call", begun, time.monotonic())


class _Looking:
    """One wait of the product: when the cloud was last seen at work, and first seen to be done."""

    def __init__(self, ready: Callable[[], Any]) -> None:
        self._ready = ready
        self._at_work = time.monotonic()
        self._took = 0.0
        self.done: float | None = None

    def ask(self) -> Any:
        """The product's own look."""
        begun = time.monotonic()
        answer = self._ready()
        self._see(answer, begun)
        return answer

    def wait(self, seconds: float) -> None:
        """Sleeps as long as the product wants to, and looks meanwhile where a look takes no longer than is left."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            looks = self.done is None and left > _SPACING + 2 * self._took
            time.sleep(_SPACING if looks else left)
            if looks:
                self._look()

    def _look(self) -> None:
        _state.ours = True
        begun = time.monotonic()
        try:
            self._see(self._ready(), begun)
        except HypervisorError:
            return  # the product will find out
        finally:
            _state.ours = False

    def _see(self, answer: Any, begun: float) -> None:
        self._took = max(self._took, time.monotonic() - begun)
        if not answer:
            self._at_work = begun
        elif self.done is None:
            self.done = (self._at_work + time.monotonic()) / 2


def until(cloud: Cloud, ready: Callable[[], Any], work: str, seconds: float, *near: Callable[[], bool]) -> Any:
    begun, looking = time.monotonic(), _Looking(ready)
    _state.waiting = True
    try:
        return _until(replace(cloud, wait=looking.wait), looking.ask, work, seconds, *near)
    finally:
        _state.waiting = False
        _tell("wait", begun, looking.done or time.monotonic())


if __name__ == "__main__":
    Session.request, Cloud.until = request, until
    cli()
