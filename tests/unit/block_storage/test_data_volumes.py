"""Attaching data volumes, as higher layers do it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from ibm_vpc import vpc_v1 as sdk

from kunsthalle.block_storage.boot_volumes import Host
from kunsthalle.block_storage.data_volumes import MOST, attach_data, change_attachment, detach_data
from kunsthalle.block_storage.models import Volume
from kunsthalle.block_storage.queries import attached_to
from kunsthalle.block_storage.requests import AttachmentRequest, DataAttachmentRequest
from kunsthalle.block_storage.service import VolumeService
from kunsthalle.core.errors import Problem
from unit.instances.cloud import ZONE, Cloud

NEW = {"profile": {"name": "general-purpose"}, "capacity": 10}


def host(cloud: Cloud, server: dict[str, Any], zone: str = ZONE) -> Host:
    return Host(server["id"], server["name"], zone, server["id"][:4], server["resource_group"]["id"])


def attach(cloud: Cloud, on: Host, volume: dict[str, Any], **more: Any) -> Volume:
    body = msgspec.convert({"volume": volume, **more}, DataAttachmentRequest)
    service = VolumeService(cloud.blobs)
    found = cloud.world.write(cloud.callers["me"], attach_data, service, on, body, active=True)
    cloud.settle()
    return found


def refused(cloud: Cloud, *given: Any, **more: Any) -> tuple[str, str | None]:
    with pytest.raises(Problem) as caught:
        attach(cloud, *given, **more)
    return caught.value.code, caught.value.target.name if caught.value.target else None


@pytest.fixture
def server(cloud: Cloud) -> dict[str, Any]:
    return cloud.server(image={"id": cloud.image().id})


def loose(cloud: Cloud, zone: str = ZONE) -> str:
    body = {"profile": {"name": "general-purpose"}, "capacity": 10, "zone": {"name": zone}}
    made = cloud.call("POST", "/v1/volumes", body, status=201)
    cloud.settle()
    return str(made["id"])


def test_a_new_one_and_one_that_is_there(cloud: Cloud, server: dict[str, Any]) -> None:
    on = host(cloud, server)
    new = attach(cloud, on, {**NEW, "name": "fresh"}, name="first", delete_volume_on_instance_delete=True)
    old = attach(cloud, on, {"id": loose(cloud)})
    path = f"/v1/instances/{server['id']}/volume_attachments"
    shown = cloud.call("GET", path, status=200)["volume_attachments"]
    assert [one["type"] for one in shown] == ["boot", "data", "data"]
    first = sdk.VolumeAttachment.from_dict(cloud.call("GET", f"{path}/{new.attachment_id}", status=200))
    assert (first.name, first.volume.name, first.status) == ("first", "fresh", "attaching")
    assert first.delete_volume_on_instance_delete
    seen = cloud.call("GET", f"/v1/volumes/{old.id}", status=200)
    (attachment,) = sdk.Volume.from_dict(seen).volume_attachments
    assert (attachment.type, attachment.instance.id) == ("data", server["id"])
    assert (seen["attachment_state"], seen["active"]) == ("attached", True)
    assert cloud.code("DELETE", f"/v1/volumes/{old.id}", status=409)[0] == "volume_still_attached"
    cloud.world.write(cloud.callers["me"], detach_data, old)
    seen = cloud.call("GET", f"/v1/volumes/{old.id}", status=200)
    assert (seen["attachment_state"], seen["active"], seen["volume_attachments"]) == ("unattached", False, [])
    attach(cloud, on, {"crn": old.crn})


def test_what_cannot_be_attached(cloud: Cloud, server: dict[str, Any]) -> None:
    on, taken = host(cloud, server), loose(cloud)
    attach(cloud, on, {"id": taken}, name="data")
    strange = cloud.call("POST", "/v1/volumes", {**NEW, "zone": {"name": ZONE}}, status=201, caller="stranger")["id"]
    assert refused(cloud, on, {"id": taken}) == ("invalid_state", "volume")
    assert refused(cloud, on, {"id": strange}) == ("not_found", "volume")
    assert refused(cloud, on, {"id": loose(cloud, "us-south-2")}) == ("zone_inconsistency", "volume")
    assert refused(cloud, on, {"capacity": 10}) == ("validation_required_field", "volume.profile")
    assert refused(cloud, on, NEW, name="data") == ("validation_unique_failed", "name")
    for _ in range(MOST - 1):
        attach(cloud, on, NEW)
    assert refused(cloud, on, NEW) == ("over_quota", "volume")


def test_an_attachment_changes(cloud: Cloud, server: dict[str, Any]) -> None:
    on = host(cloud, server)
    one, two = attach(cloud, on, NEW, name="one"), attach(cloud, on, NEW, name="two")
    write = cloud.world.write
    body = AttachmentRequest(name="three", delete_volume_on_instance_delete=True)
    changed = write(cloud.callers["me"], change_attachment, one, body)
    assert (changed.attachment_name, changed.attachment_auto_delete) == ("three", True)
    assert write(cloud.callers["me"], change_attachment, changed, AttachmentRequest()) == changed
    with pytest.raises(Problem, match="not unique"):
        write(cloud.callers["me"], change_attachment, changed, AttachmentRequest(name="two"))
    write(cloud.callers["me"], detach_data, two)
    with pytest.raises(Problem, match="detached meanwhile"):
        write(cloud.callers["me"], change_attachment, two, AttachmentRequest(name="four"))


def test_the_boot_volume_stays(cloud: Cloud, server: dict[str, Any]) -> None:

    (boot,) = cloud.world.read(cloud.callers["me"], attached_to, [server["id"]])[server["id"]]
    with pytest.raises(Problem) as caught:
        cloud.world.write(cloud.callers["me"], detach_data, boot)
    assert caught.value.code == "volume_attachment_delete_invalid_request"


def test_the_server_goes_and_takes_what_it_may(cloud: Cloud, server: dict[str, Any]) -> None:
    on = host(cloud, server)
    goes = attach(cloud, on, NEW, delete_volume_on_instance_delete=True)
    stays = attach(cloud, on, NEW)
    cloud.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    cloud.settle()
    assert cloud.code("GET", f"/v1/volumes/{goes.id}", status=404) == ("not_found", "id")
    assert cloud.call("GET", f"/v1/volumes/{stays.id}", status=200)["attachment_state"] == "unattached"
