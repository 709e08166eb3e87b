"""Engines to test, and disks for them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fixtures.boot_image import folder_of_disks
from fixtures.engines import storage_at
from fixtures.fleet import FOLDER, Fleet
from fixtures.hand_made_cloud import HandMade, hand_made_cloud
from fixtures.worlds import World
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.disk_images.qemu_img import Tools, find_tools
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.hypervisor.disk_protocol import DiskKind, DiskSpec, ImageBytes
from kunsthalle.hypervisor.openstack.openstack_engine import OpenStack
from kunsthalle.hypervisor.openstack.raw_images import RawImages
from kunsthalle.hypervisor.protocol import Hypervisor, SeedSpec, ServerSpec
from kunsthalle.hypervisor.qemu.qemu_engine import Qemu
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.hypervisor.specs import OverlaySpec
from kunsthalle.instances.locked_engine import LockedEngine
from kunsthalle.instances.server_locks import ServerLocks

GIB = 1 << 30
PATIENCE = 180.0
"""Seconds for a boot without KVM, which takes six of a processor of its own, beside other tests."""
CLUSTER = 65536


def write_overlay(path: Path, backing: Path, backing_format: str, virtual_size: int) -> None:
    """A minimal qcow2 version 3 overlay: header, refcount table and block, an empty L1 table."""
    name, kind = str(backing).encode(), {"qcow2": b"qcow2", "vhd": b"vpc"}[backing_format]
    l1_size = -(-virtual_size // (CLUSTER * CLUSTER // 8))
    extension = struct.pack(">II", 0xE2792ACA, len(kind)) + kind.ljust(8, b"\0") + struct.pack(">II", 0, 0)
    offset = 104 + len(extension)
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 3, offset, len(name), 16, virtual_size, 0, l1_size,
                         3 * CLUSTER, CLUSTER, 1, 0, 0)  # fmt: skip
    header += struct.pack(">QQQII", 0, 0, 0, 4, 104) + extension + name
    image = bytearray(4 * CLUSTER)
    image[: len(header)] = header
    struct.pack_into(">Q", image, CLUSTER, 2 * CLUSTER)
    struct.pack_into(">4H", image, 2 * CLUSTER, 1, 1, 1, 1)
    path.write_bytes(image)


@dataclass
class Bench:
    """An engine of this host, the folder of its volumes' disks, and an image: a read-only file and its digest."""

    engine: Simulated | Qemu | LockedEngine
    folder: Path
    base: Path
    root: Path
    digest: str

    def volume(self, name: str = "boot", size_bytes: int = 10 * GIB, **changes: Any) -> DiskSpec:
        """A disk on the image."""
        spec = DiskSpec(DiskKind.VOLUME, name, size_bytes, ImageBytes(self.digest, "qcow2"), size_bytes)
        return replace(spec, **changes)

    def disk(self, name: str = "boot", size_bytes: int = 10 * GIB) -> OverlaySpec:
        """The file of such a disk."""
        return OverlaySpec(self.path(name), self.base, "qcow2", size_bytes)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.qcow2"

    def write(self, name: str, pattern: int, megabyte: int = 8) -> None:
        """Fills 64 KiB of a volume's disk with a byte, as a guest might. Nobody else may have it open."""
        command = ["qemu-io", "-f", "qcow2", "-c", f"write -P {pattern} {megabyte}M 64k", str(self.path(name))]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def server(self, server_id: str = "0717_1e09281b-f177-46fb-baf1-bc152b2e391a", **changes: object) -> ServerSpec:
        """A server on a new disk of its own."""
        self.engine.disks.make(self.volume(server_id), None)
        seed = SeedSpec(server_id, "my-server", "#cloud-config\n", ("ssh-ed25519 AAAA me@home",))
        spec = ServerSpec(server_id, "my-server", server_id, 1, 128, seed, "02:00:0a:00:00:05")
        return replace(spec, **changes)


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[Bench]:
    image = tmp_path / "image.qcow2"
    write_qcow2(image, GIB, b"an image that nobody boots")
    root, (base, digest) = tmp_path / "engine", stored(tmp_path, image)
    engine = Simulated(root, storage_at(tmp_path, tools()), hosts=2)
    yield Bench(engine, tmp_path / "disks" / "volumes", base, root, digest)


