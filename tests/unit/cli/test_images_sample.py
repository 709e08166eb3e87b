"""`kunsthalle images sample`: an image to try the server with."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from kunsthalle.cli import demo_disk
from kunsthalle.cli.main import cli
from kunsthalle.disk_images.writers import virtual_size_of


def sample(path: Path) -> Result:
    return CliRunner().invoke(cli, ["images", "sample", str(path)])


def test_it_writes_a_disk_that_an_import_takes(tmp_path: Path) -> None:
    path = tmp_path / "golden.qcow2"
    said = sample(path)
    assert (said.exit_code, f"{path}: 1,310,720 bytes" in said.output) == (0, True), said.output
    assert virtual_size_of(path, "qcow2") == demo_disk.SIZE
    assert demo_disk.boot_sector()[-2:] == b"\x55\xaa"


def test_it_replaces_nothing_and_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "golden.qcow2"
    path.write_bytes(b"somebody's")
    said = sample(path)
    assert (said.exit_code, said.output) == (1, f"Error: {path} exists; name another file.\n")
    assert path.read_bytes() == b"somebody's"
    absent = tmp_path / "absent" / "golden.qcow2"
    said = sample(absent)
    text = f"Error: {absent}: there is no folder {absent.parent}; make it, or name another.\n"
    assert (said.exit_code, said.output) == (1, text)
    assert not list(tmp_path.glob("*.part*"))
