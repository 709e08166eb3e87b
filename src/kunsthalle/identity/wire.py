"""Keys and policies as IAM shows them (catalog-iam-enterprise.md 3.2 and 3.3)."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from kunsthalle.api.wire import Body, Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.context import Context
from kunsthalle.identity.model import ApiKey, Policy


class TokenWire(Wire):
    """`expires_in` is in seconds, `expiration` in seconds since the epoch."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    expiration: int
    scope: str


class ApiKeyWire(Wire):
    """`apikey` is the secret in the answer to the creation, and empty ever after."""

    id: str
    entity_tag: str
    crn: str
    locked: bool
    disabled: bool
    created_at: str
    created_by: str
    modified_at: str
    name: str
    iam_id: str
    account_id: str
    apikey: str
    description: str | UnsetType = UNSET


class ApiKeysWire(Wire):
    """A page of keys."""

    offset: int
    limit: int
    first: str
    apikeys: list[ApiKeyWire]
    next: str | UnsetType = UNSET


class CreateApiKeyBody(Body):
    """A key for oneself, or, as Administrator, for another user of the account."""

    name: str
    iam_id: str
    account_id: str | None = None
    description: str | None = None


def key_wire(key: ApiKey, _ctx: Context, secret: str | None = None) -> ApiKeyWire:
    return ApiKeyWire(
        id=key.id,
        entity_tag=f"{key.revision}-{key.hash[:16]}",
        crn=key.crn,
        locked=key.locked,
        disabled=key.disabled,
        created_at=rfc3339(key.created_at),
        created_by=key.created_by,
        modified_at=rfc3339(key.modified_at),
        name=key.name,
        iam_id=key.iam_id,
        account_id=key.account_id,
        description=UNSET if key.description is None else key.description,
        apikey=secret or "",
    )


class AttributeBody(Body):
    """A condition of version 1: `stringEquals` unless said otherwise."""

    name: str
    value: str
    operator: Literal["stringEquals", "stringMatch"] = "stringEquals"


class AttributesBody(Body):
    """Conditions that must all hold."""

    attributes: list[AttributeBody]


class RoleBody(Body):
    """A role by its CRN."""

    role_id: str


class CreatePolicyBody(Body):
    """A policy of version 1: exactly one subject and one resource."""

    type: Literal["access", "authorization"]
    subjects: list[AttributesBody]
    roles: list[RoleBody]
    resources: list[AttributesBody]
    description: str | None = None


class PolicyAttributeWire(Wire):
    """A condition as it was given."""

    name: str
    value: str
    operator: str | UnsetType = UNSET


class PolicyAttributesWire(Wire):
    """Conditions that must all hold."""

    attributes: list[PolicyAttributeWire]


class PolicyRoleWire(Wire):
    """A role with its name."""

    role_id: str
    display_name: str
    description: str


class PolicyWire(Wire):
    """A policy of version 1."""

    id: str
    type: str
    subjects: list[PolicyAttributesWire]
    roles: list[PolicyRoleWire]
    resources: list[PolicyAttributesWire]
    href: str
    created_at: str
    created_by_id: str
    last_modified_at: str
    last_modified_by_id: str
    state: str
    description: str | UnsetType = UNSET


class PoliciesWire(Wire):
    """All policies of the account that the caller may read."""

    policies: list[PolicyWire]


def stored(attributes: list[AttributeBody]) -> list[dict[str, str]]:
    """Conditions as they are kept."""
    return [{"key": one.name, "operator": one.operator, "value": one.value} for one in attributes]


def _shown(attributes: list[dict[str, str]], *, operators: bool) -> list[PolicyAttributesWire]:
    shown = [
        PolicyAttributeWire(name=one["key"], value=one["value"], operator=one["operator"] if operators else UNSET)
        for one in attributes
    ]
    return [PolicyAttributesWire(attributes=shown)]


def policy_wire(policy: Policy, ctx: Context) -> PolicyWire:
    names = [role.rsplit(":", 1)[1] for role in policy.roles]
    return PolicyWire(
        id=policy.id,
        type=policy.type,
        description=UNSET if policy.description is None else policy.description,
        subjects=_shown(policy.subject, operators=False),
        roles=[
            PolicyRoleWire(role_id=role, display_name=name, description=f"The {name} role.")
            for role, name in zip(policy.roles, names, strict=True)
        ],
        resources=_shown(policy.resource, operators=True),
        href=f"{ctx.origin}/v1/policies/{policy.id}",
        created_at=rfc3339(policy.created_at),
        created_by_id=policy.created_by,
        last_modified_at=rfc3339(policy.modified_at),
        last_modified_by_id=policy.modified_by,
        state=policy.state,
    )
