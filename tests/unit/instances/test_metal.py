"""Bare metal servers: states and records change; an image that a catalog manages is never put on one (R3)."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.frozen_app import OPERATOR
from unit.instances.group_caller import Caller, Offer

METAL = "/v1/bare_metal_servers"


def _body(caller: Caller, image: str, **fields: Any) -> dict[str, Any]:
    subnet = caller.subnet()
    body = {
        "profile": {"name": "bx2-metal-96x384"},
        "zone": {"name": subnet["zone"]["name"]},
        "initialization": {"image": {"id": image}, "keys": [{"id": caller.do("GET", "/v1/keys")["keys"][0]["id"]}]},
        "primary_network_interface": {"subnet": {"id": subnet["id"]}, "allowed_vlans": [4]},
        **fields,
    }
    return {name: value for name, value in body.items() if value is not None}


def _made(caller: Caller, image: str | None = None, **fields: Any) -> dict[str, Any]:
    """A server that runs."""
    made = caller.do("POST", METAL, _body(caller, image or caller.app.image("plain")["id"], **fields))
    caller.app.settle()
    return dict(caller.do("GET", f"{METAL}/{made['id']}"))


def _act(caller: Caller, server: dict[str, Any], verb: str, body: Any = None) -> str:
    caller.do("POST", f"{METAL}/{server['id']}/{verb}", body)
    caller.app.settle()
    return str(caller.do("GET", f"{METAL}/{server['id']}")["status"])


def _stop(caller: Caller, server: dict[str, Any]) -> str:
    return _act(caller, server, "stop", {"type": "hard"})


def _attached(caller: Caller, **fields: Any) -> dict[str, Any]:
    """Fields of a server with a network attachment."""
    interface = {"subnet": {"id": caller.subnet()["id"]}, **fields}
    attachment = {"name": "att0", "virtual_network_interface": interface, "allowed_vlans": [4]}
    return {"primary_network_interface": None, "primary_network_attachment": attachment}


def test_a_server_lives_and_goes(caller: Caller) -> None:
    image = caller.app.image("plain")["id"]
    made = caller.do("POST", METAL, _body(caller, image, name="iron"))
    assert (made["status"], made["lifecycle_state"]) == ("pending", "pending")
    caller.app.settle()
    server = caller.do("GET", f"{METAL}/{made['id']}")
    assert (server["status"], server["health_state"], server["memory"]) == ("running", "ok", 384)
    assert server["boot_target"]["id"] == server["disks"][0]["id"]
    assert "network_attachments" not in server
    start = caller.do("GET", f"{METAL}/{made['id']}/initialization")
    assert (start["image"]["id"], start["image"]["name"], len(start["keys"])) == (image, "plain", 1)
    assert _act(caller, server, "restart") == "running"
    assert _stop(caller, server) == "stopped"
    assert _stop(caller, server) == "stopped", "it is so already"
    assert caller.refused("POST", f"{METAL}/{made['id']}/restart")[:2] == (409, "invalid_state")
    assert _act(caller, server, "start") == "running"
    assert caller.refused("POST", f"{METAL}/{made['id']}/stop", {"type": "gently"})[:2] == (400, "validation_enum")
    assert caller.do("GET", f"/_kunsthalle/images/{image}/lineage")["totals"]["bare_metal_servers"] == 1
    caller.do("DELETE", f"/v1/images/{image}")
    assert caller.do("GET", f"{METAL}/{made['id']}/initialization")["image"] == start["image"], "the reference is kept"
    address = server["primary_network_interface"]["primary_ip"]["id"]
    caller.do("DELETE", f"{METAL}/{made['id']}")
    caller.app.settle()
    assert caller.refused("GET", f"{METAL}/{made['id']}") == (404, "not_found", "id")
    reserved = caller.do("GET", f"/v1/subnets/{caller.subnet()['id']}/reserved_ips")["reserved_ips"]
    assert address not in {one["id"] for one in reserved}


def test_a_deletion_that_went_wrong_is_asked_for_again(caller: Caller) -> None:
    server = _made(caller)
    fault = {"on": "job", "match": "metal.move", "effect": "fail"}
    assert caller.app.call(OPERATOR, "POST", "/_kunsthalle/faults", fault).status == 200
    caller.do("DELETE", f"{METAL}/{server['id']}")
    caller.app.settle()
    shown = caller.do("GET", f"{METAL}/{server['id']}")
    assert (shown["status"], len(shown["status_reasons"])) == ("failed", 1)
    caller.do("DELETE", f"{METAL}/{server['id']}")
    caller.app.settle()
    assert caller.refused("GET", f"{METAL}/{server['id']}") == (404, "not_found", "id")


def test_another_image_takes_the_place_of_the_first(caller: Caller) -> None:
    server, second = _made(caller), caller.app.image("second")["id"]
    path, keys = f"{METAL}/{server['id']}/initialization", [{"id": caller.do("GET", "/v1/keys")["keys"][0]["id"]}]
    body = {"image": {"id": second}, "keys": keys, "user_data": "#cloud-config\n"}
    assert caller.refused("PUT", path, body)[:2] == (409, "invalid_state"), "it must stand still"
    _stop(caller, server)
    assert caller.do("PUT", path, body)["image"]["id"] == second
    caller.app.settle()
    assert caller.do("GET", f"{METAL}/{server['id']}")["status"] == "running"
    assert caller.do("GET", path)["image"]["name"] == "second"
    assert "user_data" not in str(caller.do("GET", path))


def test_a_managed_image_is_refused_everywhere(caller: Caller) -> None:
    offer = caller.offer()
    caller.who = "owner"
    server = _made(caller)
    _stop(caller, server)
    refused = (400, "bad_field", "initialization.image")
    assert caller.refused("POST", METAL, _body(caller, offer.image)) == refused
    path, keys = f"{METAL}/{server['id']}/initialization", [{"id": caller.do("GET", "/v1/keys")["keys"][0]["id"]}]
    before = caller.do("GET", f"{METAL}/{server['id']}")
    assert caller.refused("PUT", path, {"image": {"id": offer.image}, "keys": keys}) == (400, "bad_field", "image")
    assert caller.do("GET", f"{METAL}/{server['id']}") == before
    assert caller.do("GET", f"/v1/images/{offer.image}/bare_metal_server_profiles")["bare_metal_server_profiles"] == []
    caller.app.do("DELETE", offer.path)
    assert caller.do("PUT", path, {"image": {"id": offer.image}, "keys": keys})["image"]["id"] == offer.image
    assert caller.do("POST", METAL, _body(caller, offer.image))["status"] == "pending"


@pytest.mark.parametrize("shared", [True, False])
def test_the_managed_image_of_another_account_is_like_none(caller: Caller, shared: bool) -> None:
    offer: Offer = caller.offer()
    if not shared:
        caller.who = "outsider"
    crn = f"crn:v1:bluemix:public:is:us-south:a/{caller.app.accounts['owner']}::image:"
    never = "r006-00000000-0000-4000-8000-000000000000"
    for way in ("id", "crn", "href"):
        answers = []
        for id_ in (offer.image, never):
            body = _body(caller, id_)
            meant = {"id": id_, "crn": crn + id_, "href": f"http://kunsthalle.test/v1/images/{id_}"}
            body["initialization"]["image"] = {way: meant[way]}
            answers.append(caller.app.call(caller.who, "POST", METAL, body))
        assert answers[0] == answers[1], way
        assert answers[0].status == 404
    assert caller.do("GET", METAL)["bare_metal_servers"] == []


@pytest.mark.by_turns(3)
@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"profile": {"name": "bx2-2x8"}}, (400, "bad_field", "profile")),
        ({"zone": {"name": "us-south-2"}}, (400, "zone_inconsistency", "primary_network_interface.subnet")),
        ({"primary_network_interface": None}, (400, "validation_required_field", "primary_network_interface")),
        ({"bandwidth": 10}, (400, "bad_field", "bandwidth")),
        ({"vpc": {"id": "r006-no"}}, (404, "not_found", "vpc")),
        ({"resource_group": {"id": "no"}}, (400, "bad_field", "resource_group")),
        ({"network_attachments": []}, (400, "validation_only_one", "network_attachments")),
        ({"initialization": {"keys": []}}, (400, "validation_required_field", "initialization.image")),
    ],
)
def test_refusals(caller: Caller, fields: dict[str, Any], refusal: tuple[Any, ...]) -> None:
    image = caller.app.image("plain")["id"]
    free = caller.do("GET", f"/v1/subnets/{caller.subnet()['id']}")["available_ipv4_address_count"]
    assert caller.refused("POST", METAL, _body(caller, image, **fields)) == refusal
    assert caller.do("GET", METAL)["bare_metal_servers"] == []
    assert caller.do("GET", f"/v1/subnets/{caller.subnet()['id']}")["available_ipv4_address_count"] == free


def test_the_images_own_word_is_heeded(caller: Caller) -> None:
    use = {"bare_metal_server": "enable_secure_boot"}
    image = caller.app.image("strict", allowed_use=use)["id"]
    assert caller.refused("POST", METAL, _body(caller, image)) == (400, "bad_field", "allowed_use")
    server = _made(caller, image, enable_secure_boot=True)
    path = f"{METAL}/{server['id']}"
    assert server["disks"][0]["allowed_use"]["bare_metal_server"] == "enable_secure_boot"
    off = {"enable_secure_boot": False}
    assert caller.refused("PATCH", path, off) == (409, "invalid_state", "enable_secure_boot")
    _stop(caller, server)
    assert caller.refused("PATCH", path, off) == (400, "bad_field", "allowed_use")
    obsolete = caller.app.image("gone")["id"]
    caller.do("POST", f"/v1/images/{obsolete}/obsolete")
    assert caller.refused("POST", METAL, _body(caller, obsolete)) == (409, "invalid_state", "initialization.image")


def test_what_is_changed_is_shown(caller: Caller) -> None:
    server = _made(caller, name="one", trusted_platform_module={"mode": "tpm_2"})
    path = f"{METAL}/{server['id']}"
    assert server["trusted_platform_module"]["enabled"]
    changed = caller.do("PATCH", path, {"name": "two", "metadata_service": {"enabled": True}})
    assert (changed["name"], changed["metadata_service"]) == ("two", {"enabled": True, "protocol": "http"})
    (disk,) = caller.do("GET", f"{path}/disks")["disks"]
    renamed = caller.do("PATCH", f"{path}/disks/{disk['id']}", {"name": "system"})
    assert (renamed["name"], caller.do("GET", path)["boot_target"]["name"]) == ("system", "system")
    assert caller.refused("GET", f"{path}/disks/none") == (404, "not_found", "id")
    assert [one["name"] for one in caller.do("GET", f"{METAL}?name=two")["bare_metal_servers"]] == ["two"]
    vpc = server["vpc"]
    for asked in (f"vpc.id={vpc['id']}", f"vpc.name={vpc['name']}", f"vpc.crn={vpc['crn']}"):
        assert caller.do("GET", f"{METAL}?{asked}")["total_count"] == 1, asked
    assert caller.do("GET", f"{METAL}?name=one")["total_count"] == 0
    twice = _body(caller, caller.app.image("another")["id"], name="two")
    assert caller.refused("POST", METAL, twice) == (400, "validation_unique_failed", "name")


def test_interfaces_come_and_go(caller: Caller) -> None:
    server = _made(caller)
    subnet, path = {"id": caller.subnet()["id"]}, f"{METAL}/{server['id']}/network_interfaces"
    pci = {"subnet": subnet, "interface_type": "pci", "name": "second", "allowed_vlans": [5]}
    assert caller.refused("POST", path, pci)[:2] == (409, "invalid_state"), "only while it stands still"
    tagged = {"subnet": subnet, "interface_type": "vlan", "vlan": 4, "allow_interface_to_float": True}
    first = caller.do("POST", path, tagged)
    assert (first["vlan"], first["allow_interface_to_float"], first["type"]) == (4, True, "secondary")
    assert "allowed_vlans" not in first
    assert caller.refused("POST", path, {**tagged, "vlan": 5}) == (400, "bad_field", "vlan")
    _stop(caller, server)
    second = caller.do("POST", path, pci)
    assert caller.refused("POST", path, pci) == (400, "validation_unique_failed", "name")
    third = caller.do("POST", path, {**tagged, "vlan": 5})
    assert caller.refused("DELETE", f"{path}/{second['id']}")[:2] == (409, "invalid_state"), "its VLAN is used"
    assert caller.refused("PATCH", f"{path}/{second['id']}", {"allowed_vlans": []})[2] == "allowed_vlans"
    switches = {"allow_ip_spoofing": True, "enable_infrastructure_nat": False}
    assert caller.refused("PATCH", f"{path}/{second['id']}", switches)[2] == "allow_ip_spoofing"
    changed = caller.do("PATCH", f"{path}/{second['id']}", {"name": "other", "allowed_vlans": [5, 6]})
    assert (changed["name"], changed["allowed_vlans"]) == ("other", [5, 6])
    listed = caller.do("GET", path)
    assert {one["id"] for one in listed["network_interfaces"]} == {
        server["primary_network_interface"]["id"],
        first["id"],
        second["id"],
        third["id"],
    }
    reserved = caller.do("GET", changed["primary_ip"]["href"].removeprefix("http://kunsthalle.test"))
    assert (reserved["target"]["id"], reserved["target"]["name"]) == (second["id"], "other")
    for gone in (third, second, first):
        caller.do("DELETE", f"{path}/{gone['id']}")
    primary = server["primary_network_interface"]["id"]
    assert caller.refused("DELETE", f"{path}/{primary}")[:2] == (409, "invalid_state")
    assert caller.do("GET", path)["total_count"] == 1


def test_an_interface_has_its_address_and_floating_ips(caller: Caller) -> None:
    server = _made(caller)
    primary = server["primary_network_interface"]
    path = f"{METAL}/{server['id']}/network_interfaces/{primary['id']}"
    (address,) = caller.do("GET", f"{path}/ips")["ips"]
    assert caller.do("GET", f"{path}/ips/{address['id']}")["address"] == primary["primary_ip"]["address"]
    assert caller.refused("GET", f"{path}/ips/none") == (404, "not_found", "id")
    zone = {"zone": {"name": server["zone"]["name"]}}
    first, second = (caller.do("POST", "/v1/floating_ips", zone)["id"] for _ in range(2))
    assert caller.do("PUT", f"{path}/floating_ips/{first}")["target"]["id"] == primary["id"]
    caller.do("PUT", f"{path}/floating_ips/{second}")
    held = caller.do("GET", f"{path}/floating_ips")["floating_ips"]
    assert [one["id"] for one in held] == [second], "with address translation, the second takes the place of the first"
    assert caller.do("GET", path)["floating_ips"][0]["id"] == second
    assert caller.refused("GET", f"{path}/floating_ips/{first}") == (404, "not_found", "id")
    caller.do("DELETE", f"{path}/floating_ips/{second}")
    assert caller.do("GET", f"{path}/floating_ips")["floating_ips"] == []
    assert "target" not in caller.do("GET", f"/v1/floating_ips/{second}")


def test_attachments_and_what_mirrors_them(caller: Caller) -> None:
    server = _made(caller, **_attached(caller, name="face"))
    (attachment,) = server["network_attachments"]
    assert server["primary_network_attachment"] == attachment
    assert server["primary_network_interface"]["id"] == attachment["id"]
    face = attachment["virtual_network_interface"]
    assert caller.do("GET", f"/v1/virtual_network_interfaces/{face['id']}")["target"]["id"] == attachment["id"]
    base = f"{METAL}/{server['id']}"
    mirror = f"{base}/network_interfaces/{attachment['id']}"
    assert caller.do("GET", mirror)["name"] == "att0"
    for method in ("PATCH", "DELETE"):
        body = {"name": "x"} if method == "PATCH" else None
        assert caller.refused(method, mirror, body)[:2] == (409, "invalid_state")
    plain = {"subnet": {"id": caller.subnet()["id"]}, "interface_type": "vlan", "vlan": 4}
    assert caller.refused("POST", f"{base}/network_interfaces", plain)[:2] == (409, "invalid_state")
    loose = caller.do("POST", "/v1/virtual_network_interfaces", {"subnet": {"id": caller.subnet()["id"]}})
    more = {"interface_type": "vlan", "vlan": 4, "virtual_network_interface": {"id": loose["id"]}}
    added = caller.do("POST", f"{base}/network_attachments", more)
    assert (added["vlan"], added["allow_to_float"]) == (4, False)
    again = caller.refused("POST", f"{base}/network_attachments", more)
    assert again == (409, "virtual_network_interface_in_use", "virtual_network_interface")
    changed = caller.do("PATCH", f"{base}/network_attachments/{added['id']}", {"name": "tagged"})
    assert changed["name"] == "tagged"
    target = caller.do("GET", f"/v1/virtual_network_interfaces/{loose['id']}")["target"]
    assert (target["name"], target["resource_type"]) == ("tagged", "bare_metal_server_network_attachment")
    assert caller.do("GET", f"{base}/network_attachments")["total_count"] == 2
    caller.do("DELETE", f"{base}/network_attachments/{added['id']}")
    assert "target" not in caller.do("GET", f"/v1/virtual_network_interfaces/{loose['id']}")
    assert caller.refused("DELETE", f"{base}/network_attachments/{attachment['id']}")[:2] == (409, "invalid_state")
    caller.app.pause()
    caller.do("DELETE", base)
    going = caller.do("GET", base)
    assert (going["status"], going["network_attachments"]) == ("deleting", [attachment])
    caller.app.restart()
    caller.app.settle()
    assert caller.refused("GET", f"/v1/virtual_network_interfaces/{face['id']}")[0] == 404, "made with it, it goes too"
    assert caller.do("GET", f"/v1/virtual_network_interfaces/{loose['id']}")["id"] == loose["id"]


def test_a_server_without_attachments_has_none(caller: Caller) -> None:
    server = _made(caller)
    path = f"{METAL}/{server['id']}/network_attachments"
    assert caller.do("GET", path)["network_attachments"] == []
    assert caller.refused("GET", f"{path}/{server['primary_network_interface']['id']}")[0] == 404


def test_a_server_is_its_accounts_own(caller: Caller) -> None:
    server = _made(caller)
    path = f"{METAL}/{server['id']}"
    caller.who = "consumer"
    for one in (path, f"{path}/initialization", f"{path}/disks", f"{path}/network_interfaces"):
        assert caller.refused("GET", one)[:2] == (404, "not_found"), one
    caller.who = "viewer"
    assert caller.do("GET", path)["id"] == server["id"]
    assert caller.refused("POST", f"{path}/restart")[0] == 403
