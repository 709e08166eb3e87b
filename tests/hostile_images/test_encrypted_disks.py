"""Encrypted disks that we write without qemu-img, opened, written and checked by QEMU's tools."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

from kunsthalle.core.sizes import GIB, MIB
from kunsthalle.disk_images.encrypted_disks import write_disk, write_overlay
from kunsthalle.disk_images.growth import grow
from kunsthalle.disk_images.writers import write_qcow2

pytestmark = pytest.mark.needs_qemu_img

PASSPHRASE = b"b3BlbiB0aGUgZGlzaw"


def qemu(program: str, path: Path, *more: str, passphrase: bytes = PASSPHRASE) -> subprocess.CompletedProcess[str]:
    """Runs one of QEMU's tools on an encrypted disk; the passphrase comes over standard input."""
    node = {"driver": "qcow2", "file.filename": str(path), "encrypt.format": "luks", "encrypt.key-secret": "k"}
    command = [*program.split(), "--object", "secret,id=k,format=base64,file=/dev/stdin", *more]
    given = base64.b64encode(passphrase).decode()
    return subprocess.run(
        [*command, f"json:{json.dumps(node)}"], input=given, capture_output=True, text=True, check=False
    )


def asked(path: Path, *commands: str) -> str:
    done = qemu("qemu-io", path, *(part for command in commands for part in ("-c", command)))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_qcow2(tmp_path / "base.qcow2", 2 * GIB, {0: b"what the image holds" * 100})
    return tmp_path / "base.qcow2"


def test_a_disk_opens_with_its_passphrase_alone_and_keeps_no_plain_text(tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    write_disk(disk, GIB, PASSPHRASE, room=64 * GIB)
    assert disk.stat().st_blocks * 512 < MIB, "the places of unused slots are holes"
    asked(disk, "write -P 0x5a 1M 64k", "write -P 0xa5 1023M 1M")
    assert "Pattern verification failed" not in asked(
        disk, "read -P 0x5a 1M 64k", "read -P 0xa5 1023M 1M", "read -P 0 0 1M"
    )
    assert b"\x5a" * 64 not in disk.read_bytes()
    assert PASSPHRASE not in disk.read_bytes()
    assert qemu("qemu-img check", disk).returncode == 0
    refused = qemu("qemu-img check", disk, passphrase=PASSPHRASE[1:])
    assert (refused.returncode, "Invalid password" in refused.stderr) == (1, True)


def test_a_disk_grows_in_place(tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    write_disk(disk, GIB, PASSPHRASE, room=64 * GIB)
    asked(disk, "write -P 1 512M 1M")
    grow(disk, 64 * GIB)
    assert "Pattern verification failed" not in asked(
        disk, "read -P 1 512M 1M", "write -P 2 63G 1M", "read -P 2 63G 1M"
    )
    assert qemu("qemu-img check", disk).returncode == 0


def test_an_overlay_shows_its_base_and_encrypts_what_is_written(base: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.qcow2"
    write_overlay(overlay, base, "qcow2", 10 * GIB, PASSPHRASE)
    assert "what.the.image.h" in asked(overlay, "read -v 0 16")
    asked(overlay, "write -P 0x5a 0 64k")
    assert "ZZZZZZZZZZZZZZZZ" in asked(overlay, "read -v 0 16")
    assert b"\x5a" * 64 not in overlay.read_bytes()
    assert qemu("qemu-img check", overlay).returncode == 0


def test_two_disks_of_one_passphrase_have_nothing_in_common(tmp_path: Path) -> None:
    """The master key, the salts and the stripes are new in each."""
    for name in ("one", "other"):
        write_disk(tmp_path / name, GIB, PASSPHRASE)
    one, other = ((tmp_path / name).read_bytes() for name in ("one", "other"))
    header = one.index(b"LUKS\xba\xbe")
    same = sum(
        one[at : at + 16] == other[at : at + 16] != bytes(16) for at in range(header + 4096, header + 260_096, 16)
    )
    assert same == 0
