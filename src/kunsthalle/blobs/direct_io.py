"""Large files are written around the page cache: an import of many gigabytes then neither waits for memory to be
found for pages that nobody reads soon, nor pushes out what others have there, nor ends with a long flush.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os

from kunsthalle.core.sizes import MIB

BLOCK = 4096
"""Offsets and lengths of direct writes are whole blocks of the device; no device that is made has larger ones."""
_BUFFER = 4 * MIB
_DIRECT = getattr(os, "O_DIRECT", 0)


class DirectWriter:
    """Writes to a descriptor that it owns, from its present end on. `write` may take less than it is given, as
    `os.write` does. What is no whole block, and everything behind it, goes through the page cache; so does all of it
    on file systems that know no direct writes.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._direct = self._set(_DIRECT)
        self._buffer = mmap.mmap(-1, _BUFFER) if self._direct else None  # whole pages, as direct writes need them

    def _set(self, flag: int) -> bool:
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL) & ~_DIRECT
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags | flag)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return False
        return bool(flag)

    def write(self, view: memoryview) -> int:
        whole = min(len(view), _BUFFER) // BLOCK * BLOCK
        if self._direct and self._buffer is not None:
            if whole:
                try:
                    return self._write_blocks(self._buffer, view[:whole])
                except OSError as error:
                    if error.errno != errno.EINVAL:  # the device's blocks are not ours: go on without
                        raise
            self._direct = self._set(0)
        return os.write(self._descriptor, view)

    def _write_blocks(self, buffer: mmap.mmap, view: memoryview) -> int:
        buffer[: len(view)] = view
        with memoryview(buffer) as whole:
            return os.write(self._descriptor, whole[: len(view)])

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        if self._buffer is not None:
            self._buffer.close()
        os.close(self._descriptor)
