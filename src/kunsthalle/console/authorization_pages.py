"""Authorizations: what one service may do with another, as policies whose subject is a service."""

from __future__ import annotations

from collections.abc import Sequence

from kunsthalle.console.access_policy_pages import roles_of, said
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Row
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import CREATED, ID, Action, Input, Kind, Option, Shown, linked

_API = "/v1/policies/{id}"
_SERVICES = (
    ("is", "is: images, volumes, instance groups"),
    ("cloud-object-storage", "cloud-object-storage: buckets"),
    ("kms", "kms: root keys"),
    ("globalcatalog-collection", "globalcatalog-collection: private catalogs"),
)


def _service(policy: Row, side: str) -> str:
    """The service that a side of the policy names."""
    told = {entry["name"]: entry["value"] for part in policy[side] for entry in part["attributes"]}
    return str(told.get("serviceName", ""))


def _limits(policy: Row, side: str) -> str:
    """What a side says beyond its service and the account: an instance, a type of resources."""
    rest = [
        entry
        for part in policy[side]
        for entry in part["attributes"]
        if entry["name"] not in {"serviceName", "accountId"}
    ]
    return said(rest) if rest else ""


def _label(policy: Row) -> str:
    return f"{_service(policy, 'subjects')} to {_service(policy, 'resources')}"


async def _body(visit: Visit, form: Form, _row: Row) -> Row:
    def side(name: str) -> Row:
        service = {"name": "serviceName", "value": form.get(name)}
        return {"attributes": [{"name": "accountId", "value": visit.active}, service]}

    return {
        "type": "authorization",
        "subjects": [side("subjects")],
        "roles": [{"role_id": form.get("roles")}],
        "resources": [side("resources")],
        **form.body("description"),
    }


async def _roles(visit: Visit, _row: Row) -> Sequence[Option]:
    told = await visit.api.get("/v2/roles")
    return [(role["crn"], role["display_name"]) for role in (*told["service_roles"], *told["system_roles"])]


AUTHORIZATION = Kind(
    word="authorization",
    plural="authorizations",
    trail=("Account", "Access (IAM)"),
    here="/authorizations/{authorization_id}",
    many="GET /v1/policies",
    one=f"GET {_API}",
    source=linked("/v1/policies", "policies", "start", ("type", "authorization")),
    about="An authorization lets a service use another one: instance groups a catalog, images a bucket, volumes a key.",
    empty="No service of this account may use another one beyond what it may anyway.",
    docs="how-to/instance-group.html",
    columns=(
        Shown("services", "From and to", _label),
        Shown("source", "Source", lambda row: _limits(row, "subjects") or "every resource"),
        Shown("target", "Target", lambda row: _limits(row, "resources") or "every resource"),
        Shown("roles", "Role", roles_of),
        CREATED,
    ),
    facts=(
        ID,
        Shown("from", "Source service", lambda row: _service(row, "subjects")),
        Shown("source", "Source resources", lambda row: _limits(row, "subjects") or "every resource"),
        Shown("to", "Target service", lambda row: _service(row, "resources")),
        Shown("target", "Target resources", lambda row: _limits(row, "resources") or "every resource"),
        Shown("roles", "Role", roles_of),
        Shown("description", "Description"),
        CREATED,
    ),
    create=(
        Action(
            "new",
            "Create authorization",
            "POST /v1/policies",
            "The authorization is in effect.",
            "It holds for all resources of both services in this account. For less, use the API.",
            (
                Input("subjects", "Source service", "select", "The service that is let in.", True, _SERVICES),
                Input("resources", "Target service", "select", "The service that it uses.", True, _SERVICES),
                Input("roles", "Role", "select", options=_roles, required=True),
                Input("description", "Description"),
            ),
            _body,
        ),
    ),
    actions=(
        Action(
            "delete",
            "Delete",
            f"DELETE {_API}",
            "The authorization is deleted.",
            "The service may no longer use the other one.",
            danger=True,
            gone=True,
        ),
    ),
    label=_label,
)
KINDS = (AUTHORIZATION,)
