"""Resource groups: what is in them, and what can be deleted."""

from __future__ import annotations

from kunsthalle.console import refusals
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Row
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import (
    CREATED,
    CRN,
    ID,
    NAME,
    RENAME_INPUT,
    Action,
    Input,
    Kind,
    Part,
    Shown,
    linked,
    of_inputs,
)

_API = "/v2/resource_groups/{id}"


async def _in(visit: Visit, group: Row, most: int) -> list[Row]:
    """What is in the group, as far as global search shows it to the visitor."""
    query = {"query": f"resource_group_id:{group['id']}", "fields": ["name", "type", "crn", "region"]}
    told = await visit.api.send("POST", "/v3/resources/search", query, [("limit", str(most))])
    return [{**row, "id": row["crn"]} for row in told["items"]]


async def _contents(visit: Visit, group: Row) -> list[Row]:
    return await _in(visit, group, 100)


async def _with_use(visit: Visit, groups: list[Row]) -> None:
    """What can still be restored holds a group too, and is found by no search."""
    told = await visit.if_allowed("GET", "/v1/reclamations")
    restorable = {row["resource_group_id"] for row in told["resources"]} if told else set()
    for group in groups:
        holds = group["id"] in restorable or bool(await _in(visit, group, 1))
        group["filled"] = not group["default"] and holds


async def _new(visit: Visit, form: Form, _row: Row) -> Row:
    return {**form.body("name"), "account_id": visit.active}


RESOURCE_GROUP = Kind(
    word="resource group",
    plural="resource groups",
    trail=("Account",),
    here="/resource-groups/{resource_group_id}",
    many="GET /v2/resource_groups",
    one=f"GET {_API}",
    source=linked("/v2/resource_groups", "resources"),
    about="Each resource is in one resource group for good. Policies can be limited to one.",
    empty="You cannot view any resource group of this account.",
    docs="reference/generated/ibmcloud-resource.html",
    columns=(
        NAME,
        Shown("state", "State", lambda row: row["state"].lower(), "status"),
        Shown("default", "Default", lambda row: "yes" if row["default"] else "no"),
        CREATED,
    ),
    facts=(ID, CRN, Shown("default", "Default", lambda row: "yes" if row["default"] else "no"), CREATED),
    create=(
        Action(
            "new",
            "Create resource group",
            "POST /v2/resource_groups",
            "The resource group has been created.",
            "",
            (Input("name", "Name", required=True),),
            _new,
        ),
    ),
    actions=(
        Action(
            "edit", "Rename", f"PATCH {_API}", "The resource group is renamed.", "", (RENAME_INPUT,), of_inputs("name")
        ),
        Action(
            "delete",
            "Delete",
            f"DELETE {_API}",
            "The resource group is deleted.",
            "It must be empty.",
            danger=True,
            gone=True,
        ),
    ),
    prepare=_with_use,
    rule=refusals.of_resource_group,
    parts=(
        Part(
            "contents",
            "Resources",
            "The first 100 that you can view.",
            "The resource group is empty.",
            _contents,
            (
                NAME,
                Shown("type", "Type", lambda row: row["type"].replace("-", " ")),
                Shown("region", "Region"),
                Shown("crn", "CRN", shape="copy"),
            ),
        ),
    ),
)
KINDS = (RESOURCE_GROUP,)
