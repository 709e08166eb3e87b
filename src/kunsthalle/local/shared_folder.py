"""The folder that all nodes of one database have in common (`--shared-folder`)."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from kunsthalle.local import folder

ID = "shared-folder.id"
"""Holds what tells the folder from every other one."""
_LOCK = "shared-folder.lock"
OWN = (ID, _LOCK)
"""What is of the folder, whatever it holds."""


@contextlib.contextmanager
def alone(shared: Path) -> Iterator[None]:
    """No other node makes, loads or saves anything whole in the folder meanwhile. It ends with a killed process."""
    shared.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(shared / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def identity(shared: Path, make: str) -> str:
    """The id of the folder, which gets `make`, a name that no other node makes, where it has none.

    The file appears whole: a node that starts at the same moment reads the id of whoever was first.
    """
    path = shared / ID
    if not path.exists():
        shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = shared / f"{ID}.{make}"
        own.touch(mode=0o600)
        own.write_text(make)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(own)
        own.unlink()
    return path.read_text().strip()


def known_identity(shared: Path) -> str:
    """The id of the folder; empty where it is none."""
    path = shared / ID
    return path.read_text().strip() if path.is_file() else ""


def link_credentials(data: Path, shared: Path) -> None:
    """Has the credentials of a node be those of all: what its folder held alone goes to the shared one, once."""
    own, common = data / folder.CREDENTIALS, shared / folder.CREDENTIALS
    if own.is_symlink() and own.resolve() == common.resolve():
        return
    if own.exists() and not common.exists():
        folder.write(shared, folder.CREDENTIALS, folder.read(data, folder.CREDENTIALS))
    own.unlink(missing_ok=True)
    own.symlink_to(common.resolve())
