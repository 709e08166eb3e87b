"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def unfinished(path: Path) -> Path:
    """The name of a file until it is complete."""
    return path.with_name(path.name + ".part")


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Gives a name beside `path` to write to, and renames it when the block ends well; removes it otherwise.

    What a killed process left there is written over. Raises FileExistsError if `path` exists: a disk in use
    is never replaced.
    """
    if path.exists():
        raise FileExistsError(path)
    part = unfinished(path)
    part.unlink(missing_ok=True)
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
