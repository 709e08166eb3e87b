"""Disks that grow in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from kunsthalle.core.sizes import GIB
from kunsthalle.disk_images.file_refusals import Refused, ToolFailed
from kunsthalle.disk_images.growth import CLUSTER_DISK_GB, grow
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import check, convert, find_tools
from kunsthalle.disk_images.writers import virtual_size_of, write_overlay, write_qcow2


def disk(folder: Path, size: int = GIB) -> Path:
    path = folder / "disk.qcow2"
    write_qcow2(path, size, {0: b"first", size - 512: b"last"})
    return path


def test_only_the_header_changes(tmp_path: Path) -> None:
    path = disk(tmp_path)
    before = path.read_bytes()
    grow(path, 3 * GIB)
    after = path.read_bytes()
    assert virtual_size_of(path, "qcow2") == 3 * GIB
    assert len(after) == len(before)
    assert [at for at in range(len(before)) if before[at] != after[at] and not 24 <= at < 40] == []
    for size in (2 * GIB, 3 * GIB):
        grow(path, size)
        assert path.read_bytes() == after, "never smaller, and nothing to do twice"


def test_what_stood_behind_the_entries_is_forgotten(tmp_path: Path) -> None:
    path = disk(tmp_path)
    data = bytearray(path.read_bytes())
    table = int.from_bytes(data[40:48], "big")
    entries = int.from_bytes(data[36:40], "big")
    data[table + entries * 8 : table + entries * 8 + 64] = b"\xff" * 64
    path.write_bytes(data)
    grow(path, 4 * GIB)
    assert path.read_bytes()[table + entries * 8 : table + 8 * 8] == bytes(8 * 8 - entries * 8)


def test_up_to_the_end_of_the_table(tmp_path: Path) -> None:
    path = disk(tmp_path)
    grow(path, CLUSTER_DISK_GB * GIB)
    before = path.read_bytes()
    for size in (CLUSTER_DISK_GB * GIB + 512, 2 * CLUSTER_DISK_GB * GIB):
        with pytest.raises(ToolFailed):
            grow(path, size)
    assert path.read_bytes() == before


def test_what_is_no_disk(tmp_path: Path) -> None:
    path = tmp_path / "junk"
    path.write_bytes(b"QFI" + bytes(1_000))
    with pytest.raises(Refused):
        grow(path, GIB)
    link = tmp_path / "link"
    link.symlink_to(disk(tmp_path))
    for where in (link, tmp_path / "absent"):
        with pytest.raises(OSError, match=r"\[Errno"):
            grow(where, 2 * GIB)
    assert virtual_size_of(tmp_path / "disk.qcow2", "qcow2") == GIB


@pytest.mark.skipif(find_tools() is None, reason="needs qemu-img")
def test_the_content_stays(tmp_path: Path) -> None:
    tools = find_tools()
    assert tools is not None
    base, overlay, raw = disk(tmp_path), tmp_path / "overlay.qcow2", tmp_path / "raw"
    write_overlay(overlay, base, "qcow2", GIB)
    grow(overlay, 2 * GIB)
    assert check(tools, overlay, Limits()) == 0
    convert(tools, overlay, "qcow2", raw, "raw", quota_bytes=3 * GIB, limits=Limits(), backing_allowed=True)
    assert raw.stat().st_size == 2 * GIB
    with raw.open("rb") as file:
        assert file.read(5) == b"first"
        file.seek(GIB - 512)
        assert file.read(4) == b"last"
        file.seek(GIB)
        assert not any(file.read(2**20))
