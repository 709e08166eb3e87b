"""LUKS headers, good and hostile, and encrypted qcow2 files, built from the specification and not from the product's
code ("LUKS1 On-Disk Format Specification"; QEMU's docs/interop/qcow2.txt).

`qemu-img` would measure the processor for each header it makes; here the iterations are few, so that tests are quick.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from hostile_images.builders_qcow2 import ENCRYPTION_HEADER, Qcow2

PASSPHRASE = b"abc123"
SECTOR = 512
STRIPES = 4000
ACTIVE, INACTIVE = 0x00AC71F3, 0x0000DEAD
PHDR = struct.Struct(">6sH32s32s32sII20s32sI40s")
SLOT = struct.Struct(">II32sII")
MASTER_KEY = bytes(range(64))


def xts(key: bytes, sector: int, data: bytes, *, decrypt: bool = False) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.XTS(sector.to_bytes(16, "little")))
    made = cipher.decryptor() if decrypt else cipher.encryptor()
    return made.update(data) + made.finalize()


def encrypted(key: bytes, data: bytes, first: int = 0) -> bytes:
    """Whole sectors, each by its number."""
    parts = range(0, len(data), SECTOR)
    return b"".join(xts(key, first + at // SECTOR, data[at : at + SECTOR]) for at in parts)


@cache
def split(key: bytes, hash_: str) -> bytes:
    """The key over 4000 stripes, of which all but the last are noise. Nearly all files have the same one."""
    width = hashlib.new(hash_).digest_size
    noise = hashlib.shake_128(b"stripes").digest(len(key) * (STRIPES - 1))
    merged = bytes(len(key))
    for at in range(0, len(noise), len(key)):
        mixed = bytes(a ^ b for a, b in zip(merged, noise[at : at + len(key)], strict=True))
        merged = b"".join(
            hashlib.new(hash_, struct.pack(">I", index) + mixed[start : start + width]).digest()[: len(mixed) - start]
            for index, start in enumerate(range(0, len(mixed), width))
        )
    return noise + bytes(a ^ b for a, b in zip(merged, key, strict=True))


@dataclass
class Luks:
    """A header with its key material. `header` overrides fields of the header, `slots` those of slots by number."""

    passphrase: bytes = PASSPHRASE
    hash: str = "sha256"
    key_bytes: int = 64
    iterations: int = 1000
    used: tuple[int, ...] = (0,)
    header: dict[str, object] = field(default_factory=dict)
    slots: dict[int, dict[str, int]] = field(default_factory=dict)
    length: int | None = None

    @property
    def key(self) -> bytes:
        return MASTER_KEY[: self.key_bytes]

    @property
    def material_bytes(self) -> int:
        return -(-self.key_bytes * STRIPES // 4096) * 4096

    def build(self) -> bytes:
        payload = 4096 + 8 * self.material_bytes
        area = bytearray(payload)
        area[: PHDR.size] = PHDR.pack(*self._header(payload).values())
        for number in range(8):
            values = {
                "state": ACTIVE if number in self.used else INACTIVE,
                "iterations": self.iterations if number in self.used else 0,
                "salt": bytes([number]) * 32,
                "offset": (4096 + number * self.material_bytes) // SECTOR,
                "stripes": STRIPES,
            }
            if number in self.used:
                material = self._material(bytes([number]) * 32)
                at = 4096 + number * self.material_bytes
                area[at : at + len(material)] = material
            place = PHDR.size + number * SLOT.size
            area[place : place + SLOT.size] = SLOT.pack(*{**values, **self.slots.get(number, {})}.values())
        return bytes(area[: self.length])

    def _header(self, payload: int) -> dict[str, object]:
        salt = b"d" * 32
        digest = hashlib.pbkdf2_hmac(self.hash, self.key, salt, self.iterations, 20)
        values = {
            "magic": b"LUKS\xba\xbe",
            "version": 1,
            "cipher": b"aes",
            "mode": b"xts-plain64",
            "hash": self.hash.encode(),
            "payload": payload // SECTOR,
            "key_bytes": self.key_bytes,
            "digest": digest,
            "digest_salt": salt,
            "digest_iterations": self.iterations,
            "uuid": b"5a1e7c0e-0000-4000-8000-000000000000",
        }
        return {**values, **self.header}

    def _material(self, salt: bytes) -> bytes:
        derived = hashlib.pbkdf2_hmac(self.hash, self.passphrase, salt, self.iterations, self.key_bytes)
        return encrypted(derived, split(self.key, self.hash))


def luks_qcow2(
    luks: Luks | None = None,
    *,
    area: bytes | None = None,
    span: tuple[int | None, int | None] = (None, None),
    extension: bytes | None = None,
    data: bytes = b"",
    **image: object,
) -> bytes:
    """An encrypted qcow2 file of version 3. `span` overrides offset and length that the header extension gives,
    `extension` all of it; `area` is what stands in the place of the header. `data` is what its disk starts with."""
    made = luks or Luks()
    area = made.build() if area is None else area
    builder = Qcow2(data=data, **image)  # type: ignore[arg-type]  # fields of any type
    builder.header = {"crypt_method": 2, **builder.header}
    builder.extensions = ((ENCRYPTION_HEADER, bytes(16)),)
    offset = len(builder.build())
    told = struct.pack(">QQ", offset if span[0] is None else span[0], len(area) if span[1] is None else span[1])
    builder.extensions = ((ENCRYPTION_HEADER, told if extension is None else extension),)
    builder.data = encrypted(made.key, data, builder.data_offset // SECTOR)
    builder.leaked = -(-len(area) // builder.cluster)
    builder.stamp = {offset: area, **builder.stamp}
    return builder.build()
