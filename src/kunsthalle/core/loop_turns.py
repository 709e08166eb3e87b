"""The event loop goes first, then the request that writes: other threads wait for them at convenient places.

Each statement of SQLite gives the interpreter up. A thread that works in Python takes it then, and keeps it for up to
`cli.serve.SWITCH_SECONDS`: a read of ten statements beside such a thread would take ten times as long as they do. So
the loop says when it reads, and threads call `give_way` before their own statements, and in long loops.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST_SECONDS = 0.002
"""How long a thread waits at one place: longer than most reads of the loop, and short beside a job."""
_NOBODY = 0
_IDENTITY = threading.get_ident


class LoopTurns:
    """Whether the event loop reads or a request writes, and threads that wait until they do not."""

    __slots__ = ("_changed", "_reader", "_waiting", "_writer", "most_seconds")

    def __init__(self, most_seconds: float = MOST_SECONDS) -> None:
        self.most_seconds = most_seconds
        self._reader = self._writer = _NOBODY
        self._waiting = 0
        self._changed = threading.Condition()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The event loop reads, in the thread that calls this. It waits for nobody."""
        self._reader = _IDENTITY()
        try:
            yield
        finally:
            self._reader = _NOBODY
            self._wake()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A request writes, in the thread that calls this, which has the right to write. It waits for the loop."""
        self._writer = _IDENTITY()
        try:
            yield
        finally:
            self._writer = _NOBODY
            self._wake()

    def give_way(self) -> None:
        """Wait until nobody works who goes before the thread that calls this, at most `most_seconds`."""
        if self._goes_before(_IDENTITY()):
            with self._changed:
                self._waiting += 1
                try:
                    if self._goes_before(_IDENTITY()):
                        self._changed.wait(self.most_seconds)
                finally:
                    self._waiting -= 1

    def _goes_before(self, me: int) -> bool:
        """Whether somebody who works goes before a thread: the loop before all, the writer before all but the loop."""
        if self._reader != _NOBODY:
            return self._reader != me
        return self._writer not in (_NOBODY, me)

    def _wake(self) -> None:
        if self._waiting:  # whoever begins to wait after this line sees what has changed
            with self._changed:
                self._changed.notify_all()


LOOP_TURNS = LoopTurns()
"""Those of this process, as its interpreter lock is one."""
