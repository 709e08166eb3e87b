"""The networks package's rows."""

from __future__ import annotations

from typing import Any

from fixtures.frozen_app import QUERY, FrozenApp

_RULE = {"direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 22}
_ACL_RULE = {"action": "deny", "direction": "inbound", "protocol": "all", "source": "10.0.0.0/8"}
_ACL_RULE["destination"] = "0.0.0.0/0"
_ROUTE = {"destination": "10.99.0.0/16", "next_hop": {"address": "10.240.0.4"}}


def _rename(_frozen: FrozenApp) -> Any:
    return {"name": "renamed"}


def _in_zone(frozen: FrozenApp) -> dict[str, Any]:
    return {"zone": {"name": frozen.ids["zone"]}}


def _of(field: str, key: str) -> Any:
    return lambda frozen: {field: {"id": frozen.ids[key]}, "name": "another"}


def _identity(key: str) -> Any:
    return lambda frozen: {"id": frozen.ids[key]}


BODIES: dict[str, Any] = {
    f"PATCH /v1/{path}": _rename
    for path in (
        "vpcs/{id}",
        "vpcs/{vpc_id}/address_prefixes/{id}",
        "vpcs/{vpc_id}/dns_resolution_bindings/{id}",
        "vpcs/{vpc_id}/routes/{id}",
        "vpcs/{vpc_id}/routing_tables/{id}",
        "vpcs/{vpc_id}/routing_tables/{routing_table_id}/routes/{id}",
        "subnets/{id}",
        "subnets/{subnet_id}/reserved_ips/{id}",
        "security_groups/{id}",
        "security_groups/{security_group_id}/rules/{id}",
        "network_acls/{id}",
        "network_acls/{network_acl_id}/rules/{id}",
        "public_gateways/{id}",
        "floating_ips/{id}",
        "virtual_network_interfaces/{id}",
        "keys/{id}",
    )
}
BODIES |= {
    "POST /v1/vpcs/{vpc_id}/address_prefixes": lambda frozen: {**_in_zone(frozen), "cidr": "192.168.0.0/16"},
    "POST /v1/vpcs/{vpc_id}/dns_resolution_bindings": _of("vpc", "hub"),
    "POST /v1/vpcs/{vpc_id}/routing_tables": _rename,
    "POST /v1/vpcs/{vpc_id}/routes": lambda frozen: {**_in_zone(frozen), **_ROUTE},
    "POST /v1/vpcs/{vpc_id}/routing_tables/{routing_table_id}/routes": lambda frozen: {**_in_zone(frozen), **_ROUTE},
    "POST /v1/subnets/{subnet_id}/reserved_ips": _rename,
    "PUT /v1/subnets/{id}/network_acl": _identity("network_acls"),
    "PUT /v1/subnets/{id}/public_gateway": _identity("public_gateways"),
    "PUT /v1/subnets/{id}/routing_table": _identity("routing_tables"),
    "POST /v1/security_groups/{security_group_id}/rules": lambda _frozen: _RULE,
    "POST /v1/network_acls": _of("vpc", "vpcs"),
    "POST /v1/network_acls/{network_acl_id}/rules": lambda _frozen: _ACL_RULE,
    "POST /v1/public_gateways": lambda frozen: {"vpc": {"id": frozen.ids["hub"]}, **_in_zone(frozen)},
    "POST /v1/floating_ips": _in_zone,
    "POST /v1/virtual_network_interfaces": _of("subnet", "subnets"),
}


def furnish(frozen: FrozenApp) -> None:
    """One of each kind that does not come with a VPC."""
    ids = frozen.ids

    def made(path: str, body: dict[str, Any]) -> dict[str, Any]:
        return dict(frozen.ok("owner", "POST", f"/v1/{path}?{QUERY}", body))

    here, subnet, zone = f"vpcs/{ids['vpcs']}", ids["subnets"], _in_zone(frozen)
    hub = made("vpcs", {"name": "hidden-hub", "dns": {"enable_hub": True}})
    ids["hub"] = hub["id"]
    ids["dns_resolution_bindings"] = made(f"{here}/dns_resolution_bindings", {"vpc": {"id": hub["id"]}})["id"]
    destination = {**zone, "destination": "10.98.0.0/16", "action": "drop"}
    ids["routes"] = made(f"{here}/routes", destination)["id"]
    gateway = made("public_gateways", {"vpc": {"id": ids["vpcs"]}, **zone})
    ids["public_gateways"] = gateway["id"]
    frozen.ok("owner", "PUT", f"/v1/subnets/{subnet}/public_gateway?{QUERY}", {"id": gateway["id"]})
    interface = made("virtual_network_interfaces", {"subnet": {"id": subnet}, "name": "hidden-interface"})
    ids |= {"virtual_network_interfaces": interface["id"], "ips": interface["primary_ip"]["id"]}
    ids["floating_ips"] = made("floating_ips", {"target": {"id": interface["id"]}, "name": "hidden-ip"})["id"]
    ids["reserved_ips"] = made(f"subnets/{subnet}/reserved_ips", {"name": "hidden-address"})["id"]
    ids["security_groups/rules"] = made(f"security_groups/{ids['security_groups']}/rules", _RULE)["id"]
    ids["network_acls/rules"] = made(f"network_acls/{ids['network_acls']}/rules", _ACL_RULE)["id"]
