"""The VHD that we write of a QCOW2 file: judged by qemu-img and by our rules, and what is left to qemu-img."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from kunsthalle.core.sizes import GIB, MIB
from kunsthalle.disk_images import vhd, vhd_writing
from kunsthalle.disk_images.file_refusals import Refused
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.writers import Content, write_qcow2

from .builders import noise
from .builders_qcow2 import Qcow2

CLUSTER = 65536
NUMBER = bytes(range(16))
CONTENTS: dict[str, tuple[int, Content]] = {
    "nothing": (GIB, b""),
    "a full disk": (4 * MIB, b"x" * 4 * MIB),
    "a disk that ends within a block, and a cluster": (3 * MIB + 512, noise(3 * MIB + 512)),
    "every other cluster": (
        9 * MIB,
        lambda offset: noise(CLUSTER, str(offset)) if offset // CLUSTER % 2 else b"",
    ),
    "pieces far apart": (10 * GIB, {5: b"abc", CLUSTER - 1: b"over", 2 * MIB - 3: b"blocks", 10 * GIB - 512: b"end"}),
}
each_content = pytest.mark.parametrize(("size", "content"), CONTENTS.values(), ids=CONTENTS.keys())


def silent(_done: int) -> None:
    """Nobody is told."""


@each_content
@pytest.mark.needs_qemu_img
def test_the_disk_is_the_same_and_the_file_as_announced(size: int, content: Content, tmp_path: Path) -> None:
    source, target = tmp_path / "disk.qcow2", tmp_path / "disk.vhd"
    write_qcow2(source, size, content)
    announced = vhd_writing.size_of(source)
    told: list[int] = []
    digest = vhd_writing.write(source, target, NUMBER, told.append)
    assert target.stat().st_size == announced
    assert digest == hashlib.sha256(target.read_bytes()).hexdigest()
    assert told == sorted(told)
    footer = vhd.check_footer(target.read_bytes()[-512:], Limits())
    assert (footer.kind, footer.virtual_size, footer.by_geometry) == (vhd.DYNAMIC, size, False)
    vhd.check_ends(target.read_bytes()[:512], target.read_bytes()[-512:], announced or 0, frozenset({"vhd"}), Limits())
    vhd.check_file(target, footer, target.stat().st_size)
    judged = ["qemu-img", "compare", "-f", "qcow2", "-F", "vpc", str(source), str(target)]
    done = subprocess.run(judged, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Images are identical."), done


def test_the_same_file_and_number_make_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "disk.qcow2"
    write_qcow2(source, *CONTENTS["every other cluster"])
    digests = {vhd_writing.write(source, tmp_path / name, NUMBER, silent) for name in ("a", "b")}
    assert len(digests) == 1
    assert vhd_writing.write(source, tmp_path / "c", NUMBER[::-1], silent) not in digests


@pytest.mark.parametrize(
    ("sectors", "geometry"),
    [
        (131_072, (963, 8, 17)),
        (1_032_192, (1024, 16, 63)),
        (65_535 * 16 * 63 - 1, (65_534, 16, 63)),
        (65_535 * 16 * 63, (16_191, 16, 255)),
        (4 * 1024**3, (65_535, 16, 255)),
    ],
)
def test_the_geometry_is_that_of_the_specification(sectors: int, geometry: tuple[int, int, int]) -> None:
    assert vhd_writing._geometry(sectors) == geometry


ODD = {
    "compressed clusters": Qcow2(data=b"a" * CLUSTER, compression="zlib"),
    "another compression": Qcow2(data=b"a" * CLUSTER, compression="zstd"),
    "extended L2 entries": Qcow2(data=b"a" * CLUSTER, extended_l2=True),
    "tiny clusters": Qcow2(data=b"a" * 512, cluster_bits=9, virtual_size=MIB),
    "a cluster outside the file": Qcow2(data=b"a" * CLUSTER, l2={0: (1 << 63) | 4096 * CLUSTER}),
    "a cluster that ends outside the file": Qcow2(data=b"a" * CLUSTER, l2={0: (1 << 63) | 6 * CLUSTER}),
    "a cluster between two": Qcow2(data=b"a" * CLUSTER, l2={0: (1 << 63) | (5 * CLUSTER + 512)}),
    "the header as a cluster": Qcow2(data=b"a" * CLUSTER, l2={0: 1 << 63}),
    "reserved bits": Qcow2(data=b"a" * CLUSTER, l2={0: (1 << 63) | 5 * CLUSTER | 2}),
    "an L2 table outside the file": Qcow2(data=b"a" * CLUSTER, l1={0: (1 << 63) | 4096 * CLUSTER}),
    "a zero mark of version 2": Qcow2(version=2, data=b"a" * CLUSTER, l2={0: (1 << 63) | 5 * CLUSTER | 1}),
}


@pytest.mark.parametrize("image", ODD.values(), ids=ODD.keys())
def test_what_is_not_plain_is_left_to_qemu_img(image: Qcow2, tmp_path: Path) -> None:
    source, target = tmp_path / "disk.qcow2", tmp_path / "disk.vhd"
    source.write_bytes(image.build())
    assert vhd_writing.size_of(source) is None
    with pytest.raises(vhd_writing.NotPlain):
        vhd_writing.write(source, target, NUMBER, silent)
    assert [path.name for path in tmp_path.iterdir()] == ["disk.qcow2"]


def test_a_cluster_marked_as_zeros_is_zeros_wherever_it_was(tmp_path: Path) -> None:
    source, target = tmp_path / "disk.qcow2", tmp_path / "disk.vhd"
    source.write_bytes(Qcow2(data=b"a" * CLUSTER, l2={0: (1 << 63) | 5 * CLUSTER | 1, 1: 1}).build())
    vhd_writing.write(source, target, NUMBER, silent)
    assert b"a" * 512 not in target.read_bytes()
    assert vhd_writing.size_of(source) == target.stat().st_size


def test_a_table_that_many_entries_share_makes_no_more_than_the_disk(tmp_path: Path) -> None:
    """Every cluster of a disk of a gigabyte points to the same bytes: it is measured before a byte is written."""
    source = tmp_path / "disk.qcow2"
    shared = dict.fromkeys(range(CLUSTER // 8), 1 << 63 | 5 * CLUSTER)
    source.write_bytes(Qcow2(data=b"a" * CLUSTER, l2=shared, l1={1: (1 << 63) | 4 * CLUSTER}).build())
    assert vhd_writing.size_of(source) == 512 + 1024 + 2048 + 512 * (2 * MIB + 512) + 512


def test_what_is_told_may_end_it_and_nothing_is_left(tmp_path: Path) -> None:
    def stop(_done: int) -> None:
        raise InterruptedError

    source, target = tmp_path / "disk.qcow2", tmp_path / "disk.vhd"
    write_qcow2(source, *CONTENTS["a full disk"])
    with pytest.raises(InterruptedError):
        vhd_writing.write(source, target, NUMBER, stop)
    assert [path.name for path in tmp_path.iterdir()] == ["disk.qcow2"]


def test_what_is_no_qcow2_file_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "disk.qcow2"
    source.write_bytes(b"\x7fELF" + bytes(1 << 16))
    with pytest.raises(Refused):
        vhd_writing.size_of(source)
