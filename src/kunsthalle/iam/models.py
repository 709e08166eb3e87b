"""Keys, identities, policies, roles and groups. Moments are microseconds since the epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kunsthalle.authz.permissions import TAG, Attribute, Grant
from kunsthalle.core.records import dataclass


def entity_tag(id_: str, revision: int) -> str:
    """The version of a resource, as `If-Match` gives it back."""
    return f"{revision}-{hashlib.sha256(f'{id_} {revision}'.encode()).hexdigest()[:32]}"


def sent_tag(header: str) -> str:
    """Return the entity tag that a value of `If-Match` names, without quotes and without the mark of a weak tag."""
    return header.strip().removeprefix("W/").strip('"')


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of one identity in one account. Only the hash of its secret is kept, unless a service ID's key is to be
    retrievable: then `stored_value` is the secret, encrypted.

    `created_by` is the IAM ID of whoever has seen the secret first.
    """

    id: str
    account_id: str
    iam_id: str
    name: str
    description: str | None
    hash: str
    stored_value: str | None
    locked: bool
    disabled: bool
    expires_at: int | None
    support_sessions: bool
    action_when_leaked: str
    created_by: str
    modified_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return f"crn:v1:bluemix:public:iam-identity::a/{self.account_id}::apikey:{self.id}"

    @property
    def of_person(self) -> bool:
        """Whether it is a person's, and not a service ID's."""
        return not self.iam_id.startswith("iam-")

    @property
    def made_by_another(self) -> bool:
        """Whether it is a person's and somebody else made it, as releases before the rule against that allowed."""
        return self.of_person and self.created_by != self.iam_id

    def opens(self, account_id: str) -> bool:
        """Whether it may lead into an account: a person's that somebody else made leads nowhere but home."""
        return account_id == self.account_id or not self.made_by_another


@dataclass(frozen=True, slots=True)
class ServiceId:
    """An identity of a program. Its keys are API keys with its `iam_id`."""

    id: str
    account_id: str
    iam_id: str
    name: str
    description: str | None
    unique_instance_crns: list[str]
    locked: bool
    created_by: str
    modified_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return f"crn:v1:bluemix:public:iam-identity::a/{self.account_id}::serviceid:{self.id}"


@dataclass(frozen=True, slots=True)
class Profile:
    """An identity that others put on (`assume`); it has no key of its own."""

    id: str
    account_id: str
    iam_id: str
    name: str
    description: str | None
    email: str | None
    created_by: str
    modified_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return f"crn:v1:bluemix:public:iam-identity::a/{self.account_id}::profile:{self.id}"


@dataclass(frozen=True, slots=True)
class ProfileRule:
    """A claim rule of a profile: who signed in with claims that meet it may put the profile on (`Profile-SAML`)."""

    id: str
    account_id: str
    profile_id: str
    name: str | None
    type: str
    realm_name: str | None
    cr_type: str | None
    expiration: int
    conditions: list[dict[str, str]]
    modified_at: int
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class ProfileLink:
    """A link of a profile to a compute resource: kept and shown."""

    id: str
    account_id: str
    profile_id: str
    name: str | None
    cr_type: str
    link: dict[str, str]
    modified_at: int
    created_at: int
    revision: int = 1


Conditions = list[dict[str, str]]
"""A list of `{key, operator, value}`: all must hold."""


@dataclass(frozen=True, slots=True)
class Policy:
    """An access or authorization policy. `rule` and `pattern` say when it holds; None is always."""

    id: str
    account_id: str
    type: str
    subject_id: str
    subject: Conditions
    roles: list[str]
    resource: Conditions
    tags: Conditions
    rule: dict[str, Any] | None
    pattern: str | None
    description: str | None
    state: str
    fingerprint: str
    created_by: str
    modified_at: int
    modified_by: str
    created_at: int
    revision: int = 1

    def grant(self, custom: Mapping[str, frozenset[str]]) -> Grant:
        """What the policy adds to its subject. `custom` has the actions of the account's own roles, by CRN."""
        return as_grant(self.roles, self.resource, self.tags, custom)


def attribute(entry: Mapping[str, str]) -> Attribute:
    """A stored condition as the one that decides. That an attribute exists is that it has any value at all."""
    if entry["operator"] == "stringExists":
        return Attribute(entry["key"], "*", "stringMatch")
    return Attribute(entry["key"], entry["value"], entry["operator"])


def as_grant(roles: list[str], resource: Conditions, tags: Conditions, custom: Mapping[str, frozenset[str]]) -> Grant:
    """Roles on what meets every condition. A tag is asked for as the attribute `tag:<key>`; tags are in lower case."""
    asked = [attribute(entry) for entry in resource]
    tagged = [
        replace(condition, key=f"{TAG}{condition.key}".lower(), value=condition.value.lower())
        for condition in map(attribute, tags)
    ]
    actions = frozenset().union(*(custom.get(role, frozenset()) for role in roles))
    return Grant(tuple(roles), (*asked, *tagged), actions)


@dataclass(frozen=True, slots=True)
class CustomRole:
    """A role that an account has put together of a service's actions."""

    id: str
    account_id: str
    name: str
    display_name: str
    description: str | None
    service_name: str
    actions: list[str]
    created_by: str
    modified_at: int
    modified_by: str
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return f"crn:v1:ibmcloud:public:iam-access-management::a/{self.account_id}::customRole:{self.name}"


@dataclass(frozen=True, slots=True)
class AccessGroup:
    """Identities that hold the same policies."""

    id: str
    account_id: str
    name: str
    description: str | None
    created_by: str
    modified_at: int
    modified_by: str
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return f"crn:v1:bluemix:public:iam-groups::a/{self.account_id}::access-group:{self.id}"


@dataclass(frozen=True, slots=True)
class AccessGroupRule:
    """A rule that would bring federated users into a group: kept and shown."""

    id: str
    account_id: str
    group_id: str
    name: str
    expiration: int
    realm_name: str
    conditions: list[dict[str, str]]
    created_by: str
    modified_at: int
    modified_by: str
    created_at: int
    revision: int = 1
