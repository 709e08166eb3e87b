"""Making enterprises, accounts, users and resource groups. One public function a use case."""

from __future__ import annotations

from kunsthalle.accounts.kinds import ACCOUNT, ENTERPRISE, RESOURCE_GROUP, USER
from kunsthalle.accounts.model import Account, Enterprise, ResourceGroup, User
from kunsthalle.accounts.queries import TREE
from kunsthalle.store.rows import insert
from kunsthalle.store.unit import Unit


def found_enterprise(unit: Unit, name: str) -> tuple[Enterprise, Account]:
    """A new enterprise with its own account and that account's owner."""
    ids, now = unit.ctx.ids, unit.ctx.now()
    enterprise_id, account_id = ids.hex(), ids.hex()
    account = _open(unit, account_id, account_id, name, enterprise_id, None, is_enterprise=True)
    enterprise = Enterprise(enterprise_id, account_id, name, None, "ACTIVE", account.owner_iam_id, account_id, now)
    insert(unit, ENTERPRISE, enterprise)
    return enterprise, account


def open_account(unit: Unit, name: str, enterprise: Enterprise | None, group_id: str | None = None) -> Account:
    """A new account, in an enterprise (directly or in a group of it) or outside any."""
    id_ = unit.ctx.ids.hex()
    if enterprise is None:
        return _open(unit, id_, id_, name, None, None, is_enterprise=False)
    return _open(unit, id_, enterprise.account_id, name, enterprise.id, group_id, is_enterprise=False)


def _open(
    unit: Unit,
    id_: str,
    seen_from: str,
    name: str,
    enterprise_id: str | None,
    group_id: str | None,
    *,
    is_enterprise: bool,
) -> Account:
    owner = "IBMid-" + unit.ctx.ids.hex(10).upper()
    now = unit.ctx.now()
    account = Account(id_, seen_from, enterprise_id, group_id, name, "ACTIVE", owner, is_enterprise, now)
    insert(unit, ACCOUNT, account)
    add_user(unit, id_, owner, f"owner@{name}.example", f"{name} owner")
    insert(unit, RESOURCE_GROUP, ResourceGroup(unit.ctx.ids.hex(), id_, "Default", True, "ACTIVE", now))
    unit.changed(TREE)
    return account


def add_user(unit: Unit, account_id: str, iam_id: str, email: str, name: str) -> User:
    """A user's membership of an account; it holds nothing until a policy says so."""
    user = User(unit.ctx.ids.hex(), account_id, iam_id, email, name, "ACTIVE", unit.ctx.now())
    return insert(unit, USER, user)
