"""Placement groups: which instances run apart from each other, and what that is worth on the hosts there are."""

from __future__ import annotations

from kunsthalle.console import refusals
from kunsthalle.console.listing import Linked, Row, everything
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import (
    CREATED,
    CRN,
    GROUP,
    ID,
    NAME,
    NAME_INPUT,
    RENAME_INPUT,
    RESOURCE_GROUP,
    Action,
    Input,
    Kind,
    Link,
    Option,
    Part,
    Shown,
    linked,
    of_inputs,
)

_API = "/v1/placement_groups/{id}"
_STRATEGIES = {"host_spread": "Host spread", "power_spread": "Power spread"}
_STATUS = Shown("lifecycle_state", "Status", shape="status")
_STRATEGY = Shown("strategy", "Strategy", lambda row: _STRATEGIES.get(row["strategy"], row["strategy"]))


async def _strategies(_visit: Visit, _row: Row) -> list[Option]:
    return list(_STRATEGIES.items())


async def _members(visit: Visit, group: Row) -> list[Row]:
    """The instances of the group that the visitor may view."""
    source = Linked("/v1/instances", "instances", fixed=(("placement_group.id", group["id"]),))
    return (await everything(visit.api, source))[0]


async def _with_members(visit: Visit, groups: list[Row]) -> None:
    for group in groups:
        group["members"] = await _members(visit, group)


async def _members_of(_visit: Visit, group: Row) -> list[Row]:
    return list(group["members"])


async def choices_of_groups(visit: Visit) -> list[Option]:
    """The placement groups that a new instance may be in, for forms."""
    groups, _ = await everything(visit.api, Linked("/v1/placement_groups", "placement_groups"))
    return [
        (group["id"], f"{group['name']} ({_STRATEGIES.get(group['strategy'], group['strategy'])})")
        for group in groups
        if group["lifecycle_state"] == "stable"
    ]


PLACEMENT_GROUP = Kind(
    word="placement group",
    plural="placement groups",
    trail=("Infrastructure", "Compute"),
    here="/placement-groups/{placement_group_id}",
    many="GET /v1/placement_groups",
    one=f"GET {_API}",
    source=linked("/v1/placement_groups", "placement_groups"),
    about="Instances of one placement group run on different hosts. Where there is one host, they all run there.",
    empty="Create one before the instances that must not share a host.",
    docs="how-to/hosts.html",
    columns=(
        NAME,
        _STATUS,
        _STRATEGY,
        Shown("members", "Instances", lambda row: len(row["members"]), number=True),
        GROUP,
        CREATED,
    ),
    facts=(ID, CRN, _STRATEGY, GROUP, CREATED),
    create=(
        Action(
            "new",
            "Create placement group",
            "POST /v1/placement_groups",
            "The placement group has been created.",
            "The strategy cannot be changed later.",
            (
                NAME_INPUT,
                Input(
                    "strategy",
                    "Strategy",
                    "select",
                    "Host spread: at most 12 instances; power spread: at most 4. Both keep them on different hosts.",
                    options=_strategies,
                    required=True,
                ),
                RESOURCE_GROUP,
            ),
            of_inputs("name", "strategy", "resource_group.id"),
        ),
    ),
    actions=(
        Action(
            "edit", "Rename", f"PATCH {_API}", "The placement group is renamed.", "", (RENAME_INPUT,), of_inputs("name")
        ),
        Action(
            "delete",
            "Delete",
            f"DELETE {_API}",
            "The placement group is being deleted.",
            "No instance may be in it.",
            danger=True,
            gone=True,
        ),
    ),
    parts=(
        Part(
            "instances",
            "Instances",
            "Those of the group. An instance stays in it as long as there is one of them.",
            "No instance is in the placement group.",
            _members_of,
            (
                Shown("name", "Name", lambda row: [Link(row["name"], f"/instances/{row['id']}")], "links"),
                Shown("status", "Status", shape="status"),
                Shown("zone", "Zone", lambda row: row["zone"]["name"]),
                CREATED,
            ),
        ),
    ),
    prepare=_with_members,
    rule=refusals.of_placement_group,
    status="lifecycle_state",
)
KINDS = (PLACEMENT_GROUP,)
