"""Key Protect's rows: an instance of the publisher with a root key, which has an alias, and a key ring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fixtures.frozen_app import FrozenApp

RequestBody = Callable[[FrozenApp], Any]
PLAN = "eedd3585-90c6-4c8f-be3d-062069e99fc3"
ONE = "/api/v2/keys/{id}"
METRICS = {"policy_type": "metrics", "policy_data": {"enabled": True}}


def _key(**fields: Any) -> dict[str, Any]:
    return {"metadata": {}, "resources": [{"name": "hidden key", "extractable": False, **fields}]}


def _ciphertext(frozen: FrozenApp) -> dict[str, Any]:
    return {"ciphertext": frozen.ids["ciphertext"]}


BODIES: dict[str, RequestBody] = {
    "POST /api/v2/keys": lambda _frozen: _key(name="another"),
    f"PATCH {ONE}": lambda _frozen: {"keyRingID": "default"},
    f"POST {ONE}/actions/wrap": lambda _frozen: {"plaintext": "aGlkZGVu"},
    f"POST {ONE}/actions/unwrap": _ciphertext,
    f"POST {ONE}/actions/rewrap": _ciphertext,
    f"POST {ONE}/actions/rotate": lambda _frozen: {},
    "POST /api/v2/keys_with_policy_overrides": lambda _frozen: _key(name="another"),
    f"PUT {ONE}/policies": lambda _frozen: {"resources": [{"rotation": {"interval_month": 1}}]},
    "PUT /api/v2/instance/policies": lambda _frozen: {"resources": [METRICS]},
    "POST /api/v2/import_token": lambda _frozen: {},
}


def furnish(frozen: FrozenApp) -> None:
    """The instance is named by a header, which `headers_of` sends with every call of Key Protect."""
    made = {"name": "keys", "target": "us-south", "resource_plan_id": PLAN}
    group = frozen.ok("owner", "GET", "/v2/resource_groups")["resources"][0]["id"]
    instance = frozen.ok("owner", "POST", "/v2/resource_instances", {**made, "resource_group": group})
    frozen.ids["bluemix-instance"] = instance["guid"]
    headers = {"bluemix_instance": instance["guid"]}
    body = _key(aliases=["hidden-alias"])
    key = frozen.ok("owner", "POST", "/api/v2/keys", body, **headers)["resources"][0]["id"]
    frozen.ok("owner", "POST", "/api/v2/key_rings/hidden-ring", **headers)
    wrapped = frozen.ok("owner", "POST", f"/api/v2/keys/{key}/actions/wrap", {"plaintext": "aGlkZGVu"}, **headers)
    frozen.ids |= {"api/keys": key, "key_rings": "hidden-ring", "aliases": "hidden-alias"}
    frozen.ids["ciphertext"] = wrapped["ciphertext"]
