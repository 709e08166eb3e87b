"""Who is at work: one writer at a time in a repository, and no removal of blobs meanwhile.

A writer says until when it is at work, in the repository and, for the blobs of the installation, in its database, and
says so again as long as it works. Where it dies, both run out by themselves.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial

from kunsthalle.authz.context import Context
from kunsthalle.core.clock import SECOND, rfc3339
from kunsthalle.core.log import get_logger
from kunsthalle.db.engine import Store
from kunsthalle.images import blob_leases
from kunsthalle.operator.backups.repositories import Repository, new_worker

log = get_logger("backup")
_BEAT_SECONDS = 20


class TurnTaken(Exception):
    """Somebody else is at work in the repository; the message says since when."""


class TurnLost(Exception):
    """Nobody knows any more that this writer is at work: what it did must not count."""


class Turn:
    """The turn of one writer. `holder` names its lease on blobs. `beat` says that it still works; `check` raises
    TurnLost once that is not known.
    """

    def __init__(self, repository: Repository, real: Callable[[], int], renew: Callable[[], None], holder: str) -> None:
        self.worker = new_worker()
        self.holder = holder
        self._repository, self._real, self._renew = repository, real, renew
        self._since = real()
        self._until = 0

    def take(self) -> None:
        """Begin. TurnTaken."""
        self.beat()
        others = {name: _note(content) for name, content in self._repository.workers().items() if name != self.worker}
        now = self._real()
        running = [since for since, until in others.values() if now < until]
        if running:
            self._repository.withdraw(self.worker)
            place = self._repository.place.shown
            raise TurnTaken(f"{place}: another backup is at work there since {rfc3339(min(running))}; try again later.")
        for name in others:
            self._repository.withdraw(name)

    def beat(self) -> None:
        """Say that the work goes on."""
        self._renew()
        until = self._real() + blob_leases.LEASE_SECONDS * SECOND
        self._repository.announce(self.worker, json.dumps({"since": self._since, "until": until}).encode())
        self._until = until

    def check(self) -> None:
        """TurnLost where the last beat is too long ago."""
        if self._real() >= self._until:
            text = "The backup stood still for too long, and others may have removed what it needs; start again."
            raise TurnLost(text)


def _note(content: bytes) -> tuple[int, int]:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        note = json.loads(content)
        return int(note["since"]), int(note["until"])
    return 0, 0


@contextlib.contextmanager
def turn(repository: Repository, store: Store, ctx: Context) -> Iterator[Turn]:
    """A turn in a repository, and a lease on the blobs of a store. TurnTaken."""
    holder = f"backup-{new_worker()}"

    def renew() -> None:
        store.write(ctx, partial(blob_leases.renew, holder=holder))

    current = Turn(repository, ctx.clock.real, renew, holder)
    stopped = threading.Event()

    def beats() -> None:
        while not stopped.wait(_BEAT_SECONDS):
            try:
                current.beat()
            except Exception:  # the next beat may succeed; if none does, `check` ends the work
                log.exception("heartbeat of a backup")

    thread = threading.Thread(target=beats, name="backup-heartbeat", daemon=True)
    try:
        current.take()
        thread.start()
        yield current
    finally:
        stopped.set()
        if thread.is_alive():
            thread.join()
        store.write(ctx, partial(blob_leases.end, holder=holder))
        repository.withdraw(current.worker)


__all__ = ["Turn", "TurnLost", "TurnTaken", "turn"]
