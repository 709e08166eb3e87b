"""How the resources of this package are looked up.

The tree is administered from the enterprise's account and seen there by policy. Beyond that an account sees itself,
and the enterprise that it is in: that much the API tells it without any role (catalog-iam-enterprise.md 4.1).
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import ColumnElement, and_

from kunsthalle.accounts.models import Account, AccountGroup, Enterprise, ResourceGroup, User
from kunsthalle.accounts.states import (
    ACCOUNT_GROUP_STATES,
    ACCOUNT_STATES,
    ENTERPRISE_STATES,
    RESOURCE_GROUP_STATES,
    USER_STATES,
)
from kunsthalle.accounts.tables import account_groups, accounts, enterprises, resource_groups, users
from kunsthalle.authz.context import Context
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType


def enterprise_id(ctx: Context) -> str:
    """The enterprise of the caller's account; empty outside any."""
    roots = (recipient.removeprefix("-ent-") for recipient in ctx.recipients if recipient.startswith("-ent-"))
    return next(roots, "")


def _own_enterprise(session: Session) -> ColumnElement[bool]:
    return enterprises.c.id == enterprise_id(session.ctx)


def _itself(session: Session) -> ColumnElement[bool]:
    return accounts.c.id == session.ctx.account_id


def _himself(session: Session) -> ColumnElement[bool]:
    return and_(users.c.account_id == session.ctx.account_id, users.c.iam_id == session.ctx.actor.iam_id)


ENTERPRISE = ResourceType(
    "enterprise",
    enterprises,
    Enterprise,
    "enterprise.enterprise.retrieve",
    attributes={"enterpriseId": enterprises.c.id, "resource": enterprises.c.id},
    states=ENTERPRISE_STATES,
    state_column=enterprises.c.state,
    others=_own_enterprise,
    live=enterprises.c.state == "ACTIVE",
)
ACCOUNT_GROUP = ResourceType(
    "account-group",
    account_groups,
    AccountGroup,
    "enterprise.account-group.retrieve",
    attributes={
        "enterpriseId": account_groups.c.enterprise_id,
        "accountGroupId": account_groups.c.id,
        "resource": account_groups.c.id,
    },
    states=ACCOUNT_GROUP_STATES,
    state_column=account_groups.c.state,
    live=account_groups.c.state == "ACTIVE",
)
ACCOUNT = ResourceType(
    "account",
    accounts,
    Account,
    "enterprise.account.retrieve",
    attributes={
        "enterpriseId": accounts.c.enterprise_id,
        "accountGroupId": accounts.c.group_id,
        "resource": accounts.c.id,
    },
    states=ACCOUNT_STATES,
    state_column=accounts.c.state,
    others=_itself,
    live=accounts.c.state == "ACTIVE",
)
EVER_ACCOUNT = replace(ACCOUNT, live=None)
"""Cancelled accounts too, for lists that ask for them."""
EVER_ACCOUNT_GROUP = replace(ACCOUNT_GROUP, live=None)

USER = ResourceType(
    "user",
    users,
    User,
    "user-management.user.retrieve",
    attributes={"resource": users.c.iam_id},
    states=USER_STATES,
    state_column=users.c.state,
    others=_himself,
)
# A group is meant by `resource`; `resourceGroupId` speaks of what is in a group, and a group is in none.
RESOURCE_GROUP = ResourceType(
    "resource-group",
    resource_groups,
    ResourceGroup,
    "resource-controller.group.retrieve",
    attributes={"resource": resource_groups.c.id},
    states=RESOURCE_GROUP_STATES,
    state_column=resource_groups.c.state,
    live=resource_groups.c.state == "ACTIVE",
)
EVER_RESOURCE_GROUP = replace(RESOURCE_GROUP, live=None)
"""Deleted groups too, for lists that ask for them."""
