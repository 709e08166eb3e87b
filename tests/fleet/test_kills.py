"""Our process dies in the middle of operations on a real cloud: afterwards there is one machine, volume and image.

`tests/unit/hypervisor/test_killed_in_the_cloud.py` kills after each request of each operation, where nothing takes
time. Here each is killed after a few of them, drawn by the seed, while the cloud is at work on what it was asked for.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.clients import eventually
from fixtures.engines import storage_at
from fixtures.fleet import Fleet
from fixtures.killed_calls import OPERATIONS, SERVER, Operation, killed_after, prepared
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.disk_images.qemu_img import find_tools
from kunsthalle.hypervisor.openstack.openstack_engine import OpenStack
from kunsthalle.hypervisor.openstack.raw_images import RawImages

pytestmark = pytest.mark.fleet
PATIENCE = 30
"""Seconds until the cloud has cleaned up after itself."""

REQUESTS = {
    "volume of an image": 4,
    "start": 11,
    "start of a stopped server": 14,
    "start in a placement group": 9,
    "end of a placement group": 2,
    "stop": 3,
    "snapshot": 4,
    "volume of a snapshot": 4,
    "reading out": 20,
    "reading in": 9,
    "reading in of a snapshot": 13,
    "deletion of a server": 3,
    "deletion of a volume": 3,
    "deletion of a volume with a snapshot": 4,
    "deletion of the last snapshot": 5,
}
"""How many there are where nothing is waited for: kills are drawn from them."""

AFTERWARDS = {
    "volume of an image": ([], ["boot"], []),
    "start": ([SERVER], ["", "boot"], []),
    "start of a stopped server": ([SERVER], ["", "boot"], []),
    "start in a placement group": ([SERVER], ["boot"], []),
    "end of a placement group": ([], ["boot"], []),
    "stop": ([SERVER], ["", "boot"], []),
    "snapshot": ([], ["boot"], ["moment"]),
    "volume of a snapshot": ([], ["boot", "copy"], ["moment"]),
    "reading out": ([], ["boot"], []),
    "reading in": ([], ["boot", "moved"], []),
    "reading in of a snapshot": ([], ["boot", "kunsthalle-retired-moved"], ["moved"]),
    "deletion of a server": ([], ["boot"], []),
    "deletion of a volume": ([], [], []),
    "deletion of a volume with a snapshot": ([], ["kunsthalle-retired-boot"], ["moment"]),
    "deletion of the last snapshot": ([], [], []),
}
"""The names of servers, volumes and snapshots; the volume of a seed has none."""


@pytest.fixture
def engine(fleet: Fleet, tmp_path: Path, boot_image: Path) -> Iterator[tuple[OpenStack, str]]:
    fleet.empty()
    copy = tmp_path / "image"
    shutil.copyfile(boot_image, copy)
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    blobs = FilesystemBlobs(tmp_path / "blobs")
    blobs.adopt(copy, digest)
    yield OpenStack(fleet.cloud, blobs, tmp_path / "consoles", RawImages(storage_at(tmp_path, find_tools()))), digest
    fleet.empty()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.name))
def test_one_of_each_is_left(fleet: Fleet, engine: tuple[OpenStack, str], operation: Operation, walk_seed: int) -> None:
    made, digest = engine
    made._cloud.post("block-storage", "/volumes", {"volume": {"name": "boot", "size": 1, "description": "by hand"}})
    prepared(made, digest, operation)
    after = random.Random(f"{walk_seed} {operation.name}").randint(1, REQUESTS[operation.name])
    ended = killed_after(after, lambda: operation.call(made, digest))
    operation.call(made, digest)
    servers, volumes, snapshots = AFTERWARDS[operation.name]
    told = f"killed after request {after} of {operation.name}: {'' if ended else 'not '}ended"
    expected = {
        "servers": servers,
        "volumes": sorted([*volumes, "boot"]),
        "snapshots": snapshots,
        "images": [f"kunsthalle-base-{digest}"],
    }
    found: list[dict[str, list[str]]] = []

    def right() -> bool:
        """Nova says that a server is gone a moment before Cinder has removed the volume of its seed."""
        judged = fleet.judged()
        found[:] = [{kind: sorted(str(item["name"] or "") for item in judged[kind]) for kind in judged}]
        return found == [expected]

    with suppress(AssertionError):
        eventually(right, told, PATIENCE)
    assert found == [expected], told
    assert [leftover.name for leftover in made.disks.leftovers()] == [], told
