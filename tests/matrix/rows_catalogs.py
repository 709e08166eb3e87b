"""The catalogs package's rows, besides those that the matrix began with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fixtures.frozen_app import FIXED, FrozenApp, product
from matrix.rows import OFFER, ONE, V

BASE = "/api/v1-beta"
OBJECT = f"{ONE}/objects/{{object_id}}"
RequestBody = Callable[[FrozenApp], Any]


def _of(body: Any) -> RequestBody:
    return lambda _frozen: body


def _stale(_frozen: FrozenApp) -> Any:
    return {"name": "hidden-object", "_rev": "stale"}


def _branch(frozen: FrozenApp) -> Any:
    return {"_rev": "stale", "kinds": [{"versions": [product(frozen.ids["free image"])]}]}


def _use(frozen: FrozenApp) -> Any:
    return {"offering_id": frozen.ids["offerings"], "catalog_id": frozen.ids["catalogs"]}


def _sibling(frozen: FrozenApp) -> Any:
    return [frozen.accounts["sibling"]]


BODIES: dict[str, RequestBody] = {
    f"POST {V}/deprecate/{{setting}}": _of({"days_until_deprecate": 30}),
    f"POST {ONE}{OFFER}/deprecate/{{setting}}": _of({}),
    f"PUT {V}": _branch,
    f"PATCH {V}": _of([{"op": "add", "path": "/kinds/0/versions/0/tags", "value": ["a"]}]),
    f"POST {V}/validateInputs": _of({}),
    f"POST {V}/copy": _of({}),
    f"PUT {ONE}{OFFER}/reload": _of({}),
    f"PUT {BASE}/catalogaccount": _of({"hide_IBM_cloud_catalog": True}),
    f"POST {BASE}/regions": _of({"filter": "us"}),
    f"POST {ONE}/objects": _of({"name": "another"}),
    f"PUT {OBJECT}": _stale,
    f"POST {OBJECT}/share": _of({"enabled": True}),
    f"POST {OBJECT}/access": _sibling,
    f"DELETE {OBJECT}/access": _of(["*"]),
    f"POST {BASE}/plans/{{plan_loc_id}}/deprecate/{{setting}}": _of({}),
    f"POST {BASE}/instances/offerings": _use,
    f"PUT {BASE}/instances/offerings/{{instance_id}}": _of({"label": "another"}),
    "POST /_kunsthalle/offerings/{offering_id}/audience": _of({"enabled": True}),
    "POST /_kunsthalle/approvals": lambda frozen: {"offering": frozen.ids["offerings"], "state": "granted"},
}

# Words of paths that are no ids.
FIXED["setting"] = "true"
FIXED["file_name"] = "icon.svg"
FIXED["license_id"] = "none"
FIXED["auditlog_identifier"] = "00000000-0000-4000-8000-000000000001"
FIXED["version_loc_id_to_copy_from"] = "none"


def furnish(frozen: FrozenApp) -> None:
    """An object, a plan, the use of an offering; and what the paths of versions and enterprises name."""
    ids = frozen.ids
    where = f"{BASE}/catalogs/{ids['catalogs']}"
    made = frozen.ok("owner", "POST", f"{where}/objects", {"name": "hidden-object"})
    ids["objects"] = made["id"]
    frozen.ok("owner", "POST", f"{where}/objects/{made['id']}/access", [frozen.accounts["consumer"]])
    offering = f"{where}/offerings/{ids['offerings']}"
    rev = frozen.ok("owner", "GET", offering)["_rev"]
    patch = [{"op": "add", "path": "/plans/-", "value": {"name": "hidden-plan"}}]
    branch = frozen.ok("owner", "PATCH", offering, patch, if_match=f'"{rev}"')
    ids["plans"] = f"sw.{ids['catalogs']}.{branch['plans'][0]['id']}"
    ids["kinds"] = branch["kinds"][0]["id"]
    ids["enterprises"] = "0" * 32
    use = {"offering_id": ids["offerings"]}
    used = frozen.ok("owner", "POST", f"{BASE}/instances/offerings", use, x_auth_refresh_token="any")
    ids["v1-beta/offerings"] = used["id"]
    ids["offerings/versions"] = ids["versions"].split(".")[1]
