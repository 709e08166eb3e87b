"""How big an image may be, and what a tool may use while it looks at one."""

from __future__ import annotations

from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import GIB
from kunsthalle.disk_images.file_refusals import TOO_BIG, Refused, corrupted

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one examination.

    The sizes are bytes. IBM's "250 GB" is read as 250 * 2**30, which is how its own machines count volumes.
    `tool_seconds` is the wall clock of one look of a tool, `tool_memory_bytes` its address space. `encrypted`: the file
    has to be encrypted with LUKS; otherwise it must not be encrypted.
    """

    max_file_bytes: int = 250 * GIB
    max_virtual_bytes: int = 250 * GIB
    tool_seconds: int = 60
    tool_memory_bytes: int = GIB
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes of a disk, and how many of them its file holds data for, rounded up to the units of its format."""

    virtual_size: int
    data_bytes: int


def check_virtual_size(name: str, size: int, limits: Limits) -> None:
    """Refuses a disk of `size` bytes: beyond the limit, empty, or not made of whole 512-byte sectors."""
    if size > limits.max_virtual_bytes:
        most = limits.max_virtual_bytes
        raise Refused(TOO_BIG, f"The disk in the {name} image has {size} bytes, more than {most}.")
    if size == 0:
        raise corrupted(f"The disk in the {name} image has no size.")
    if size % SECTOR:
        raise corrupted(f"The size of the disk in the {name} image is no multiple of {SECTOR} bytes.")
