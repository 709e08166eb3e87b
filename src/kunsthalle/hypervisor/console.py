"""A server's serial output in a file: its end, and a bound, lest a talkative guest fill the disk."""

from __future__ import annotations

import os
from pathlib import Path

MAX_BYTES = 8 << 20
"""Beyond this the file is cut down to its end. QEMU appends, so it goes on at the new end by itself."""

KEPT_BYTES = 1 << 20


def tail(path: Path, max_bytes: int) -> bytes:
    """The last bytes of the file, at most that many; empty if it is absent."""
    if max_bytes <= 0:
        return b""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - max_bytes))
            return file.read(max_bytes)
    except FileNotFoundError:
        return b""


def rotate(path: Path) -> None:
    """Cuts an overgrown file down. What a guest says in that very moment may be lost."""
    try:
        if path.stat().st_size <= MAX_BYTES:
            return
        kept = tail(path, KEPT_BYTES)
        with path.open("ab") as file:
            file.truncate(0)
            file.write(kept)
    except FileNotFoundError:
        return
