"""What guests said, kept in files: Nova has the last of it alone, and starts over with each start of an instance.

A file holds the output of all starts of a server, and places in it are counted from its first byte on, as those of
`console_log.py`. Beside it stands which instance speaks now, and where it began to. Whoever writes has the lock of the
file, so that several nodes may.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kunsthalle.hypervisor import console_log
from kunsthalle.hypervisor.protocol import Excerpt
from kunsthalle.hypervisor.run_folders import write_atomically

_ANCHOR = 64
"""Bytes that have to agree for what Nova has to be taken for the continuation of what is kept."""

_WINDOW = 256 << 10
"""Bytes of what is kept that are compared: more than Nova ever gives, which is 100 KiB."""


class KeptConsoles:
    """The files of a folder, which nodes share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def absorb(self, server_id: str, instance: str, tail: bytes) -> None:
        """Adds what is new in the last output of an instance."""
        with self._locked(server_id) as path:
            end = console_log.excerpt(path, None, 0).end
            speaker = _speaker(path)
            if speaker.get("instance") != instance:
                speaker = {"instance": instance, "start": end}
                write_atomically(_beside(path), json.dumps(speaker).encode())
            start = int(speaker["start"])
            past = console_log.excerpt(path, max(start, end - _WINDOW), _WINDOW).text
            with path.open("ab") as file:
                file.write(continuation(past, tail))
        console_log.rotate(path)

    def begin(self, server_id: str) -> None:
        """Says that a server starts over: what Nova has next is no continuation."""
        with self._locked(server_id) as path:
            _beside(path).unlink(missing_ok=True)

    def excerpt(self, server_id: str, start: int | None, max_bytes: int) -> Excerpt:
        """See Hypervisor.read_console."""
        return console_log.excerpt(self._path(server_id), start, max_bytes)

    def forget(self, server_id: str) -> None:
        """Removes what a server said."""
        path = self._path(server_id)
        for part in (path, _beside(path), console_log.count_of(path), path.with_suffix(".lock")):
            part.unlink(missing_ok=True)

    def _path(self, server_id: str) -> Path:
        return self._folder / f"{server_id}.log"

    @contextmanager
    def _locked(self, server_id: str) -> Iterator[Path]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(server_id)
        with path.with_suffix(".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield path


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")


def _speaker(path: Path) -> dict[str, str | int]:
    try:
        return dict(json.loads(_beside(path).read_bytes()))
    except (FileNotFoundError, ValueError):
        return {}


def continuation(past: bytes, tail: bytes) -> bytes:
    """
    What is new in `tail`, the last output of a guest, of which `past` is past.

    All of it where it does not follow on what is kept: the guest said more meanwhile than Nova remembers, or its
    machine was started anew by somebody else.
    """
    if tail.startswith(past):
        return tail[len(past) :]
    if len(tail) >= _ANCHOR and past.endswith(tail):
        return b""
    anchor = tail[:_ANCHOR]
    at = past.find(anchor) if len(anchor) == _ANCHOR else -1
    while at >= 0:
        rest = past[at:]
        if tail.startswith(rest):
            return tail[len(rest) :]
        at = past.find(anchor, at + 1)
    return tail
