"""Policies of both versions and roles as IAM shows them (catalog-iam-enterprise.md 3.3)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType, field

from kunsthalle.api.body_bounds import Document, at_most
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.authz.context import Context
from kunsthalle.authz.roles import DESCRIPTIONS, ROLES
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import invalid
from kunsthalle.iam.models import Conditions, CustomRole, Policy
from kunsthalle.iam.policies import MAX_ATTRIBUTES, MAX_ROLES, Wanted

Type = Literal["access", "authorization"]


class AttributeRequest(RequestBody):
    """A condition of version 1: `stringEquals` unless said otherwise."""

    name: str
    value: str
    operator: str = "stringEquals"


class AttributesRequest(RequestBody):
    """Conditions that must all hold."""

    attributes: Annotated[list[AttributeRequest], at_most(MAX_ATTRIBUTES)]


class ResourceRequest(AttributesRequest):
    """Conditions on the resource and on its access tags."""

    tags: Annotated[list[AttributeRequest], at_most(MAX_ATTRIBUTES)] = field(default_factory=list)


class RoleRequest(RequestBody):
    """A role by its CRN."""

    role_id: str


class PolicyRequest(RequestBody):
    """A policy of version 1: exactly one subject and one resource."""

    type: Type
    subjects: Annotated[list[AttributesRequest], at_most(10)]
    roles: Annotated[list[RoleRequest], at_most(MAX_ROLES)]
    resources: Annotated[list[ResourceRequest], at_most(10)]
    description: str | None = None


class PolicyStateRequest(RequestBody):
    """`active` restores a deleted policy."""

    state: Literal["active", "deleted"]


class KeyedRequest(RequestBody):
    """A condition of version 2. `value` is text; `stringExists` takes a truth."""

    key: str
    operator: str
    value: str | bool


class KeyedTagRequest(KeyedRequest):
    """A condition on an access tag."""


class SubjectRequest(RequestBody):
    """Whom a policy of version 2 is about."""

    attributes: Annotated[list[KeyedRequest], at_most(MAX_ATTRIBUTES)]


class KeyedResourceRequest(SubjectRequest):
    """What a policy of version 2 is about."""

    tags: Annotated[list[KeyedTagRequest], at_most(MAX_ATTRIBUTES)] = field(default_factory=list)


class GrantRequest(RequestBody):
    """The roles granted."""

    roles: Annotated[list[RoleRequest], at_most(MAX_ROLES)]


class ControlRequest(RequestBody):
    """What a policy of version 2 does: it grants."""

    grant: GrantRequest


class PolicyV2Request(RequestBody):
    """A policy of version 2. `rule` restricts it in time, `pattern` names the form of the rule."""

    type: Type
    control: ControlRequest
    subject: SubjectRequest | None = None
    resource: KeyedResourceRequest | None = None
    description: str | None = None
    rule: Document | None = None
    pattern: str | None = None


def wanted_v1(body: PolicyRequest) -> Wanted:
    """The policy that a body of version 1 asks for."""
    if len(body.subjects) != 1 or len(body.resources) != 1:
        raise invalid("invalid_body", "A policy has exactly one subject and one resource.", "subjects")
    resource = body.resources[0]
    return Wanted(
        type=body.type,
        subject=_named(body.subjects[0].attributes),
        roles=[role.role_id for role in body.roles],
        resource=_named(resource.attributes),
        tags=_named(resource.tags),
        description=body.description,
    )


def _named(attributes: list[AttributeRequest]) -> Conditions:
    return [
        {"key": attribute.name, "operator": attribute.operator, "value": attribute.value} for attribute in attributes
    ]


def wanted_v2(body: PolicyV2Request) -> Wanted:
    """The policy that a body of version 2 asks for."""
    if body.subject is None or body.resource is None:
        raise invalid("invalid_body", "A policy has a subject and a resource.", "subject")
    return Wanted(
        type=body.type,
        subject=_keyed(body.subject.attributes),
        roles=[role.role_id for role in body.control.grant.roles],
        resource=_keyed(body.resource.attributes),
        tags=_keyed(list(body.resource.tags)),
        description=body.description,
        rule=body.rule,
        pattern=body.pattern,
    )


def _keyed(attributes: list[Any]) -> Conditions:
    return [
        {"key": attribute.key, "operator": attribute.operator, "value": _text(attribute.value)}
        for attribute in attributes
    ]


def _text(value: str | bool) -> str:
    return value if isinstance(value, str) else str(value).lower()


class PolicyResponse(ResponseBody):
    """A policy of version 1."""

    id: str
    type: str
    subjects: list[dict[str, Any]]
    roles: list[dict[str, str]]
    resources: list[dict[str, Any]]
    href: str
    created_at: str
    created_by_id: str
    last_modified_at: str
    last_modified_by_id: str
    state: str
    description: str | UnsetType = UNSET


class PolicyV2Response(ResponseBody):
    """A policy of version 2; with `format=display` its roles carry names and actions."""

    id: str
    type: str
    subject: dict[str, Any]
    control: dict[str, Any]
    resource: dict[str, Any]
    href: str
    created_at: str
    created_by_id: str
    last_modified_at: str
    last_modified_by_id: str
    state: str
    description: str | UnsetType = UNSET
    rule: dict[str, Any] | UnsetType = UNSET
    pattern: str | UnsetType = UNSET


def name_of(role: str) -> str:
    """The name at the end of a role's CRN."""
    return role.rsplit(":", 1)[1]


