"""The thread that looks after machines. It loads nothing before there is a machine to look after."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kunsthalle.authz.context import Context
from kunsthalle.core.lazy import Lazy
from kunsthalle.core.log import get_logger
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session

if TYPE_CHECKING:
    from kunsthalle.hypervisor.protocol import Hypervisor
    from kunsthalle.instances.vm_monitor import Watch

log = get_logger("machines")
PAUSE_SECONDS = 2.0


class VmMonitorThread:
    """`machines` is the engine's folder: while it holds none and no server runs, nothing else is asked."""

    def __init__(self, store: Store, ctx: Context, machines: Path, hypervisor: Callable[[], Hypervisor]) -> None:
        self._store, self._ctx, self._folder = store, ctx, machines / "run"
        self._watch = Lazy(lambda: _made(store, ctx, hypervisor()))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="machines", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _loop(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            try:
                if self._watch.known or self._any():
                    self._watch().round()
            except Exception:
                log.exception("looking after machines")

    def _any(self) -> bool:
        there = self._folder.is_dir() and any(self._folder.iterdir())
        return there or self._store.read(self._ctx, _any_runs)


def _any_runs(session: Session) -> bool:
    from kunsthalle.db.unscoped import any_row
    from kunsthalle.instances.tables import instances

    return any_row(session, instances, instances.c.status.in_(("running", "stopping")))


def _made(store: Store, ctx: Context, hypervisor: Hypervisor) -> Watch:
    from kunsthalle.instances.vm_monitor import Watch

    return Watch(store, ctx, hypervisor)
