"""A row for every route that takes a body: what it is sent. A route without its row fails the matrix."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from fixtures.frozen_app import FrozenApp, product
from kunsthalle.api.router import Route

RequestBody = Callable[[FrozenApp], Any]
C, OFFER, V = "/api/v1-beta/catalogs", "/offerings/{offering_id}", "/api/v1-beta/versions/{version_loc_id}"
ONE = C + "/{catalog_id}"
SHARES = "/api/v1-beta/shareapproval/{type}/access"

_POLICY = {
    "type": "access",
    "subjects": [{"attributes": [{"name": "iam_id", "value": "IBMid-VIEWER0001"}]}],
    "roles": [{"role_id": "crn:v1:bluemix:public:iam::::role:Viewer"}],
    "resources": [{"attributes": [{"name": "serviceName", "value": "is"}]}],
}
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3wfCkXQ4fFp3qVQvWqzjYQ8FvEhU2V4iUOw8sLxLmD matrix"


def _image(_world: FrozenApp) -> Any:
    file = {"href": "cos://us-south/images/free.qcow2"}
    return {"file": file, "operating_system": {"name": "debian-12-amd64"}, "name": "another"}


def _subnet(frozen: FrozenApp) -> Any:
    vpc, zone = {"id": frozen.ids["vpcs"]}, {"name": frozen.ids["zone"]}
    return {"vpc": vpc, "zone": zone, "total_ipv4_address_count": 8, "name": "another"}


def _rename(_world: FrozenApp) -> Any:
    return {"name": "renamed"}


def _of(body: Any) -> RequestBody:
    return lambda _world: body


def _version(frozen: FrozenApp) -> Any:
    return product(frozen.ids["free image"], "2.0.0")


BODIES: dict[str, RequestBody] = {
    "POST /identity/token": _of(b"grant_type=none"),
    "POST /v1/apikeys": lambda frozen: {"name": "another", "iam_id": frozen.ids["iam_id"]},
    "POST /v1/policies": _of(_POLICY),
    "POST /v1/images": _image,
    "PATCH /v1/images/{id}": _rename,
    f"POST {C}": _of({"label": "another"}),
    f"PUT {ONE}": _of({"label": "another", "_rev": "stale"}),
    f"POST {ONE}/offerings": _of({"name": "another"}),
    f"PUT {ONE}{OFFER}": _of({"name": "another", "_rev": "stale"}),
    f"PATCH {ONE}{OFFER}": _of([{"op": "replace", "path": "/label", "value": "x"}]),
    f"POST {ONE}{OFFER}/version": _version,
    f"POST {ONE}/import/offerings": _version,
    f"POST {V}/validation/install": _of({}),
    f"POST {ONE}{OFFER}/share": _of({"enabled": False}),
    f"POST {ONE}{OFFER}/access": lambda frozen: [frozen.accounts["sibling"]],
    f"DELETE {ONE}{OFFER}/access": _of(["*"]),
    f"POST {SHARES}": lambda frozen: [frozen.accounts["sibling"]],
    f"DELETE {SHARES}": _of(["*"]),
    f"POST {SHARES}/source/{{state}}": lambda frozen: [frozen.accounts["owner"]],
    "POST /v1/reclamations/{id}/actions/{action}": _of({}),
    "POST /v2/reclamations/{id}/actions/{action}": _of({}),
    "POST /v1/vpcs": _of({"name": "another"}),
    "POST /v1/subnets": _subnet,
    "POST /v1/security_groups": lambda frozen: {"vpc": {"id": frozen.ids["vpcs"]}, "name": "another"},
    "POST /v1/keys": _of({"public_key": _KEY, "name": "another"}),
    "POST /_kunsthalle/clock": _of({"advance": "1d"}),
    "POST /_kunsthalle/faults": _of({"on": "call", "match": "GET /nowhere", "effect": "cut"}),
    "POST /_kunsthalle/scenarios": _of({"name": "matrix"}),
    "POST /_kunsthalle/scenarios/{name}/load": _of({}),
}
"""What is sent to each route that takes a body; the others are sent none."""


def _others() -> list[ModuleType]:
    """The rows of packages that keep their own: `rows_<package>.py` with BODIES and, if it needs ids, `furnish`."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("rows_*.py"))
    return [import_module(f"matrix.{name}") for name in names]


for _module in _others():
    BODIES.update(_module.BODIES)


def furnish(frozen: FrozenApp) -> None:
    """Makes the resources that the packages' rows name; called before the application is frozen.

    The console comes last: its pages show what the others make.
    """
    for module in sorted(_others(), key=lambda module: module.__name__.endswith("rows_console")):
        if hasattr(module, "furnish"):
            module.furnish(frozen)
            frozen.settle()


def headers_of(frozen: FrozenApp, route: Route, **headers: str) -> dict[str, str]:
    """What a call of a route has for headers, of those that are given: all but VPC's take some of them."""
    match route.surface.name:
        case "vpc":
            return {}
        case "kms":
            return {**headers, "bluemix_instance": frozen.ids["bluemix-instance"]}
        case _:
            return headers


SHARED = frozenset(
    {
        f"GET {ONE}{OFFER}",
        f"PUT {ONE}{OFFER}",
        f"PATCH {ONE}{OFFER}",
        f"DELETE {ONE}{OFFER}",
        f"POST {ONE}{OFFER}/version",
        f"POST {ONE}{OFFER}/share",
        f"POST {ONE}{OFFER}/publish/{{approval_type}}/{{approved}}",
        f"GET {ONE}{OFFER}/access",
        f"POST {ONE}{OFFER}/access",
        f"DELETE {ONE}{OFFER}/access",
        f"GET {ONE}{OFFER}/access/{{access_identifier}}",
    }
)
"""Routes of resources that are shared with the consumer: seen, so that what may not be done is 403 and not 404."""


def is_shared(route: str) -> bool:
    shared = (f"{ONE}{OFFER}/", "/versions/{version_loc_id}", "/_kunsthalle/offerings/{offering_id}")
    return route in SHARED or any(path in route for path in shared)
