"""Files that we write without qemu-img, judged by our own rules and by qemu-img."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.walks import share
from kunsthalle.core.sizes import GIB
from kunsthalle.disk_images.backing_files import backing_of
from kunsthalle.disk_images.file_refusals import ToolFailed
from kunsthalle.disk_images.inspection import Examined, examine
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import find_tools
from kunsthalle.disk_images.stream_inspection import Intake
from kunsthalle.disk_images.writers import virtual_size_of, write_overlay, write_qcow2

from . import builders as other
from . import builders_vhd as v

CLUSTER = 65536
MIB = 2**20
Content = Callable[[int], bytes] | Mapping[int, bytes] | bytes


def every_third(offset: int) -> bytes:
    return offset.to_bytes(8, "big") if offset // CLUSTER % 3 == 1 else b""


CONTENTS: dict[str, tuple[int, Content]] = {
    "nothing": (10 * GIB, b""),
    "bytes": (10 * GIB, b"kunsthalle" * 20_000),
    "a full disk": (MIB, b"x" * MIB),
    "a disk that ends within a cluster": (MIB + 512, b"y" * (MIB + 512)),
    "pieces": (10 * GIB, {5: b"abc", CLUSTER - 1: b"over the edge", 9 * GIB: b"far", 9 * GIB + 512: b"farther"}),
    "a function": (4 * MIB, every_third),
    "zeros": (4 * MIB, {0: bytes(MIB), 2 * MIB: b"one"}),
}
each_content = pytest.mark.parametrize(("size", "content"), CONTENTS.values(), ids=CONTENTS.keys())


def qemu_img(*arguments: str | Path) -> str:
    done = subprocess.run(["qemu-img", *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def examined(path: Path) -> Examined:
    intake = Intake("qcow2", Limits())
    intake.feed(path.read_bytes())
    return examine(path, intake.finish(), Limits(), None)


@each_content
def test_our_own_rules_take_it(size: int, content: Content, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    write_qcow2(path, size, content)
    assert examined(path).virtual_size == size == virtual_size_of(path, "qcow2")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.needs_qemu_img
@each_content
def test_qemu_img_finds_no_fault_and_reads_the_content_back(size: int, content: Content, tmp_path: Path) -> None:
    path, raw = tmp_path / "disk", tmp_path / "raw"
    write_qcow2(path, size, content)
    assert "No errors were found" in qemu_img("check", "-f", "qcow2", path)
    qemu_img("convert", "-f", "qcow2", "-O", "raw", path, raw)
    assert raw.stat().st_size == size
    pieces = {0: content} if isinstance(content, bytes) else content
    if not isinstance(pieces, Mapping):
        pieces = {offset: pieces(offset) for offset in range(0, size, CLUSTER)}
    with raw.open("r+b") as file:
        for offset, piece in pieces.items():
            file.seek(offset)
            assert file.read(len(piece)) == piece
            file.seek(offset)
            file.write(bytes(len(piece)))
    raw_zero = tmp_path / "zero"
    with raw_zero.open("wb") as file:
        file.truncate(size)
    qemu_img("compare", "-f", "raw", "-F", "raw", raw, raw_zero)


@pytest.mark.needs_qemu_img
@settings(max_examples=share(6, 200), deadline=None)
@given(st.dictionaries(st.integers(0, 127), st.binary(min_size=1, max_size=CLUSTER), max_size=6))
def test_any_content_is_sound(tmp_path_factory: pytest.TempPathFactory, clusters: dict[int, bytes]) -> None:
    path = tmp_path_factory.mktemp("any") / "disk"
    write_qcow2(path, 8 * MIB, {index * CLUSTER: data for index, data in clusters.items()})
    assert "No errors were found" in qemu_img("check", "-f", "qcow2", path)


def test_refcounts_of_more_than_one_block(tmp_path: Path) -> None:
    """A block of counts covers 2 GiB of file; the count of blocks is what matters, so the data is a hole."""
    from kunsthalle.disk_images import writers

    class Hollow:
        def __init__(self) -> None:
            self.ends: list[tuple[int, int]] = []
            self.at = 0

        def seek(self, at: int) -> None:
            self.at = at

        def write(self, data: bytes) -> None:
            self.ends.append((self.at, self.at + len(data)))

        def truncate(self, size: int) -> None:
            self.size = size

    file = Hollow()
    image = writers.Qcow2File(file, 8 * GIB)
    for index in range(70_000):
        image.add(index, b"x")
    image.close()
    spans = sorted(file.ends)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans)), "nothing is written twice"
    counts = max(end - start for start, end in spans) // 2
    assert counts * CLUSTER == file.size


def test_same_arguments_same_bytes(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.write_bytes(v.dynamic())
    for name in ("one", "two"):
        write_qcow2(tmp_path / name, *CONTENTS["pieces"])
        write_overlay(tmp_path / f"{name}.overlay", base, "vhd", 20 * GIB)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one.overlay").read_bytes() == (tmp_path / "two.overlay").read_bytes()


@pytest.mark.parametrize(
    ("size", "content"),
    [
        (MIB, b"x" * (MIB + 1)),
        (MIB, {MIB - 1: b"xx"}),
        (MIB, {0: b"abc", 2: b"over"}),
        (MIB, {-1: b"x"}),
        (MIB + 512, lambda _: bytes(CLUSTER)),
        (MIB, lambda _: bytes(CLUSTER + 1)),
        (0, b""),
        (100, b""),
    ],
)
def test_content_must_fit_its_disk(size: int, content: Content, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"disk|cluster"):
        write_qcow2(tmp_path / "disk", size, content)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"the guest's work")
    (tmp_path / "new.part").write_bytes(b"left by a killed process" * 99_999)
    for write in (
        lambda: write_qcow2(path, MIB, b""),
        lambda: write_overlay(path, Path("/blobs/base"), "qcow2", MIB),
    ):
        with pytest.raises(FileExistsError):
            write()
    assert path.read_bytes() == b"the guest's work"
    write_qcow2(tmp_path / "new", MIB, b"fresh")
    assert examined(tmp_path / "new").virtual_size == MIB


@pytest.mark.needs_qemu_img
@pytest.mark.parametrize(("kind", "qemu_name"), [("qcow2", "qcow2"), ("vhd", "vpc")])
@pytest.mark.parametrize("size", [10 * GIB, 250 * GIB, 32_000 * GIB])
def test_overlay_shows_its_base(kind: str, qemu_name: str, size: int, tmp_path: Path) -> None:
    base, overlay, raw = (tmp_path / name for name in ("base, with a comma: odd", "overlay", "raw"))
    if kind == "qcow2":
        write_qcow2(base, 8 * MIB, b"from the base")
    else:
        base.write_bytes(v.dynamic(size=8 * MIB, blocks={0: b"from the base"}))
    write_overlay(overlay, base, kind, size)
    said = qemu_img("info", "-f", "qcow2", overlay)
    assert f"backing file format: {qemu_name}" in said
    assert backing_of(overlay) == base
    assert "No errors were found" in qemu_img("check", "-f", "qcow2", overlay)
    qemu_img("dd", "-f", "qcow2", "-O", "raw", "bs=512", "count=1", f"if={overlay}", f"of={raw}")
    assert raw.read_bytes().startswith(b"from the base")
    assert virtual_size_of(overlay, "qcow2") == size


@pytest.mark.parametrize("base", [Path("relative"), Path("/" + "x" * 1023)])
def test_overlay_needs_an_absolute_base_that_the_format_can_name(base: Path, tmp_path: Path) -> None:
    with pytest.raises((ValueError, ToolFailed), match=r"absolute path|1023 bytes"):
        write_overlay(tmp_path / "overlay", base, "qcow2", GIB)


@pytest.mark.needs_qemu_img
@pytest.mark.parametrize("creator", [b"win ", b"qem2", b"d2v ", b"tap\0", b"CTXS", b"qemu", b"vpc ", b"vbox", b"    "])
@pytest.mark.parametrize("geometry", [(60, 16, 17), (65535, 16, 255)])
def test_vhd_sizes_are_those_of_qemu(creator: bytes, geometry: tuple[int, int, int], tmp_path: Path) -> None:
    from kunsthalle.disk_images.qemu_img import info

    tools = find_tools()
    assert tools is not None
    for content in (
        v.fixed(other.mbr_disk(9 * MIB), creator=creator, geometry=geometry),
        v.dynamic(size=9 * MIB, creator=creator, geometry=geometry),
    ):
        path = tmp_path / "disk"
        path.write_bytes(content)
        assert virtual_size_of(path, "vhd") == info(tools, path, "vhd", Limits())["virtual-size"]


@pytest.mark.needs_qemu
@pytest.mark.parametrize("kind", ["qcow2", "vhd"])
def test_a_machine_boots_from_an_overlay(kind: str, tmp_path: Path) -> None:
    """The boot sector writes a number to the port at which this machine ends: 0x10 becomes the exit code 33."""
    sector = bytes.fromhex("b010e6f4f4ebfe").ljust(510, b"\0") + b"\x55\xaa"
    base, overlay = tmp_path / "base", tmp_path / "overlay"
    if kind == "qcow2":
        write_qcow2(base, 8 * MIB, sector)
    else:
        base.write_bytes(v.dynamic(size=8 * MIB, blocks={0: sector}))
    write_overlay(overlay, base, kind, 10 * GIB)
    machine = ["qemu-system-x86_64", "-accel", "tcg", "-m", "32", "-display", "none", "-nodefaults", "-no-reboot"]
    end = ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
    disk = ["-drive", f"file={overlay},format=qcow2,if=ide"]
    assert subprocess.run([*machine, *end, *disk], timeout=60, check=False).returncode == 33
