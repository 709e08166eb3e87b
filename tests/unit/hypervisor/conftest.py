"""Engines to test, and disks for them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kunsthalle.hypervisor.protocol import DiskSpec, Hypervisor, SeedSpec, ServerSpec
from kunsthalle.hypervisor.qemu.qemu_engine import Qemu
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated

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
    """An engine, a folder for its disks, and a read-only base."""

    engine: Hypervisor
    folder: Path
    base: Path
    root: Path

    def disk(self, name: str = "boot", size_bytes: int = 10 * GIB) -> DiskSpec:
        return DiskSpec(self.folder / f"{name}.qcow2", self.base, "qcow2", size_bytes)

    def server(self, server_id: str = "0717_1e09281b-f177-46fb-baf1-bc152b2e391a", **changes: object) -> ServerSpec:
        """A server on a new disk of its own."""
        disk = self.disk(server_id)
        self.engine.create_disk(disk)
        seed = SeedSpec(server_id, "my-server", "#cloud-config\n", ("ssh-ed25519 AAAA me@home",))
        spec = ServerSpec(server_id, "my-server", disk.path, 1, 128, seed, "02:00:0a:00:00:05")
        return replace(spec, **changes)


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[Bench]:
    base = tmp_path / "base.qcow2"
    base.write_bytes(b"the base is never opened here")
    base.chmod(0o444)
    root = tmp_path / "engine"
    yield Bench(Simulated(root, write_overlay), tmp_path / "disks", base, root)


@pytest.fixture
def reopen() -> Callable[[Bench], Bench]:
    """Another object on the same folder, as after a restart of the program."""

    def again(bench: Bench) -> Bench:
        if isinstance(bench.engine, Simulated):
            return replace(bench, engine=Simulated(bench.root, write_overlay))
        return replace(bench, engine=make_qemu(bench.root))

    return again


def make_qemu(root: Path) -> Qemu:
    binary, tool = shutil.which("qemu-system-x86_64"), shutil.which("qemu-img")
    assert binary and tool
    return Qemu(root, Path(binary), Path(tool), "tcg")


@pytest.fixture
def qemu(tmp_path: Path, boot_image: Path) -> Iterator[Bench]:
    root = tmp_path / "engine"
    yield Bench(make_qemu(root), tmp_path / "disks", boot_image, root)
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
