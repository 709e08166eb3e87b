"""Encrypted images: which headers are read, which passphrases open them, and what hostile ones are refused for.

No tool sees a file before these rules have: whoever opens such a disk works as long as its header asks.
"""

from __future__ import annotations

import json
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hostile_images.builders_luks import ACTIVE, PASSPHRASE, Luks, luks_qcow2
from hostile_images.builders_qcow2 import DATA_FILE_NAME, good
from kunsthalle.disk_images import luks, qcow2
from kunsthalle.disk_images.detection import HEAD_BYTES
from kunsthalle.disk_images.file_refusals import CORRUPTED, ENCRYPTED, Refused
from kunsthalle.disk_images.inspection import Examined, examine
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.stream_inspection import Intake

LIMITS = Limits(encrypted=True)
MOST = 2**32 - 1


def taken_in(content: bytes, folder: Path, limits: Limits = LIMITS) -> Examined:
    """The file as an import sees it, without qemu-img."""
    path = folder / "image.qcow2"
    path.write_bytes(content)
    intake = Intake("qcow2", limits, len(content))
    intake.feed(content)
    return examine(path, intake.finish(), limits, None)


def header_of(content: bytes, folder: Path) -> tuple[luks.Header, bytes]:
    path = folder / "image.qcow2"
    path.write_bytes(content)
    return qcow2.encryption_header(path, content[:HEAD_BYTES], qcow2.parse(content[:HEAD_BYTES]))


@pytest.mark.parametrize(
    "made",
    [
        Luks(),
        Luks(key_bytes=32),
        Luks(hash="sha1"),
        Luks(hash="sha512"),
        Luks(used=(7,)),
        Luks(used=(0, 1, 2, 3, 4, 5, 6, 7), iterations=10),
        Luks(passphrase=bytes(range(256))),
    ],
    ids=["as qemu-img writes it", "aes-128", "sha1", "sha512", "last slot", "all slots", "octets"],
)
def test_the_passphrase_opens_the_header_and_no_other_does(made: Luks, tmp_path: Path) -> None:
    header, area = header_of(luks_qcow2(made), tmp_path)
    assert luks.opens(header, area, made.passphrase)
    for other in (b"", made.passphrase + b"\n", made.passphrase[:-1], b"abc124"):
        assert not luks.opens(header, area, other)
    damaged = bytearray(area)
    damaged[header.slots[0].offset + 70] ^= 1
    if len(header.slots) == 1:
        assert not luks.opens(header, bytes(damaged), made.passphrase)


def test_qemu_reads_what_the_tests_build(tmp_path: Path) -> None:
    """So that the builder means what QEMU means: the same bytes come out under the passphrase."""
    content = b"Kunsthalle".ljust(65536, b".")
    image, secret, plain = tmp_path / "image.qcow2", tmp_path / "secret", tmp_path / "plain"
    image.write_bytes(luks_qcow2(data=content))
    secret.write_bytes(PASSPHRASE)
    node = {"driver": "qcow2", "file": {"driver": "file", "filename": str(image)}, "encrypt": {}}
    node["encrypt"] = {"format": "luks", "key-secret": "s"}
    tool = ["qemu-img", "convert", "--object", f"secret,id=s,file={secret}", "-O", "raw", "json:" + json.dumps(node)]
    subprocess.run([*tool, str(plain)], check=True, timeout=120)
    with plain.open("rb") as file:
        assert file.read(len(content)) == content
    check = ["qemu-img", "check", "--object", f"secret,id=s,file={secret}", "json:" + json.dumps(node)]
    subprocess.run(check, check=True, timeout=120, stdout=subprocess.DEVNULL)


def area_with(at: int, raw: bytes) -> bytes:
    area = bytearray(Luks().build())
    area[at : at + len(raw)] = raw
    return bytes(area)


BOMB = b'{"keyslots":' + b'{"0":' * 100_000
V2 = b"LUKS\xba\xbe\0\x02" + struct.pack(">Q", MOST) + BOMB
EIGHT = Luks(used=tuple(range(8)), iterations=5)

