"""What cannot be made into a server, and how that is said (reference/vpc-api.md B2, D3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kunsthalle.networks import service as networks
from unit.instances.api_in_process import Api

Change = Callable[[Api], dict[str, Any]]
ABSENT = {"id": "r006-00000000-0000-4000-8000-000000000000"}


def _image(api: Api, **fields: Any) -> dict[str, Any]:
    return {"id": api.image("asked", **fields).id}


def _elsewhere(api: Api) -> dict[str, Any]:
    subnet = api.world.write(api.home.ctx, networks.create_subnet, api.home.vpc, "elsewhere", "us-south-2", count=8)
    return {"primary_network_interface": {"subnet": {"id": subnet.id}}}


def _other_vpc(api: Api) -> dict[str, Any]:
    return {"vpc": {"id": api.world.write(api.home.ctx, networks.create_vpc, "other").id}}


def _foreign_group(api: Api) -> dict[str, Any]:
    vpc = api.world.write(api.home.ctx, networks.create_vpc, "other")
    groups = [{"id": vpc.default_security_group_id}]
    return {"primary_network_interface": {"subnet": {"id": api.home.subnet.id}, "security_groups": groups}}


def _twice(api: Api) -> dict[str, Any]:
    interface = {"subnet": {"id": api.home.subnet.id}, "name": "same"}
    return {"primary_network_interface": interface, "network_interfaces": [interface]}


def _boot(**volume: Any) -> dict[str, Any]:
    return {"boot_volume_attachment": {"volume": volume}}


SOURCE = "boot_volume_attachment.volume"
GENERAL = {"profile": {"name": "general-purpose"}}
CASES: dict[str, tuple[Change, int, str, str | None]] = {
    "nothing": (lambda _c: {}, 400, "validation_required_field", "image"),
    "two sources": (
        lambda c: {"image": _image(c), "catalog_offering": {"version": {"crn": "x"}}},
        400,
        "validation_only_one",
        "catalog_offering",
    ),
    "image and snapshot": (
        lambda c: {"image": _image(c), **_boot(source_snapshot=ABSENT)},
        400,
        "validation_only_one",
        f"{SOURCE}.source_snapshot",
    ),
    "volume and snapshot": (
        lambda _c: _boot(id="x", source_snapshot=ABSENT),
        400,
        "validation_only_one",
        f"{SOURCE}.source_snapshot",
    ),
    "version and offering": (
        lambda _c: {"catalog_offering": {"version": {"crn": "x"}, "offering": {"crn": "y"}}},
        400,
        "validation_only_one",
        "catalog_offering",
    ),
    "neither version nor offering": (
        lambda _c: {"catalog_offering": {}},
        400,
        "validation_only_one",
        "catalog_offering",
    ),
    "malformed version": (
        lambda _c: {"catalog_offering": {"version": {"crn": "x"}}},
        400,
        "bad_field",
        "catalog_offering.version.crn",
    ),
    "unknown image": (lambda _c: {"image": ABSENT}, 404, "not_found", "image"),
    "unknown template": (lambda _c: {"source_template": ABSENT}, 404, "not_found", "source_template"),
    "unknown snapshot": (lambda _c: _boot(source_snapshot=ABSENT), 404, "not_found", f"{SOURCE}.source_snapshot"),
    "unknown volume": (lambda _c: _boot(**ABSENT), 404, "not_found", SOURCE),
    "obsolete image": (lambda c: {"image": _image(c, status="obsolete")}, 409, "invalid_state", "image"),
    "pending image": (lambda c: {"image": _image(c, status="pending")}, 409, "invalid_state", "image"),
    "image for larger servers": (
        lambda c: {"image": _image(c, allowed_use={"instance": "vcpu.count >= 64"})},
        400,
        "bad_field",
        "allowed_use",
    ),
    "image not for servers": (
        lambda c: {"image": _image(c, allowed_use={"instance": "false"})},
        400,
        "bad_field",
        "allowed_use",
    ),
    "architecture": (
        lambda c: {"image": _image(c, operating_system="ubuntu-22-04-s390x")},
        400,
        "bad_field",
        "profile",
    ),
    "user data format": (
        lambda c: {"image": _image(c, operating_system="network-boot-ipxe")},
        400,
        "bad_field",
        "image",
    ),
    "windows without rsa": (
        lambda c: {"image": _image(c, operating_system="windows-2022-amd64")},
        400,
        "bad_field",
        "keys",
    ),
    "unknown profile": (
        lambda c: {"image": _image(c), "profile": {"name": "huge"}},
        400,
        "bad_field",
        "profile",
    ),
    "unknown volume profile": (
        lambda c: {"image": _image(c), **_boot(profile={"name": "huge"})},
        400,
        "bad_field",
        f"{SOURCE}.profile",
    ),
    "too small a volume": (
        lambda c: {"image": _image(c, virtual_size=30 * 2**30), **_boot(**GENERAL, capacity=29)},
        400,
        "validation_min_value",
        f"{SOURCE}.capacity",
    ),
    "too large a volume": (
        lambda c: {"image": _image(c), **_boot(**GENERAL, capacity=251)},
        400,
        "validation_max_value",
        f"{SOURCE}.capacity",
    ),
    "a key that there is not": (
        lambda c: {"image": _image(c), **_boot(**GENERAL, encryption_key={"crn": "x"})},
        404,
        "encryption_key_not_found",
        f"{SOURCE}.encryption_key.crn",
    ),
    "no zone": (lambda c: {"image": _image(c), "zone": None}, 400, "validation_required_field", "zone"),
    "unknown zone": (lambda c: {"image": _image(c), "zone": {"name": "eu-de-1"}}, 400, "invalid_zone", "zone"),
    "no interface": (
        lambda c: {"image": _image(c), "primary_network_interface": None},
        400,
        "validation_required_field",
        "primary_network_interface",
    ),
    "interface and attachment": (
        lambda c: {"image": _image(c), "primary_network_attachment": {"virtual_network_interface": {}}},
        400,
        "validation_only_one",
        "primary_network_attachment",
    ),
    "subnet in another zone": (
        lambda c: {"image": _image(c), **_elsewhere(c)},
        400,
        "zone_inconsistency",
        "primary_network_interface.subnet",
    ),
    "subnet in another VPC": (
        lambda c: {"image": _image(c), **_other_vpc(c)},
        400,
        "vpc_resource_separation",
        "primary_network_interface.subnet",
    ),
    "group in another VPC": (
        lambda c: {"image": _image(c), **_foreign_group(c)},
        400,
        "vpc_resource_separation",
        "primary_network_interface.security_groups",
    ),
    "interfaces of one name": (
        lambda c: {"image": _image(c), **_twice(c)},
        400,
        "validation_unique_failed",
        "name",
    ),
    "somebody else's subnet": (
        lambda c: {
            "image": _image(c),
            "primary_network_interface": {"subnet": {"id": c.homes["stranger"].subnet.id}},
        },
        404,
        "not_found",
        "primary_network_interface.subnet",
    ),
    "somebody else's key": (
        lambda c: {"image": _image(c), "keys": [{"id": c.homes["stranger"].key.id}]},
        404,
        "not_found",
        "keys",
    ),
    "an unknown data volume": (
        lambda c: {"image": _image(c), "volume_attachments": [{"volume": {"id": "x"}}]},
        404,
        "not_found",
        "volume_attachments.0.volume",
    ),
    "a data volume without a profile": (
        lambda c: {"image": _image(c), "volume_attachments": [{"volume": {"capacity": 10}}]},
        400,
        "validation_required_field",
        "volume_attachments.0.volume.profile",
    ),
    "half of a vCPU that the profile does not divide": (
        lambda c: {"image": _image(c), "vcpu": {"percentage": 50}},
        400,
        "bad_field",
        "vcpu.percentage",
    ),
    "a spot server that is to use reservations": (
        lambda c: {
            "image": _image(c),
            "availability": {"class": "spot"},
            "reservation_affinity": {"policy": "automatic"},
        },
        400,
        "bad_field",
        "reservation_affinity.policy",
    ),
    "an unknown trusted profile": (
        lambda c: {"image": _image(c), "default_trusted_profile": {"target": {"id": "Profile-none"}}},
        404,
        "not_found",
        "default_trusted_profile.target",
    ),
    "a hostile name": (lambda c: {"image": _image(c), "name": "../etc"}, 400, "validation_invalid_name", "name"),
}


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("case", CASES)
def test_refused(idle: Api, case: str) -> None:
    change, status, code, field = CASES[case]
    body = idle.home.prototype(**change(idle))
    assert idle.code("POST", "/v1/instances", body, status=status) == (code, field)
    assert idle.call("GET", "/v1/instances", status=200)["total_count"] == 0
    assert idle.call("GET", "/v1/volumes", status=200)["total_count"] == 0


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("case", [case for case in CASES if case != "unknown volume"])
def test_refused_as_a_template(idle: Api, case: str) -> None:
    change, status, code, field = CASES[case]
    body = idle.home.prototype(**change(idle))
    assert idle.code("POST", "/v1/instance/templates", body, status=status) == (code, field)
    assert idle.call("GET", "/v1/instance/templates", status=200)["total_count"] == 0


def test_a_strangers_image_is_absent_to_the_byte(idle: Api) -> None:
    image = idle.image()
    answers = []
    for id_ in (image.id, ABSENT["id"]):
        body = idle.homes["stranger"].prototype(image={"id": id_})
        answer = idle.answer("POST", "/v1/instances", body, caller="stranger")
        answers.append((answer.status_code, answer.json()["errors"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_a_viewer_makes_and_changes_nothing(idle: Api) -> None:
    body = idle.home.prototype(image={"id": idle.image().id})
    made = idle.call("POST", "/v1/instances", body, status=201)
    path = f"/v1/instances/{made['id']}"
    assert idle.code("POST", "/v1/instances", body, status=403, caller="viewer") == ("not_authorized", None)
    assert idle.code("PATCH", path, {"name": "x"}, status=403, caller="viewer") == ("not_authorized", None)
    assert idle.code("DELETE", path, status=403, caller="viewer") == ("not_authorized", None)
    act = {"type": "stop"}
    assert idle.code("POST", f"{path}/actions", act, status=403, caller="viewer") == ("not_authorized", None)
    assert idle.call("GET", path, status=200, caller="viewer")["id"] == made["id"]
    for below in ("", "/initialization"):
        assert idle.code("GET", path + below, status=404, caller="stranger") == ("not_found", "id")
    for below in ("/network_interfaces", "/volume_attachments"):
        assert idle.code("GET", path + below, status=404, caller="stranger") == ("not_found", "instance_id")


@pytest.mark.parametrize("path", ["/v1/instance/profiles/huge", "/v1/volume/profiles/huge"])
def test_unknown_profiles_in_paths(idle: Api, path: str) -> None:
    assert idle.code("GET", path, status=404) == ("not_found", "name")
