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
from unit.instances.api_in_process import ZONE, Api

NEW = {"profile": {"name": "general-purpose"}, "capacity": 10}


def host(api: Api, server: dict[str, Any], zone: str = ZONE) -> Host:
    return Host(server["id"], server["name"], zone, server["id"][:4], server["resource_group"]["id"])


def attach(api: Api, on: Host, volume: dict[str, Any], **more: Any) -> Volume:
    body = msgspec.convert({"volume": volume, **more}, DataAttachmentRequest)
    service = VolumeService(api.blobs)
    found = api.world.write(api.callers["me"], attach_data, service, on, body, active=True)
    api.settle()
    return found


def refused(api: Api, *given: Any, **more: Any) -> tuple[str, str | None]:
    with pytest.raises(Problem) as caught:
        attach(api, *given, **more)
    return caught.value.code, caught.value.target.name if caught.value.target else None


@pytest.fixture
def server(api: Api) -> dict[str, Any]:
    return api.server(image={"id": api.image().id})


def loose(api: Api, zone: str = ZONE) -> str:
    body = {"profile": {"name": "general-purpose"}, "capacity": 10, "zone": {"name": zone}}
    made = api.call("POST", "/v1/volumes", body, status=201)
    api.settle()
    return str(made["id"])


def test_a_new_one_and_one_that_is_there(api: Api, server: dict[str, Any]) -> None:
    on = host(api, server)
    new = attach(api, on, {**NEW, "name": "fresh"}, name="first", delete_volume_on_instance_delete=True)
    old = attach(api, on, {"id": loose(api)})
    path = f"/v1/instances/{server['id']}/volume_attachments"
    shown = api.call("GET", path, status=200)["volume_attachments"]
    assert [one["type"] for one in shown] == ["boot", "data", "data"]
    first = sdk.VolumeAttachment.from_dict(api.call("GET", f"{path}/{new.attachment_id}", status=200))
    assert (first.name, first.volume.name, first.status) == ("first", "fresh", "attaching")
    assert first.delete_volume_on_instance_delete
    seen = api.call("GET", f"/v1/volumes/{old.id}", status=200)
    (attachment,) = sdk.Volume.from_dict(seen).volume_attachments
    assert (attachment.type, attachment.instance.id) == ("data", server["id"])
    assert (seen["attachment_state"], seen["active"]) == ("attached", True)
    assert api.code("DELETE", f"/v1/volumes/{old.id}", status=409)[0] == "volume_still_attached"
    api.world.write(api.callers["me"], detach_data, old)
    seen = api.call("GET", f"/v1/volumes/{old.id}", status=200)
    assert (seen["attachment_state"], seen["active"], seen["volume_attachments"]) == ("unattached", False, [])
    attach(api, on, {"crn": old.crn})


def test_what_cannot_be_attached(api: Api, server: dict[str, Any]) -> None:
    on, taken = host(api, server), loose(api)
    attach(api, on, {"id": taken}, name="data")
    strange = api.call("POST", "/v1/volumes", {**NEW, "zone": {"name": ZONE}}, status=201, caller="stranger")["id"]
    assert refused(api, on, {"id": taken}) == ("invalid_state", "volume")
    assert refused(api, on, {"id": strange}) == ("not_found", "volume")
    assert refused(api, on, {"id": loose(api, "us-south-2")}) == ("zone_inconsistency", "volume")
    assert refused(api, on, {"capacity": 10}) == ("validation_required_field", "volume.profile")
    assert refused(api, on, NEW, name="data") == ("validation_unique_failed", "name")
    for _ in range(MOST - 1):
        attach(api, on, NEW)
    assert refused(api, on, NEW) == ("over_quota", "volume")


def test_an_attachment_changes(api: Api, server: dict[str, Any]) -> None:
    on = host(api, server)
    one, two = attach(api, on, NEW, name="one"), attach(api, on, NEW, name="two")
    write = api.world.write
    body = AttachmentRequest(name="three", delete_volume_on_instance_delete=True)
    changed = write(api.callers["me"], change_attachment, one, body)
    assert (changed.attachment_name, changed.attachment_auto_delete) == ("three", True)
    assert write(api.callers["me"], change_attachment, changed, AttachmentRequest()) == changed
    with pytest.raises(Problem, match="not unique"):
        write(api.callers["me"], change_attachment, changed, AttachmentRequest(name="two"))
    write(api.callers["me"], detach_data, two)
    with pytest.raises(Problem, match="detached meanwhile"):
        write(api.callers["me"], change_attachment, two, AttachmentRequest(name="four"))


def test_the_boot_volume_stays(api: Api, server: dict[str, Any]) -> None:

    (boot,) = api.world.read(api.callers["me"], attached_to, [server["id"]])[server["id"]]
    with pytest.raises(Problem) as caught:
        api.world.write(api.callers["me"], detach_data, boot)
    assert caught.value.code == "volume_attachment_delete_invalid_request"


def test_the_server_goes_and_takes_what_it_may(api: Api, server: dict[str, Any]) -> None:
    on = host(api, server)
    goes = attach(api, on, NEW, delete_volume_on_instance_delete=True)
    stays = attach(api, on, NEW)
    api.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    api.settle()
    assert api.code("GET", f"/v1/volumes/{goes.id}", status=404) == ("not_found", "id")
    assert api.call("GET", f"/v1/volumes/{stays.id}", status=200)["attachment_state"] == "unattached"
