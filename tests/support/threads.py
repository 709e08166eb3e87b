"""Doing things at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 30
"""Seconds that a test waits for a thread before it fails."""


def together(*functions: Callable[[], T]) -> list[T]:
    """Runs each in a thread of its own, all let go at once; the results in order. The first error comes out."""
    barrier = threading.Barrier(len(functions))

    def started(function: Callable[[], T]) -> T:
        barrier.wait(PATIENCE)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(started, function) for function in functions]]


def until(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Looks again and again until something holds that another thread brings about; fails after a while."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        pause.wait(0.01)
