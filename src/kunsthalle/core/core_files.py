"""Core files: what a crashed process held in memory, keys too, and nobody is to find on the disk."""

from __future__ import annotations

import contextlib
import resource

NO_CORE = 1
"""Bytes of the limit. Too few for a file, and unlike 0 also an end to what the host's own program for crashes is
handed (Linux, fs/coredump.c). A host that allows 0 alone keeps that."""


def prevent(pid: int = 0) -> None:
    """Has a process of ours, or this one, and those that it starts, leave no core file. One that ended is fine."""
    with contextlib.suppress(ProcessLookupError):
        _, hard = resource.prlimit(pid, resource.RLIMIT_CORE)
        most = 0 if hard == 0 else NO_CORE
        resource.prlimit(pid, resource.RLIMIT_CORE, (most, most))
