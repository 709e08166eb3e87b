"""Which servers of this user run: each writes its folder down, so that the verbs find it without being told."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

ALIVE = "alive"
"""A file of the data folder that the server keeps locked for as long as it runs."""


def _registry(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the folders of running servers are written down, by the XDG base directory specification."""
    state, home = environment.get("XDG_STATE_HOME", ""), environment.get("HOME", "")
    base = Path(state) if state.startswith("/") else (Path(home) if home else Path.home()) / ".local" / "state"
    return base / "kunsthalle" / "servers"


def _entry(data: Path) -> Path:
    return _registry() / hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:32]


def mark(data: Path) -> int:
    """Says that a server works on the folder, until the descriptor is closed; only those who know the folder see it."""
    descriptor = os.open(data / ALIVE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # at once: others hold it for no longer than they look
    return descriptor


def register(data: Path) -> None:
    """Says that the server of the folder runs, for the life of this process. Only the holder of the folder may.

    A home that cannot be written to is no obstacle: the verbs are then told the folder.
    """
    mark(data)
    with contextlib.suppress(OSError, RuntimeError):
        entry = _entry(data)
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry.write_text(str(data.resolve()))


def is_running(data: Path) -> bool:
    """Whether a server works on the folder now, whatever its files say of an earlier one."""
    try:
        descriptor = os.open(data / ALIVE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def folders(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """The folders of this user's running servers, by name. What others may have written there is not read."""
    paths = []
    with contextlib.suppress(OSError, RuntimeError):
        registry = _registry(environment)
        if registry.stat().st_uid == os.getuid() and not registry.stat().st_mode & stat.S_IWOTH:
            paths = [Path(entry.read_text()) for entry in registry.iterdir()]
    return sorted(data for data in paths if is_running(data))
