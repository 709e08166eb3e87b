"""Bare metal servers: states and records change; an image that a catalog manages is never put on one (R3)."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.frozen_app import OPERATOR
from unit.instances.crowd import Crowd, Offer

METAL = "/v1/bare_metal_servers"


def _body(crowd: Crowd, image: str, **fields: Any) -> dict[str, Any]:
    subnet = crowd.subnet()
    body = {
        "profile": {"name": "bx2-metal-96x384"},
        "zone": {"name": subnet["zone"]["name"]},
        "initialization": {"image": {"id": image}, "keys": [{"id": crowd.do("GET", "/v1/keys")["keys"][0]["id"]}]},
        "primary_network_interface": {"subnet": {"id": subnet["id"]}, "allowed_vlans": [4]},
        **fields,
    }
    return {name: value for name, value in body.items() if value is not None}


def _made(crowd: Crowd, image: str | None = None, **fields: Any) -> dict[str, Any]:
    """A server that runs."""
    made = crowd.do("POST", METAL, _body(crowd, image or crowd.app.image("plain")["id"], **fields))
    crowd.app.settle()
    return dict(crowd.do("GET", f"{METAL}/{made['id']}"))


def _act(crowd: Crowd, server: dict[str, Any], verb: str, body: Any = None) -> str:
    crowd.do("POST", f"{METAL}/{server['id']}/{verb}", body)
    crowd.app.settle()
    return str(crowd.do("GET", f"{METAL}/{server['id']}")["status"])


def _stop(crowd: Crowd, server: dict[str, Any]) -> str:
    return _act(crowd, server, "stop", {"type": "hard"})


def _attached(crowd: Crowd, **fields: Any) -> dict[str, Any]:
    """Fields of a server with a network attachment."""
    interface = {"subnet": {"id": crowd.subnet()["id"]}, **fields}
    attachment = {"name": "att0", "virtual_network_interface": interface, "allowed_vlans": [4]}
    return {"primary_network_interface": None, "primary_network_attachment": attachment}


def test_a_server_lives_and_goes(crowd: Crowd) -> None:
    image = crowd.app.image("plain")["id"]
    made = crowd.do("POST", METAL, _body(crowd, image, name="iron"))
    assert (made["status"], made["lifecycle_state"]) == ("pending", "pending")
    crowd.app.settle()
    server = crowd.do("GET", f"{METAL}/{made['id']}")
    assert (server["status"], server["health_state"], server["memory"]) == ("running", "ok", 384)
    assert server["boot_target"]["id"] == server["disks"][0]["id"]
    assert "network_attachments" not in server
    start = crowd.do("GET", f"{METAL}/{made['id']}/initialization")
    assert (start["image"]["id"], start["image"]["name"], len(start["keys"])) == (image, "plain", 1)
    assert _act(crowd, server, "restart") == "running"
    assert _stop(crowd, server) == "stopped"
    assert _stop(crowd, server) == "stopped", "it is so already"
    assert crowd.refused("POST", f"{METAL}/{made['id']}/restart")[:2] == (409, "invalid_state")
    assert _act(crowd, server, "start") == "running"
    assert crowd.refused("POST", f"{METAL}/{made['id']}/stop", {"type": "gently"})[:2] == (400, "validation_enum")
    assert crowd.do("GET", f"/_kunsthalle/images/{image}/lineage")["totals"]["bare_metal_servers"] == 1
    crowd.do("DELETE", f"/v1/images/{image}")
    assert crowd.do("GET", f"{METAL}/{made['id']}/initialization")["image"] == start["image"], "the reference is kept"
    address = server["primary_network_interface"]["primary_ip"]["id"]
    crowd.do("DELETE", f"{METAL}/{made['id']}")
    crowd.app.settle()
    assert crowd.refused("GET", f"{METAL}/{made['id']}") == (404, "not_found", "id")
    reserved = crowd.do("GET", f"/v1/subnets/{crowd.subnet()['id']}/reserved_ips")["reserved_ips"]
    assert address not in {one["id"] for one in reserved}


def test_a_deletion_that_went_wrong_is_asked_for_again(crowd: Crowd) -> None:
    server = _made(crowd)
    fault = {"on": "job", "match": "metal.move", "effect": "fail"}
    assert crowd.app.call(OPERATOR, "POST", "/_kunsthalle/faults", fault).status == 200
    crowd.do("DELETE", f"{METAL}/{server['id']}")
    crowd.app.settle()
    shown = crowd.do("GET", f"{METAL}/{server['id']}")
    assert (shown["status"], len(shown["status_reasons"])) == ("failed", 1)
    crowd.do("DELETE", f"{METAL}/{server['id']}")
    crowd.app.settle()
    assert crowd.refused("GET", f"{METAL}/{server['id']}") == (404, "not_found", "id")


def test_another_image_takes_the_place_of_the_first(crowd: Crowd) -> None:
    server, second = _made(crowd), crowd.app.image("second")["id"]
    path, keys = f"{METAL}/{server['id']}/initialization", [{"id": crowd.do("GET", "/v1/keys")["keys"][0]["id"]}]
    body = {"image": {"id": second}, "keys": keys, "user_data": "#cloud-config\n"}
    assert crowd.refused("PUT", path, body)[:2] == (409, "invalid_state"), "it must stand still"
    _stop(crowd, server)
    assert crowd.do("PUT", path, body)["image"]["id"] == second
    crowd.app.settle()
    assert crowd.do("GET", f"{METAL}/{server['id']}")["status"] == "running"
    assert crowd.do("GET", path)["image"]["name"] == "second"
    assert "user_data" not in str(crowd.do("GET", path))


def test_a_managed_image_is_refused_everywhere(crowd: Crowd) -> None:
    offer = crowd.offer()
    crowd.who = "owner"
    server = _made(crowd)
    _stop(crowd, server)
    refused = (400, "bad_field", "initialization.image")
    assert crowd.refused("POST", METAL, _body(crowd, offer.image)) == refused
    path, keys = f"{METAL}/{server['id']}/initialization", [{"id": crowd.do("GET", "/v1/keys")["keys"][0]["id"]}]
    before = crowd.do("GET", f"{METAL}/{server['id']}")
    assert crowd.refused("PUT", path, {"image": {"id": offer.image}, "keys": keys}) == (400, "bad_field", "image")
    assert crowd.do("GET", f"{METAL}/{server['id']}") == before
    assert crowd.do("GET", f"/v1/images/{offer.image}/bare_metal_server_profiles")["bare_metal_server_profiles"] == []
    crowd.app.do("DELETE", offer.path)
    assert crowd.do("PUT", path, {"image": {"id": offer.image}, "keys": keys})["image"]["id"] == offer.image
    assert crowd.do("POST", METAL, _body(crowd, offer.image))["status"] == "pending"


@pytest.mark.parametrize("shared", [True, False])
def test_the_managed_image_of_another_account_is_like_none(crowd: Crowd, shared: bool) -> None:
    offer: Offer = crowd.offer()
    if not shared:
        crowd.who = "outsider"
    crn = f"crn:v1:bluemix:public:is:us-south:a/{crowd.app.accounts['owner']}::image:"
    never = "r006-00000000-0000-4000-8000-000000000000"
    for way in ("id", "crn", "href"):
        answers = []
        for id_ in (offer.image, never):
            body = _body(crowd, id_)
            meant = {"id": id_, "crn": crn + id_, "href": f"http://kunsthalle.test/v1/images/{id_}"}
            body["initialization"]["image"] = {way: meant[way]}
            answers.append(crowd.app.call(crowd.who, "POST", METAL, body))
        assert answers[0] == answers[1], way
        assert answers[0].status == 404
    assert crowd.do("GET", METAL)["bare_metal_servers"] == []


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
def test_refusals(crowd: Crowd, fields: dict[str, Any], refusal: tuple[Any, ...]) -> None:
    image = crowd.app.image("plain")["id"]
    free = crowd.do("GET", f"/v1/subnets/{crowd.subnet()['id']}")["available_ipv4_address_count"]
    assert crowd.refused("POST", METAL, _body(crowd, image, **fields)) == refusal
    assert crowd.do("GET", METAL)["bare_metal_servers"] == []
    assert crowd.do("GET", f"/v1/subnets/{crowd.subnet()['id']}")["available_ipv4_address_count"] == free


def test_the_images_own_word_is_heeded(crowd: Crowd) -> None:
    use = {"bare_metal_server": "enable_secure_boot"}
    image = crowd.app.image("strict", allowed_use=use)["id"]
    assert crowd.refused("POST", METAL, _body(crowd, image)) == (400, "bad_field", "allowed_use")
    server = _made(crowd, image, enable_secure_boot=True)
    path = f"{METAL}/{server['id']}"
    assert server["disks"][0]["allowed_use"]["bare_metal_server"] == "enable_secure_boot"
    off = {"enable_secure_boot": False}
    assert crowd.refused("PATCH", path, off) == (409, "invalid_state", "enable_secure_boot")
    _stop(crowd, server)
    assert crowd.refused("PATCH", path, off) == (400, "bad_field", "allowed_use")
    obsolete = crowd.app.image("gone")["id"]
    crowd.do("POST", f"/v1/images/{obsolete}/obsolete")
    assert crowd.refused("POST", METAL, _body(crowd, obsolete)) == (409, "invalid_state", "initialization.image")


def test_what_is_changed_is_shown(crowd: Crowd) -> None:
    server = _made(crowd, name="one", trusted_platform_module={"mode": "tpm_2"})
    path = f"{METAL}/{server['id']}"
    assert server["trusted_platform_module"]["enabled"]
    changed = crowd.do("PATCH", path, {"name": "two", "metadata_service": {"enabled": True}})
    assert (changed["name"], changed["metadata_service"]) == ("two", {"enabled": True, "protocol": "http"})
    (disk,) = crowd.do("GET", f"{path}/disks")["disks"]
    renamed = crowd.do("PATCH", f"{path}/disks/{disk['id']}", {"name": "system"})
    assert (renamed["name"], crowd.do("GET", path)["boot_target"]["name"]) == ("system", "system")
    assert crowd.refused("GET", f"{path}/disks/none") == (404, "not_found", "id")
    assert [one["name"] for one in crowd.do("GET", f"{METAL}?name=two")["bare_metal_servers"]] == ["two"]
    vpc = server["vpc"]
    for asked in (f"vpc.id={vpc['id']}", f"vpc.name={vpc['name']}", f"vpc.crn={vpc['crn']}"):
        assert crowd.do("GET", f"{METAL}?{asked}")["total_count"] == 1, asked
    assert crowd.do("GET", f"{METAL}?name=one")["total_count"] == 0
    twice = _body(crowd, crowd.app.image("another")["id"], name="two")
    assert crowd.refused("POST", METAL, twice) == (400, "validation_unique_failed", "name")


def test_interfaces_come_and_go(crowd: Crowd) -> None:
    server = _made(crowd)
    subnet, path = {"id": crowd.subnet()["id"]}, f"{METAL}/{server['id']}/network_interfaces"
    pci = {"subnet": subnet, "interface_type": "pci", "name": "second", "allowed_vlans": [5]}
    assert crowd.refused("POST", path, pci)[:2] == (409, "invalid_state"), "only while it stands still"
    tagged = {"subnet": subnet, "interface_type": "vlan", "vlan": 4, "allow_interface_to_float": True}
    first = crowd.do("POST", path, tagged)
    assert (first["vlan"], first["allow_interface_to_float"], first["type"]) == (4, True, "secondary")
    assert "allowed_vlans" not in first
    assert crowd.refused("POST", path, {**tagged, "vlan": 5}) == (400, "bad_field", "vlan")
    _stop(crowd, server)
    second = crowd.do("POST", path, pci)
    assert crowd.refused("POST", path, pci) == (400, "validation_unique_failed", "name")
    third = crowd.do("POST", path, {**tagged, "vlan": 5})
    assert crowd.refused("DELETE", f"{path}/{second['id']}")[:2] == (409, "invalid_state"), "its VLAN is used"
    assert crowd.refused("PATCH", f"{path}/{second['id']}", {"allowed_vlans": []})[2] == "allowed_vlans"
    switches = {"allow_ip_spoofing": True, "enable_infrastructure_nat": False}
    assert crowd.refused("PATCH", f"{path}/{second['id']}", switches)[2] == "allow_ip_spoofing"
    changed = crowd.do("PATCH", f"{path}/{second['id']}", {"name": "other", "allowed_vlans": [5, 6]})
    assert (changed["name"], changed["allowed_vlans"]) == ("other", [5, 6])
    listed = crowd.do("GET", path)
    assert {one["id"] for one in listed["network_interfaces"]} == {
        server["primary_network_interface"]["id"],
        first["id"],
        second["id"],
        third["id"],
    }
    reserved = crowd.do("GET", changed["primary_ip"]["href"].removeprefix("http://kunsthalle.test"))
    assert (reserved["target"]["id"], reserved["target"]["name"]) == (second["id"], "other")
    for gone in (third, second, first):
        crowd.do("DELETE", f"{path}/{gone['id']}")
    primary = server["primary_network_interface"]["id"]
    assert crowd.refused("DELETE", f"{path}/{primary}")[:2] == (409, "invalid_state")
    assert crowd.do("GET", path)["total_count"] == 1


def test_an_interface_has_its_address_and_floating_ips(crowd: Crowd) -> None:
    server = _made(crowd)
    primary = server["primary_network_interface"]
    path = f"{METAL}/{server['id']}/network_interfaces/{primary['id']}"
    (address,) = crowd.do("GET", f"{path}/ips")["ips"]
    assert crowd.do("GET", f"{path}/ips/{address['id']}")["address"] == primary["primary_ip"]["address"]
    assert crowd.refused("GET", f"{path}/ips/none") == (404, "not_found", "id")
    zone = {"zone": {"name": server["zone"]["name"]}}
    first, second = (crowd.do("POST", "/v1/floating_ips", zone)["id"] for _ in range(2))
    assert crowd.do("PUT", f"{path}/floating_ips/{first}")["target"]["id"] == primary["id"]
    crowd.do("PUT", f"{path}/floating_ips/{second}")
    held = crowd.do("GET", f"{path}/floating_ips")["floating_ips"]
    assert [one["id"] for one in held] == [second], "with address translation, the second takes the place of the first"
    assert crowd.do("GET", path)["floating_ips"][0]["id"] == second
    assert crowd.refused("GET", f"{path}/floating_ips/{first}") == (404, "not_found", "id")
    crowd.do("DELETE", f"{path}/floating_ips/{second}")
    assert crowd.do("GET", f"{path}/floating_ips")["floating_ips"] == []
    assert "target" not in crowd.do("GET", f"/v1/floating_ips/{second}")


def test_attachments_and_what_mirrors_them(crowd: Crowd) -> None:
    server = _made(crowd, **_attached(crowd, name="face"))
    (attachment,) = server["network_attachments"]
    assert server["primary_network_attachment"] == attachment
    assert server["primary_network_interface"]["id"] == attachment["id"]
    face = attachment["virtual_network_interface"]
    assert crowd.do("GET", f"/v1/virtual_network_interfaces/{face['id']}")["target"]["id"] == attachment["id"]
    base = f"{METAL}/{server['id']}"
    mirror = f"{base}/network_interfaces/{attachment['id']}"
    assert crowd.do("GET", mirror)["name"] == "att0"
    for method in ("PATCH", "DELETE"):
        assert crowd.refused(method, mirror, {"name": "x"} if method == "PATCH" else None)[:2] == (409, "invalid_state")
    plain = {"subnet": {"id": crowd.subnet()["id"]}, "interface_type": "vlan", "vlan": 4}
    assert crowd.refused("POST", f"{base}/network_interfaces", plain)[:2] == (409, "invalid_state")
    loose = crowd.do("POST", "/v1/virtual_network_interfaces", {"subnet": {"id": crowd.subnet()["id"]}})
    more = {"interface_type": "vlan", "vlan": 4, "virtual_network_interface": {"id": loose["id"]}}
    added = crowd.do("POST", f"{base}/network_attachments", more)
    assert (added["vlan"], added["allow_to_float"]) == (4, False)
    again = crowd.refused("POST", f"{base}/network_attachments", more)
    assert again == (409, "virtual_network_interface_in_use", "virtual_network_interface")
    changed = crowd.do("PATCH", f"{base}/network_attachments/{added['id']}", {"name": "tagged"})
    assert changed["name"] == "tagged"
    target = crowd.do("GET", f"/v1/virtual_network_interfaces/{loose['id']}")["target"]
    assert (target["name"], target["resource_type"]) == ("tagged", "bare_metal_server_network_attachment")
    assert crowd.do("GET", f"{base}/network_attachments")["total_count"] == 2
    crowd.do("DELETE", f"{base}/network_attachments/{added['id']}")
    assert "target" not in crowd.do("GET", f"/v1/virtual_network_interfaces/{loose['id']}")
    assert crowd.refused("DELETE", f"{base}/network_attachments/{attachment['id']}")[:2] == (409, "invalid_state")
    crowd.app.pause()
    crowd.do("DELETE", base)
    going = crowd.do("GET", base)
    assert (going["status"], going["network_attachments"]) == ("deleting", [attachment])
    crowd.app.restart()
    crowd.app.settle()
    assert crowd.refused("GET", f"/v1/virtual_network_interfaces/{face['id']}")[0] == 404, "made with it, it goes too"
    assert crowd.do("GET", f"/v1/virtual_network_interfaces/{loose['id']}")["id"] == loose["id"]


def test_a_server_without_attachments_has_none(crowd: Crowd) -> None:
    server = _made(crowd)
    path = f"{METAL}/{server['id']}/network_attachments"
    assert crowd.do("GET", path)["network_attachments"] == []
    assert crowd.refused("GET", f"{path}/{server['primary_network_interface']['id']}")[0] == 404


def test_a_server_is_its_accounts_own(crowd: Crowd) -> None:
    server = _made(crowd)
    path = f"{METAL}/{server['id']}"
    crowd.who = "consumer"
    for one in (path, f"{path}/initialization", f"{path}/disks", f"{path}/network_interfaces"):
        assert crowd.refused("GET", one)[:2] == (404, "not_found"), one
    crowd.who = "viewer"
    assert crowd.do("GET", path)["id"] == server["id"]
    assert crowd.refused("POST", f"{path}/restart")[0] == 403
