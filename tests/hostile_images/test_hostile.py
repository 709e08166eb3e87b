"""The table of hostile files: what each is, who sees through it, and what its owner is told.

The column `seen by` says which step refuses it: START from its first bytes, END when the last byte has come, FILE when
our rules read the whole file, TOOLS only where qemu-img checks it; NOBODY stands for a file that may enter.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kunsthalle.core.sizes import GIB
from kunsthalle.disk_images.file_refusals import CORRUPTED, ENCRYPTED, TOO_BIG, Refused
from kunsthalle.disk_images.inspection import Examined, examine
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools, find_tools
from kunsthalle.disk_images.stream_inspection import Arrived, Intake

from . import builders as other
from . import builders_qcow2 as q
from . import builders_vhd as v
from .builders_qcow2 import Qcow2

NOBODY, START, END, FILE, TOOLS = "nobody", "start", "end", "file", "tools"
TIB = 1024 * GIB
LIMITS = Limits()


@dataclass(frozen=True)
class Case:
    row: int
    name: str
    make: Callable[[], bytes]
    seen_by: str = NOBODY
    piece: str = ""  # of the message; of the note where the file may enter
    code: str = CORRUPTED
    claimed: str = "qcow2"
    announced: int | None = None
    virtual_size: int | None = None


def header(**fields: int) -> Callable[[], bytes]:
    return lambda: q.good(header=fields)


def sized(virtual_size: int, **changes: object) -> Callable[[], bytes]:
    return lambda: Qcow2(virtual_size=virtual_size, **changes).build()


def vhd(row: int, name: str, make: Callable[[], bytes], *rest: str, **more: object) -> Case:
    return Case(row, name, make, *rest, claimed="vhd", **more)


def dynamic() -> bytes:
    return v.dynamic(blocks={0: b"boot", 7: b"data"}, size=16 * v.MIB)


def fixed() -> bytes:
    return v.fixed(other.mbr_disk())


def noise() -> bytes:
    """Random bytes behind the magic and the version."""
    return q.good()[:8] + random.Random(10).randbytes(1 << 16)


def polyglot(backing: bytes = b"") -> bytes:
    return q.good(backing=backing, stamp={32768: other.iso_descriptor()})


def cut(make: Callable[..., bytes], count: int | None = None) -> Callable[[], bytes]:
    def shortened() -> bytes:
        whole = make()
        return whole[: len(whole) // 2 if count is None else count]

    return shortened


def looped() -> bytes:
    image = Qcow2(data=b"x" * 65536)
    image.l1 = {0: image.l1_offset | q.COPIED}
    return image.build()


def sparse_l1() -> bytes:
    image = Qcow2(cluster_bits=11, header={"virtual_size": 2 * TIB, "l1_size": 2**22})
    return image.build().ljust(33 * v.MIB, b"\0")


MISSING = 1 << 40
JSON_BACKING = b'json:{"driver":"raw","file":{"driver":"file","filename":"/etc/hostname"}}'
ALL_ZLIB = {"compression": "zlib", "data": b"z" * 65536}
ALL_ZSTD = {"compression": "zstd", "data": b"z" * 65536}

CASES = [
    Case(1, "version 2", lambda: q.good(version=2), virtual_size=GIB),
    Case(1, "version 3", q.good, virtual_size=GIB),
    Case(1, "zlib", lambda: q.good(**ALL_ZLIB), virtual_size=GIB),
    Case(1, "zstd", lambda: q.good(**ALL_ZSTD), virtual_size=GIB),
    Case(1, "empty, 10 GiB", sized(10 * GIB), virtual_size=10 * GIB),
    Case(1, "clusters of 512 bytes", lambda: Qcow2(cluster_bits=9, virtual_size=v.MIB, data=b"x" * 99).build()),
    Case(1, "clusters of 2 MiB", lambda: q.good(cluster_bits=21)),
    Case(1, "feature names", lambda: q.good(extensions=((q.FEATURE_NAMES, bytes(48)),))),
    vhd(2, "dynamic", dynamic, virtual_size=16 * v.MIB),
    vhd(3, "fixed, with partitions", fixed, virtual_size=v.MIB),
    vhd(3, "fixed, GPT", lambda: v.fixed(other.gpt_disk()), virtual_size=v.MIB),
    vhd(3, "fixed, bare", lambda: v.fixed(bytes(v.MIB)), virtual_size=v.MIB),
    Case(4, "backing file", lambda: q.good(backing=b"/etc/hostname"), START, "backing file"),
    Case(4, "backing json", lambda: q.good(backing=JSON_BACKING), START, "backing file"),
    Case(4, "backing size alone", header(backing_size=9), START, "backing file"),
    Case(5, "data file", lambda: q.good(header={"incompatible": 4}), START, "external file"),
    Case(
        6,
        "data file named, bit off",
        lambda: q.good(extensions=((q.DATA_FILE_NAME, b"/etc/hostname"),)),
        START,
        "names an external data file",
    ),
    Case(7, "unknown feature", header(incompatible=1 << 40), START, "feature that is not supported"),
    Case(7, "unknown compression", header(incompatible=8, compression=2), START, "compression that is not"),
    Case(7, "compression without its bit", header(compression=1), START, "compression that is not"),
    Case(7, "version 9", header(version=9), START, "version 9"),
    Case(7, "version 1", header(version=1), START, "version 1"),
    Case(8, "dirty", header(incompatible=1), START, "not closed cleanly"),
    Case(8, "corrupt", header(incompatible=2), START, "marked as corrupt"),
    Case(9, "extended L2", lambda: q.good(extended_l2=True), virtual_size=GIB),
    Case(9, "extended L2, zlib", lambda: q.good(extended_l2=True, **ALL_ZLIB), virtual_size=GIB),
    Case(9, "extended L2, zstd", lambda: q.good(extended_l2=True, **ALL_ZSTD), virtual_size=GIB),
    Case(9, "extended L2, 16 KiB", lambda: q.good(extended_l2=True, cluster_bits=14), virtual_size=GIB),
    Case(9, "extended L2, 250 GiB", sized(250 * GIB, extended_l2=True), virtual_size=250 * GIB),
    Case(9, "subclusters of 256 bytes", sized(GIB, extended_l2=True, cluster_bits=13), START, "at least 16 KiB"),
    Case(9, "L1 for entries of 8 bytes", lambda: q.good(extended_l2=True, l1_entries=2), START, "too small"),
    Case(9, "L1 for tiny entries", lambda: q.good(extended_l2=True, l1_entries=9000), START, "too large"),
    Case(9, "allocated and zero", lambda: q.good(extended_l2=True, bitmaps={0: 1 << 32 | 1}), TOOLS, "do not agree"),
    Case(9, "subcluster of nothing", lambda: q.good(extended_l2=True, bitmaps={5: 1}), TOOLS, "do not agree"),
    Case(9, "packed with bitmap", lambda: q.good(extended_l2=True, bitmaps={0: 1}, **ALL_ZLIB), TOOLS, "do not agree"),
    Case(9, "subclusters, data file", lambda: q.good(extended_l2=True, header={"incompatible": 20}), START, "external"),
    Case(9, "subclusters, dirty", lambda: q.good(extended_l2=True, header={"incompatible": 17}), START, "not closed"),
    Case(10, "noise", noise, START, "unsupported cluster size"),
    Case(10, "AES", header(crypt_method=1), START, "encrypted", ENCRYPTED),
    Case(10, "no method of encryption", header(crypt_method=3), START, "unknown method of encryption"),
    Case(10, "LUKS inside", header(crypt_method=2), START, "encrypted", ENCRYPTED),
    Case(
        10,
        "encryption header",
        lambda: q.good(extensions=((q.ENCRYPTION_HEADER, bytes(16)),)),
        START,
        "encryption header",
        ENCRYPTED,
    ),
    Case(11, "snapshot", header(snapshots=1, snapshots_offset=65536), START, "internal snapshots"),
    Case(11, "65,536 snapshots", header(snapshots=65536, snapshots_offset=65536), START, "internal snapshots"),
    Case(12, "8 EiB", header(virtual_size=2**63 - 512), START, "more than", TOO_BIG),
    Case(13, "16 TiB", sized(16 * TIB), START, "more than", TOO_BIG),
    Case(13, "2 TiB, L1 of 32 MiB", sparse_l1, START, "more than", TOO_BIG),
    Case(13, "250 GiB and a sector", sized(250 * GIB + 512), START, "more than", TOO_BIG),
    Case(13, "250 GiB", sized(250 * GIB), virtual_size=250 * GIB),
    Case(14, "251 * 10^9", sized(251 * 10**9), virtual_size=251 * 10**9),
    Case(15, "no size", header(virtual_size=0), START, "has no size"),
    Case(15, "half a sector", header(virtual_size=GIB - 256), START, "multiple of 512"),
    Case(16, "L1 huge", header(l1_size=2**31 - 1), START, "too large"),
    Case(16, "L1 too small", sized(10 * GIB, header={"l1_size": 19}), START, "too small"),
    Case(16, "L1 unaligned", header(l1_offset=3 * 65536 + 8), END, "cluster of its own"),
    Case(16, "L1 over the header", header(l1_offset=0), END, "cluster of its own"),
    Case(17, "L1 outside", header(l1_offset=MISSING), END, "outside the file"),
    Case(17, "L2 outside", lambda: q.good(l1={0: MISSING | q.COPIED}), TOOLS, "do not agree"),
    Case(18, "L1 refers to itself", looped, TOOLS, "do not agree"),
    Case(19, "refcount table huge", header(refcount_clusters=2**31), END, "refcount table"),
    Case(19, "no refcount table", header(refcount_clusters=0), END, "no refcount table"),
    Case(19, "refcounts outside", header(refcount_offset=MISSING), END, "outside the file"),
    Case(19, "refcounts too wide", header(refcount_order=7), START, "width of its reference counts"),
    Case(20, "clusters of 2 GiB", header(cluster_bits=31), START, "cluster size"),
    Case(20, "clusters of 2^(2^32)", header(cluster_bits=2**32 - 1), START, "cluster size"),
    Case(20, "header length", header(header_length=2**31), START, "length of its header"),
    Case(
        20, "extension length", lambda: q.good(stamp={112: b"\0\0\0\1\xff\xff\xff\xff"}), START, "longer than its place"
    ),
    Case(20, "64 extensions", lambda: q.good(extensions=((1, b""),) * 64), virtual_size=GIB),
    Case(20, "65 extensions", lambda: q.good(extensions=((1, b""),) * 65), START, "more than 64 header extensions"),
    Case(
        20,
        "200,000 extensions, the first long",
        lambda: q.good(cluster_bits=21, extensions=((1, bytes(70_000)), *((1, b""),) * 200_000)),
        FILE,
        "more than 64 header extensions",
    ),
    Case(21, "bomb of one cluster", lambda: q.bomb(10, compressed=False, refcount_order=4), TOOLS, "do not agree"),
    Case(22, "packed bomb, 10 GiB", lambda: q.bomb(10, compressed=True, refcount_order=4), TOOLS),
    Case(22, "packed bomb, 232 GiB", lambda: q.bomb(232, compressed=True, refcount_order=4), TOOLS),
    Case(23, "valid bomb", lambda: q.bomb(232, compressed=True, refcount_order=6), virtual_size=232 * GIB),
    Case(24, "refcount wrong", lambda: q.good(refcounts={5: 0}), TOOLS, "do not agree"),
    Case(25, "leaked clusters", lambda: q.good(leaked=3), piece="3 clusters"),
    Case(26, "half of it", cut(lambda: q.good(data=b"x" * 5 * 65536)), TOOLS, "do not agree"),
    Case(27, "300 bytes", cut(q.good, 300), START, "ends after 300 bytes"),
    Case(27, "4 bytes", cut(q.good, 4), START, "ends after 4 bytes"),
    Case(27, "1 byte", cut(q.good, 1), START, "of no known format"),
    Case(27, "nothing", lambda: b"", START, "empty"),
    Case(28, "all but the last byte", cut(q.good, -1), END, "were announced", announced=len(q.good())),
    Case(28, "a byte too many", lambda: q.good() + b"\0", END, "longer than", announced=len(q.good())),
    vhd(29, "half of it", cut(dynamic), END, "no VHD footer"),
    vhd(29, "300 bytes", cut(dynamic, 300), START, "cut short"),
    vhd(29, "fixed, half of it", cut(fixed), END, "no VHD footer"),
    vhd(29, "blocks cut out", lambda: dynamic()[: v.MIB] + v.dynamic()[:512], END, "copy of its footer"),
    vhd(29, "block outside", lambda: v.dynamic(size=4 * v.MIB, table={1: 4096}), FILE, "blocks outside the file"),
    vhd(30, "all but the last byte", cut(dynamic, -1), END, "no VHD footer"),
    vhd(31, "footer says 2 TiB", lambda: v.fixed(other.mbr_disk(), size=2 * TIB), END, "more than", TOO_BIG),
    vhd(31, "footer says 20 GiB", lambda: v.fixed(other.mbr_disk(), size=20 * GIB), END, "not the size of the file"),
    vhd(
        31,
        "geometry says 8 GiB",
        lambda: v.fixed(other.mbr_disk(), creator=b"vpc ", geometry=(16383, 16, 63)),
        END,
        "geometry",
    ),
    vhd(31, "no size", lambda: v.fixed(b""), START, "has no size"),
    vhd(31, "half a sector", lambda: v.fixed(bytes(v.MIB + 256)), END, "multiple of 512"),
    vhd(31, "footer first", lambda: v.footer(v.MIB, v.FIXED) + fixed(), START, "footer of a fixed disk"),
    vhd(32, "differencing", lambda: v.dynamic(kind=v.DIFFERENCING), START, "differencing"),
    vhd(32, "type 9", lambda: v.dynamic(kind=9), START, "type 9"),
    vhd(32, "header and footer differ", lambda: v.dynamic(end=v.footer(v.BLOCK, v.DYNAMIC)), END, "copy of its footer"),
    vhd(32, "footer of another kind", lambda: v.dynamic(end=v.footer(2048, v.FIXED)), END, "does not start as a disk"),
    vhd(32, "checksum", lambda: v.dynamic(checksum_off_by=1), START, "checksum"),
    vhd(32, "checksum, fixed", lambda: v.fixed(other.mbr_disk(), checksum_off_by=1), END, "checksum"),
    vhd(33, "block table huge", lambda: v.dynamic(entries=2**32 - 1), FILE, "too large"),
    vhd(33, "block table too small", lambda: v.dynamic(entries=31), FILE, "too small"),
    vhd(33, "block table outside", lambda: v.dynamic(table_offset=2**63), FILE, "outside the file"),
    vhd(33, "no second header", lambda: v.dynamic(cookie=b"nonsense"), FILE, "second header"),
    vhd(33, "second header outside", lambda: v.dynamic(data_offset=2**64 - 1), FILE, "second header"),
    vhd(33, "block size", lambda: v.dynamic(block_size=3 * v.MIB), FILE, "power of two"),
    Case(34, "VHD footer at the end", lambda: q.good() + v.footer(v.MIB, v.FIXED)),
    vhd(34, "qcow2 with VHD footer", lambda: v.fixed(q.good()), START, "is a QCOW2 image"),
    Case(35, "ISO and qcow2", polyglot, START, "ISO 9660 or UDF disc image and a QCOW2 image at once"),
    Case(35, "ISO and qcow2, backing", lambda: polyglot(b"/etc/hostname"), START, "at once"),
    Case(
        36,
        "MBR and qcow2",
        lambda: q.good(stamp={510: b"\x55\xaa"}),
        START,
        "partition table and a QCOW2 image at once",
    ),
    Case(37, "VMDK text", other.vmdk_descriptor, START, "VMware disk"),
    Case(37, "sparse VMDK", other.vmdk_sparse, START, "VMware disk"),
    vhd(37, "VMDK text, VHD footer", lambda: v.fixed(other.vmdk_descriptor().ljust(4096)), START, "VMware disk"),
    Case(38, "MBR disk", other.mbr_disk, START, "raw disk with a partition table"),
    Case(38, "GPT disk", other.gpt_disk, START, "raw disk with a partition table"),
    Case(38, "ISO", other.iso, START, "ISO 9660"),
    Case(38, "VDI", other.vdi, START, "VirtualBox"),
    Case(38, "VHDX", other.vhdx, START, "VHDX"),
    Case(38, "QED", other.qed, START, "QED"),
    Case(38, "LUKS", other.luks, START, "LUKS-encrypted"),
    Case(38, "VHD", dynamic, START, "is a VHD image"),
    vhd(38, "MBR disk", other.mbr_disk, END, "no VHD footer"),
    vhd(38, "ISO", other.iso, START, "ISO 9660"),
    vhd(38, "VHDX", other.vhdx, START, "VHDX"),
    Case(39, "zip", lambda: other.zip_archive("a.qcow2", q.good()), START, "zip archive"),
    Case(39, "gzip", lambda: other.gzipped(q.good()), START, "gzip-compressed"),
    Case(39, "bzip2 bomb", other.bzip2_bomb, START, "bzip2-compressed"),
    Case(39, "xz", lambda: other.xzipped(q.good()), START, "xz-compressed"),
    Case(39, "OVA", lambda: other.ova(q.good()), START, "tar archive"),
    Case(39, "XML error", other.xml_error, START, "XML document"),
    Case(39, "HTML page", other.html_page, START, "HTML page"),
    Case(39, "noise", lambda: other.noise(70000), START, "no known format"),
    vhd(39, "gzip", lambda: other.gzipped(fixed()), START, "gzip-compressed"),
    vhd(39, "HTML page", other.html_page, START, "HTML page"),
    vhd(39, "noise", lambda: other.noise(70000), END, "no VHD footer"),
]

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.row}-{case.claimed}-{case.name}")


@pytest.fixture(scope="module")
def tools() -> Tools:
    found = find_tools()
    assert found is not None
    return found


def take_in(case: Case, content: bytes) -> Arrived:
    intake = Intake(case.claimed, LIMITS, case.announced)
    for at in range(0, len(content), v.MIB):
        intake.feed(content[at : at + v.MIB])
    return intake.finish()


def verdict(case: Case, folder: Path, tools: Tools | None) -> Examined | Refused:
    """Sends the file through all steps; a refusal carries the step as `seen_by`."""
    content = case.make()
    path = folder / "image"
    path.write_bytes(content)
    step = START
    try:
        arrived = take_in(case, content)
        step = FILE
        return examine(path, arrived, LIMITS, tools)
    except Refused as refusal:
        refusal.add_note(step)
        return refusal


def check_refusal(case: Case, answer: Examined | Refused, folder: Path) -> None:
    assert isinstance(answer, Refused)
    assert (answer.code, case.piece in answer.message) == (case.code, True), answer.message
    assert str(folder) not in answer.message
    assert (answer.__notes__ == [FILE]) == (case.seen_by in (FILE, TOOLS))


def check_acceptance(case: Case, answer: Examined | Refused, *, checked: bool) -> Examined:
    assert isinstance(answer, Examined), answer.message
    assert (answer.format, answer.checked) == (case.claimed, checked)
    if case.virtual_size is not None:
        assert answer.virtual_size == case.virtual_size
    return answer


@each_case
def test_without_tools(case: Case, tmp_path: Path) -> None:
    answer = verdict(case, tmp_path, None)
    if case.seen_by in (NOBODY, TOOLS):
        assert check_acceptance(case, answer, checked=False).notes == ()
    else:
        check_refusal(case, answer, tmp_path)


@pytest.mark.by_turns(3)
@pytest.mark.needs_qemu_img
@each_case
def test_with_tools(case: Case, tmp_path: Path, tools: Tools) -> None:
    answer = verdict(case, tmp_path, tools)
    if case.seen_by != NOBODY:
        check_refusal(case, answer, tmp_path)
        return
    notes = check_acceptance(case, answer, checked=True).notes
    assert (case.piece in notes[0]) if case.piece else notes == ()


@pytest.mark.parametrize("case", [c for c in CASES if c.seen_by == START], ids=lambda c: f"{c.row}-{c.name}")
def test_first_bytes_are_enough(case: Case) -> None:
    first = case.make()[:65536]
    intake = Intake(case.claimed, LIMITS)
    with pytest.raises(Refused) as caught:
        intake.feed(first)
        assert len(first) < 65536, "a longer file would have been read on"
        intake.finish()
    assert case.piece in caught.value.message


def test_every_row_of_the_table_has_a_case() -> None:
    assert {case.row for case in CASES} == set(range(1, 40))
