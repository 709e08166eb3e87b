"""What a disk stands on: read, and written anew in a way that a crash may come between."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kunsthalle.disk_images import backing_files
from kunsthalle.disk_images.backing_files import backing_of, rebase
from kunsthalle.disk_images.file_refusals import Refused, ToolFailed
from kunsthalle.disk_images.qemu_img import create_overlay, find_tools
from kunsthalle.disk_images.writers import write_overlay, write_qcow2

MIB = 2**20


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.qcow2"
    write_qcow2(path, MIB, b"content of the base")
    return path


@pytest.fixture
def disk(base: Path, tmp_path: Path) -> Path:
    path = tmp_path / "disk.qcow2"
    write_overlay(path, base, "qcow2", MIB)
    return path


def test_a_name_follows_again_and_again(disk: Path, base: Path, tmp_path: Path) -> None:
    assert backing_of(disk) == base
    assert rebase(disk, base) is False
    for name in ("a", "b" * 200, "c", "a/../a", "d" * 250):
        there = tmp_path / name
        assert rebase(disk, there) is True
        assert backing_of(disk) == there
    assert disk.stat().st_size == _fresh(base, tmp_path).stat().st_size


def _fresh(base: Path, tmp_path: Path) -> Path:
    path = tmp_path / "fresh.qcow2"
    write_overlay(path, base, "qcow2", MIB)
    return path


def test_a_disk_that_stands_alone_is_left_alone(base: Path, tmp_path: Path) -> None:
    before = base.read_bytes()
    assert backing_of(base) is None
    assert rebase(base, tmp_path / "other") is False
    assert base.read_bytes() == before


def test_until_the_new_name_is_whole_the_old_one_stands(
    disk: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    whole = os.pwrite

    def killed(descriptor: int, data: bytes, offset: int) -> int:
        if offset == 8:
            raise Killed
        return whole(descriptor, data, offset)

    monkeypatch.setattr(backing_files.os, "pwrite", killed)
    with pytest.raises(Killed):
        rebase(disk, tmp_path / "other")
    assert backing_of(disk) == base


@pytest.mark.parametrize("name", ["relative", "/" + "x" * 1_023])
def test_names_that_qemu_does_not_read(disk: Path, base: Path, name: str) -> None:
    with pytest.raises(ToolFailed):
        rebase(disk, Path(name))
    assert backing_of(disk) == base


def test_what_is_no_disk(tmp_path: Path, disk: Path) -> None:
    (tmp_path / "text").write_bytes(b"not a disk" * 100)
    with pytest.raises(Refused):
        backing_of(tmp_path / "text")
    raw = bytearray(disk.read_bytes())
    raw[16:20] = (2_000).to_bytes(4, "big")  # a longer name than there may be
    disk.write_bytes(raw)
    with pytest.raises(ToolFailed):
        backing_of(disk)
    link = tmp_path / "link"
    link.symlink_to(disk)
    with pytest.raises(ToolFailed):
        rebase(link, tmp_path / "x")


@pytest.mark.needs_qemu_img
def test_qemu_reads_through_the_new_name(base: Path, disk: Path, tmp_path: Path) -> None:
    tools = find_tools()
    assert tools is not None
    made_by_qemu = tmp_path / "theirs.qcow2"
    create_overlay(tools, made_by_qemu, base, "qcow2", MIB)
    moved = tmp_path / "moved" / "base.qcow2"
    moved.parent.mkdir()
    shutil.move(base, moved)
    for path in (disk, made_by_qemu):
        assert rebase(path, moved) is True
        out = tmp_path / f"{path.name}.raw"
        subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, out], check=True)
        assert out.read_bytes().startswith(b"content of the base")
        subprocess.run(["qemu-img", "check", "-q", "-f", "qcow2", path], check=True)
