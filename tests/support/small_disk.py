"""A disk of a few megabytes that a test may fill: a file system in memory, mounted on a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _as_root(*command: str) -> bool:
    words = command if os.geteuid() == 0 else ("sudo", "-n", *command)
    if shutil.which(words[0]) is None:
        return False
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    """Mounts it for the length of a block; skips the test where mounting is not allowed."""
    folder.mkdir(parents=True)
    options = f"size={mib}m,mode=0700,uid={os.geteuid()},gid={os.getegid()}"
    if not _as_root("mount", "-t", "tmpfs", "-o", options, "none", str(folder)):
        pytest.skip("a file system can be mounted by root only")
    try:
        yield folder
    finally:
        _as_root("umount", "--lazy", str(folder))
