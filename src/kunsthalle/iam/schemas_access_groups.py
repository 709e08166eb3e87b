"""Access groups as IAM shows them (IamAccessGroupsV2)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import rfc3339
from kunsthalle.iam.access_groups import MOST
from kunsthalle.iam.models import AccessGroup, AccessGroupRule


class GroupRequest(RequestBody):
    """A group's name and what it is for."""

    name: str
    description: str | None = None


class UpdateGroupRequest(RequestBody):
    """What may be changed; what is left out stays."""

    name: str | None = None
    description: str | None = None


class MemberRequest(RequestBody):
    """`type` is user, service or profile."""

    iam_id: str
    type: str


class MembersRequest(RequestBody):
    """Who is to come in."""

    members: Annotated[list[MemberRequest], at_most(MOST)]


class LeaversRequest(RequestBody):
    """Who is to go, by IAM ID."""

    members: Annotated[list[str], at_most(MOST)]


class MembershipsRequest(RequestBody):
    """The groups one identity is to be brought into."""

    type: str
    groups: Annotated[list[str], at_most(MOST)]


class ConditionRequest(RequestBody):
    """A condition on a claim of a federated login."""

    claim: str
    operator: str
    value: str


class RuleRequest(RequestBody):
    """`expiration` is in hours."""

    expiration: int
    realm_name: str
    conditions: Annotated[list[ConditionRequest], at_most(MOST)]
    name: str | None = None


class GroupSettingsRequest(RequestBody):
    """Whether the group of everybody may hold policies: it may not, here."""

    public_access_enabled: bool | None = None


class GroupResponse(ResponseBody):
    """`is_federated` says whether rules exist; shown on demand."""

    id: str
    name: str
    account_id: str
    created_at: str
    created_by_id: str
    last_modified_at: str
    last_modified_by_id: str
    href: str
    description: str
    is_federated: bool | UnsetType = UNSET
    crn: str | UnsetType = UNSET


class RuleResponse(ResponseBody):
    """A rule as it was given."""

    id: str
    name: str
    expiration: int
    realm_name: str
    access_group_id: str
    account_id: str
    conditions: list[dict[str, str]]
    created_at: str
    created_by_id: str
    last_modified_at: str
    last_modified_by_id: str


class RulesResponse(ResponseBody):
    """Every rule of a group."""

    rules: list[RuleResponse]


class GroupSettingsResponse(ResponseBody):
    """The account's settings of groups."""

    account_id: str
    last_modified_at: str
    last_modified_by_id: str
    public_access_enabled: bool


def group_response(
    group: AccessGroup, ctx: Context, *, federated: bool | None = None, with_crn: bool = False
) -> GroupResponse:
    return GroupResponse(
        id=group.id,
        name=group.name,
        account_id=group.account_id,
        created_at=rfc3339(group.created_at),
        created_by_id=group.created_by,
        last_modified_at=rfc3339(group.modified_at),
        last_modified_by_id=group.modified_by,
        href=f"{ctx.origin}/v2/groups/{group.id}",
        description=group.description or "",
        is_federated=UNSET if federated is None else federated,
        crn=group.crn if with_crn else UNSET,
    )


def rule_response(rule: AccessGroupRule) -> RuleResponse:
    return RuleResponse(
        id=rule.id,
        name=rule.name,
        expiration=rule.expiration,
        realm_name=rule.realm_name,
        access_group_id=rule.group_id,
        account_id=rule.account_id,
        conditions=rule.conditions,
        created_at=rfc3339(rule.created_at),
        created_by_id=rule.created_by,
        last_modified_at=rfc3339(rule.modified_at),
        last_modified_by_id=rule.modified_by,
    )


def member_response(row: Any, ctx: Context, names: dict[str, str]) -> dict[str, Any]:
    """One member, by name or by a rule; `names` is what `verbose` adds."""
    by_rule = hasattr(row, "rule_id")
    return {
        "iam_id": row.iam_id,
        "type": "user" if by_rule else row.type,
        "membership_type": "dynamic" if by_rule else "static",
        "href": f"{ctx.origin}/v2/groups/{row.group_id}/members/{row.iam_id}",
        "created_at": rfc3339(row.created_at),
        "created_by_id": row.rule_id if by_rule else row.created_by,
        **names,
    }
