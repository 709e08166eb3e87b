"""The rows of bare metal servers."""

from __future__ import annotations

from typing import Any

from fixtures.realm import QUERY, Realm

_ONE = "/v1/bare_metal_servers/{bare_metal_server_id}"


def _rename(_realm: Realm) -> Any:
    return {"name": "renamed"}


def _initialization(realm: Realm) -> dict[str, Any]:
    return {"image": {"id": realm.ids["free image"]}, "keys": [{"id": realm.ids["keys"]}]}


def _server(realm: Realm, name: str) -> dict[str, Any]:
    interface = {"name": "hidden-face", "subnet": {"id": realm.ids["subnets"]}}
    return {
        "name": name,
        "profile": {"name": "bx2-metal-96x384"},
        "zone": {"name": realm.ids["zone"]},
        "initialization": _initialization(realm),
        "primary_network_attachment": {"virtual_network_interface": interface, "allowed_vlans": [4]},
    }


def _tagged(field: str) -> Any:
    """What one more interface is asked for by; the server has attachments."""

    def body(realm: Realm) -> Any:
        here = {"subnet": {"id": realm.ids["subnets"]}}
        return {"interface_type": "vlan", "vlan": 4, **(here if field == "subnet" else {field: here})}

    return body


def _another(realm: Realm) -> Any:
    body = _server(realm, "another")
    del body["primary_network_attachment"]["virtual_network_interface"]["name"]
    return body


BODIES: dict[str, Any] = {
    f"PATCH {path}": _rename
    for path in (
        "/v1/bare_metal_servers/{id}",
        f"{_ONE}/disks/{{id}}",
        f"{_ONE}/network_interfaces/{{id}}",
        f"{_ONE}/network_attachments/{{id}}",
    )
}
BODIES |= {
    "POST /v1/bare_metal_servers": _another,
    "PUT /v1/bare_metal_servers/{id}/initialization": _initialization,
    "POST /v1/bare_metal_servers/{id}/stop": lambda _realm: {"type": "hard"},
    f"POST {_ONE}/network_interfaces": _tagged("subnet"),
    f"POST {_ONE}/network_attachments": _tagged("virtual_network_interface"),
}


def furnish(realm: Realm) -> None:
    """A bare metal server of the publisher's with a network attachment, and a floating IP on that."""
    ids = realm.ids
    made = realm.ok("owner", "POST", f"/v1/bare_metal_servers?{QUERY}", _server(realm, "hidden-iron"))
    ids["bare_metal_servers"] = made["id"]
    ids["bare_metal_servers/disks"] = made["disks"][0]["id"]
    attachment = made["network_attachments"][0]
    for segment in ("network_interfaces", "network_attachments"):
        ids[f"bare_metal_servers/{segment}"] = attachment["id"]
    ids["bare_metal_servers/network_interfaces/ips"] = attachment["primary_ip"]["id"]
    face = {"target": {"id": attachment["virtual_network_interface"]["id"]}, "name": "hidden-iron-ip"}
    held = realm.ok("owner", "POST", f"/v1/floating_ips?{QUERY}", face)["id"]
    ids["bare_metal_servers/network_interfaces/floating_ips"] = held