def description_of(role: str) -> str:
    """What a role is for; the account's own roles say it themselves."""
    return DESCRIPTIONS.get(role, f"The {name_of(role)} role of this account.")


def _v1(conditions: Conditions, *, operators: bool) -> list[dict[str, str]]:
    shown = []
    for condition in conditions:
        plain = {"name": condition["key"], "value": condition["value"]}
        shown.append({**plain, "operator": condition["operator"]} if operators else plain)
    return shown


def _common(policy: Policy, ctx: Context, version: str) -> dict[str, Any]:
    return {
        "id": policy.id,
        "type": policy.type,
        "href": f"{ctx.origin}/{version}/policies/{policy.id}",
        "created_at": rfc3339(policy.created_at),
        "created_by_id": policy.created_by,
        "last_modified_at": rfc3339(policy.modified_at),
        "last_modified_by_id": policy.modified_by,
        "state": policy.state,
        "description": UNSET if policy.description is None else policy.description,
    }


def policy_response(policy: Policy, ctx: Context) -> PolicyResponse:
    resource: dict[str, Any] = {"attributes": _v1(policy.resource, operators=True)}
    if policy.tags:
        resource["tags"] = _v1(policy.tags, operators=True)
    return PolicyResponse(
        **_common(policy, ctx, "v1"),
        subjects=[{"attributes": _v1(policy.subject, operators=False)}],
        roles=[
            {"role_id": role, "display_name": name_of(role), "description": description_of(role)}
            for role in policy.roles
        ],
        resources=[resource],
    )


def _v2(conditions: Conditions) -> list[dict[str, Any]]:
    return [
        {**condition, "value": True} if condition["operator"] == "stringExists" else dict(condition)
        for condition in conditions
    ]


def _enriched(role: str, actions: list[str]) -> dict[str, Any]:
    known = [{"id": action, "display_name": action, "description": action} for action in actions]
    return {
        "role_id": role,
        "display_name": name_of(role),
        "description": description_of(role),
        "actions": known,
    }


def policy_v2_response(policy: Policy, ctx: Context, actions: dict[str, list[str]] | None = None) -> PolicyV2Response:
    """`actions` has the actions of each role by CRN; None shows roles by their CRN alone."""
    resource: dict[str, Any] = {"attributes": _v2(policy.resource)}
    if policy.tags:
        resource["tags"] = _v2(policy.tags)
    plain: list[dict[str, Any]] = [{"role_id": role} for role in policy.roles]
    roles = plain if actions is None else [_enriched(role, actions.get(role, [])) for role in policy.roles]
    return PolicyV2Response(
        **_common(policy, ctx, "v2"),
        subject={"attributes": _v2(policy.subject)},
        control={"grant": {"roles": roles}},
        resource=resource,
        rule=UNSET if policy.rule is None else policy.rule,
        pattern=UNSET if policy.pattern is None else policy.pattern,
    )


class CustomRoleRequest(RequestBody):
    """A role of the account's own, for one service."""

    display_name: str
    actions: Annotated[list[str], at_most(1_000)]
    name: str
    account_id: str
    service_name: str
    description: str | None = None


class ReplaceRoleRequest(RequestBody):
    """What of a role may be changed."""

    display_name: str
    actions: Annotated[list[str], at_most(1_000)]
    description: str | None = None


class RoleResponse(ResponseBody):
    """A role that comes with the product."""

    display_name: str
    actions: list[str]
    description: str
    crn: str


class CustomRoleResponse(ResponseBody):
    """A role of the account's own."""

    id: str
    name: str
    display_name: str
    account_id: str
    service_name: str
    actions: list[str]
    crn: str
    created_at: str
    created_by_id: str
    last_modified_at: str
    last_modified_by_id: str
    href: str
    description: str | UnsetType = UNSET


class RolesResponse(ResponseBody):
    """Every role that can be granted for a service."""

    custom_roles: list[CustomRoleResponse]
    service_roles: list[RoleResponse]
    system_roles: list[RoleResponse]


def role_response(role: str, actions: list[str]) -> RoleResponse:
    return RoleResponse(display_name=ROLES[role], actions=actions, description=DESCRIPTIONS[role], crn=role)


def custom_role_response(role: CustomRole, ctx: Context) -> CustomRoleResponse:
    return CustomRoleResponse(
        id=role.id,
        name=role.name,
        display_name=role.display_name,
        account_id=role.account_id,
        service_name=role.service_name,
        actions=role.actions,
        crn=role.crn,
        created_at=rfc3339(role.created_at),
        created_by_id=role.created_by,
        last_modified_at=rfc3339(role.modified_at),
        last_modified_by_id=role.modified_by,
        href=f"{ctx.origin}/v2/roles/{role.id}",
        description=UNSET if role.description is None else role.description,
    )
