"""A folder for each server, which is also its lock: `root/run/<server id>/`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kunsthalle.hypervisor.specs import SERVER_ID, check_server_id


class RunDirectories:
    """The folders of one engine. Any number of threads and processes may share them."""

    def __init__(self, root: Path) -> None:
        """`root/run` is made if absent."""
        self._root = root.absolute() / "run"
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, server_id: str) -> Path:
        """Where the server's folder is or would be. BadServerId for what may not be a name."""
        check_server_id(server_id)
        return self._root / server_id

    def ids(self) -> list[str]:
        """The servers that have a folder, sorted."""
        with os.scandir(self._root) as entries:
            return sorted(
                entry.name
                for entry in entries
                if SERVER_ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            )

    @contextlib.contextmanager
    def lock(self, server_id: str, *, create: bool = False) -> Iterator[Path | None]:
        """
        Holds the server's folder, waiting for whoever holds it. Yields its path, or None if it is absent.

        The lock belongs to the open folder, so it ends with a crashed process and leaves no file behind.
        """
        path = self.path(server_id)
        descriptor = self._acquire(path, create=create)
        try:
            yield path if descriptor is not None else None
        finally:
            if descriptor is not None:
                os.close(descriptor)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else is in here meanwhile, in this process or in another of the folders' host."""
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Removes a folder that the caller holds."""
        shutil.rmtree(path, ignore_errors=False)

    @staticmethod
    def _acquire(path: Path, *, create: bool) -> int | None:
        while True:
            if create:
                path.mkdir(exist_ok=True, mode=0o700)
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                if create:
                    continue  # removed in between by who held it
                return None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(descriptor), path.lstat()):
                    return descriptor
            except FileNotFoundError:
                pass  # removed while we waited; look again
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a private file (0600) so that a reader and a crash see the old content or the new, whole."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    partial.rename(path)
