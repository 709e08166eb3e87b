"""The event loop goes first, then the request that writes: other threads wait for them at convenient places.

Each statement of SQLite gives the interpreter up. A thread that works in Python takes it then, and keeps it for up to
`cli.serve.SWITCH_SECONDS`: a read of ten statements beside such a thread would take ten times as long as they do. So
the loop says when it reads, and threads call `give_way` before their own statements, and in long loops.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST_SECONDS = 0.002
"""How long a thread waits at one place: longer than most reads of the loop, and short beside a job."""
_NOBODY = 0
_MINE = threading.local()
"""`wait`, of a thread that also waits for others than the loop and the writer."""
_IDENTITY = threading.get_ident


class LoopTurns:
    """Whether the event loop reads or a request writes, and threads that wait until they do not.

    `with turns.reading:` while the event loop reads, in the thread that says so; it waits for nobody. `with
    turns.writing:` while a request writes, in the thread that has the right to write; it waits for the loop.
    """

    __slots__ = ("_changed", "_waiting", "most_seconds", "reading", "writing")

    def __init__(self, most_seconds: float = MOST_SECONDS) -> None:
        self.most_seconds = most_seconds
        self.reading, self.writing = _Working(self), _Working(self)
        self._waiting = 0
        self._changed = threading.Condition()

    def give_way(self) -> None:
        """Wait until nobody works who goes before the thread that calls this, at most `most_seconds`; and for whom
        else the thread is `waiting` for.
        """
        if self._goes_before(_IDENTITY()):
            with self._changed:
                self._waiting += 1
                try:
                    if self._goes_before(_IDENTITY()):
                        self._changed.wait(self.most_seconds)
                finally:
                    self._waiting -= 1
        wait = getattr(_MINE, "wait", None)
        if wait is not None:
            wait()

    def _goes_before(self, me: int) -> bool:
        """Whether somebody who works goes before a thread: the loop before all, the writer before all but the loop."""
        reader, writer = self.reading.thread, self.writing.thread
        return reader != me if reader != _NOBODY else writer not in (_NOBODY, me)

    def wake(self) -> None:
        """Let those go on that wait."""
        if self._waiting:  # whoever begins to wait after this line sees what has changed
            with self._changed:
                self._changed.notify_all()


@contextmanager
def waiting(wait: Callable[[], None]) -> Iterator[None]:
    """Have this thread call `wait` wherever it gives way meanwhile."""
    _MINE.wait = wait
    try:
        yield
    finally:
        _MINE.wait = None


class _Working:
    """Which thread works. No generator: each read of the event loop enters it."""

    __slots__ = ("_turns", "thread")

    def __init__(self, turns: LoopTurns) -> None:
        self._turns = turns
        self.thread = _NOBODY

    def __enter__(self) -> None:
        self.thread = _IDENTITY()

    def __exit__(self, *_error: object) -> None:
        self.thread = _NOBODY
        self._turns.wake()


LOOP_TURNS = LoopTurns()
"""Those of this process, as its interpreter lock is one."""
