"""Making enterprises, accounts, users and resource groups. One public function a use case."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.kinds import ACCOUNT, ENTERPRISE, RESOURCE_GROUP, USER
from kunsthalle.accounts.model import Account, Enterprise, Person, ResourceGroup, User
from kunsthalle.accounts.queries import TREE
from kunsthalle.store.rows import insert
from kunsthalle.store.unit import Unit


def found_enterprise(
    unit: Unit, name: str, *, domain: str | None = None, source: Account | None = None, contact: Person | None = None
) -> tuple[Enterprise, Account]:
    """A new enterprise with its own account and that account's owner, who is the enterprise's contact."""
    ids, now = unit.ctx.ids, unit.ctx.now()
    enterprise_id, account_id = ids.hex(), ids.hex()
    account = _open(unit, account_id, account_id, name, enterprise_id, owner=contact, is_enterprise=True)
    enterprise = Enterprise(
        id=enterprise_id,
        account_id=account_id,
        name=name,
        domain=domain,
        state="ACTIVE",
        primary_contact_iam_id=account.owner_iam_id,
        source_account_id=source.id if source else account_id,
        created_by=unit.ctx.actor.iam_id,
        updated_at=now,
        updated_by=unit.ctx.actor.iam_id,
        created_at=now,
    )
    insert(unit, ENTERPRISE, enterprise)
    return enterprise, account


def open_account(
    unit: Unit,
    name: str,
    enterprise: Enterprise | None,
    group_id: str | None = None,
    *,
    owner: Person | None = None,
    traits: dict[str, Any] | None = None,
) -> Account:
    """A new account, in an enterprise (directly or in a group of it) or outside any."""
    id_ = unit.ctx.ids.hex()
    if enterprise is None:
        return _open(unit, id_, id_, name, None, owner=owner, traits=traits)
    return _open(unit, id_, enterprise.account_id, name, enterprise.id, group_id, owner=owner, traits=traits)


def _open(
    unit: Unit,
    id_: str,
    seen_from: str,
    name: str,
    enterprise_id: str | None,
    group_id: str | None = None,
    *,
    owner: Person | None,
    traits: dict[str, Any] | None = None,
    is_enterprise: bool = False,
) -> Account:
    owner = owner or Person(new_iam_id(unit), f"owner@{name}.example", f"{name} owner")
    now, by = unit.ctx.now(), unit.ctx.actor.iam_id
    account = Account(
        id=id_,
        account_id=seen_from,
        enterprise_id=enterprise_id,
        group_id=group_id,
        name=name,
        state="ACTIVE",
        owner_iam_id=owner.iam_id,
        is_enterprise=is_enterprise,
        traits=traits or {},
        created_by=by,
        updated_at=now,
        updated_by=by,
        created_at=now,
    )
    insert(unit, ACCOUNT, account)
    add_user(unit, id_, owner.iam_id, owner.user_id, owner.name)
    insert(unit, RESOURCE_GROUP, new_group(unit, id_, "Default", is_default=True))
    unit.changed(TREE)
    return account


def new_iam_id(unit: Unit) -> str:
    """The IAM ID of a person whom nobody knew before."""
    return "IBMid-" + unit.ctx.ids.hex(10).upper()


def new_group(unit: Unit, account_id: str, name: str, *, is_default: bool = False) -> ResourceGroup:
    """A resource group, not inserted yet."""
    now = unit.ctx.now()
    return ResourceGroup(unit.ctx.ids.hex(), account_id, name, is_default, "ACTIVE", now, 0, now)


def add_user(unit: Unit, account_id: str, iam_id: str, address: str, name: str, state: str = "ACTIVE") -> User:
    """A user's membership of an account, by the address they sign in with; it holds nothing until a policy says so."""
    login = address.lower()
    user = User(unit.ctx.ids.hex(), account_id, iam_id, address, name, state, {}, {}, login, unit.ctx.now())
    return insert(unit, USER, user)
