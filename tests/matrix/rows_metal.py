"""The rows of bare metal servers."""

from __future__ import annotations

from typing import Any

from fixtures.frozen_app import QUERY, FrozenApp

_ONE = "/v1/bare_metal_servers/{bare_metal_server_id}"


def _rename(_frozen: FrozenApp) -> Any:
    return {"name": "renamed"}


def _initialization(frozen: FrozenApp) -> dict[str, Any]:
    return {"image": {"id": frozen.ids["free image"]}, "keys": [{"id": frozen.ids["keys"]}]}


def _server(frozen: FrozenApp, name: str) -> dict[str, Any]:
    interface = {"name": "hidden-face", "subnet": {"id": frozen.ids["subnets"]}}
    return {
        "name": name,
        "profile": {"name": "bx2-metal-96x384"},
        "zone": {"name": frozen.ids["zone"]},
        "initialization": _initialization(frozen),
        "primary_network_attachment": {"virtual_network_interface": interface, "allowed_vlans": [4]},
    }


def _tagged(field: str) -> Any:
    """What one more interface is asked for by; the server has attachments."""

    def body(frozen: FrozenApp) -> Any:
        here = {"subnet": {"id": frozen.ids["subnets"]}}
        return {"interface_type": "vlan", "vlan": 4, **(here if field == "subnet" else {field: here})}

    return body


def _another(frozen: FrozenApp) -> Any:
    body = _server(frozen, "another")
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
    "POST /v1/bare_metal_servers/{id}/stop": lambda _frozen: {"type": "hard"},
    f"POST {_ONE}/network_interfaces": _tagged("subnet"),
    f"POST {_ONE}/network_attachments": _tagged("virtual_network_interface"),
}


def furnish(frozen: FrozenApp) -> None:
    """A bare metal server of the publisher's with a network attachment, and a floating IP on that."""
    ids = frozen.ids
    made = frozen.ok("owner", "POST", f"/v1/bare_metal_servers?{QUERY}", _server(frozen, "hidden-iron"))
    ids["bare_metal_servers"] = made["id"]
    ids["bare_metal_servers/disks"] = made["disks"][0]["id"]
    attachment = made["network_attachments"][0]
    for segment in ("network_interfaces", "network_attachments"):
        ids[f"bare_metal_servers/{segment}"] = attachment["id"]
    ids["bare_metal_servers/network_interfaces/ips"] = attachment["primary_ip"]["id"]
    face = {"target": {"id": attachment["virtual_network_interface"]["id"]}, "name": "hidden-iron-ip"}
    held = frozen.ok("owner", "POST", f"/v1/floating_ips?{QUERY}", face)["id"]
    ids["bare_metal_servers/network_interfaces/floating_ips"] = held
