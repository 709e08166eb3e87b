"""The faults of all nodes of a PostgreSQL database: kept in the database, and looked at in memory.

A process follows the document when a transaction of its begins (`nodes.py`). A call or a job that a fault may concern
is counted in the database, so that a fault which applies once applies once, whichever node is asked.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any, TypeVar

from kunsthalle.authz.context import Context
from kunsthalle.core.faults import Fault, Faults, Subject
from kunsthalle.db import kv, nodes
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session

T = TypeVar("T")


class SharedFaults(Faults):
    """See Faults. Every method but those of `Faults` that only look takes a transaction: call them in a thread."""

    shared = True

    def __init__(self, store: Store, ctx: Context) -> None:
        super().__init__()
        self._store, self._ctx = store, ctx

    def add(self, fault: Fault) -> None:
        self._change(lambda faults: faults.add(fault))

    def list(self) -> list[Fault]:
        return self._stored().list()

    def applied(self) -> builtins.list[str]:
        return self._stored().applied()

    def clear(self, id_: str | None = None) -> int:
        return self._change(lambda faults: faults.clear(id_))

    def created(self, id_: str, at: float) -> None:
        self._change(lambda faults: faults.created(id_, at))

    def _match(self, on: str, subject: Subject, at: float) -> Fault | None:
        if not self.may_concern(on, subject, at):
            return None
        return self._change(lambda faults: faults._match(on, subject, at))  # noqa: SLF001  the same class

    def _stored(self) -> Faults:
        faults = Faults()
        faults.follow(self._store.read(self._ctx, lambda session: kv.get(session, nodes.FAULTS)))
        return faults

    def _change(self, function: Callable[[Faults], T]) -> T:
        def change(session: Session) -> T:
            before: Any = kv.locked(session, nodes.FAULTS)
            faults = Faults()
            faults.follow(before)
            result = function(faults)
            after = faults.document()
            if after != before:
                kv.put(session, nodes.FAULTS, after)
                nodes.changed(session, faults=True)
            return result

        return self._store.write(self._ctx, change)
