"""Streams that become files of this host: a stream of a file is not copied where a link will do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from kunsthalle.core.sizes import MIB

_CHUNK = MIB


def keep(stream: BinaryIO, path: Path) -> None:
    """Leaves the content of a stream at a path that is free, and that nobody else knows. OSError.

    An open file is linked there if it can be, so that it costs nothing; it must not change afterwards.
    """
    if not _linked(stream, path):
        with path.open("xb") as file:
            shutil.copyfileobj(stream, file, _CHUNK)


def _linked(stream: BinaryIO, path: Path) -> bool:
    """Whether the stream is a file that could be given this name: it has one, on the same file system."""
    try:
        os.link(f"/proc/self/fd/{stream.fileno()}", path, follow_symlinks=True)
    except OSError:  # of a stream without a file, `fileno` raises one, too
        return False
    return True
