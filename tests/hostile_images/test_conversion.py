"""Disks of other formats become QCOW2 images; hostile ones are refused before any program opens them."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.walks import share
from kunsthalle.core.sizes import GIB
from kunsthalle.disk_images import conversion
from kunsthalle.disk_images.conversion import inspect, to_qcow2
from kunsthalle.disk_images.file_refusals import CORRUPTED, ENCRYPTED, TOO_BIG, Refused, ToolFailed
from kunsthalle.disk_images.inspection import examine
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools, convert, find_tools
from kunsthalle.disk_images.stream_inspection import Intake

from . import builders as other
from . import builders_qcow2 as q
from . import builders_vhd as v
from . import builders_vhdx as x
from . import builders_vmdk as m

MIB = 2**20
LIMITS = Limits()
FAR = 2**31
PATHS = ("/etc/hostname", "..\\secret.vmdk", "c:disk.vmdk", "folder/disk.vmdk")


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], bytes]
    piece: str
    code: str = CORRUPTED
    format: str | None = None


def vmdk(name: str, piece: str, code: str = CORRUPTED, **changes: object) -> Case:
    return Case(f"vmdk, {name}", lambda: m.good(**changes), piece, code)


def vhdx(name: str, piece: str, code: str = CORRUPTED, **changes: object) -> Case:
    return Case(f"vhdx, {name}", lambda: x.good(**changes), piece, code)


def place(kind: str, start: int, length: int = MIB, required: int = 1) -> tuple[str, int, int, int]:
    return kind, start, length, required


BAT, METADATA = place(x.BAT, 2 * MIB), place(x.METADATA, 3 * MIB)

CASES = [
    Case("vmdk, descriptor alone", other.vmdk_descriptor, "only names other files"),
    Case("vmdk, 100 bytes", lambda: m.good()[:100], "cut short"),
    Case("vmdk, header alone", lambda: m.good()[:512], "cut short"),
    Case("vmdk, half of it", lambda: m.good()[: -m.GRAIN_BYTES // 2], "outside the file"),
    *(vmdk(f"extent {path}", "names a path", extents=(f'RW 2048 SPARSE "{path}"',)) for path in PATHS),
    vmdk("extent of a flat file", "not the one in the file", extents=('RW 2048 FLAT "disk-flat.vmdk" 0',)),
    vmdk("two extents", "not made of one extent", extents=('RW 1024 SPARSE "a"', 'RW 1024 SPARSE "b"')),
    vmdk("no extent", "not made of one extent", extents=()),
    vmdk("extent of another size", "not the one in the file", extents=('RW 4096 SPARSE "disk.vmdk"',)),
    vmdk("extent of endless size", "not the one in the file", extents=(f'RW {"9" * 5000} SPARSE "disk.vmdk"',)),
    vmdk("parent", "parent disk", lines={"parentCID": "87654321"}),
    vmdk("no word of a parent", "parent disk", lines={"parentCID": None}),
    vmdk("file of a parent", "parent disk", lines={"parentFileNameHint": '"/etc/hostname"'}),
    vmdk("said twice", "something twice", more="parentCID=87654321"),
    vmdk("flat", "type that is not supported", lines={"createType": '"monolithicFlat"'}),
    vmdk("split", "type that is not supported", lines={"createType": '"twoGbMaxExtentSparse"'}),
    vmdk("device", "type that is not supported", lines={"createType": '"fullDevice"'}),
    vmdk("no type", "type that is not supported", lines={"createType": None}),
    vmdk("encrypted", "encrypted", ENCRYPTED, lines={"encryption.keySafe": '"vmware:key"'}),
    vmdk("type of the other kind", "whether it is compressed", lines={"createType": '"streamOptimized"'}),
    vmdk("flag without method", "whether it is compressed", packed=True, header={"compression": 0}),
    vmdk("another method", "whether it is compressed", packed=True, header={"compression": 2}),
    vmdk("version 9", "version 9", header={"version": 9}),
    vmdk("unclean", "not closed cleanly", header={"unclean": 1}),
    vmdk("no capacity", "no size", header={"capacity": 0}),
    vmdk("16 EiB", "more than", TOO_BIG, header={"capacity": 2**64 - 1}),
    vmdk("251 GiB", "more than", TOO_BIG, header={"capacity": 251 * GIB // 512}),
    vmdk("no grains", "grain size", header={"grain": 0}),
    vmdk("huge grains", "grain size", header={"grain": 2**40}),
    vmdk("odd grains", "grain size", header={"grain": 127}),
    vmdk("huge tables", "entries", header={"entries": 2**32 - 1}),
    vmdk("no entries", "entries", header={"entries": 0}),
    vmdk("no descriptor", "no descriptor", header={"descriptor_at": 0}),
    vmdk("empty descriptor", "no descriptor", header={"descriptor_sectors": 0}),
    vmdk("huge descriptor", "no descriptor", header={"descriptor_sectors": 2**63}),
    vmdk("descriptor elsewhere", "no descriptor", header={"descriptor_at": 2**55}),
    vmdk("descriptor outside", "descriptor of the VMDK image lies outside", header={"descriptor_sectors": 2000}),
    vmdk("directory outside", "directory of the VMDK image lies outside", header={"directory_at": 2**55}),
    vmdk("directory over the header", "over its header", header={"directory_at": 0}),
    vmdk("second directory outside", "directory of", header={"flags": 3, "redundant_at": 2**40}),
    vmdk("table outside", "grain table of the VMDK image lies outside", directory={0: FAR}),
    vmdk("table over the header", "grain table of the VMDK image lies over", directory={0: 5}),
    vmdk("grain outside", "data of the VMDK image lies outside", table={7: FAR}),
    vmdk("grain over the header", "data of the VMDK image lies over", table={7: 2}),
    vmdk("packed grain outside", "data of the VMDK image lies outside", packed=True, table={7: FAR}),
    vmdk("stream without footer", "no footer", packed=True, header={"directory_at": m.AT_END}),
    vmdk("footer of another disk", "disagree", packed=True, stream=True, footer={"capacity": 4096}),
    vmdk("footer without directory", "disagree", packed=True, stream=True, footer={"directory_at": m.AT_END}),
    vmdk("footer's directory outside", "lies outside", packed=True, stream=True, footer={"directory_at": 2**50}),
    vmdk("footer is none", "no footer", packed=True, stream=True, footer={"magic": b"ABCD"}),
    Case("vhdx, 64 KiB", lambda: x.good()[: 64 * 1024], "cut short"),
    Case("vhdx, half of it", lambda: x.good()[:-MIB], "outside the file"),
    Case("vhdx, tables cut off", lambda: x.good()[: 2 * MIB], "outside the file"),
    vhdx("dirty", "not closed cleanly", log_id=b"l" * 16),
    vhdx("headers damaged", "Both headers", header_off_by=(1, 1)),
    vhdx("newer header damaged, older dirty", "not closed", header_off_by=(0, 1), older_log_id=b"l" * 16),
    vhdx("headers of one age", "contradict", sequences=(2, 2), older_log_id=b"l" * 16),
    vhdx("version 2", "version", version=2),
    vhdx("log outside", "outside the file", log=(2**40, MIB)),
    vhdx("log over the headers", "overlap", log=(0, MIB)),
    vhdx("log over the block table", "overlap", log=(2 * MIB, MIB)),
    vhdx("log not aligned", "aligned", log=(MIB, 4096)),
    vhdx("region table damaged", "region tables", regions_off_by=(1, 0)),
    vhdx("region tables differ", "region tables", second_regions=[BAT, place(x.METADATA, 4 * MIB)]),
    vhdx("too many regions", "too many", region_count=2**32 - 1),
    vhdx("no metadata", "no metadata", regions=[BAT]),
    vhdx("no block table", "no block table", regions=[METADATA]),
    vhdx("region twice", "region twice", regions=[BAT, BAT, METADATA]),
    vhdx("unknown region", "unknown kind", regions=[BAT, METADATA, place(x.UNKNOWN, 4 * MIB)]),
    vhdx("region outside", "outside the file", regions=[place(x.BAT, 2**62), METADATA]),
    vhdx("region wraps", "overlap", regions=[place(x.BAT, 2**64 - MIB), METADATA, place(x.UNKNOWN, 2 * MIB, 0, 0)]),
    vhdx("regions overlap", "overlap", regions=[place(x.BAT, 3 * MIB), METADATA]),
    vhdx("region not aligned", "aligned", regions=[place(x.BAT, 2 * MIB + 512), METADATA]),
    vhdx("metadata are none", "metadata of the VHDX image are damaged", metadata=b"nonsense"),
    vhdx("item outside", "metadata of the VHDX image are damaged", item_offset=MIB - 4),
    vhdx("item over the table", "metadata of the VHDX image are damaged", item_offset=32),
    vhdx("item twice", "damaged", more_items=((x.SIZE, bytes(8), 6),)),
    vhdx("item too long", "damaged", without=(x.SIZE,), more_items=((x.SIZE, bytes(9), 6),)),
    vhdx("no size", "how large", without=(x.SIZE,)),
    vhdx("unknown item", "metadata of an unknown kind", more_items=((x.UNKNOWN, b"x", 4),)),
    vhdx("parent", "differencing", more_items=((x.PARENT, b"x" * 20, 4),)),
    vhdx("said to have a parent", "differencing", parameters=2),
    vhdx("tiny blocks", "block size", block=512),
    vhdx("sectors of 4,096", "sectors of 4096", sector=4096),
    vhdx("251 GiB", "more than", TOO_BIG, size=251 * GIB, blocks={}),
    vhdx("empty", "no size", size=0, blocks={}),
    vhdx("half a sector", "multiple of 512", size=4 * MIB - 256),
    vhdx("block outside", "outside the file", bat={1: 2**50 | x.FULL}),
    vhdx("block over the headers", "over its tables", bat={1: x.FULL}),
    vhdx("block over the metadata", "over its tables", bat={1: 3 * MIB | x.FULL}),
    vhdx("block partly in a parent", "not supported", bat={1: 4 * MIB | 7}),
    Case("qcow2", q.good, "imported as it is"),
    Case("vhd", v.dynamic, "imported as it is"),
    Case("vhd said to be raw", lambda: v.fixed(other.mbr_disk()), "imported as it is", format="raw"),
    Case("raw without a word", other.mbr_disk, "say so: --format raw"),
    Case("vmdk said to be raw", m.good, "was to be a RAW image but is a VMware disk", format="raw"),
    Case("vhdx said to be vmdk", x.good, "was to be a VMDK image but is a VHDX", format="vmdk"),
    Case("qcow2 said to be raw", lambda: q.good(backing=b"/etc/hostname"), "imported as it is", format="raw"),
    Case("archive said to be raw", lambda: other.gzipped(bytes(4096)), "gzip", format="raw"),
    Case("raw, half a sector", lambda: bytes(4096 + 256), "multiple of 512", format="raw"),
    Case("raw, nothing", lambda: b"", "no size", format="raw"),
    Case("vdi", other.vdi, "VirtualBox"),
    Case("two formats", lambda: other.stamped(m.good(size=MIB), 32768, other.iso_descriptor()), "at once"),
]

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def tools() -> Tools:
    found = find_tools()
    assert found is not None
    return found


def stored(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@each_case
def test_what_is_refused(case: Case, tmp_path: Path) -> None:
    """No program is there to be asked; the rules decide alone, and leave everything as it was."""
    source, target = stored(tmp_path / "disk", case.make()), tmp_path / "disk.qcow2"
    with pytest.raises(Refused) as caught:
        to_qcow2(source, target, LIMITS, Tools(tmp_path / "nothing"), format=case.format)
    assert (caught.value.code, case.piece in caught.value.message) == (case.code, True), caught.value.message
    assert str(tmp_path) not in caught.value.message
    assert "hostname" not in caught.value.message
    assert list(tmp_path.iterdir()) == [source]


GOOD = {
    "monolithicSparse": m.good,
    "streamOptimized": lambda: m.good(packed=True),
    "stream with a footer": lambda: m.good(packed=True, stream=True),
    "vhdx": lambda: x.good(size=MIB, blocks={0: b"boot".ljust(15 * m.GRAIN_BYTES, b"\0") + b"end"}),
}


@pytest.mark.by_turns(3)
@pytest.mark.needs_qemu_img
@pytest.mark.parametrize("name", GOOD)
def test_what_is_built_by_the_book_is_converted(name: str, tmp_path: Path, tools: Tools) -> None:
    source, target = stored(tmp_path / "disk", GOOD[name]()), tmp_path / "disk.qcow2"
    made = to_qcow2(source, target, LIMITS, tools)
    assert (made.virtual_size, made.size) == (MIB, target.stat().st_size)
    assert content(tools, target) == b"boot".ljust(15 * m.GRAIN_BYTES, b"\0") + b"end".ljust(m.GRAIN_BYTES, b"\0")
    assert sorted(tmp_path.iterdir()) == [source, target]


def content(tools: Tools, path: Path) -> bytes:
    """All of the disk; the file must be one that can be imported."""
    intake = Intake("qcow2", LIMITS)
    intake.feed(path.read_bytes())
    examine(path, intake.finish(), LIMITS, tools)
    raw = path.with_name("content.raw")
    convert(tools, path, "qcow2", raw, "raw", quota_bytes=GIB, limits=LIMITS)
    found = raw.read_bytes()
    raw.unlink()
    return found


@pytest.mark.by_turns(3)
@pytest.mark.needs_qemu_img
@pytest.mark.parametrize("size", [64 * MIB, 10 * MIB + 512])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("vmdk", "subformat=monolithicSparse"),
        ("vmdk", "subformat=streamOptimized"),
        ("vhdx", "subformat=dynamic"),
        ("vhdx", "subformat=fixed"),
        ("raw", ""),
    ],
)
def test_what_qemu_writes_is_converted_to_its_last_sector(
    kind: str, options: str, size: int, tmp_path: Path, tools: Tools
) -> None:
    disk = bytearray(other.mbr_disk(size))
    disk[-512:] = b"the last sector".ljust(512, b".")
    source = raw = stored(tmp_path / "raw", bytes(disk))
    if kind != "raw":
        source = tmp_path / f"disk.{kind}"
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", kind, "-o", options, raw, source], check=True)
    made = to_qcow2(source, tmp_path / "out", LIMITS, tools, format="raw" if kind == "raw" else None)
    assert (made.format, made.virtual_size) == (kind, size)
    assert content(tools, tmp_path / "out") == raw.read_bytes()


@pytest.mark.needs_qemu_img
def test_what_is_there_is_replaced_only_if_that_is_said(tmp_path: Path, tools: Tools) -> None:
    source, target = stored(tmp_path / "disk.vmdk", m.good()), stored(tmp_path / "disk.qcow2", b"precious")
    with pytest.raises(FileExistsError):
        to_qcow2(source, target, LIMITS, tools)
    dangling = tmp_path / "link"
    dangling.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        to_qcow2(source, dangling, LIMITS, tools)
    assert target.read_bytes() == b"precious"
    with pytest.raises(ToolFailed, match="cannot replace the file"):
        to_qcow2(source, source, LIMITS, tools, replace=True)
    with pytest.raises(Refused):
        to_qcow2(stored(tmp_path / "bad", m.good(directory={0: FAR})), target, LIMITS, tools, replace=True)
    assert target.read_bytes() == b"precious"
    to_qcow2(source, target, LIMITS, tools, replace=True)
    assert content(tools, target).startswith(b"boot")
    assert (tmp_path / "elsewhere").exists() is False


def _taken(path: Path) -> None:
    path.write_bytes(b"mine")


@pytest.mark.needs_qemu_img
def test_a_name_that_is_taken_meanwhile_stays(tmp_path: Path, tools: Tools) -> None:
    source, target = stored(tmp_path / "disk", m.good(packed=True)), tmp_path / "out"
    with pytest.raises(FileExistsError):
        to_qcow2(source, target, LIMITS, tools, watch=lambda: _taken(target))
    assert target.read_bytes() == b"mine"
    assert sorted(tmp_path.iterdir()) == [source, target]


@pytest.mark.needs_qemu_img
def test_whoever_watches_can_end_it(tmp_path: Path, tools: Tools) -> None:
    class Enough(Exception):
        pass

    def watch() -> None:
        raise Enough

    source = stored(tmp_path / "disk", m.good())
    with pytest.raises(Enough):
        to_qcow2(source, tmp_path / "out", LIMITS, tools, watch=watch)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.needs_qemu_img
def test_damaged_data_end_it_and_leave_nothing(tmp_path: Path, tools: Tools) -> None:
    """Tables that agree, over a grain that cannot be unpacked."""
    image = bytearray(m.good(packed=True))
    at = (m.DATA + 1) * 512
    image[at + 12 : at + 40] = b"\xff" * 28
    source = stored(tmp_path / "disk", bytes(image))
    with pytest.raises(Refused, match="cannot be read"):
        to_qcow2(source, tmp_path / "out", LIMITS, tools)
    assert list(tmp_path.iterdir()) == [source]


def test_room_is_asked_for_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = stored(tmp_path / "disk", m.good())
    assert inspect(source, LIMITS)[1].data_bytes == 2 * m.GRAIN_BYTES
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=2 * m.GRAIN_BYTES))
    with pytest.raises(ToolFailed, match="are free"):
        to_qcow2(source, tmp_path / "out", LIMITS, Tools(tmp_path / "nothing"))
    assert list(tmp_path.iterdir()) == [source]
    with pytest.raises(ToolFailed, match="cannot be used"):
        monkeypatch.undo()
        to_qcow2(source, tmp_path / "no" / "out", LIMITS, Tools(tmp_path / "nothing"))


def test_what_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(Refused, match="no such file"):
            inspect(path, LIMITS)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refused, match="no regular one"):
        inspect(tmp_path / "pipe", LIMITS)
    with pytest.raises(ValueError, match="no such format"):
        inspect(stored(tmp_path / "disk", m.good()), LIMITS, "qed")
    with pytest.raises(Refused, match="bytes") as caught:
        inspect(tmp_path / "disk", Limits(max_file_bytes=512))
    assert caught.value.code == TOO_BIG


def test_what_the_other_format_has_is_named(tmp_path: Path) -> None:
    """Whoever uploads one of these is told the way."""
    for make, hint in ((m.good, "images convert FILE"), (x.good, "images convert FILE"), (other.gpt_disk, "raw FILE")):
        intake = Intake("qcow2", LIMITS)
        with pytest.raises(Refused, match=hint):
            intake.feed(make())
            intake.finish()


VMDKS, VHDXS = [m.good(), m.good(packed=True, stream=True)], [x.good(blocks={0: b"x"})]
NUMBERS = [0, 1, 127, 512, 2**16, 2**31, 2**32 - 1, 2**63, 2**64 - 1]


@pytest.mark.by_turns(3)
@settings(max_examples=share(50, 5_000), deadline=None)
@given(
    file=st.sampled_from(VMDKS + VHDXS),
    at=st.integers(0, 400),
    number=st.sampled_from(NUMBERS),
    kib=st.sampled_from([0, 64, 192, 3072]),
)
def test_damaged_headers_are_refused_in_plain_words(
    file: bytes, at: int, number: int, kib: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    damaged = bytearray(file)
    offset = (kib * 1024 + at * 4) % (len(file) - 8)
    damaged[offset : offset + 8] = struct.pack("<Q", number)
    path = stored(tmp_path_factory.getbasetemp() / "damaged", bytes(damaged))
    try:
        kind, disk = conversion.inspect(path, LIMITS)
    except Refused as refusal:
        assert refusal.message.endswith(".")
    else:
        assert kind in {"vmdk", "vhdx"}
        assert 0 < disk.virtual_size <= LIMITS.max_virtual_bytes
