"""The event loop goes first: threads that work in Python wait at convenient places while it reads.

Each statement of SQLite gives the interpreter up. A thread that works in Python takes it then, and keeps it for up to
`cli.serve.SWITCH_SECONDS`: a read of ten statements beside such a thread would take ten times as long as they do. So
the loop says when it reads, and threads call `give_way` between their own statements, and in long loops.
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
    """Whether the event loop reads, and threads that wait until it does not."""

    __slots__ = ("_changed", "_reader", "_waiting", "most_seconds")

    def __init__(self, most_seconds: float = MOST_SECONDS) -> None:
        self.most_seconds = most_seconds
        self._reader = _NOBODY
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
            if self._waiting:  # whoever begins to wait after this line sees that nobody reads
                with self._changed:
                    self._changed.notify_all()

    def give_way(self) -> None:
        """Wait until the event loop does not read, at most `most_seconds`. Returns at once in the loop's own thread."""
        if self._reader in (_NOBODY, _IDENTITY()):
            return
        with self._changed:
            self._waiting += 1
            try:
                if self._reader != _NOBODY:
                    self._changed.wait(self.most_seconds)
            finally:
                self._waiting -= 1


LOOP_TURNS = LoopTurns()
"""Those of this process, as its interpreter lock is one."""
