"""The enterprise tree: founding, growing, moving, importing, cancelling. One public function a use case."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts import service
from kunsthalle.accounts.identity_port import Identities, ServiceKey
from kunsthalle.accounts.models import Account, AccountGroup, Enterprise, User
from kunsthalle.accounts.queries import DEEPEST, TREE, account, member, member_of_any, members, way_down, way_up
from kunsthalle.accounts.resources import ACCOUNT, ACCOUNT_GROUP, ENTERPRISE
from kunsthalle.accounts.tables import operator_account_names
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.db.rows import insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.unscoped import any_row, remove_rows
from kunsthalle.db.visibility import Authorized, find, require, unscoped

CREATE_ACCOUNT = "enterprise.account.create"
MOVE_ACCOUNT = "enterprise.account.move"
CREATE_GROUP = "enterprise.account-group.create"
MOVE_GROUP = "enterprise.account-group.move"
IMPORT = "enterprise.account.import"
_TAKEN = "The account is in an enterprise already."


def create_enterprise(
    session: Session, identities: Identities, source_id: str, name: str, contact_id: str, domain: str | None
) -> Enterprise:
    """The caller's account, which is in no enterprise yet, becomes the first child of a new one."""
    if source_id != session.ctx.account_id:
        raise not_found("source_account_id", "field")
    source = account(session, source_id)
    if source is None or source.enterprise_id is not None:
        raise conflict("conflict", _TAKEN, "source_account_id")
    contact = member(session, source_id, contact_id)
    if contact is None:
        raise invalid(
            "bad_request", "The primary contact is not an active user of the account.", "primary_contact_iam_id"
        )
    enterprise, own = service.found_enterprise(session, name, domain=domain, source=source, contact=contact.person)
    identities.own(session, own)
    _take_in(session, source, enterprise, None)
    return enterprise


def update_enterprise(session: Session, granted: Authorized[Enterprise], changes: dict[str, Any]) -> None:
    """Its name, domain or primary contact."""
    _known_contact(session, granted.resource.account_id, changes)
    update(session, ENTERPRISE, granted.resource.id, **changes, **_signed(session))


def parent_of(session: Session, crn: str, action: str, field: str = "parent") -> tuple[Enterprise, str | None]:
    """The enterprise, and the group or None, that a CRN means, if the caller may do the action there.

    404 for what is hidden or absent, 403 for what is seen and out of reach.
    """
    try:
        meant = parse(crn)
    except ValueError as error:
        raise invalid("bad_request", f"The CRN is not well-formed: {error}", field) from error
    if meant.type == "account-group":
        group = _kept(session, find(session, ACCOUNT_GROUP, meant.resource, field, "field"), field)
        enterprise = unscoped(session, ENTERPRISE, ENTERPRISE.table.c.id == group.enterprise_id)[0]
        _same(group.crn == crn, field)
        require(session, ACCOUNT_GROUP, group, action)
        return enterprise, group.id
    enterprise = find(session, ENTERPRISE, meant.resource, field, "field")
    _same(enterprise.crn == crn, field)
    require(session, ENTERPRISE, enterprise, action)
    return enterprise, None


def _kept(session: Session, group: AccountGroup, field: str) -> AccountGroup:
    """The group, which nobody deletes before this transaction has ended."""
    table = ACCOUNT_GROUP.table
    account_groups = unscoped(
        session, ACCOUNT_GROUP, table.c.id == group.id, table.c.state == "ACTIVE", lock=session.writing
    )
    if not account_groups:
        raise not_found(field, "field")
    return account_groups[0]


def _same(same: bool, field: str) -> None:
    if not same:
        raise not_found(field, "field")


def create_account(
    session: Session,
    identities: Identities,
    parent: str,
    name: str,
    owner_iam_id: str,
    traits: dict[str, Any],
    *,
    with_service_id: bool,
) -> tuple[Account, ServiceKey | None]:
    """A new account below a node of the tree. Its owner is somebody whom the enterprise knows."""
    enterprise, group_id = parent_of(session, parent, CREATE_ACCOUNT)
    owner = _person(session, enterprise, owner_iam_id, "owner_iam_id")
    made = service.open_account(session, name, enterprise, group_id, owner=owner.person, traits=traits)
    identities.own(session, made)
    return made, identities.serve(session, made) if with_service_id else None


def _person(session: Session, enterprise: Enterprise, iam_id: str, field: str) -> User:
    """400 for an IAM ID that is no active user of an account of the enterprise: others are not its to know."""
    among = [member.id for member in members(session, enterprise.id)]
    user = member_of_any(session, iam_id, among)
    if user is None:
        raise invalid("bad_request", "The IAM ID is no active user of an account of the enterprise.", field)
    return user


def move_account(session: Session, granted: Authorized[Account], parent: str) -> None:
    """To another node of the same enterprise; what it may boot follows at once."""
    moved = granted.resource
    enterprise, group_id = parent_of(session, parent, MOVE_ACCOUNT)
    if moved.enterprise_id is None or enterprise.id != moved.enterprise_id:
        raise invalid("bad_request", "The parent is in another enterprise.", "parent")
    if moved.is_enterprise:
        raise conflict("conflict", "The account of the enterprise itself cannot be moved.")
    update(session, ACCOUNT, moved.id, group_id=group_id, **_signed(session))
    session.invalidate(TREE)


