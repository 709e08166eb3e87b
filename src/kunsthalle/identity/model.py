"""API keys and policies. Moments are microseconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kunsthalle.core.access import Attribute, Grant


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of one identity in one account. Only the hash of its secret is kept."""

    id: str
    account_id: str
    iam_id: str
    name: str
    description: str | None
    hash: str
    locked: bool
    disabled: bool
    expires_at: int | None
    created_by: str
    modified_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return f"crn:v1:bluemix:public:iam-identity::a/{self.account_id}::apikey:{self.id}"


@dataclass(frozen=True, slots=True)
class Policy:
    """An access or authorization policy. `subject` and `resource` are lists of `{key, operator, value}`."""

    id: str
    account_id: str
    type: str
    subject_id: str
    subject: list[dict[str, str]]
    roles: list[str]
    resource: list[dict[str, str]]
    description: str | None
    state: str
    fingerprint: str
    created_by: str
    modified_at: int
    modified_by: str
    created_at: int
    revision: int = 1

    def grant(self) -> Grant:
        """What the policy adds to its subject."""
        return Grant(tuple(self.roles), tuple(attribute(one) for one in self.resource))


def attribute(one: dict[str, Any]) -> Attribute:
    """A stored condition as the one that decides."""
    return Attribute(one["key"], one["value"], one.get("operator", "stringEquals"))
