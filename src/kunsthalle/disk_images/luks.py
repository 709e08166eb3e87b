"""LUKS: the header of an encrypted disk, its limits, and whether a passphrase opens it.

Layout: "LUKS1 On-Disk Format Specification", version 1.2.3, and what QEMU's crypto/block-luks.c asks of it. Numbers are
big-endian, offsets count sectors of 512 bytes from the start of the header. Whoever opens such a disk derives a key
from the passphrase as often, and reads as much, as the header says: so the rules bound both before any tool sees it.

Version 2 is refused: it derives keys with as much memory as its header asks for, and QEMU does not read it.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB
from kunsthalle.disk_images.file_refusals import corrupted
from kunsthalle.disk_images.limits import SECTOR

MAGIC = b"LUKS\xba\xbe"
HEADER = struct.Struct(">6sH32s32s32sII20s32sI40s")
SLOT = struct.Struct(">II32sII")
SLOTS = 8
ACTIVE, INACTIVE = 0x00AC71F3, 0x0000DEAD
START = HEADER.size + SLOTS * SLOT.size
"""Bytes of the header itself, in front of the key material: 592."""
STRIPES = 4000
"""Of how many parts the key in a slot is made: the specification's constant, and all that QEMU opens."""
KEY_BYTES = (32, 64)
"""Bytes of a key of AES-XTS: two keys of AES, of 128 or 256 bits."""
HASHES = ("sha1", "sha256", "sha512")
MOST_BYTES = 4 * MIB
"""Of a header with its key material: eight slots of 64-byte keys take 2 MiB."""
MOST_ROUNDS = 40_000_000
"""Rounds of hashing that all active slots together may cost: QEMU takes two seconds, which come to 18 million here."""


@dataclass(frozen=True, slots=True)
class KeySlot:
    """A slot in use: how often its passphrase is hashed, and where its key material starts, in bytes."""

    iterations: int
    salt: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class Header:
    """A header that keeps the rules. `payload` is where the key material ends at the latest, in bytes."""

    hash: str
    key_bytes: int
    digest: bytes
    digest_salt: bytes
    digest_iterations: int
    payload: int
    slots: tuple[KeySlot, ...]


def parse(area: bytes) -> Header:
    """The header at the start of `area`, which is all that the file gives to header and key material.

    Raises Refused for whatever breaks a rule.
    """
    if len(area) < START:
        raise corrupted("The encryption header of the image is cut short.")
    magic, version, cipher, mode, hash_, payload, key_bytes, digest, salt, iterations, _uuid = HEADER.unpack_from(area)
    if magic != MAGIC:
        raise corrupted("The encryption header of the image is not one of LUKS.")
    if version != 1:
        raise corrupted(f"The image is encrypted with LUKS version {version}; only version 1 is supported.")
    name = _algorithms(cipher, mode, hash_)
    if key_bytes not in KEY_BYTES:
        raise corrupted("The encryption header gives an unsupported length of its key; 32 and 64 bytes are supported.")
    if payload * SECTOR > len(area):
        raise corrupted("The encryption header of the image reaches beyond its place.")
    slots = _slots(area, payload * SECTOR, key_bytes)
    header = Header(name, key_bytes, digest, salt, iterations, payload * SECTOR, slots)
    _work(header)
    return header


def opens(header: Header, area: bytes, passphrase: bytes) -> bool:
    """Whether the passphrase is that of one of the slots. `header` is that of `area`.

    Takes as long as the rounds of the header, which `parse` has bounded; other threads run meanwhile.
    """
    return any(_opens(header, slot, area, passphrase) for slot in header.slots)


def _algorithms(cipher: bytes, mode: bytes, hash_: bytes) -> str:
    """The name of the hash. Names fill their 32 bytes with zeros, and one at least ends them."""
    names = [field.rstrip(b"\0") for field in (cipher, mode, hash_)]
    if names[:2] != [b"aes", b"xts-plain64"]:
        raise corrupted("The image is encrypted with a cipher that is not supported; aes-xts-plain64 is.")
    for name in HASHES:
        if names[2] == name.encode():
            return name
    raise corrupted(f"The encryption header names a hash that is not supported; {', '.join(HASHES)} are.")