@dataclass
class CloudBench(Bench):
    """As a bench, but what guests write is on volumes of the cloud."""

    cloud: HandMade = field(default_factory=HandMade)

    def write(self, name: str, pattern: int, megabyte: int = 8) -> None:
        self.cloud.write(name, pattern, megabyte << 20)


@pytest.fixture
def openstack(simulated: Bench, world: World) -> Iterator[CloudBench]:
    """The engine of many hosts on a cloud made by hand, as the nodes of a store share it."""
    with hand_made_cloud() as (cloud, client):
        inner = OpenStack(client, FilesystemBlobs(simulated.root.parent / "blobs"), simulated.root / "consoles")
        engine = LockedEngine(inner, ServerLocks(world.store, world.base))
        yield CloudBench(engine, simulated.folder, simulated.base, simulated.root, simulated.digest, cloud)


@dataclass
class FleetBench(Bench):
    """As a bench, but everything is in a real cloud."""

    fleet: Fleet = field(default_factory=lambda: Fleet(Path(FOLDER)))

    def write(self, name: str, pattern: int, megabyte: int = 8) -> None:
        self.fleet.write(name, pattern, megabyte << 20)


@pytest.fixture
def fleet(simulated: Bench, world: World) -> Iterator[FleetBench]:
    """The same engine on the lab of `./dev fleet`, whose project is empty before and afterwards."""
    lab = Fleet(Path(FOLDER))
    lab.empty()
    storage = storage_at(simulated.root.parent, tools())
    inner = OpenStack(lab.cloud, storage().blobs, simulated.root / "consoles", RawImages(storage))
    engine = LockedEngine(inner, ServerLocks(world.store, world.base))
    yield FleetBench(engine, simulated.folder, simulated.base, simulated.root, simulated.digest, lab)
    lab.empty()


class Shared(Simulated):
    """One that several nodes are said to use."""

    shared = True


@pytest.fixture
def shared(simulated: Bench, world: World) -> Bench:
    """The simulated engine as the nodes of a store share it: who changes a server holds its lock in the database."""
    inner = Shared(simulated.root, storage_at(simulated.root.parent, tools()))
    return replace(simulated, engine=LockedEngine(inner, ServerLocks(world.store, world.base)))


def stored(folder: Path, image: Path) -> tuple[Path, str]:
    """The image as a blob: its place, and its digest."""
    copy = folder / "image-on-its-way"
    shutil.copyfile(image, copy)
    digest, blobs = hashlib.sha256(copy.read_bytes()).hexdigest(), FilesystemBlobs(folder / "blobs")
    blobs.adopt(copy, digest)
    return blobs.local_path(digest), digest


@cache
def tools() -> Tools | None:
    return find_tools()


@pytest.fixture
def reopen() -> Callable[[Bench], Bench]:
    """Another object on the same folder, as after a restart of the program."""
    return lambda bench: replace(bench, engine=engine_at(bench, bench.root, bench.root.parent))


def engine_at(bench: Bench, root: Path, place: Path) -> Simulated | Qemu:
    """Another engine of the kind of the bench's: its folder, and that of its disks and blobs."""
    if bench.engine.name == Simulated.name:
        return Simulated(root, storage_at(place, tools()))
    return make_qemu(root, place)


def make_qemu(root: Path, place: Path | None = None) -> Qemu:
    """`place`: the folder that the disks and the blobs are in, if that is not the root's own."""
    binary, tool = shutil.which("qemu-system-x86_64"), shutil.which("qemu-img")
    assert binary and tool
    return Qemu(root, Path(binary), Path(tool), storage_at(place or root.parent, tools()), "tcg")


@pytest.fixture
def qemu(tmp_path: Path, boot_image: Path) -> Iterator[Bench]:
    with folder_of_disks(tmp_path) as folder:
        root, (base, digest) = folder / "engine", stored(folder, boot_image)
        yield Bench(make_qemu(root), folder / "disks" / "volumes", base, root, digest)
        for process in processes(root):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def processes(root: Path) -> list[int]:
    """The living processes that work in a folder of this engine."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(root / "run") and (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def until(holds: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Looks again and again, for a real process that takes its time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def says(engine: Hypervisor, server_id: str, words: str, seconds: float = PATIENCE) -> bool:
    """Whether the guest's console comes to hold these words."""
    return until(lambda: words.encode() in engine.console(server_id, 1 << 16), seconds)
