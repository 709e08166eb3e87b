"""Questions about the enterprise tree and about resource groups."""

from __future__ import annotations

from kunsthalle.accounts.kinds import ACCOUNT, ACCOUNT_GROUP, RESOURCE_GROUP, USER
from kunsthalle.accounts.model import Account, ResourceGroup, User
from kunsthalle.core.errors import invalid
from kunsthalle.store.scope import some, unguarded
from kunsthalle.store.unit import Unit

TREE = "enterprise-tree"
"""The topic under which a process remembers where accounts stand in their tree."""
_DEEPEST = 64


def account(unit: Unit, id_: str) -> Account | None:
    """An account, whoever asks: for authentication and for the tree."""
    found = unguarded(unit, ACCOUNT, ACCOUNT.table.c.id == id_)
    return found[0] if found else None


def user(unit: Unit, account_id: str, iam_id: str) -> User | None:
    """The membership of a user in an account."""
    table = USER.table
    found = unguarded(unit, USER, table.c.account_id == account_id, table.c.iam_id == iam_id)
    return found[0] if found else None


def audience(unit: Unit, account_id: str) -> tuple[str, ...]:
    """The identifiers that address an account in a share: itself, its enterprise, every group above it (1.9)."""
    return unit.memo(TREE, account_id, lambda: _audience(unit, account_id))


def _audience(unit: Unit, account_id: str) -> tuple[str, ...]:
    here = account(unit, account_id)
    if here is None or here.enterprise_id is None:
        return (account_id,)
    found = [account_id, f"-ent-{here.enterprise_id}"]
    group_id = here.group_id
    while group_id is not None and len(found) < _DEEPEST:
        found.append(f"-entgrp-{group_id}")
        above = unguarded(unit, ACCOUNT_GROUP, ACCOUNT_GROUP.table.c.id == group_id)
        group_id = above[0].parent_id if above else None
    return tuple(found)


def enterprise_of(unit: Unit, account_id: str) -> str | None:
    """The id of the enterprise an account is in, or None."""
    here = account(unit, account_id)
    return here.enterprise_id if here else None


def enterprise_of_identifier(unit: Unit, identifier: str) -> str | None:
    """The enterprise that an access-list identifier stands in, or None when there is no such thing."""
    if identifier.startswith("-ent-"):
        id_ = identifier.removeprefix("-ent-")
        return id_ if unguarded(unit, ACCOUNT, ACCOUNT.table.c.enterprise_id == id_) else None
    if identifier.startswith("-entgrp-"):
        found = unguarded(unit, ACCOUNT_GROUP, ACCOUNT_GROUP.table.c.id == identifier.removeprefix("-entgrp-"))
        return found[0].enterprise_id if found else None
    return enterprise_of(unit, identifier)


def default_group(unit: Unit) -> ResourceGroup:
    """The account's default resource group."""
    table = RESOURCE_GROUP.table
    mine = (table.c.account_id == unit.ctx.account_id, table.c.is_default)
    return unguarded(unit, RESOURCE_GROUP, *mine)[0]


def chosen_group(unit: Unit, id_: str | None) -> ResourceGroup:
    """The group named in a request, or the default one; 400 for an unknown or foreign one (vpc-api.md A8)."""
    if id_ is None:
        return default_group(unit)
    table = RESOURCE_GROUP.table
    mine = (table.c.account_id == unit.ctx.account_id, table.c.id == id_)
    found = unguarded(unit, RESOURCE_GROUP, *mine)
    if not found:
        raise invalid("bad_field", "The resource group does not exist.", "resource_group")
    return found[0]


def group_name(unit: Unit, id_: str) -> str:
    """The name of one of the account's groups, for references; remembered."""

    def load() -> str:
        found = unguarded(unit, RESOURCE_GROUP, RESOURCE_GROUP.table.c.id == id_)
        return found[0].name if found else id_

    return unit.memo(GROUPS, id_, load)


GROUPS = "resource-groups"
"""The topic under which a process remembers the names of resource groups."""


def groups(unit: Unit, name: str | None, default: bool | None) -> list[ResourceGroup]:
    """The groups the caller may read."""
    table = RESOURCE_GROUP.table
    where = [table.c.name == name] if name is not None else []
    if default is not None:
        where.append(table.c.is_default == default)
    return some(unit, RESOURCE_GROUP, *where)