def _slots(area: bytes, payload: int, key_bytes: int) -> tuple[KeySlot, ...]:
    """The slots in use. Those in no use keep the rules on places as well: QEMU reads them all."""
    used, taken = [], [(0, START)]
    for number in range(SLOTS):
        state, iterations, salt, sector, stripes = SLOT.unpack_from(area, HEADER.size + number * SLOT.size)
        if state not in (ACTIVE, INACTIVE):
            raise corrupted(f"The key slot {number} of the encryption header is in no known state.")
        if stripes != STRIPES:
            raise corrupted(f"The key slot {number} of the encryption header must have {STRIPES} stripes.")
        start, end = sector * SECTOR, sector * SECTOR + key_bytes * stripes
        if end > payload:
            raise corrupted(f"The key slot {number} of the encryption header lies outside it.")
        if any(start < other_end and other_start < end for other_start, other_end in taken):
            raise corrupted(f"The key slot {number} of the encryption header overlaps another part of it.")
        taken.append((start, end))
        if state == ACTIVE:
            used.append(KeySlot(iterations, salt, start))
    if not used:
        raise corrupted("The encryption header of the image has no key slot in use.")
    return tuple(used)


def _work(header: Header) -> None:
    """A round makes one digest; a key longer than a digest takes several rounds an iteration."""
    counts = [header.digest_iterations, *(slot.iterations for slot in header.slots)]
    if 0 in counts:
        raise corrupted("The encryption header gives no iterations for the derivation of a key.")
    digests = -(-header.key_bytes // hashlib.new(header.hash, usedforsecurity=False).digest_size)
    rounds = sum(slot.iterations * digests + header.digest_iterations for slot in header.slots)
    if rounds > MOST_ROUNDS:
        text = f"The encryption header asks for {rounds} rounds of hashing to open it, more than {MOST_ROUNDS}."
        raise corrupted(text)


def _opens(header: Header, slot: KeySlot, area: bytes, passphrase: bytes) -> bool:
    key = hashlib.pbkdf2_hmac(header.hash, passphrase, slot.salt, slot.iterations, header.key_bytes)
    material = _decrypt(area[slot.offset : slot.offset + header.key_bytes * STRIPES], key)
    if material is None:
        return False
    master_key = _merge(material, header.key_bytes, header.hash)
    digest = hashlib.pbkdf2_hmac(
        header.hash, master_key, header.digest_salt, header.digest_iterations, len(header.digest)
    )
    return hmac.compare_digest(digest, header.digest)


def _decrypt(material: bytes, key: bytes) -> bytes | None:
    """Key material is encrypted as a disk of its own, whose sectors count from 0. None for a key that XTS refuses."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    half = len(key) // 2
    if hmac.compare_digest(key[:half], key[half:]):
        return None
    plain = bytearray()
    for at in range(0, len(material), SECTOR):
        tweak = (at // SECTOR).to_bytes(16, "little")
        decryptor = Cipher(algorithms.AES(key), modes.XTS(tweak)).decryptor()
        plain += decryptor.update(material[at : at + SECTOR]) + decryptor.finalize()
    return bytes(plain)


def _merge(material: bytes, size: int, hash_: str) -> bytes:
    """The key that an anti-forensic splitter has spread over stripes of `size` bytes."""
    merged = bytes(size)
    for at in range(0, len(material) - size, size):
        merged = diffuse(xor(merged, material[at : at + size]), hash_)
    return xor(merged, material[-size:])


def diffuse(block: bytes, hash_: str) -> bytes:
    """The hashing of an anti-forensic splitter: each bit of the outcome depends on the whole of its part of `block`."""
    width = hashlib.new(hash_, usedforsecurity=False).digest_size
    parts = (
        hashlib.new(hash_, number.to_bytes(4, "big") + block[at : at + width]).digest()[: len(block) - at]
        for number, at in enumerate(range(0, len(block), width))
    )
    return b"".join(parts)


def xor(left: bytes, right: bytes) -> bytes:
    """Of two values of one length."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")
