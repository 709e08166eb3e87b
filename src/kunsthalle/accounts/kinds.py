"""How the things of this room are looked up."""

from __future__ import annotations

from kunsthalle.accounts.model import Account, AccountGroup, Enterprise, ResourceGroup, User
from kunsthalle.store.schema.accounts import account_groups, accounts, enterprises, resource_groups, users
from kunsthalle.store.scope import Kind

ENTERPRISE = Kind("enterprise", enterprises, Enterprise, "enterprise.enterprise.retrieve")
ACCOUNT_GROUP = Kind("account-group", account_groups, AccountGroup, "enterprise.account-group.retrieve")
ACCOUNT = Kind("account", accounts, Account, "enterprise.account.retrieve")
USER = Kind("user", users, User, "user-management.user.retrieve")
RESOURCE_GROUP = Kind(
    "resource-group",
    resource_groups,
    ResourceGroup,
    "resource-controller.group.retrieve",
    attributes={"resourceGroupId": resource_groups.c.id, "resource": resource_groups.c.id},
)
