"""`kunsthalle images convert`: a QCOW2 image of a disk in another format, or a sentence on why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hostile_images import builders as other
from hostile_images import builders_qcow2 as q
from hostile_images import builders_vhdx as x
from hostile_images import builders_vmdk as m
from kunsthalle.cli.main import cli
from kunsthalle.disk_images.writers import virtual_size_of

MIB = 2**20


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["images", "convert", *map(str, arguments)])


def stored(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.needs_qemu_img
def test_a_disk_of_each_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stored(tmp_path / "golden.vmdk", m.good())
    stored(tmp_path / "hyper.vhdx", x.good())
    stored(tmp_path / "disk.img", other.mbr_disk())
    said = run("golden.vmdk")
    assert (said.exit_code, "vmdk disk of 1,048,576 bytes" in said.output) == (0, True), said.output
    assert virtual_size_of(tmp_path / "golden.qcow2", "qcow2") == MIB
    assert run("hyper.vhdx", "--output", "other.qcow2").exit_code == 0
    assert virtual_size_of(tmp_path / "other.qcow2", "qcow2") == 4 * MIB
    assert run("--format", "raw", "disk.img").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "disk.img",
        "disk.qcow2",
        "golden.qcow2",
        "golden.vmdk",
        "hyper.vhdx",
        "other.qcow2",
    ]


@pytest.mark.needs_qemu_img
def test_what_is_there_stays_without_force(tmp_path: Path) -> None:
    source, target = stored(tmp_path / "golden.vmdk", m.good()), stored(tmp_path / "golden.qcow2", b"precious")
    said = run(source)
    assert (said.exit_code, "--force" in said.output) == (1, True)
    assert target.read_bytes() == b"precious"
    assert run(source, "--force").exit_code == 0
    assert virtual_size_of(target, "qcow2") == MIB


@pytest.mark.needs_qemu_img
@pytest.mark.parametrize(
    ("content", "piece"),
    [
        (other.vmdk_descriptor(), "only names other files"),
        (m.good(lines={"parentCID": "87654321"}), "parent disk"),
        (x.good(log_id=b"l" * 16), "not closed cleanly"),
        (other.mbr_disk(), "--format raw"),
        (q.good(), "imported as it is"),
    ],
)
def test_refusals_are_one_sentence_and_leave_nothing(content: bytes, piece: str, tmp_path: Path) -> None:
    source = stored(tmp_path / "disk", content)
    said = run(source)
    assert (said.exit_code, piece in said.output, "Traceback" in said.output) == (1, True, False), said.output
    assert list(tmp_path.iterdir()) == [source]


def test_without_qemu_img_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said = run(stored(tmp_path / "golden.vmdk", m.good()))
    assert (said.exit_code, "apt-get install qemu-utils" in said.output) == (1, True)
