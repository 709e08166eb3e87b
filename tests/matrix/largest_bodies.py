"""Bodies that are as large as they may be in more than one place at once: by route, as the owner sends them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fixtures.frozen_app import FrozenApp
from kunsthalle.accounts.account_users import MAX_GRANTS
from kunsthalle.api.json_patch import MAX_COPIED, MAX_OPERATIONS
from kunsthalle.iam.policies import MAX_ATTRIBUTES, MAX_ROLES
from kunsthalle.networks.virtual_network_interfaces import MOST_ADDRESSES
from matrix.rows import BODIES, OFFER, ONE, SHARES, C

Body = Callable[[FrozenApp], Any]
_TAGS = [f"tag-{number}" for number in range(1_000)]
_ROLE = "crn:v1:bluemix:public:iam::::role:Viewer"


def _unknown(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(count)]


def _policies(_frozen: FrozenApp) -> Any:
    attributes = [{"name": f"attribute{number}", "value": "v"} for number in range(MAX_ATTRIBUTES - 1)]
    return {
        "type": "access",
        "subjects": [{"attributes": [{"name": "iam_id", "value": "IBMid-VIEWER0001"}]}],
        "roles": [{"role_id": _ROLE}] * MAX_ROLES,
        "resources": [{"attributes": [{"name": "serviceName", "value": "is"}, *attributes]}],
    }


def _invitation(people: int, policies: int) -> Body:
    """Everybody on it is given every policy of it."""
    resources = [
        {"attributes": [{"name": "serviceName", "value": "is"}, {"name": "resource", "value": f"r{number}"}]}
        for number in range(policies)
    ]
    granted = [{"roles": [{"role_id": _ROLE}], "resources": resources[at : at + 20]} for at in range(0, policies, 20)]
    users = [{"email": f"guest{number}@example.com"} for number in range(people)]
    return lambda _frozen: {"users": users, "iam_policy": granted}


def _instance(frozen: FrozenApp) -> Any:
    volume = {"capacity": 10, "profile": {"name": "general-purpose"}, "user_tags": _TAGS}
    attachments = [{"volume": {**volume, "name": f"volume-{number}"}} for number in range(1)]
    more = BODIES["POST /v1/instances"](frozen)
    del more["primary_network_interface"]
    interface = {"subnet": {"id": frozen.ids["subnets"]}, "security_groups": [{"id": frozen.ids["security_groups"]}]}
    return {
        **more,
        "profile": {"name": "bx2-128x512"},
        "primary_network_attachment": {"virtual_network_interface": {**interface, "ips": [{}] * MOST_ADDRESSES}},
        "network_attachments": [{"virtual_network_interface": interface}] * 14,
        "volume_attachments": attachments,
    }


def _bare_metal(frozen: FrozenApp) -> Any:
    made = BODIES["POST /v1/bare_metal_servers"](frozen)
    interface = {"subnet": {"id": frozen.ids["subnets"]}, "security_groups": [{"id": frozen.ids["security_groups"]}]}
    one = {"interface_type": "vlan", "vlan": 4, "virtual_network_interface": interface}
    return {**made, "network_attachments": [one] * 35}


def _import(frozen: FrozenApp) -> Any:
    made = BODIES[f"POST {ONE}/import/offerings"](frozen)
    text = "x" * 100_000
    return {**made, "metadata": {**made["metadata"], "text": text}, "tags": _TAGS, "keywords": _TAGS}


def _documents(frozen: FrozenApp) -> Any:
    """Many small values in a document of the largest size."""
    plans = [{"name": f"plan-{number}", "metadata": {f"k{n}": n for n in range(100)}} for number in range(100)]
    return {
        **BODIES[f"POST {ONE}/offerings"](frozen),
        "metadata": {f"k{n}": [n] * 20 for n in range(999)},
        "plans": plans,
    }


def _patch(operation: str) -> Body:
    long = {"op": "replace", "path": "/short_description", "value": "x" * 1_800}
    copied = {"op": "copy", "from": "/metadata/a", "path": "/metadata/b"}
    first = {"op": "add", "path": "/metadata", "value": {"a": "y" * (MAX_COPIED // MAX_OPERATIONS - 2)}}
    many = [long] * MAX_OPERATIONS if operation == "replace" else [first, *[copied] * (MAX_OPERATIONS - 1)]
    return lambda _frozen: many


def _tags(frozen: FrozenApp) -> Any:
    resource = {"resource_id": frozen.ids["offering crn"]}
    return {"tag_names": [f"new-{number}" for number in range(100)], "resources": [resource] * 25}


def _routing_table(frozen: FrozenApp) -> Any:
    hop = {"action": "drop", "zone": {"name": frozen.ids["zone"]}}
    routes = [{**hop, "name": f"route-{number}", "destination": f"10.1.{number}.0/24"} for number in range(100)]
    return {"name": "many-routes", "routes": routes}


def _acl(frozen: FrozenApp) -> Any:
    rule = {"action": "deny", "direction": "inbound", "protocol": "all", "source": "10.0.0.0/8"}
    rules = [{**rule, "destination": "0.0.0.0/0", "name": f"rule-{number}"} for number in range(100)]
    return {**BODIES["POST /v1/network_acls"](frozen), "rules": rules}


LARGEST: list[tuple[str, Body]] = [
    ("POST /v1/policies", _policies),
    ("POST /v2/accounts/{account_id}/users", _invitation(100, 0)),
    ("POST /v2/accounts/{account_id}/users", _invitation(1, MAX_GRANTS)),
    ("POST /v2/accounts/{account_id}/users", _invitation(MAX_GRANTS, 1)),
    (f"POST {ONE}{OFFER}/access", lambda _frozen: _unknown(1_000)),
    (f"POST {SHARES}", lambda _frozen: _unknown(1_000)),
    (f"DELETE {ONE}{OFFER}/access", lambda _frozen: _unknown(1_000)),
    ("POST /v1/instances", _instance),
    ("POST /v1/bare_metal_servers", _bare_metal),
    (f"POST {ONE}/import/offerings", _import),
    (f"POST {ONE}/offerings", _documents),
    (f"POST {C}", lambda _frozen: {"label": "x", "metadata": {f"k{n}": ["v"] * 50 for n in range(1_000)}}),
    (f"PATCH {ONE}{OFFER}", _patch("replace")),
    (f"PATCH {ONE}{OFFER}", _patch("copy")),
    ("POST /v3/tags/attach", _tags),
    ("POST /v1/vpcs/{vpc_id}/routing_tables", _routing_table),
    ("POST /v1/network_acls", _acl),
]


def size(body: Any) -> int:
    """The bytes of a body."""
    return len(json.dumps(body))
