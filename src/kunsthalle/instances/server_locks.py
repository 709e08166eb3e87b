"""A lock for each server in the database: of the nodes that share an engine, one at a time changes a machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from kunsthalle.authz.context import Context
from kunsthalle.core.clock import SECOND
from kunsthalle.core.log import get_logger
from kunsthalle.core.records import dataclass
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.hypervisor.protocol import Unresponsive
from kunsthalle.jobs import leases

log = get_logger("machines")
LOCK_SECONDS = 120
"""How long the lock of a node that died outlives it. A call of an engine may take longer: its lock is renewed."""

PATIENCE_SECONDS = 1.5 * LOCK_SECONDS
_PAUSE_SECONDS = 0.2


class LockHeld(Unresponsive):
    """Another node is at work on the server."""


@dataclass(frozen=True, slots=True)
class ServerLocks:
    """`ctx` is the program's own; `wait` is told how many seconds to wait until the lock is tried again. A lock that
    is held is renewed every `renewal` seconds.
    """

    store: Store
    ctx: Context
    wait: Callable[[float], None] = time.sleep
    renewal: float = LOCK_SECONDS / 4

    @contextmanager
    def hold(self, server_id: str, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
        """Holds the lock of a server, waiting for whoever holds it. LockHeld if that takes too long."""
        name, owner, waited = f"server:{server_id}", self.ctx.ids.uuid(), 0.0
        take = partial(leases.take, name=name, owner=owner, microseconds=LOCK_SECONDS * SECOND)
        while not self.store.write(self.ctx, take):
            if waited >= patience:
                raise LockHeld(f"another node has been at work on the server {server_id} for {waited:.0f} s")
            self.wait(_PAUSE_SECONDS)
            waited += _PAUSE_SECONDS
        ended = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(take, ended), name=name, daemon=True)
        renewing.start()
        try:
            yield
        finally:
            ended.set()
            renewing.join()
            self.store.write(self.ctx, partial(leases.release, name=name, owner=owner))

    def _renew(self, take: Callable[[Session], bool], ended: threading.Event) -> None:
        while not ended.wait(self.renewal):
            try:
                self.store.write(self.ctx, take)
            except Exception:
                log.exception("lock of a server not renewed")
