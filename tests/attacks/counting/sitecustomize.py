"""Python runs this at the start of a served process that finds it on its path: what its first thread does is counted.

That thread answers requests. The counts go to the file that `KUNSTHALLE_COUNTED_WORK` names, which whoever attacks maps
into memory: steps of SQLite's virtual machine, then calls of Python functions. They are the same on a busy machine.
"""

from __future__ import annotations

import mmap
import os
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_FIRST = threading.get_ident()
_STEPS, _CALLS = 0, 1


def _count_into(counts: memoryview) -> None:
    def called(_frame: Any, event: str, _argument: Any) -> None:
        if event == "call":
            counts[_CALLS] += 1

    class Connection(sqlite3.Connection):
        """Counts each step, beside whatever the program itself wants to be asked."""

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.set_progress_handler(None, 0)

        def set_progress_handler(self, handler: Callable[[], Any] | None, every: int) -> None:
            taken = 0

            def step() -> Any:
                nonlocal taken
                taken += 1
                if threading.get_ident() == _FIRST:
                    counts[_STEPS] += 1
                return handler() if handler is not None and taken % every == 0 else 0

            super().set_progress_handler(step, 1)

    connect = sqlite3.connect
    sqlite3.connect = lambda *arguments, **named: connect(*arguments, **{"factory": Connection, **named})
    sqlite3.dbapi2.connect = sqlite3.connect  # the name that SQLAlchemy takes
    sys.setprofile(called)


if _path := os.environ.get("KUNSTHALLE_COUNTED_WORK"):
    with Path(_path).open("r+b") as _file:
        _count_into(memoryview(mmap.mmap(_file.fileno(), 16)).cast("Q"))
