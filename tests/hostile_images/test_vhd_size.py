"""How large the disk of a VHD is, and that its last sector survives everything that reads it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.engines import storage_at
from fixtures.walks import some_of
from kunsthalle.core.sizes import GIB
from kunsthalle.disk_images import backing_files
from kunsthalle.disk_images.file_refusals import Refused
from kunsthalle.disk_images.inspection import Examined, examine
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools, convert, find_tools
from kunsthalle.disk_images.stream_inspection import Intake
from kunsthalle.disk_images.writers import virtual_size_of
from kunsthalle.hypervisor.qemu.qemu_engine import Qemu
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.hypervisor.specs import OverlaySpec

from . import builders_vhd as v

LIMITS = Limits()
SIZE = 4 * v.MIB
GEOMETRY = (120, 4, 17)
"""The specification's own geometry for 4 MiB: 16,384 bytes fewer than the disk has."""
BY_GEOMETRY = 120 * 4 * 17 * 512
MARKER = b"the last sector".ljust(512, b".")

SIZED = [b"win ", b"qem2", b"d2v ", b"tap\0", b"CTXS", b"wa\0\0", b"vbox", b"go  ", b"    ", b"\0\0\0\0", b"new!"]
"""Creators whose disks are as large as the size field says, whether QEMU knows them or not."""
SHAPED = [b"vpc ", b"vs  ", b"qemu"]
"""Creators whose disks are as large as their geometry."""

each_kind = pytest.mark.parametrize("kind", [v.FIXED, v.DYNAMIC], ids=["fixed", "dynamic"])
each_creator = pytest.mark.parametrize("creator", SIZED + SHAPED, ids=lambda name: name.decode().strip("\0 ") or "none")
some_creators = pytest.mark.parametrize("creator", [*some_of(SIZED, 2), *some_of(SHAPED, 1)], ids=repr)


@pytest.fixture(scope="module")
def tools() -> Tools:
    found = find_tools()
    assert found is not None
    return found


def visible(creator: bytes) -> int:
    return BY_GEOMETRY if creator in SHAPED else SIZE


def image(kind: int, creator: bytes, geometry: tuple[int, int, int] = GEOMETRY) -> bytes:
    """A disk of 4 MiB that ends in the marker, as far as it is visible."""
    return v.ending(kind, MARKER, SIZE, visible(creator), creator=creator, geometry=geometry)


def examined(path: Path, tools: Tools | None, claimed: str = "vhd") -> Examined:
    intake = Intake(claimed, LIMITS)
    intake.feed(path.read_bytes())
    return examine(path, intake.finish(), LIMITS, tools)


def last_sector(tools: Tools, path: Path, kind: str, size: int, folder: Path) -> bytes:
    raw = folder / "content.raw"
    convert(tools, path, kind, raw, "raw", quota_bytes=20 * GIB, limits=LIMITS, backing_allowed=True)
    with raw.open("rb") as file:
        file.seek(size - 512)
        found = file.read(512)
    raw.unlink()
    return found


@each_kind
@each_creator
def test_the_size_without_tools(kind: int, creator: bytes, tmp_path: Path) -> None:
    path = tmp_path / "disk.vhd"
    path.write_bytes(image(kind, creator))
    assert (examined(path, None).virtual_size, virtual_size_of(path, "vhd")) == (visible(creator), visible(creator))


@each_kind
@pytest.mark.parametrize("geometry", [(0, 0, 0), (16383, 16, 63), (1, 1, 1)])
def test_a_geometry_that_nobody_goes_by_may_be_anything(
    kind: int, geometry: tuple[int, int, int], tmp_path: Path
) -> None:
    path = tmp_path / "disk.vhd"
    path.write_bytes(image(kind, b"vbox", geometry))
    assert examined(path, None).virtual_size == SIZE


@each_kind
@pytest.mark.parametrize("creator", SHAPED)
@pytest.mark.parametrize(("geometry", "word"), [((0, 16, 63), "no size"), ((16383, 16, 63), "geometry|too small")])
def test_a_geometry_that_counts_must_fit(
    kind: int, creator: bytes, geometry: tuple[int, int, int], word: str, tmp_path: Path
) -> None:
    path = tmp_path / "disk.vhd"
    path.write_bytes(image(kind, creator, geometry))
    with pytest.raises(Refused, match=word):
        examined(path, None)


@pytest.fixture(params=["simulated", pytest.param("qemu", marks=pytest.mark.needs_qemu)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Simulated | Qemu:
    if request.param == "simulated":
        return Simulated(tmp_path / "engine", storage_at(tmp_path))
    programs = [Path(str(shutil.which(name))) for name in ("qemu-system-x86_64", "qemu-img")]
    return Qemu(tmp_path / "engine", *programs, storage_at(tmp_path), "tcg")


@pytest.mark.by_turns(3)
@pytest.mark.needs_qemu_img
@each_kind
@some_creators
def test_the_last_sector_survives(
    kind: int, creator: bytes, engine: Simulated | Qemu, tmp_path: Path, tools: Tools
) -> None:
    """Imported, under a boot disk, in its snapshot, made one file, and exported in both formats."""
    end = visible(creator)
    blob = tmp_path / 'a "blob", with: signs'
    blob.write_bytes(image(kind, creator))
    before = blob.read_bytes()
    assert examined(blob, tools).virtual_size == end
    boot, snapshot, copy, whole = (tmp_path / name for name in ("boot", "snapshot", "copy", "whole"))
    disk = OverlaySpec(boot, blob, "vhd", GIB, backing_files.name_of(blob, "vhd"))
    engine.create_overlay(disk)
    engine.create_overlay(disk)  # a repeated call finds its own work
    engine.copy_overlay(boot, snapshot, None)
    moved = tmp_path / "moved"
    shutil.copy(blob, moved)
    shutil.copy(snapshot, copy)
    assert backing_files.rebase(copy, moved) is True
    assert backing_files.backing_of(copy) == moved
    convert(tools, snapshot, "qcow2", whole, "qcow2", quota_bytes=GIB, limits=LIMITS, backing_allowed=True)
    for path in (boot, snapshot, copy, whole):
        assert last_sector(tools, path, "qcow2", end, tmp_path) == MARKER, path.name
    for form in ("qcow2", "vhd"):
        out = tmp_path / f"exported.{form}"
        convert(tools, blob, "vhd", out, form, quota_bytes=GIB, limits=LIMITS)
        assert examined(out, tools, form).virtual_size == end
        assert last_sector(tools, out, form, end, tmp_path) == MARKER, form
    assert blob.read_bytes() == before


@pytest.mark.needs_qemu_img
def test_a_disk_made_before_is_told_the_size_at_its_next_start(tmp_path: Path, tools: Tools) -> None:
    """It names its base by the path alone, by which older versions of QEMU go by the geometry."""
    blob, disk = tmp_path / "blob", tmp_path / "disk"
    blob.write_bytes(image(v.DYNAMIC, b"vbox"))
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "vpc", "-b", str(blob), str(disk), str(GIB)]
    subprocess.run(command, check=True)
    assert backing_files.backing_of(disk) == blob
    assert backing_files.rebase(disk, blob) is True
    assert backing_files.rebase(disk, blob) is False
    assert last_sector(tools, disk, "qcow2", SIZE, tmp_path) == MARKER
