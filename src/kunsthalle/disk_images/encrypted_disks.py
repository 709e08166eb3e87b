"""Writes encrypted disks of our own in plain Python: qcow2 files whose clusters are encrypted, with a LUKS header.

The disk is empty. Its master key is new and random; the passphrase opens the first key slot. The passphrase is a data
key of 256 random bits, so that the derivation needs no more iterations than the format asks for, and a disk is made in
milliseconds. The passphrase leaves the process on no command line, in no pipe and in no file.

Layouts: "LUKS On-Disk Format Specification" version 1.2.3, and QEMU's docs/interop/qcow2.txt ("Full disk encryption
header pointer"; the sector numbers of the cipher are those of the file, not those of the disk).
"""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

from kunsthalle.core.ids import entropy
from kunsthalle.disk_images import luks, qcow2
from kunsthalle.disk_images.atomic_files import appearing
from kunsthalle.disk_images.backing_files import name_of
from kunsthalle.disk_images.detection import QEMU_NAMES
from kunsthalle.disk_images.limits import SECTOR
from kunsthalle.disk_images.writers import Qcow2File

ITERATIONS = 1_000
"""Of the derivations: the least that the specification allows."""

_MASTER_OCTETS, _SALT_OCTETS, _CHECK_OCTETS = 64, 32, 20
"""A master key of AES-256 in the mode XTS is two keys of 32 octets."""

_ALIGNED = 4_096
_MATERIAL = luks.STRIPES * _MASTER_OCTETS
_ROOM = -(-_MATERIAL // _ALIGNED) * _ALIGNED
"""Bytes of a slot's key material, and of its place."""

_LENGTH = _ALIGNED + luks.SLOTS * _ROOM
"""Bytes of the header with the places of all slots."""


def write_disk(path: Path, virtual_size: int, passphrase: bytes, *, room: int = 0) -> None:
    """Writes an empty encrypted disk of `virtual_size` bytes that stands on nothing.

    It can grow in place up to `room` bytes. Raises FileExistsError if `path` exists.
    """
    _write(path, virtual_size, passphrase, room=room)


def write_overlay(path: Path, backing: Path, backing_format: str, virtual_size: int, passphrase: bytes) -> None:
    """Writes an empty encrypted disk on top of `backing`, whose format (qcow2, vhd, raw) it names.

    What is on the base is not touched, and not encrypted with this passphrase. Raises as `writers.write_overlay`.
    """
    name = os.fsencode(name_of(backing, backing_format))
    _write(path, virtual_size, passphrase, backing=name, backing_format=QEMU_NAMES[backing_format].encode())


def _write(path: Path, virtual_size: int, passphrase: bytes, *, room: int = 0, **backing: bytes) -> None:
    with appearing(path) as part, part.open("wb") as file:
        disk = Qcow2File(file, virtual_size, max(room, virtual_size))
        offset = disk.reserve(_LENGTH)
        pointer = qcow2.EXTENSION.pack(qcow2.ENCRYPTION_HEADER, qcow2.ENCRYPTION_SPAN.size)
        pointer += qcow2.ENCRYPTION_SPAN.pack(offset, _LENGTH)
        disk.close(**backing, crypt_method=qcow2.LUKS, extensions=pointer)
        header, material = luks_header(passphrase)
        file.seek(offset)
        file.write(header)
        file.seek(offset + _ALIGNED)
        file.write(material)


def luks_header(passphrase: bytes) -> tuple[bytes, bytes]:
    """A header with a new master key, and the key material of its first slot, which the passphrase opens."""
    master, salt, check_salt = entropy(_MASTER_OCTETS), entropy(_SALT_OCTETS), entropy(_SALT_OCTETS)
    check = hashlib.pbkdf2_hmac("sha256", master, check_salt, ITERATIONS, _CHECK_OCTETS)
    names = (b"aes", b"xts-plain64", b"sha256")
    number = str(uuid.UUID(bytes=entropy(16), version=4)).encode()
    sizes = (_LENGTH // SECTOR, _MASTER_OCTETS)
    header = luks.HEADER.pack(luks.MAGIC, 1, *names, *sizes, check, check_salt, ITERATIONS, number)
    for slot in range(luks.SLOTS):
        place = (_ALIGNED + slot * _ROOM) // SECTOR
        used = (luks.ACTIVE, ITERATIONS, salt) if slot == 0 else (luks.INACTIVE, 0, bytes(_SALT_OCTETS))
        header += luks.SLOT.pack(*used, place, luks.STRIPES)
    derived = hashlib.pbkdf2_hmac("sha256", passphrase, salt, ITERATIONS, _MASTER_OCTETS)
    return header, _encrypted(derived, _split(master))


def _split(master: bytes) -> bytes:
    """The master key as stripes: who loses one of them has lost it (section 2.4 of the specification)."""
    stripes, mixed = [], bytes(_MASTER_OCTETS)
    for _ in range(luks.STRIPES - 1):
        stripe = entropy(_MASTER_OCTETS)
        stripes.append(stripe)
        mixed = luks.diffuse(luks.xor(mixed, stripe), "sha256")
    return b"".join((*stripes, luks.xor(mixed, master)))


def _encrypted(key: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    sectors = []
    for number in range(len(data) // SECTOR):
        encryptor = Cipher(algorithms.AES(key), modes.XTS(number.to_bytes(16, "little"))).encryptor()
        sectors.append(encryptor.update(data[number * SECTOR : (number + 1) * SECTOR]))
    return b"".join(sectors)