HOSTILE: list[tuple[str, Callable[[], bytes], str]] = [
    ("iterations of a slot", lambda: luks_qcow2(Luks(slots={0: {"iterations": MOST}})), "rounds of hashing"),
    ("iterations of the digest", lambda: luks_qcow2(Luks(header={"digest_iterations": MOST})), "rounds of hashing"),
    (
        "eight slots that share the work",
        lambda: luks_qcow2(replace(EIGHT, slots={one: {"iterations": 3_000_000} for one in range(8)})),
        "rounds of hashing",
    ),
    ("no iterations", lambda: luks_qcow2(Luks(slots={0: {"iterations": 0}})), "no iterations"),
    ("no iterations of the digest", lambda: luks_qcow2(Luks(header={"digest_iterations": 0})), "no iterations"),
    (
        "eight slots with huge stripes",
        lambda: luks_qcow2(replace(EIGHT, slots={one: {"stripes": MOST} for one in range(8)})),
        "must have 4000 stripes",
    ),
    ("a slot with no stripes", lambda: luks_qcow2(Luks(slots={0: {"stripes": 0}})), "must have 4000 stripes"),
    ("an unused slot with huge stripes", lambda: luks_qcow2(Luks(slots={5: {"stripes": MOST}})), "4000 stripes"),
    ("a slot outside the header", lambda: luks_qcow2(Luks(slots={0: {"offset": MOST}})), "lies outside"),
    ("a slot half outside", lambda: luks_qcow2(Luks(slots={7: {"offset": 3800}})), "lies outside"),
    ("a slot over the header", lambda: luks_qcow2(Luks(slots={0: {"offset": 0}})), "overlaps"),
    ("slots over one another", lambda: luks_qcow2(Luks(slots={1: {"offset": 8}})), "overlaps"),
    ("a slot in no known state", lambda: luks_qcow2(Luks(slots={3: {"state": 7}})), "in no known state"),
    ("no slot in use", lambda: luks_qcow2(Luks(used=())), "no key slot in use"),
    ("a payload outside", lambda: luks_qcow2(Luks(header={"payload": MOST})), "reaches beyond its place"),
    ("a payload within the key material", lambda: luks_qcow2(Luks(header={"payload": 8})), "lies outside"),
    ("no key bytes", lambda: luks_qcow2(Luks(header={"key_bytes": 0})), "length of its key"),
    ("too many key bytes", lambda: luks_qcow2(Luks(header={"key_bytes": MOST})), "length of its key"),
    ("another hash", lambda: luks_qcow2(Luks(header={"hash": b"whirlpool"})), "hash that is not supported"),
    ("no hash", lambda: luks_qcow2(Luks(header={"hash": b""})), "hash that is not supported"),
    ("a hash that hashlib has", lambda: luks_qcow2(Luks(header={"hash": b"shake_256"})), "hash that is not supported"),
    ("a hash without an end", lambda: luks_qcow2(Luks(header={"hash": b"sha256" * 6})), "hash that is not supported"),
    ("text behind the hash", lambda: luks_qcow2(Luks(header={"hash": b"sha256\0x"})), "hash that is not supported"),
    ("another cipher", lambda: luks_qcow2(Luks(header={"cipher": b"serpent"})), "cipher that is not supported"),
    ("another mode", lambda: luks_qcow2(Luks(header={"mode": b"cbc-essiv:sha256"})), "cipher that is not supported"),
    ("no cipher", lambda: luks_qcow2(Luks(header={"cipher": b"cipher_null"})), "cipher that is not supported"),
    ("version 2 with a bomb", lambda: luks_qcow2(area=V2), "LUKS version 2"),
    ("version 0", lambda: luks_qcow2(Luks(header={"version": 0})), "LUKS version 0"),
    ("no magic", lambda: luks_qcow2(area=area_with(0, b"SKUL\xba\xbe")), "not one of LUKS"),
    ("a header cut short", lambda: luks_qcow2(Luks(length=500)), "cut short"),
    ("an empty header", lambda: luks_qcow2(area=b""), "cut short"),
    ("a header behind the end", lambda: luks_qcow2(span=(1 << 40, None)), "outside the file"),
    ("a header far behind the end", lambda: luks_qcow2(span=(2**64 - 65536, None)), "outside the file"),
    ("a header that ends behind the end", lambda: luks_qcow2(span=(None, luks.MOST_BYTES)), "outside the file"),
    ("a header as large as a disk", lambda: luks_qcow2(span=(None, 2**64 - 1)), "more than 4194304"),
    ("a header at the start", lambda: luks_qcow2(span=(0, None)), "a cluster of its own"),
    ("a header within a cluster", lambda: luks_qcow2(span=(65536 * 4 + 512, None)), "a cluster of its own"),
    ("a header over the tables", lambda: luks_qcow2(span=(65536, None)), "overlaps one of its tables"),
    ("a header extension of 8 bytes", lambda: luks_qcow2(extension=bytes(8)), "does not say where"),
    ("a header extension of 32 bytes", lambda: luks_qcow2(extension=bytes(32)), "does not say where"),
    ("no header extension", lambda: good(header={"crypt_method": 2}), "does not say where"),
    ("AES of old", lambda: good(header={"crypt_method": 1}), "method AES"),
    ("a method that is none", lambda: good(header={"crypt_method": 3}), "unknown method"),
    ("not encrypted", good, "is not encrypted"),
    ("a data file beside the header", lambda: luks_with_data_file(), "external data file"),  # noqa: PLW0108 - defined below
]


def luks_with_data_file() -> bytes:
    content = luks_qcow2()
    name = struct.pack(">II", DATA_FILE_NAME, 8) + b"/etc/xyz" + bytes(8)
    return content[: 112 + 8 + 16] + name + content[112 + 8 + 16 + len(name) :]


@pytest.mark.parametrize(("make", "words"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_a_hostile_header_is_refused_before_any_work_is_done(
    make: Callable[[], bytes], words: str, tmp_path: Path
) -> None:
    content = make()
    before = time.process_time()
    with pytest.raises(Refused) as caught:
        taken_in(content, tmp_path)
    assert time.process_time() - before < 2
    assert caught.value.code == CORRUPTED
    assert words in caught.value.message


def test_the_files_that_the_hostile_ones_are_made_of_are_accepted(tmp_path: Path) -> None:
    for content in (luks_qcow2(), luks_qcow2(EIGHT), luks_qcow2(Luks(slots={0: {"state": ACTIVE}}))):
        assert taken_in(content, tmp_path).virtual_size == 2**30


def test_an_encrypted_file_is_refused_where_none_is_expected(tmp_path: Path) -> None:
    for content in (luks_qcow2(), good(header={"crypt_method": 1})):
        with pytest.raises(Refused) as caught:
            taken_in(content, tmp_path, Limits())
        assert caught.value.code == ENCRYPTED


@pytest.mark.parametrize("length", [*range(0, 592, 37), 4096, 260_000])
def test_a_header_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(Refused):
        luks.parse(Luks().build()[:length])
