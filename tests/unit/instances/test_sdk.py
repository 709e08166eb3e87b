"""The models of the official SDK read every answer of servers, templates and profiles."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibm_vpc.vpc_v1 as sdk
import pytest

from fixtures.worlds import make_world
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES
from unit.instances.api_in_process import Api

CONTEXT = "InstanceTemplateContext"
VALUES = {
    "bandwidth": sdk.InstanceProfileBandwidthFixed,
    "memory": sdk.InstanceProfileMemoryFixed,
    "port_speed": sdk.InstanceProfilePortSpeedFixed,
    "vcpu_count": sdk.InstanceProfileVCPUFixed,
    "total_volume_bandwidth": sdk.InstanceProfileVolumeBandwidthFixed,
    "network_interface_count": sdk.InstanceProfileNetworkInterfaceCountRange,
    "network_attachment_count": sdk.InstanceProfileNetworkAttachmentCountRange,
    "availability_class": sdk.InstanceProfileAvailabilityClassEnum,
    "volume_bandwidth_qos_modes": sdk.InstanceProfileVolumeBandwidthQoSModesEnum,
    "vcpu_manufacturer": sdk.InstanceProfileVCPUManufacturerFixed,
    "vcpu_burst_limit": sdk.InstanceProfileVCPUBurstLimitFixed,
    "cluster_network_attachment_count": sdk.InstanceProfileClusterNetworkAttachmentCountDependent,
}


def template_model(source: str) -> Any:
    """The SDK names the context twice, and the network family behind it."""
    return getattr(
        sdk, f"InstanceTemplateInstanceBy{source}{CONTEXT}InstanceBy{source}{CONTEXT}InstanceByNetworkInterface"
    )


@pytest.fixture
def server(api: Api) -> dict[str, Any]:
    second = {"subnet": {"id": api.home.subnet.id}, "name": "second", "allow_ip_spoofing": True}
    return api.server(
        image={"id": api.image().id},
        profile={"name": "bx2d-2x8"},
        network_interfaces=[second],
        metadata_service={"enabled": True},
        availability_policy={"host_failure": "stop"},
    )


def test_a_server_and_what_is_below_it(api: Api, server: dict[str, Any]) -> None:
    read = sdk.Instance.from_dict(server)
    assert read.metadata_service.enabled is True
    assert read.metadata_service.protocol == "http"
    assert read.availability_policy.host_failure == "stop"
    assert read.availability_policy.preemption == "stop"
    assert read.reservation_affinity.policy == "automatic"
    assert (read.bandwidth, read.total_volume_bandwidth, read.total_network_bandwidth) == (4000, 1000, 3000)
    assert (read.vcpu.count, read.vcpu.architecture, read.memory) == (2, "amd64", 8)
    assert [disk.size for disk in read.disks] == [75]
    assert read.profile.name == "bx2d-2x8"
    path = f"/v1/instances/{server['id']}"
    listed = api.call("GET", f"{path}/network_interfaces", status=200)
    primary, second = sdk.NetworkInterfaceUnpaginatedCollection.from_dict(listed).network_interfaces
    assert (primary.type, second.type, second.name) == ("primary", "secondary", "second")
    assert (primary.allow_ip_spoofing, second.allow_ip_spoofing) == (False, True)
    assert primary.id == read.primary_network_interface.id == read.network_interfaces[0].id
    assert primary.security_groups[0].id == api.home.vpc.default_security_group_id
    one = api.call("GET", f"{path}/network_interfaces/{second.id}", status=200)
    assert one == listed["network_interfaces"][1]
    listed = api.call("GET", f"{path}/volume_attachments", status=200)
    (attached,) = sdk.VolumeAttachmentCollection.from_dict(listed).volume_attachments
    assert (attached.type, attached.status, attached.delete_volume_on_instance_delete) == ("boot", "attached", True)
    assert attached.volume.id == read.boot_volume_attachment.volume.id
    assert api.call("GET", f"{path}/volume_attachments/{attached.id}", status=200) == listed["volume_attachments"][0]
    for below in ("network_interfaces", "volume_attachments"):
        assert api.code("GET", f"{path}/{below}/0717-none", status=404) == ("not_found", "id")
    initialization = api.call("GET", f"{path}/initialization", status=200)
    assert sdk.InstanceInitialization.from_dict(initialization).keys[0].id == api.home.key.id
    assert "public_key" not in str(initialization)


def test_an_interface_is_reached_from_its_address(api: Api, server: dict[str, Any]) -> None:
    address = server["primary_network_interface"]["primary_ip"]
    assert address["href"].startswith(f"http://here/v1/subnets/{api.home.subnet.id}/reserved_ips/")
    assert server["primary_network_interface"]["subnet"]["id"] == api.home.subnet.id


def test_lists_hold_the_same_as_single_answers(api: Api, server: dict[str, Any]) -> None:
    listed = api.call("GET", "/v1/instances", status=200)
    assert sdk.InstanceCollection.from_dict(listed).total_count == 1
    assert listed["instances"] == [server]
    first = api.server(image={"id": api.image("other").id})
    pages = [api.call("GET", "/v1/instances", status=200, limit="1")]
    token = pages[0]["next"]["href"].split("start=")[1].split("&")[0]
    pages.append(api.call("GET", "/v1/instances", status=200, limit="1", start=token))
    assert {page["instances"][0]["id"] for page in pages} == {server["id"], first["id"]}
    assert "next" not in pages[1]


def test_actions(api: Api, server: dict[str, Any]) -> None:
    action = sdk.InstanceAction.from_dict(api.act(server["id"], "stop", force=True))
    assert (action.type, action.status, action.force) == ("stop", "pending", True)
    action = sdk.InstanceAction.from_dict(api.act(server["id"], "stop"))
    assert (action.status, action.completed_at) == ("completed", action.created_at)


def test_older_api_versions_see_older_defaults(api: Api, server: dict[str, Any]) -> None:
    old = api.call("GET", f"/v1/instances/{server['id']}", status=200, version="2024-11-18")
    assert old["reservation_affinity"] == {"policy": "disabled", "pool": []}


def test_options_change_field_by_field(api: Api, server: dict[str, Any]) -> None:
    path = f"/v1/instances/{server['id']}"
    changed = api.call("PATCH", path, {"metadata_service": {"protocol": "https"}}, status=200)
    assert changed["metadata_service"] == {"enabled": True, "protocol": "https", "response_hop_limit": 1}


def test_templates(api: Api) -> None:
    image = {"id": api.image().id}
    made = api.call("POST", "/v1/instance/templates", api.home.prototype(image=image), status=201)
    assert template_model("Image").from_dict(made).image["id"] == image["id"]
    boot = {"volume": {"capacity": 20}, "name": "boot"}
    body = api.home.prototype(image=image, boot_volume_attachment=boot)
    made = api.call("POST", "/v1/instance/templates", body, status=201)
    assert template_model("Image").from_dict(made).boot_volume_attachment.volume.capacity == 20
    server = api.server(image=image)
    volume = {"id": server["boot_volume_attachment"]["volume"]["id"]}
    snapshot = api.call("POST", "/v1/snapshots", {"source_volume": volume}, status=201)
    api.settle()
    body = api.home.prototype(boot_volume_attachment={"volume": {"source_snapshot": {"id": snapshot["id"]}}})
    made = api.call("POST", "/v1/instance/templates", body, status=201)
    read = template_model("SourceSnapshot").from_dict(made)
    assert read.boot_volume_attachment.volume.source_snapshot == {"id": snapshot["id"]}
    listed = sdk.InstanceTemplateCollection.from_dict(api.call("GET", "/v1/instance/templates", status=200))
    assert listed.total_count == 3


@pytest.fixture(scope="module")
def shared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API for tests that only read."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copy(sqlite_template, folder / "kunsthalle.sqlite")
    world = make_world(f"sqlite:///{folder / 'kunsthalle.sqlite'}")
    yield Api(world, folder)
    world.store.close()


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", sorted(INSTANCE_PROFILES))
def test_profiles(shared: Api, name: str) -> None:
    shown = shared.call("GET", f"/v1/instance/profiles/{name}", status=200)
    assert sdk.InstanceProfile.from_dict(shown).name == name
    for field, model in VALUES.items():
        model.from_dict(shown[field])
    assert [zone["name"] for zone in shown["zones"]] == ["us-south-1", "us-south-2", "us-south-3"]


def test_the_list_of_profiles(shared: Api) -> None:
    listed = shared.call("GET", "/v1/instance/profiles", status=200, version="2026-01-01")
    assert sdk.InstanceProfileCollection.from_dict(listed).total_count == len(INSTANCE_PROFILES)
    assert [one["name"] for one in listed["profiles"]] == sorted(INSTANCE_PROFILES)
