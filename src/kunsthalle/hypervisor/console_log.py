"""A server's serial output in a file: its end, and a bound, lest a talkative guest fill the disk.

Places in the output are counted from the server's first byte on, whatever was cut off since, so that a reader goes on
where it was.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from kunsthalle.core.sizes import MIB
from kunsthalle.hypervisor.protocol import Excerpt
from kunsthalle.hypervisor.run_folders import write_atomically

MAX_BYTES = 8 << 20
"""Beyond this the file is cut down to its end. QEMU appends, so it goes on at the new end by itself."""

KEPT_BYTES = MIB


def tail(path: Path, max_bytes: int) -> bytes:
    """The last bytes of the file, at most that many; empty if it is absent."""
    return excerpt(path, None, max_bytes).text


def excerpt(path: Path, start: int | None, max_bytes: int) -> Excerpt:
    """What was said from a place on, or at the end; at most that many bytes. See Hypervisor.read_console."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            gone, size = _gone(path), file.seek(0, os.SEEK_END)
            at = size - max(0, max_bytes) if start is None else start - gone
            at = min(max(0, at), size)
            file.seek(at)
            text = file.read(max(0, max_bytes))
    except FileNotFoundError:
        return Excerpt(0, 0, b"")
    return Excerpt(gone + at, gone + at + len(text), text)


def rotate(path: Path) -> None:
    """Cuts an overgrown file down. What a guest says in that very moment may be lost."""
    try:
        if path.stat().st_size <= MAX_BYTES:
            return
        with path.open("rb") as reader, path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _cut(path, reader, file)
    except FileNotFoundError:
        return


def _cut(path: Path, reader: BinaryIO, file: BinaryIO) -> None:
    size = reader.seek(0, os.SEEK_END)
    if size <= MAX_BYTES:
        return  # another reader has cut it while we waited
    reader.seek(size - KEPT_BYTES)
    tail = reader.read(KEPT_BYTES)
    # Counted before it is cut: after a crash in between, places only seem to have moved on.
    write_atomically(count_of(path), str(_gone(path) + size - len(tail)).encode())
    file.truncate(0)
    file.write(tail)


def count_of(path: Path) -> Path:
    return path.with_suffix(".cut")


def _gone(path: Path) -> int:
    """How many bytes were cut off so far."""
    try:
        return int(count_of(path).read_bytes())
    except (FileNotFoundError, ValueError):
        return 0
