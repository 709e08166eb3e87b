"""What makes the largest bodies acceptable: who sends them, with which query, and items that name what is there.

A body has a place: the route, and the path of the list in it, such as `POST /v1/instances | keys`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fixtures.frozen_app import OPERATOR, QUERY, FrozenApp, path_of
from kunsthalle.api.router import Route
from kunsthalle.instances.prototype_planning import MOST as MOST_DATA_VOLUMES
from matrix.rows import BODIES, headers_of

Item = Callable[[FrozenApp, int], Any]
_HEADERS = {"x_auth_refresh_token": "any", "iam_apikey": "none"}
_QUERY = {
    "POST /v3/tags": "tag_type=access",
    "PUT /api/v1-beta/catalogs/{catalog_id}/offerings/{offering_id}/reload": "targetVersion=1.0.0",
    "DELETE /v1/snapshots": "source_volume.id=none",
    "DELETE /v2/groups/{access_group_id}": "force=true",
}


def persona_of(route: Route) -> str:
    """Who may do it."""
    if "/_kunsthalle/" in route.path and route.path.split("/")[2] in {"accounts", "api_keys", "approvals", "quotas"}:
        return OPERATOR
    of_tree = route.path.startswith(("/v1/accounts", "/v1/account-groups", "/v1/enterprises"))
    return "enterprise" if of_tree and "/settings/" not in route.path else "owner"


def address_of(frozen: FrozenApp, route: Route) -> str:
    """The path with its query."""
    path = path_of(frozen, route.path)
    more = _QUERY.get(route.name)
    return path if more is None else f"{path}{'&' if '?' in path else '?'}{more}"


def current(frozen: FrozenApp, route: Route, body: Any) -> tuple[dict[str, str], Any]:
    """The headers and the body with the entity tag of what is changed, where it has one."""
    headers = headers_of(frozen, route, **_HEADERS)
    if route.method not in {"PUT", "PATCH"}:
        return headers, body
    found = frozen.call(persona_of(route), "GET", path_of(frozen, route.path), **headers)
    tag = dict(found.headers).get(b"etag")
    if route.surface.name != "catalog":
        return {**headers, "if_match": tag.decode()} if found.status == 200 and tag else headers, body
    if route.name == _VERSION:
        return headers, found.json
    if isinstance(body, list):
        return {**headers, "if_match": found.json["_rev"]}, body
    return headers, {**body, "_rev": found.json["_rev"]} if isinstance(body, dict) and "_rev" in body else body


def _id(kind: str) -> Item:
    return lambda frozen, _number: {"id": frozen.ids[kind]}


def _interface(frozen: FrozenApp, number: int) -> Any:
    return {"subnet": {"id": frozen.ids["subnets"]}, "name": f"interface-{number}"}


def _attachment(frozen: FrozenApp, number: int) -> Any:
    return {"virtual_network_interface": _interface(frozen, number), "name": f"attachment-{number}"}


def _vlan(frozen: FrozenApp, number: int) -> Any:
    return {**_attachment(frozen, number), "interface_type": "vlan", "vlan": 4}


def _data_volume(_frozen: FrozenApp, number: int) -> Any:
    return {"volume": {"capacity": 10, "profile": {"name": "general-purpose"}, "name": f"volume-{number}"}}


def _rule(_frozen: FrozenApp, number: int) -> Any:
    rule = {"action": "deny", "direction": "inbound", "protocol": "tcp", "source": "10.0.0.0/8"}
    return {**rule, "destination": "0.0.0.0/0", "name": f"rule-{number}"}


def _route(frozen: FrozenApp, number: int) -> Any:
    hop = {"action": "drop", "zone": {"name": frozen.ids["zone"]}}
    return {**hop, "name": f"route-{number}", "destination": f"10.1.{number}.0/24"}


def _attribute(_frozen: FrozenApp, number: int) -> Any:
    """Of a policy of version 1."""
    return {"name": f"attribute{number}", "value": "v"} if number else {"name": "serviceName", "value": "is"}


def _attribute_v2(_frozen: FrozenApp, number: int) -> Any:
    name, value = ("serviceName", "is") if number == 0 else (f"attribute{number}", "v")
    return {"key": name, "operator": "stringEquals", "value": value}


def _tag_v2(_frozen: FrozenApp, number: int) -> Any:
    return {"key": f"key{number}", "operator": "stringEquals", "value": "value"}


def _account(_frozen: FrozenApp, number: int) -> Any:
    return f"{number:032x}"


_KINDS = ("image", "instance", "volume", "snapshot", "subnet", "key", "vpc", "security-group", "network-acl")
_VERBS = ("create", "delete", "operate", "read", "update", "list", "use", "attach", "detach", "copy", "share", "grant")
_ROLE = "crn:v1:bluemix:public:iam::::role:"
_ACTIONS = [f"is.{kind}.{kind}.{verb}" for kind in _KINDS for verb in _VERBS]
_KIND = "vpc-x86"
_METAL = "POST /v1/bare_metal_servers"
_VERSION = "PUT /api/v1-beta/versions/{version_loc_id}"

_PERSON = {"identifier": "IBMid-VIEWER0001", "type": "user"}


def _granted(number: int) -> Any:
    return {"attributes": [{"name": "serviceName", "value": "is"}, {"name": "resource", "value": f"r{number}"}]}


ITEMS: dict[str, Item] = {
    "keys": _id("keys"),
    "iam_policy": lambda _frozen, number: {
        "roles": [{"role_id": f"{_ROLE}Viewer"}],
        "resources": [_granted(number)],
    },
    "iam_policy.0.resources": lambda _frozen, number: _granted(number),
    "access_groups": lambda frozen, _number: frozen.ids["groups"],
    "security_groups": _id("security_groups"),
    "subnets": _id("subnets"),
    "target_kinds": lambda _frozen, _number: _KIND,
    "clones": lambda frozen, _number: {"zone": {"name": frozen.ids["zone"]}},
    "manual_servers": lambda _frozen, number: {"address": f"10.0.0.{number + 1}"},
    "network_interfaces": _interface,
    "network_attachments": _attachment,
    "POST /v1/bare_metal_servers | network_attachments": _vlan,
    "volume_attachments": _data_volume,
    "POST /v1/network_acls | rules": _rule,
    "routes": _route,
    "resources.0.attributes": _attribute,
    "resource.attributes": _attribute_v2,
    "resource.tags": _tag_v2,
    "users": lambda _frozen, number: {"email": f"new{number}@example.com"},
    "identities": lambda _frozen, _number: _PERSON,
    "actions": lambda _frozen, number: _ACTIONS[number],
    "POST /v3/tags/attach | resources": lambda frozen, _number: {"resource_id": frozen.ids["offering crn"]},
    "POST /v3/tags/detach | resources": lambda frozen, _number: {"resource_id": frozen.ids["offering crn"]},
    "DELETE /api/v1-beta/catalogs/{catalog_id}/objects/{object_id}/access | ": _account,
    "DELETE /api/v1-beta/catalogs/{catalog_id}/offerings/{offering_id}/access | ": _account,
    "DELETE /api/v1-beta/shareapproval/{type}/access | ": _account,
}
"""By place, or by the end of its path."""

COUNTS: dict[str, int] = {
    "target_kinds": 1,
    "iam_policy": 25,
    "iam_policy.0.resources": 20,
    f"{_METAL} | network_attachments": 35,
    f"{_METAL} | network_interfaces": 35,
    "POST /v1/instances | network_interfaces": 4,
    "POST /v1/instance/templates | network_interfaces": 4,
    "POST /v1/instances | network_attachments": 4,
    "POST /v1/instance/templates | network_attachments": 4,
    "volume_attachments": MOST_DATA_VOLUMES,
    "POST /v2/accounts/{account_id}/users | access_groups": 25,
    "actions": min(100, len(_ACTIONS)),
}
"""How many there may be, where a rule that no type tells says fewer."""


def _attached(route: str, **more: Item) -> Callable[[FrozenApp], Any]:
    """The usual body of an instance, with network attachments, and with one item of each list that is named."""

    def made(frozen: FrozenApp) -> Any:
        body = BODIES[route](frozen)
        interface = body.pop("primary_network_interface")
        body["primary_network_attachment"] = {"virtual_network_interface": interface}
        return {**body, **{name: [item(frozen, 0)] for name, item in more.items()}}

    return made


def _with_one(route: str, **more: Item) -> Callable[[FrozenApp], Any]:
    """The usual body, with one item of each list that is named."""
    return lambda frozen: {**BODIES[route](frozen), **{name: [item(frozen, 0)] for name, item in more.items()}}


def _faced(**more: Item) -> Callable[[FrozenApp], Any]:
    """The usual body of a bare metal server, with network interfaces."""

    def made(frozen: FrozenApp) -> Any:
        body = BODIES[_METAL](frozen)
        del body["primary_network_attachment"]
        body["primary_network_interface"] = {**_interface(frozen, 100), "allowed_vlans": [4]}
        return {**body, **{name: [item(frozen, 0)] for name, item in more.items()}}

    return made


def _granting(_frozen: FrozenApp) -> Any:
    """An invitation with a policy."""
    roles = [{"role_id": f"{_ROLE}Viewer"}]
    resources = [{"attributes": [{"name": "serviceName", "value": "is"}]}]
    return {"users": [{"email": "new@example.com"}], "iam_policy": [{"roles": roles, "resources": resources}]}


def _untagged(tags: list[str]) -> Callable[[FrozenApp], Any]:
    return lambda _frozen: {"tag_names": tags}


_OF_INTERFACE = ("ips", "security_groups")
_ADVERTISING = {
    "name": "table",
    "route_direct_link_ingress": True,
    "route_transit_gateway_ingress": True,
    "advertise_routes_to": [],
}
_ATTACHMENT = "virtual_network_interface"
_MANUAL = {"dns": {"resolver": {"type": "manual", "manual_servers": []}}}
BASES: dict[str, Callable[[FrozenApp], Any]] = {}
"""What is sent beside the list, where the usual body does not go with it."""

for _route in ("POST /v1/instances", "POST /v1/instance/templates"):
    BASES |= {
        f"{_route} | network_attachments": _attached(_route),
        f"{_route} | network_interfaces.0.security_groups": _with_one(_route, network_interfaces=_interface),
        f"{_route} | volume_attachments.0.volume.user_tags": _with_one(_route, volume_attachments=_data_volume),
        **{
            f"{_route} | primary_network_attachment.{_ATTACHMENT}.{_name}": _attached(_route) for _name in _OF_INTERFACE
        },
        **{
            f"{_route} | network_attachments.0.{_ATTACHMENT}.{_name}": _attached(
                _route, network_attachments=_attachment
            )
            for _name in _OF_INTERFACE
        },
    }
BASES |= {
    **{
        f"{_METAL} | network_attachments.0.{_ATTACHMENT}.{_name}": _with_one(_METAL, network_attachments=_vlan)
        for _name in _OF_INTERFACE
    },
    f"{_METAL} | network_attachments.0.allowed_vlans": _with_one(_METAL, network_attachments=_attachment),
    f"{_METAL} | network_interfaces": _faced(),
    f"{_METAL} | network_interfaces.0.allowed_vlans": _faced(network_interfaces=_interface),
    f"{_METAL} | network_interfaces.0.security_groups": _faced(network_interfaces=_interface),
    f"{_METAL} | primary_network_interface.allowed_vlans": _faced(),
    f"{_METAL} | primary_network_interface.security_groups": _faced(),
    "POST /v1/vpcs | dns.resolver.manual_servers": lambda _frozen: {"name": "another", **_MANUAL},
    "PATCH /v1/vpcs/{id} | dns.resolver.manual_servers": lambda _frozen: _MANUAL,
    "PUT /v1/profiles/{profile_id}/identities | identities.0.accounts": lambda _frozen: {"identities": [_PERSON]},
    **{
        f"POST /v2/accounts/{{account_id}}/users | iam_policy{place}": _granting
        for place in ("", ".0.roles", ".0.resources", ".0.resources.0.attributes")
    },
    "POST /v3/tags/attach | resources": _untagged(["one"]),
    "POST /v3/tags/detach | resources": _untagged(["one"]),
    "POST /v1/vpcs/{vpc_id}/routing_tables | advertise_routes_to": lambda _frozen: _ADVERTISING,
}


def furnish_more(frozen: FrozenApp) -> None:
    """Servers in the states and with the interfaces that some routes ask for."""
    ids = frozen.ids
    stopped = frozen.ok(
        "owner", "POST", f"/v1/instances?{QUERY}", {**BODIES["POST /v1/instances"](frozen), "name": "off"}
    )
    frozen.settle()
    frozen.ok("owner", "POST", f"/v1/instances/{stopped['id']}/actions?{QUERY}", {"type": "stop"})
    frozen.settle()
    ids["instances/*/reinitialize"] = ids["instances/*/network_interfaces"] = stopped["id"]
    second = frozen.ok(
        "owner", "POST", f"/v1/instances/{stopped['id']}/network_interfaces?{QUERY}", _interface(frozen, 1)
    )
    ids["instances/network_interfaces"] = second["id"]
    address = frozen.ok("owner", "POST", f"/v1/floating_ips?{QUERY}", {"target": {"id": second["id"]}})
    ids["instances/network_interfaces/floating_ips"] = address["id"]
    ids["instances/network_interfaces/ips"] = second["primary_ip"]["id"]
    iron = frozen.ok("owner", "POST", f"/v1/bare_metal_servers?{QUERY}", {**_faced()(frozen), "name": "off-iron"})
    frozen.settle()
    frozen.ok("owner", "POST", f"/v1/bare_metal_servers/{iron['id']}/stop?{QUERY}", {"type": "hard"})
    frozen.settle()
    ids["bare_metal_servers/*/initialization"] = ids["bare_metal_servers/*/network_interfaces"] = iron["id"]
    vlan = {**_interface(frozen, 1), "interface_type": "vlan", "vlan": 4}
    face = frozen.ok("owner", "POST", f"/v1/bare_metal_servers/{iron['id']}/network_interfaces?{QUERY}", vlan)
    ids["bare_metal_servers/network_interfaces"] = face["id"]
    address = frozen.ok("owner", "POST", f"/v1/floating_ips?{QUERY}", {"target": {"id": face["id"]}})
    ids["bare_metal_servers/network_interfaces/floating_ips"] = address["id"]
    ids["bare_metal_servers/network_interfaces/ips"] = face["primary_ip"]["id"]


def at(table: dict[str, Any], route: Route, place: str) -> Any:
    """What a table has for a place: its own, or that of the longest end of its path."""
    own = table.get(f"{route.name} | {place}")
    if own is not None or not place:
        return own
    names = place.split(".")
    return next((found for n in range(len(names)) if (found := table.get(".".join(names[n:]))) is not None), None)
