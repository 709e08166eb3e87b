"""Files of disks, held against what the records say of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kunsthalle.disk_images import luks, qcow2
from kunsthalle.disk_images.backing_files import backing_of
from kunsthalle.disk_images.detection import HEAD_BYTES
from kunsthalle.disk_images.file_refusals import Refused, ToolFailed
from kunsthalle.hypervisor.disk_protocol import Damage, ExpectedDisk
from kunsthalle.hypervisor.overlays import read_header

_UNREADABLE = Damage("broken_disk", "The file of the disk cannot be read.")


def files(folder: Path, pattern: str) -> list[Path]:
    """The files and links of a folder, sorted."""
    return sorted(path for path in folder.glob(pattern) if path.is_file() or path.is_symlink())


def virtual_size(path: Path) -> int:
    """Bytes of the disk in a file, 0 for what is no disk that can be read."""
    try:
        header = read_header(path)
    except OSError:
        return 0
    return 0 if header is None else header.size_bytes


def damage(path: Path, expected: ExpectedDisk, place: Path | None) -> Iterator[Damage]:
    """See Disks.damage. `place` is where the bytes are that the disk stands on, None where it stands on none."""
    differences = list(_encryption(path, expected))
    yield from differences
    if place is not None and not differences:
        yield from _backing(path, place)


def _encryption(path: Path, expected: ExpectedDisk) -> Iterator[Damage]:
    """A disk is encrypted if its volume has a key, and the volume's data key opens it. Nobody else can mend that."""
    try:
        with path.open("rb") as file:
            start = file.read(HEAD_BYTES)
        header = qcow2.parse(start)
        encrypted = header.crypt_method == qcow2.LUKS
        luks_parts = qcow2.encryption_header(path, start, header) if encrypted else None
    except FileNotFoundError:
        return
    except (OSError, Refused):
        yield _UNREADABLE
        return
    if encrypted != expected.encrypted:
        state = "is encrypted, and has no key" if encrypted else "has a key, and is not encrypted"
        yield Damage("wrong_encryption", f"The disk {state}.")
    elif (
        luks_parts is not None and expected.passphrase is not None and not luks.opens(*luks_parts, expected.passphrase)
    ):
        yield Damage("wrong_data_key", "The data key does not open the disk.")


def _backing(path: Path, place: Path) -> Iterator[Damage]:
    try:
        base = backing_of(path)
    except FileNotFoundError:
        return
    except (OSError, Refused, ToolFailed):
        yield _UNREADABLE
        return
    if base is not None and base != place:
        yield Damage("wrong_backing", f"The disk stands on {base}; its bytes are {place}.")
