"""What cannot be made into a server, and how that is said (reference/vpc-api.md B2, D3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kunsthalle.networks import service as networks
from unit.instances.cloud import Cloud

Change = Callable[[Cloud], dict[str, Any]]
ABSENT = {"id": "r006-00000000-0000-4000-8000-000000000000"}


def _image(cloud: Cloud, **fields: Any) -> dict[str, Any]:
    return {"id": cloud.image("asked", **fields).id}


def _elsewhere(cloud: Cloud) -> dict[str, Any]:
    subnet = cloud.world.write(
        cloud.home.ctx, networks.create_subnet, cloud.home.vpc, "elsewhere", "us-south-2", count=8
    )
    return {"primary_network_interface": {"subnet": {"id": subnet.id}}}


def _other_vpc(cloud: Cloud) -> dict[str, Any]:
    return {"vpc": {"id": cloud.world.write(cloud.home.ctx, networks.create_vpc, "other").id}}


def _foreign_group(cloud: Cloud) -> dict[str, Any]:
    vpc = cloud.world.write(cloud.home.ctx, networks.create_vpc, "other")
    groups = [{"id": vpc.default_security_group_id}]
    return {"primary_network_interface": {"subnet": {"id": cloud.home.subnet.id}, "security_groups": groups}}


def _twice(cloud: Cloud) -> dict[str, Any]:
    interface = {"subnet": {"id": cloud.home.subnet.id}, "name": "same"}
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


@pytest.mark.parametrize("case", CASES)
def test_refused(still: Cloud, case: str) -> None:
    change, status, code, field = CASES[case]
    body = still.home.prototype(**change(still))
    assert still.code("POST", "/v1/instances", body, status=status) == (code, field)
    assert still.call("GET", "/v1/instances", status=200)["total_count"] == 0
    assert still.call("GET", "/v1/volumes", status=200)["total_count"] == 0


@pytest.mark.parametrize("case", [case for case in CASES if case != "unknown volume"])
def test_refused_as_a_template(still: Cloud, case: str) -> None:
    change, status, code, field = CASES[case]
    body = still.home.prototype(**change(still))
    assert still.code("POST", "/v1/instance/templates", body, status=status) == (code, field)
    assert still.call("GET", "/v1/instance/templates", status=200)["total_count"] == 0


def test_a_strangers_image_is_absent_to_the_byte(still: Cloud) -> None:
    image = still.image()
    answers = []
    for id_ in (image.id, ABSENT["id"]):
        body = still.homes["stranger"].prototype(image={"id": id_})
        answer = still.answer("POST", "/v1/instances", body, caller="stranger")
        answers.append((answer.status_code, answer.json()["errors"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_a_viewer_makes_and_changes_nothing(still: Cloud) -> None:
    body = still.home.prototype(image={"id": still.image().id})
    made = still.call("POST", "/v1/instances", body, status=201)
    path = f"/v1/instances/{made['id']}"
    assert still.code("POST", "/v1/instances", body, status=403, caller="viewer") == ("not_authorized", None)
    assert still.code("PATCH", path, {"name": "x"}, status=403, caller="viewer") == ("not_authorized", None)
    assert still.code("DELETE", path, status=403, caller="viewer") == ("not_authorized", None)
    act = {"type": "stop"}
    assert still.code("POST", f"{path}/actions", act, status=403, caller="viewer") == ("not_authorized", None)
    assert still.call("GET", path, status=200, caller="viewer")["id"] == made["id"]
    for below in ("", "/initialization"):
        assert still.code("GET", path + below, status=404, caller="stranger") == ("not_found", "id")
    for below in ("/network_interfaces", "/volume_attachments"):
        assert still.code("GET", path + below, status=404, caller="stranger") == ("not_found", "instance_id")


@pytest.mark.parametrize("path", ["/v1/instance/profiles/huge", "/v1/volume/profiles/huge"])
def test_unknown_profiles_in_paths(still: Cloud, path: str) -> None:
    assert still.code("GET", path, status=404) == ("not_found", "name")
