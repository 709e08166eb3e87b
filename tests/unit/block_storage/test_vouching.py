"""Images that came in on a host without qemu-img are examined before their first boot on one that has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.worlds import World
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.db.visibility import ResourceType, unscoped
from kunsthalle.disk_images.qemu_img import find_tools
from kunsthalle.images.resources import IMAGE
from unit.instances.api_in_process import Api

pytestmark = pytest.mark.needs_qemu_img


@pytest.fixture
def tooled(world: World, tmp_path: Path) -> Api:
    return Api(world, tmp_path, tools=find_tools())


def work(api: Api) -> None:
    while api.worker._one("test.0"):
        pass


def marks(api: Api, kind: ResourceType[Any]) -> list[int]:
    return [it.checked for it in api.world.read(api.world.base, lambda session: unscoped(session, kind))]


def make(api: Api, image_id: str) -> str:
    body = api.home.prototype(image={"id": image_id})
    return str(api.call("POST", "/v1/instances", body, status=201)["id"])


def test_what_passes_is_marked_everywhere(tooled: Api) -> None:
    image = tooled.image(checked=0)
    id_ = make(tooled, image.id)
    assert (marks(tooled, IMAGE), marks(tooled, VOLUME)) == ([0], [0])
    work(tooled)
    assert tooled.state(id_) == "running"
    assert (marks(tooled, IMAGE), marks(tooled, VOLUME)) == ([1], [1])


def test_without_the_tool_nothing_is_marked(idle: Api) -> None:
    id_ = make(idle, idle.image(checked=0).id)
    work(idle)
    assert idle.state(id_) == "running"
    assert (marks(idle, IMAGE), marks(idle, VOLUME)) == ([0], [0])


def spoil(api: Api, digest: str) -> None:
    """Bytes that our own rules let pass and qemu-img does not: a cluster that two entries of the table share."""
    path = api.blobs.local_path(digest)
    content = bytearray(path.read_bytes())
    l1 = int.from_bytes(content[40:48], "big")
    l2 = int.from_bytes(content[l1 : l1 + 8], "big") & ~(1 << 63)
    content[l2 + 8 : l2 + 16] = content[l2 : l2 + 8]
    path.chmod(0o644)
    path.write_bytes(content)


def test_what_does_not_pass_fails_the_server_and_the_image(tooled: Api) -> None:
    image = tooled.image(checked=0)
    spoil(tooled, str(image.digest))
    id_ = make(tooled, image.id)
    work(tooled)
    server = tooled.call("GET", f"/v1/instances/{id_}", status=200)
    assert server["status"] == "failed"
    assert server["status_reasons"][0]["code"] == "cannot_start"
    assert tooled.hypervisor.servers() == []
    failed = tooled.call("GET", f"/v1/images/{image.id}", status=200)
    assert (failed["status"], failed["file"]) == ("failed", {})
    assert failed["status_reasons"][0]["code"] == "image_data_corrupted"
    tooled.call("DELETE", f"/v1/instances/{id_}", status=204)
    work(tooled)
    assert tooled.holders(str(image.digest)) == set()


def test_a_disk_that_was_made_before_the_tool_came_is_looked_at_too(idle: Api, tooled: Api) -> None:
    """The image is long gone; what uses its bytes remembers that nobody has checked them."""
    image = idle.image(checked=0)
    spoil(idle, str(image.digest))
    id_ = make(idle, image.id)
    work(idle)
    volume = idle.call("GET", f"/v1/instances/{id_}", status=200)["boot_volume_attachment"]["volume"]["id"]
    idle.call("POST", "/v1/snapshots", {"source_volume": {"id": volume}}, status=201)
    idle.call("POST", f"/v1/instances/{id_}/actions", {"type": "stop"}, status=201)
    idle.call("DELETE", f"/v1/images/{image.id}", status=202)
    work(idle)
    assert (marks(idle, VOLUME), marks(idle, SNAPSHOT)) == ([0], [0])
    tooled.callers, tooled.homes = idle.callers, idle.homes
    tooled.call("POST", f"/v1/instances/{id_}/actions", {"type": "start"}, status=201)
    work(tooled)
    assert tooled.state(id_) == "failed"