def import_account(
    session: Session, identities: Identities, granted: Authorized[Enterprise], account_id: str, parent: str | None
) -> None:
    """A stand-alone account joins. The caller must be its Administrator as well: nobody is taken in unasked."""
    enterprise, group_id = granted.resource, None
    if parent is not None:
        above, group_id = parent_of(session, parent, IMPORT)
        if above.id != enterprise.id:
            raise invalid("bad_request", "The parent is in another enterprise.", "parent")
    owned = account(session, account_id)
    known = owned is not None and owned.state == "ACTIVE"
    if owned is None or not known or not identities.administers(session, account_id, session.ctx.actor.iam_id):
        raise not_found("account_id")
    if owned.enterprise_id is not None:
        raise conflict("conflict", _TAKEN)
    _take_in(session, owned, enterprise, group_id)


def _take_in(session: Session, joining: Account, enterprise: Enterprise, group_id: str | None) -> None:
    place = {"account_id": enterprise.account_id, "enterprise_id": enterprise.id, "group_id": group_id}
    outside = ACCOUNT.table.c.enterprise_id.is_(None)
    must(update(session, ACCOUNT, joining.id, outside, **place, **_signed(session)), _TAKEN, "conflict")
    session.invalidate(TREE)


def cancel_account(session: Session, identities: Identities, granted: Authorized[Account]) -> None:
    """It leaves the enterprise and ends: nobody holds anything in it, and what it shared is seen no more."""
    ended = granted.resource
    if ended.is_enterprise or ended.enterprise_id is None:
        raise conflict("conflict", "Only an account below an enterprise can be removed from it.")
    done = transition(session, ACCOUNT, ended.id, "DELETED", enterprise_id=None, **_signed(session))
    must(done, "The account is cancelled already.", "conflict")
    identities.cancel(session, ended.id)
    remove_rows(session, operator_account_names, operator_account_names.c.account_id == ended.id)
    session.invalidate(TREE)


def create_group(session: Session, parent: str, name: str, contact_id: str) -> AccountGroup:
    """A new account group below a node of the tree."""
    enterprise, parent_id = parent_of(session, parent, CREATE_GROUP)
    _person(session, enterprise, contact_id, "primary_contact_iam_id")
    if len(way_up(session, parent_id)) >= DEEPEST - 1:
        raise conflict("conflict", "The account group would be too deep in the tree.", "parent")
    now, by = session.ctx.now(), session.ctx.actor.iam_id
    group = AccountGroup(
        id=session.ctx.ids.hex(),
        account_id=enterprise.account_id,
        enterprise_id=enterprise.id,
        parent_id=parent_id,
        name=name,
        state="ACTIVE",
        primary_contact_iam_id=contact_id,
        created_by=by,
        updated_at=now,
        updated_by=by,
        created_at=now,
    )
    return insert(session, ACCOUNT_GROUP, group)


def update_group(
    session: Session, granted: Authorized[AccountGroup], changes: dict[str, Any], parent: str | None
) -> None:
    """Its name, primary contact, or place in the tree."""
    group = granted.resource
    _known_contact(session, group.account_id, changes)
    if parent is not None:
        changes = {**changes, "parent_id": _new_place(session, group, parent)}
        session.invalidate(TREE)
    update(session, ACCOUNT_GROUP, group.id, **changes, **_signed(session))


def _new_place(session: Session, group: AccountGroup, parent: str) -> str | None:
    enterprise, parent_id = parent_of(session, parent, MOVE_GROUP)
    require(session, ACCOUNT_GROUP, group, MOVE_GROUP)
    if enterprise.id != group.enterprise_id:
        raise invalid("bad_request", "The parent is in another enterprise.", "parent")
    below = way_down(session, group)
    if parent_id in below:
        raise conflict("conflict", "An account group cannot be moved into itself.", "parent")
    if len(way_up(session, parent_id)) + len(below) >= DEEPEST:
        raise conflict("conflict", "The account group would be too deep in the tree.", "parent")
    return parent_id


def delete_group(session: Session, granted: Authorized[AccountGroup]) -> None:
    """Only an empty one goes."""
    group = granted.resource
    done = transition(session, ACCOUNT_GROUP, group.id, "DELETED", **_signed(session))
    must(done, "The account group is deleted already.", "conflict")
    # Asked behind the change: the row is ours now, and nothing moves in any more.
    groups, accounts = ACCOUNT_GROUP.table.c, ACCOUNT.table.c
    below = any_row(session, ACCOUNT_GROUP.table, groups.parent_id == group.id, groups.state == "ACTIVE")
    if below or any_row(session, ACCOUNT.table, accounts.group_id == group.id, accounts.state == "ACTIVE"):
        raise conflict("conflict", "The account group is not empty.")
    session.invalidate(TREE)


def _known_contact(session: Session, account_id: str, changes: dict[str, Any]) -> None:
    contact = changes.get("primary_contact_iam_id")
    if contact is not None and member(session, account_id, contact) is None:
        text = "The contact is not an active user of the enterprise's account."
        raise invalid("bad_request", text, "primary_contact_iam_id")


def _signed(session: Session) -> dict[str, Any]:
    return {"updated_at": session.ctx.now(), "updated_by": session.ctx.actor.iam_id}
