"""Access groups: their members, their policies, and the dynamic rules by which people come to be members."""

from __future__ import annotations

from collections.abc import Sequence

from kunsthalle.console import refusals
from kunsthalle.console.api_client import segment
from kunsthalle.console.claim_conditions import CONDITION, conditions_of, said
from kunsthalle.console.forms import Form, number
from kunsthalle.console.granted_policies import policies_of
from kunsthalle.console.iam_identities import grantees, names_of
from kunsthalle.console.listing import Offsets, Row, everything
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import (
    CREATED,
    ID,
    NAME,
    Action,
    Input,
    Kind,
    Named,
    Option,
    Part,
    Shown,
    changed,
    of_inputs,
)

_API = "/v2/groups/{access_group_id}"
_DESCRIPTION = Input("description", "Description", default=lambda row: row.get("description", ""))


async def _members(visit: Visit, group: Row) -> list[Row]:
    source = Offsets(f"/v2/groups/{segment(group['id'])}/members", "members", (("verbose", "true"),))
    rows, _ = await everything(visit.api, source)
    return [{**row, "id": row["iam_id"]} for row in rows]


async def _rules(visit: Visit, group: Row) -> list[Row]:
    return list((await visit.api.get(f"/v2/groups/{segment(group['id'])}/rules"))["rules"])


async def _new_member(_visit: Visit, form: Form, _row: Row) -> Row:
    type_, _, iam_id = form.get("members").partition(" ")
    return {"members": [{"iam_id": iam_id, "type": type_}]}


async def _candidates(visit: Visit, group: Row) -> Sequence[Option]:
    """Who may become a member and is none yet: users, service IDs, trusted profiles."""
    present = {row["iam_id"] for row in await _members(visit, group)}
    others = [grantee for grantee in await grantees(visit) if grantee.iam_id not in present]
    return [(f"{grantee.type} {grantee.iam_id}", grantee.label) for grantee in others]


async def _new_rule(_visit: Visit, form: Form, _row: Row) -> Row:
    return {
        **form.body("name", "realm_name"),
        "expiration": number(form.get("expiration")),
        "conditions": conditions_of(form),
    }


async def _with_names(visit: Visit, groups: list[Row]) -> None:
    names = await names_of(visit)
    for group in groups:
        group["created_by"] = [Named(names.get(group["created_by_id"], ""), group["created_by_id"])]


ACCESS_GROUP = Kind(
    word="access group",
    plural="access groups",
    trail=("Account", "Access (IAM)"),
    here="/access-groups/{access_group_id}",
    many="GET /v2/groups",
    one=f"GET {_API}",
    source=lambda _visit: Offsets("/v2/groups", "groups"),
    about="An access group gives all its members the access that its policies say.",
    empty="Create one, add members, and assign access once for all of them.",
    docs="roles.html",
    columns=(
        NAME,
        Shown("description", "Description"),
        Shown("created_by", "Created by", shape="named"),
        CREATED,
    ),
    facts=(
        ID,
        Shown("description", "Description"),
        Shown("created_by", "Created by", shape="named"),
        CREATED,
        Shown("last_modified_at", "Changed", shape="moment"),
    ),
    create=(
        Action(
            "new",
            "Create access group",
            "POST /v2/groups",
            "The access group has been created. Add its members, and assign access.",
            "",
            (Input("name", "Name", required=True), _DESCRIPTION),
            of_inputs("name", "description"),
        ),
    ),
    actions=(
        Action(
            "edit",
            "Edit",
            f"PATCH {_API}",
            "The access group is changed.",
            "",
            (Input("name", "Name", required=True, default=lambda row: row["name"]), _DESCRIPTION),
            changed("name", "description"),
            headers=lambda row: {"If-Match": row["entity_tag"]},
        ),
        Action(
            "delete",
            "Delete",
            f"DELETE {_API}",
            "The access group is deleted.",
            "Its policies are deleted too. Members lose the access that they have through it alone.",
            danger=True,
            gone=True,
            query=lambda _form: [("force", "true")],
        ),
    ),
    parts=(
        Part(
            "members",
            "Members",
            "Users, service IDs and trusted profiles that the policies hold for.",
            "The access group has no member.",
            _members,
            (
                Shown(
                    "who",
                    "Member",
                    lambda row: [Named(row.get("email") or row.get("name", ""), row["iam_id"])],
                    "named",
                ),
                Shown("type", "Type", lambda row: row["type"].replace("_", " ")),
                Shown("membership_type", "Membership"),
                Shown("created_at", "Since", shape="moment"),
            ),
            id="member_id",
            create=(
                Action(
                    "new",
                    "Add member",
                    f"PUT {_API}/members",
                    "The member has been added.",
                    "",
                    (Input("members", "Member", "select", options=_candidates, required=True),),
                    _new_member,
                ),
            ),
            actions=(
                Action(
                    "delete",
                    "Remove",
                    f"DELETE {_API}/members/{{iam_id}}",
                    "The member is removed.",
                    "The access that they have through this group alone ends with the next request.",
                    danger=True,
                ),
            ),
            label=lambda row: str(row.get("email") or row.get("name") or row["iam_id"]),
            rule=refusals.of_membership,
        ),
        policies_of("access_group_id", lambda row: str(row["id"]), "group_policy_id"),
        Part(
            "rules",
            "Dynamic rules",
            "Who signs in through an identity provider and meets a rule is a member for some hours.",
            "The access group has no dynamic rule.",
            _rules,
            (
                NAME,
                Shown("realm_name", "Identity provider"),
                Shown("conditions", "Conditions", said),
                Shown("expiration", "Hours", number=True),
            ),
            id="group_rule_id",
            create=(
                Action(
                    "new",
                    "Add rule",
                    f"POST {_API}/rules",
                    "The rule has been added.",
                    "",
                    (
                        Input("name", "Name"),
                        Input(
                            "realm_name",
                            "Identity provider",
                            hint="The realm, such as https://idp.example.org.",
                            required=True,
                        ),
                        *CONDITION,
                        Input("expiration", "Hours", hint="How long a membership lasts: 1 to 24.", required=True),
                    ),
                    _new_rule,
                ),
            ),
            actions=(
                Action(
                    "delete",
                    "Remove",
                    "DELETE /v2/groups/{group_id}/rules/{rule_id}",
                    "The rule is removed.",
                    "Memberships that it made end.",
                    danger=True,
                ),
            ),
        ),
    ),
    prepare=_with_names,
)
KINDS = (ACCESS_GROUP,)
