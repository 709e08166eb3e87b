"""The rows of servers, templates, volumes and snapshots."""

from __future__ import annotations

from typing import Any

from fixtures.realm import QUERY, Realm


def _prototype(realm: Realm, name: str) -> dict[str, Any]:
    ids = realm.ids
    return {
        "name": name,
        "image": {"id": ids["images"]},
        "zone": {"name": ids["zone"]},
        "keys": [{"id": ids["keys"]}],
        "profile": {"name": "bx2d-2x8"},
        "primary_network_interface": {"subnet": {"id": ids["subnets"]}},
    }


def _volume(realm: Realm) -> dict[str, Any]:
    return {"profile": {"name": "general-purpose"}, "zone": {"name": realm.ids["zone"]}, "capacity": 10}


def _rename(_realm: Realm) -> Any:
    return {"name": "renamed"}


def _interface(realm: Realm) -> dict[str, Any]:
    return {"subnet": {"id": realm.ids["subnets"]}, "name": "another"}


_INSTANCE = "/v1/instances/{instance_id}"
BODIES = {
    f"POST {_INSTANCE}/network_interfaces": _interface,
    f"PATCH {_INSTANCE}/network_interfaces/{{id}}": _rename,
    f"POST {_INSTANCE}/network_attachments": lambda realm: {"virtual_network_interface": _interface(realm)},
    f"PATCH {_INSTANCE}/network_attachments/{{id}}": _rename,
    f"POST {_INSTANCE}/volume_attachments": lambda _realm: {
        "volume": {"profile": {"name": "general-purpose"}, "capacity": 10}
    },
    f"PATCH {_INSTANCE}/volume_attachments/{{id}}": _rename,
    f"PATCH {_INSTANCE}/disks/{{id}}": _rename,
    "POST /v1/instances/{id}/reinitialize": lambda realm: {"image": {"id": realm.ids["images"]}},
    "POST /v1/instances": lambda realm: _prototype(realm, "another"),
    "PATCH /v1/instances/{id}": _rename,
    "POST /v1/instances/{instance_id}/actions": lambda _realm: {"type": "stop"},
    "POST /v1/instances/{instance_id}/console_access_token": lambda _realm: {"console_type": "serial"},
    "POST /v1/instance/templates": lambda realm: _prototype(realm, "another"),
    "PATCH /v1/instance/templates/{id}": _rename,
    "POST /v1/volumes": _volume,
    "PATCH /v1/volumes/{id}": _rename,
    "POST /v1/snapshots": lambda realm: {"source_volume": {"id": realm.ids["volumes"]}, "name": "another"},
    "PATCH /v1/snapshots/{id}": _rename,
}


def furnish(realm: Realm) -> None:
    """A running server of the publisher's, its parts, a template, a snapshot."""
    ids = realm.ids
    body = _prototype(realm, "hidden-server")
    body["primary_network_attachment"] = {"virtual_network_interface": body.pop("primary_network_interface")}
    made = realm.ok("owner", "POST", f"/v1/instances?{QUERY}", body)
    realm.settle()
    attachment = made["boot_volume_attachment"]
    ids |= {"instances": made["id"], "volumes": attachment["volume"]["id"], "volume_attachments": attachment["id"]}
    ids["servers"] = ids["machines"] = made["id"]
    interface = made["primary_network_interface"]
    ids["network_interfaces"] = ids["targets"] = interface["id"]
    ids |= {"network_interfaces/ips": interface["primary_ip"]["id"], "disks": made["disks"][0]["id"]}
    address = realm.ok("owner", "POST", f"/v1/floating_ips?{QUERY}", {"target": {"id": interface["id"]}})
    ids["network_interfaces/floating_ips"] = address["id"]
    ids["network_attachments"] = ids["software_attachments"] = interface["id"]
    template = realm.ok("owner", "POST", f"/v1/instance/templates?{QUERY}", _prototype(realm, "hidden-template"))
    ids["templates"] = template["id"]
    body = {"source_volume": {"id": ids["volumes"]}, "name": "hidden-snapshot"}
    ids["snapshots"] = realm.ok("owner", "POST", f"/v1/snapshots?{QUERY}", body)["id"]
