"""Enterprises, account groups, accounts, users, resource groups. Moments are microseconds since the epoch."""

from __future__ import annotations

from typing import Any

from kunsthalle.core.crn import Crn
from kunsthalle.core.records import dataclass


def tree_crn(account_id: str, type_: str, id_: str) -> str:
    """The CRN of a node of the tree; `account_id` is the account that it is administered from (4.1)."""
    return str(Crn("enterprise", "", account_id, "", type_, id_))


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
    created_by: str
    updated_at: int
    updated_by: str
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return tree_crn(self.account_id, "enterprise", self.id)


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
    created_by: str
    updated_at: int
    updated_by: str
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return tree_crn(self.account_id, "account-group", self.id)


@dataclass(frozen=True, slots=True)
class Account:
    """An account; outside any enterprise `enterprise_id` is None. `traits` are what its creation asked for."""

    id: str
    account_id: str
    enterprise_id: str | None
    group_id: str | None
    name: str
    state: str
    owner_iam_id: str
    is_enterprise: bool
    traits: dict[str, Any]
    created_by: str
    updated_at: int
    updated_by: str
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return tree_crn(self.account_id, "account", self.id)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, whatever the account. `user_id` is what they sign in as."""

    iam_id: str
    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class User:
    """A person's membership of one account: `PENDING` from the invitation until it is accepted.

    People are found by `user_id`, which nobody changes; `email` is a contact, which they change as they like. The
    `iam_id` of an invitation is its own: whose address it is, and whether anybody's, the account learns by acceptance.
    """

    id: str
    account_id: str
    iam_id: str
    email: str
    name: str
    state: str
    profile: dict[str, str]
    settings: dict[str, Any]
    user_id: str
    created_at: int
    revision: int = 1

    @property
    def person(self) -> Person:
        return Person(self.iam_id, self.user_id, self.name)

    @property
    def names(self) -> tuple[str, str]:
        """First and last name."""
        first, _, last = self.name.partition(" ")
        return first, last


@dataclass(frozen=True, slots=True)
class ResourceGroup:
    """A folder of resources; exactly one of each account is its default. `deleted_at` is 0 while it is there."""

    id: str
    account_id: str
    name: str
    is_default: bool
    state: str
    updated_at: int
    deleted_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return str(Crn("resource-controller", "", self.account_id, "", "resource-group", self.id))
