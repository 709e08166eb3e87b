"""The rows of servers, templates, volumes and snapshots."""

from __future__ import annotations

from typing import Any

from fixtures.frozen_app import QUERY, FrozenApp


def _prototype(frozen: FrozenApp, name: str) -> dict[str, Any]:
    ids = frozen.ids
    return {
        "name": name,
        "image": {"id": ids["images"]},
        "zone": {"name": ids["zone"]},
        "keys": [{"id": ids["keys"]}],
        "profile": {"name": "bx2d-2x8"},
        "primary_network_interface": {"subnet": {"id": ids["subnets"]}},
    }


def _volume(frozen: FrozenApp) -> dict[str, Any]:
    return {"profile": {"name": "general-purpose"}, "zone": {"name": frozen.ids["zone"]}, "capacity": 10}


def _rename(_frozen: FrozenApp) -> Any:
    return {"name": "renamed"}


def _interface(frozen: FrozenApp) -> dict[str, Any]:
    return {"subnet": {"id": frozen.ids["subnets"]}, "name": "another"}


_INSTANCE = "/v1/instances/{instance_id}"
BODIES = {
    f"POST {_INSTANCE}/network_interfaces": _interface,
    f"PATCH {_INSTANCE}/network_interfaces/{{id}}": _rename,
    f"POST {_INSTANCE}/network_attachments": lambda frozen: {"virtual_network_interface": _interface(frozen)},
    f"PATCH {_INSTANCE}/network_attachments/{{id}}": _rename,
    f"POST {_INSTANCE}/volume_attachments": lambda _frozen: {
        "volume": {"profile": {"name": "general-purpose"}, "capacity": 10}
    },
    f"PATCH {_INSTANCE}/volume_attachments/{{id}}": _rename,
    f"PATCH {_INSTANCE}/disks/{{id}}": _rename,
    "POST /v1/instances/{id}/reinitialize": lambda frozen: {"image": {"id": frozen.ids["images"]}},
    "POST /v1/instances": lambda frozen: _prototype(frozen, "another"),
    "PATCH /v1/instances/{id}": _rename,
    "POST /v1/instances/{instance_id}/actions": lambda _frozen: {"type": "stop"},
    "POST /v1/instances/{instance_id}/console_access_token": lambda _frozen: {"console_type": "serial"},
    "POST /v1/instance/templates": lambda frozen: _prototype(frozen, "another"),
    "PATCH /v1/instance/templates/{id}": _rename,
    "POST /v1/placement_groups": lambda _frozen: {"strategy": "host_spread", "name": "another"},
    "PATCH /v1/placement_groups/{id}": _rename,
    "POST /v1/volumes": _volume,
    "PATCH /v1/volumes/{id}": _rename,
    "POST /v1/snapshots": lambda frozen: {"source_volume": {"id": frozen.ids["volumes"]}, "name": "another"},
    "PATCH /v1/snapshots/{id}": _rename,
}


def furnish(frozen: FrozenApp) -> None:
    """A running server of the publisher's, its parts, a template, a snapshot."""
    ids = frozen.ids
    body = _prototype(frozen, "hidden-server")
    body["primary_network_attachment"] = {"virtual_network_interface": body.pop("primary_network_interface")}
    made = frozen.ok("owner", "POST", f"/v1/instances?{QUERY}", body)
    frozen.settle()
    attachment = made["boot_volume_attachment"]
    ids |= {"instances": made["id"], "volumes": attachment["volume"]["id"], "volume_attachments": attachment["id"]}
    ids["servers"] = ids["machines"] = made["id"]
    interface = made["primary_network_interface"]
    ids["network_interfaces"] = ids["targets"] = interface["id"]
    ids |= {"network_interfaces/ips": interface["primary_ip"]["id"], "disks": made["disks"][0]["id"]}
    address = frozen.ok("owner", "POST", f"/v1/floating_ips?{QUERY}", {"target": {"id": interface["id"]}})
    ids["network_interfaces/floating_ips"] = address["id"]
    ids["network_attachments"] = ids["software_attachments"] = interface["id"]
    apart = {"strategy": "host_spread", "name": "hidden-spread"}
    ids["placement_groups"] = frozen.ok("owner", "POST", f"/v1/placement_groups?{QUERY}", apart)["id"]
    template = frozen.ok("owner", "POST", f"/v1/instance/templates?{QUERY}", _prototype(frozen, "hidden-template"))
    ids["templates"] = template["id"]
    body = {"source_volume": {"id": ids["volumes"]}, "name": "hidden-snapshot"}
    ids["snapshots"] = frozen.ok("owner", "POST", f"/v1/snapshots?{QUERY}", body)["id"]
