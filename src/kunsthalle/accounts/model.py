"""Enterprises, account groups, accounts, users, resource groups. Moments are microseconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Enterprise:
    """The root of a tree of accounts; `account_id` is the enterprise's own account."""

    id: str
    account_id: str
    name: str
    domain: str | None
    state: str
    primary_contact_iam_id: str
    source_account_id: str
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class AccountGroup:
    """An inner node of the tree; `parent_id` is another group, or None below the enterprise itself."""

    id: str
    account_id: str
    enterprise_id: str
    parent_id: str | None
    name: str
    state: str
    primary_contact_iam_id: str
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Account:
    """An account; outside any enterprise `enterprise_id` is None."""

    id: str
    account_id: str
    enterprise_id: str | None
    group_id: str | None
    name: str
    state: str
    owner_iam_id: str
    is_enterprise: bool
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class User:
    """A person's membership of one account."""

    id: str
    account_id: str
    iam_id: str
    email: str
    name: str
    state: str
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class ResourceGroup:
    """A folder of resources; exactly one of each account is its default."""

    id: str
    account_id: str
    name: str
    is_default: bool
    state: str
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return f"crn:v1:bluemix:public:resource-controller::a/{self.account_id}::resource-group:{self.id}"
