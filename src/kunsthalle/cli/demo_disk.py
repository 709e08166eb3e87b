"""The disk image of the demo: made by the program, and small, but one that boots."""

from __future__ import annotations

from pathlib import Path

from kunsthalle.core.sizes import GIB
from kunsthalle.disk_images.writers import write_qcow2

SIZE = 10 * GIB
MARKER = "KUNSTHALLE-DEMO-BOOT-OK"
"""What the guest writes on its serial console."""
_MESSAGE = f"\r\n{MARKER}: the boot sector of the shared image wrote this line\r\n"
_FILLING = b"KUNSTHALLE GOLDEN IMAGE\n" * 40_000

_CODE = bytes.fromhex(
    "fa"  # cli
    "31c0"  # xor ax, ax
    "8ed8"  # mov ds, ax
    "fc"  # cld
    "be227c"  # mov si, 0x7c22: the message, just after this code
    "ac"  # next: lodsb
    "84c0"  # test al, al
    "7411"  # jz halt
    "88c3"  # mov bl, al
    "bafd03"  # mov dx, 0x3fd: line status of the first serial port
    "ec"  # wait: in al, dx
    "a820"  # test al, 0x20: ready for a character
    "74fb"  # jz wait
    "b2f8"  # mov dl, 0xf8: its data
    "88d8"  # mov al, bl
    "ee"  # out dx, al
    "ebea"  # jmp next
    "f4"  # halt: hlt
    "ebfd"  # jmp halt
)
"""What a BIOS loads at 0x7c00 and runs."""


def boot_sector() -> bytes:
    """Return the 512 bytes that write the message to the first serial port and halt."""
    return (_CODE + _MESSAGE.encode() + b"\0").ljust(510, b"\0") + b"\x55\xaa"


def write(path: Path) -> None:
    """Write the image as a qcow2 file. FileExistsError if `path` exists."""
    write_qcow2(path, SIZE, boot_sector() + _FILLING)
