"""Real machines: boot, capture, image of the disk, boot of that; each on its own overlay of shared bytes."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from fixtures.engines import storage_at
from fixtures.worlds import World, add_image
from kunsthalle.db.session import Session
from kunsthalle.disk_images.qemu_img import find_tools
from kunsthalle.hypervisor.protocol import Bounds
from kunsthalle.hypervisor.qemu.qemu_engine import Qemu
from kunsthalle.hypervisor.qemu.qmp import ask
from kunsthalle.images import blob_references as blob_bytes
from kunsthalle.images.models import Image
from unit.instances.api_in_process import Api

pytestmark = [pytest.mark.needs_qemu, pytest.mark.by_turns(3)]
STAY = "#cloud-config\n# kunsthalle-stay\n"


@pytest.fixture
def real(world: World, tmp_path: Path) -> Iterator[Api]:
    binary, tool = shutil.which("qemu-system-x86_64"), shutil.which("qemu-img")
    assert binary is not None
    assert tool is not None
    engine = Qemu(
        tmp_path / "machines",
        Path(binary),
        Path(tool),
        storage_at(tmp_path, find_tools()),
        "tcg",
        bounds=Bounds(192),
        max_vcpus=1,
    )
    api = Api(world, tmp_path, engine, find_tools())
    api.worker.start()
    yield api
    api.worker.stop()
    for id_ in engine.servers():
        engine.delete(id_)


def import_(api: Api, source: Path) -> Image:
    path = api.root / "boot.qcow2"
    shutil.copy(source, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    size = path.stat().st_size
    api.blobs.adopt(path, digest)

    def make(session: Session) -> Image:
        known = {"digest": digest, "format": "qcow2", "file_size": size, "virtual_size": 64 * 2**20, "checked": 0}
        image = add_image(session, "boot", **known)
        blob_bytes.retain(session, api.blobs, digest, f"image:{image.id}")
        return image

    return api.world.write(api.callers["me"], make)


def eventually(happened: Callable[[], bool]) -> bool:
    """Whether something comes to be so: a real guest takes its time."""
    deadline = monotonic() + 90
    while not happened():
        if monotonic() > deadline:
            return False
        sleep(0.1)  # a real guest takes its time
    return True


def says(api: Api, id_: str, words: str) -> bool:
    """Whether the guest's console comes to hold the words."""
    return eventually(lambda: words.encode() in api.hypervisor.console(id_, 1 << 16))


@pytest.mark.nightly  # tests/stories/api/test_real_boot.py boots the same disks in each run
def test_the_story_of_a_disk(real: Api, boot_image: Path) -> None:
    image = import_(real, boot_image)
    before = real.blobs.local_path(str(image.digest)).read_bytes()
    server = real.server(image={"id": image.id}, name="first", user_data=STAY)
    id_, volume = server["id"], server["boot_volume_attachment"]["volume"]["id"]
    assert server["status"] == "running"
    assert says(real, id_, f"KUNSTHALLE-BOOT-OK hostname=first instance-id={id_} boots=1")
    made = real.call("POST", "/v1/snapshots", {"source_volume": {"id": volume}}, status=201)
    real.settle()
    snapshot = real.call("GET", f"/v1/snapshots/{made['id']}", status=200)
    assert snapshot["lifecycle_state"] == "stable"
    real.act(id_, "stop")
    assert real.state(id_) == "stopped"
    made = real.call("POST", "/v1/images", {"source_volume": {"id": volume}, "name": "copy"}, status=201)
    real.settle()
    copy = real.call("GET", f"/v1/images/{made['id']}", status=200)
    assert copy["status"] == "available"
    assert copy["file"]["checksums"]["sha256"] != image.digest
    real.call("DELETE", f"/v1/instances/{id_}", status=204)
    real.call("DELETE", f"/v1/images/{image.id}", status=202)
    real.settle()
    assert real.blobs.local_path(str(image.digest)).read_bytes() == before
    # The disk has been booted once, and goes on counting: on the image of it, and on the snapshot.
    second = real.server(image={"id": copy["id"]}, name="second")
    assert says(real, second["id"], f"hostname=second instance-id={second['id']} boots=2")
    source = {"volume": {"source_snapshot": {"id": snapshot["id"]}, "capacity": 20}}
    third = real.server(boot_volume_attachment=source, name="third")
    assert third["status"] == "running"
    assert says(real, third["id"], f"hostname=third instance-id={third['id']} boots=2")


def machine_has(api: Api, id_: str) -> set[str]:
    """The ids of the data disks that the machine has, as QEMU tells them."""
    assert isinstance(api.hypervisor, Qemu)
    folder = api.hypervisor._directories.path(id_)
    (devices,) = ask(folder, ("qom-list", {"path": "/machine/peripheral"}), timeout=10)
    return {str(one["name"]).removeprefix("disk-") for one in devices if one["name"].startswith("disk-")}


def test_data_volumes_come_to_a_real_machine_and_leave_it(real: Api, boot_image: Path) -> None:
    image, new = import_(real, boot_image), {"volume": {"profile": {"name": "general-purpose"}, "capacity": 10}}
    server = real.server(image={"id": image.id}, name="first", user_data=STAY, volume_attachments=[new])
    path, first = f"/v1/instances/{server['id']}/volume_attachments", server["volume_attachments"][1]["id"]
    assert machine_has(real, server["id"]) == {first}
    assert says(real, server["id"], "KUNSTHALLE-BOOT-OK")
    second = real.call("POST", path, new, status=201)["id"]
    real.settle()
    assert machine_has(real, server["id"]) == {first, second}
    assert real.call("GET", f"{path}/{second}", status=200)["status"] == "attached"
    for attachment in (first, second):
        real.call("DELETE", f"{path}/{attachment}", status=204)
    real.settle()
    assert eventually(lambda: machine_has(real, server["id"]) == set())
    assert eventually(lambda: len(real.call("GET", path, status=200)["volume_attachments"]) == 1)
    for volume in real.call("GET", "/v1/volumes", status=200, attachment_state="unattached")["volumes"]:
        real.call("DELETE", f"/v1/volumes/{volume['id']}", status=204)
    real.settle()
    assert real.call("GET", "/v1/volumes", status=200)["total_count"] == 1
