"""Looks at an image while its bytes arrive.

Digest, length, and the rules that the bytes so far allow to check.
"""

from __future__ import annotations

import hashlib

from kunsthalle.core.records import dataclass
from kunsthalle.disk_images import import_rules
from kunsthalle.disk_images.detection import HEAD_BYTES
from kunsthalle.disk_images.file_refusals import TOO_BIG, Refused, corrupted
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.vhd import FOOTER_SIZE


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that came whole and broke no rule that a stream can check.

    `size` is bytes, `sha256` hexadecimal.
    """

    claimed: str
    sha256: str
    size: int


class Intake:
    """Is fed the bytes of one file in order, in chunks of any size, and keeps 64 KiB of them.

    `claimed` is what the file is said to be (qcow2 or vhd), `announced` how many bytes were promised. Both
    `feed` and `finish` raise Refused, at the first byte that settles it: the verdict does not depend on the
    chunks.
    """

    def __init__(self, claimed: str, limits: Limits, announced: int | None = None) -> None:
        self._claimed = import_rules.get(claimed).name
        self._limits = limits
        self._announced = announced
        self._digest = hashlib.sha256()
        self._size = 0
        self._head = bytearray()
        self._tail = b""
        self._names: frozenset[str] | None = None

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes. A wrong kind shows within the first 64 KiB, before more is asked for."""
        self._digest.update(chunk)
        rest = len(chunk)
        if self._names is None:
            part = chunk[: HEAD_BYTES - len(self._head)]
            self._count(len(part))
            self._head += part
            rest -= len(part)
            if len(self._head) == HEAD_BYTES:
                self._names = import_rules.check_start(self._claimed, bytes(self._head), self._limits)
        self._count(rest)
        self._tail = (self._tail + chunk[-FOOTER_SIZE:])[-FOOTER_SIZE:]

    def finish(self) -> Arrived:
        """Says that all bytes have come; raises Refused for a file that is not whole."""
        if self._announced is not None and self._size != self._announced:
            raise corrupted(f"The file ended after {self._size} bytes; {self._announced} were announced.")
        head = bytes(self._head)
        if self._names is None:
            self._names = import_rules.check_start(self._claimed, head, self._limits)
        import_rules.check_end(self._claimed, head, self._tail, self._size, self._names, self._limits)
        return Arrived(self._claimed, self._digest.hexdigest(), self._size)

    def _count(self, more: int) -> None:
        self._size += more
        most = self._limits.max_file_bytes
        if self._announced is not None and self._announced < most:
            if self._size > self._announced:
                raise corrupted(f"The file is longer than the {self._announced} bytes that were announced.")
        elif self._size > most:
            raise Refused(TOO_BIG, f"The file has more than {most} bytes.")
