"""Making enterprises, accounts, users and resource groups. One public function a use case."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.models import Account, Enterprise, Person, ResourceGroup, User
from kunsthalle.accounts.queries import TREE
from kunsthalle.accounts.resources import ACCOUNT, ENTERPRISE, RESOURCE_GROUP, USER
from kunsthalle.db.rows import insert
from kunsthalle.db.session import Session


def found_enterprise(
    session: Session,
    name: str,
    *,
    domain: str | None = None,
    source: Account | None = None,
    contact: Person | None = None,
) -> tuple[Enterprise, Account]:
    """A new enterprise with its own account and that account's owner, who is the enterprise's contact."""
    ids, now = session.ctx.ids, session.ctx.now()
    enterprise_id, account_id = ids.hex(), ids.hex()
    account = _open(session, account_id, account_id, name, enterprise_id, owner=contact, is_enterprise=True)
    enterprise = Enterprise(
        id=enterprise_id,
        account_id=account_id,
        name=name,
        domain=domain,
        state="ACTIVE",
        primary_contact_iam_id=account.owner_iam_id,
        source_account_id=source.id if source else account_id,
        created_by=session.ctx.actor.iam_id,
        updated_at=now,
        updated_by=session.ctx.actor.iam_id,
        created_at=now,
    )
    insert(session, ENTERPRISE, enterprise)
    return enterprise, account


def open_account(
    session: Session,
    name: str,
    enterprise: Enterprise | None,
    group_id: str | None = None,
    *,
    owner: Person | None = None,
    traits: dict[str, Any] | None = None,
) -> Account:
    """A new account, in an enterprise (directly or in a group of it) or outside any."""
    id_ = session.ctx.ids.hex()
    if enterprise is None:
        return _open(session, id_, id_, name, None, owner=owner, traits=traits)
    return _open(session, id_, enterprise.account_id, name, enterprise.id, group_id, owner=owner, traits=traits)


def _open(
    session: Session,
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
    owner = owner or Person(new_iam_id(session), f"owner@{name}.example", f"{name} owner")
    now, by = session.ctx.now(), session.ctx.actor.iam_id
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
    insert(session, ACCOUNT, account)
    add_user(session, id_, owner.iam_id, owner.user_id, owner.name)
    insert(session, RESOURCE_GROUP, new_group(session, id_, "Default", is_default=True))
    session.invalidate(TREE)
    return account


def new_iam_id(session: Session) -> str:
    """The IAM ID of a person whom nobody knew before."""
    return "IBMid-" + session.ctx.ids.hex(10).upper()


def new_group(session: Session, account_id: str, name: str, *, is_default: bool = False) -> ResourceGroup:
    """A resource group, not inserted yet."""
    now = session.ctx.now()
    return ResourceGroup(session.ctx.ids.hex(), account_id, name, is_default, "ACTIVE", now, 0, now)


def add_user(session: Session, account_id: str, iam_id: str, address: str, name: str, state: str = "ACTIVE") -> User:
    """A user's membership of an account, by the address they sign in with; it holds nothing until a policy says so."""
    login = address.lower()
    user = User(session.ctx.ids.hex(), account_id, iam_id, address, name, state, {}, {}, login, session.ctx.now())
    return insert(session, USER, user)
