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
    """The id of the folder, which gets `make` where it has none."""
    path = shared / ID
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make)
    return path.read_text().strip()


def link_credentials(data: Path, shared: Path) -> None:
    """Has the credentials of a node be those of all: what its folder held alone goes to the shared one, once."""
    own, common = data / folder.CREDENTIALS, shared / folder.CREDENTIALS
    if own.is_symlink() and own.resolve() == common.resolve():
        return
    if own.exists() and not common.exists():
        folder.write(shared, folder.CREDENTIALS, folder.read(data, folder.CREDENTIALS))
    own.unlink(missing_ok=True)
    own.symlink_to(common.resolve())
