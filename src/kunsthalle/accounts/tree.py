"""The enterprise tree: founding, growing, moving, importing, cancelling. One public function a use case."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts import service
from kunsthalle.accounts.kinds import ACCOUNT, ACCOUNT_GROUP, ENTERPRISE
from kunsthalle.accounts.model import Account, AccountGroup, Enterprise, User
from kunsthalle.accounts.ports import Identities, ServiceKey
from kunsthalle.accounts.queries import DEEPEST, TREE, account, member, member_of_any, members, way_down, way_up
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import conflict, forbidden, invalid, not_found
from kunsthalle.store.rows import insert, update
from kunsthalle.store.scope import Granted, find, may, unguarded
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

CREATE_ACCOUNT = "enterprise.account.create"
MOVE_ACCOUNT = "enterprise.account.move"
CREATE_GROUP = "enterprise.account-group.create"
MOVE_GROUP = "enterprise.account-group.move"
IMPORT = "enterprise.account.import"
_TAKEN = "The account is in an enterprise already."


def create_enterprise(
    unit: Unit, identities: Identities, source_id: str, name: str, contact_id: str, domain: str | None
) -> Enterprise:
    """The caller's account, which is in no enterprise yet, becomes the first child of a new one."""
    if source_id != unit.ctx.account_id:
        raise not_found("source_account_id", "field")
    source = account(unit, source_id)
    if source is None or source.enterprise_id is not None:
        raise conflict("conflict", _TAKEN, "source_account_id")
    contact = member(unit, source_id, contact_id)
    if contact is None:
        raise invalid(
            "bad_request", "The primary contact is not an active user of the account.", "primary_contact_iam_id"
        )
    enterprise, own = service.found_enterprise(unit, name, domain=domain, source=source, contact=contact.person)
    identities.own(unit, own)
    _take_in(unit, source, enterprise, None)
    return enterprise


def update_enterprise(unit: Unit, granted: Granted[Enterprise], changes: dict[str, Any]) -> None:
    """Its name, domain or primary contact."""
    _known_contact(unit, granted.it.account_id, changes)
    update(unit, ENTERPRISE, granted.it.id, **changes, **_signed(unit))


def parent_of(unit: Unit, crn: str, action: str, field: str = "parent") -> tuple[Enterprise, str | None]:
    """The enterprise, and the group or None, that a CRN means, if the caller may do the action there.

    404 for what is hidden or absent, 403 for what is seen and out of reach.
    """
    try:
        meant = parse(crn)
    except ValueError as error:
        raise invalid("bad_request", f"The CRN is not well-formed: {error}", field) from error
    if meant.type == "account-group":
        group = _kept(unit, find(unit, ACCOUNT_GROUP, meant.resource, field, "field"), field)
        enterprise = unguarded(unit, ENTERPRISE, ENTERPRISE.table.c.id == group.enterprise_id)[0]
        _allowed(group.crn == crn, may(unit, ACCOUNT_GROUP, group, action), field)
        return enterprise, group.id
    enterprise = find(unit, ENTERPRISE, meant.resource, field, "field")
    _allowed(enterprise.crn == crn, may(unit, ENTERPRISE, enterprise, action), field)
    return enterprise, None


def _kept(unit: Unit, group: AccountGroup, field: str) -> AccountGroup:
    """The group, which nobody deletes before this transaction has ended."""
    table = ACCOUNT_GROUP.table
    found = unguarded(unit, ACCOUNT_GROUP, table.c.id == group.id, table.c.state == "ACTIVE", lock=unit.writing)
    if not found:
        raise not_found(field, "field")
    return found[0]


def _allowed(same: bool, may_act: bool, field: str) -> None:
    if not same:
        raise not_found(field, "field")
    if not may_act:
        raise forbidden()


def create_account(
    unit: Unit,
    identities: Identities,
    parent: str,
    name: str,
    owner_iam_id: str,
    traits: dict[str, Any],
    *,
    with_service_id: bool,
) -> tuple[Account, ServiceKey | None]:
    """A new account below a node of the tree. Its owner is somebody whom the enterprise knows."""
    enterprise, group_id = parent_of(unit, parent, CREATE_ACCOUNT)
    owner = _person(unit, enterprise, owner_iam_id, "owner_iam_id")
    made = service.open_account(unit, name, enterprise, group_id, owner=owner.person, traits=traits)
    identities.own(unit, made)
    return made, identities.serve(unit, made) if with_service_id else None


def _person(unit: Unit, enterprise: Enterprise, iam_id: str, field: str) -> User:
    """400 for an IAM ID that is no active user of an account of the enterprise: others are not its to know."""
    among = [one.id for one in members(unit, enterprise.id)]
    found = member_of_any(unit, iam_id, among)
    if found is None:
        raise invalid("bad_request", "The IAM ID is no active user of an account of the enterprise.", field)
    return found


def move_account(unit: Unit, granted: Granted[Account], parent: str) -> None:
    """To another node of the same enterprise; what it may boot follows at once."""
    moved = granted.it
    enterprise, group_id = parent_of(unit, parent, MOVE_ACCOUNT)
    if moved.enterprise_id is None or enterprise.id != moved.enterprise_id:
        raise invalid("bad_request", "The parent is in another enterprise.", "parent")
    if moved.is_enterprise:
        raise conflict("conflict", "The account of the enterprise itself cannot be moved.")
    update(unit, ACCOUNT, moved.id, group_id=group_id, **_signed(unit))
    unit.changed(TREE)


def import_account(
    unit: Unit, identities: Identities, granted: Granted[Enterprise], account_id: str, parent: str | None
) -> None:
    """A stand-alone account joins. The caller must be its Administrator as well: nobody is taken in unasked."""
    enterprise, group_id = granted.it, None
    if parent is not None:
        above, group_id = parent_of(unit, parent, IMPORT)
        if above.id != enterprise.id:
            raise invalid("bad_request", "The parent is in another enterprise.", "parent")
    found = account(unit, account_id)
    known = found is not None and found.state == "ACTIVE"
    if found is None or not known or not identities.administers(unit, account_id, unit.ctx.actor.iam_id):
        raise not_found("account_id")
    if found.enterprise_id is not None:
        raise conflict("conflict", _TAKEN)
    _take_in(unit, found, enterprise, group_id)


def _take_in(unit: Unit, joining: Account, enterprise: Enterprise, group_id: str | None) -> None:
    place = {"account_id": enterprise.account_id, "enterprise_id": enterprise.id, "group_id": group_id}
    outside = ACCOUNT.table.c.enterprise_id.is_(None)
    must(update(unit, ACCOUNT, joining.id, outside, **place, **_signed(unit)), _TAKEN, "conflict")
    unit.changed(TREE)


def cancel_account(unit: Unit, identities: Identities, granted: Granted[Account]) -> None:
    """It leaves the enterprise and ends: nobody holds anything in it, and what it shared is seen no more."""
    ended = granted.it
    if ended.is_enterprise or ended.enterprise_id is None:
        raise conflict("conflict", "Only an account below an enterprise can be removed from it.")
    done = transition(unit, ACCOUNT, ended.id, "DELETED", enterprise_id=None, **_signed(unit))
    must(done, "The account is cancelled already.", "conflict")
    identities.cancel(unit, ended.id)
    unit.changed(TREE)


def create_group(unit: Unit, parent: str, name: str, contact_id: str) -> AccountGroup:
    """A new account group below a node of the tree."""
    enterprise, parent_id = parent_of(unit, parent, CREATE_GROUP)
    _person(unit, enterprise, contact_id, "primary_contact_iam_id")
    if len(way_up(unit, parent_id)) >= DEEPEST - 1:
        raise conflict("conflict", "The account group would be too deep in the tree.", "parent")
    now, by = unit.ctx.now(), unit.ctx.actor.iam_id
    group = AccountGroup(
        id=unit.ctx.ids.hex(),
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
    return insert(unit, ACCOUNT_GROUP, group)


def update_group(unit: Unit, granted: Granted[AccountGroup], changes: dict[str, Any], parent: str | None) -> None:
    """Its name, primary contact, or place in the tree."""
    group = granted.it
    _known_contact(unit, group.account_id, changes)
    if parent is not None:
        changes = {**changes, "parent_id": _new_place(unit, group, parent)}
        unit.changed(TREE)
    update(unit, ACCOUNT_GROUP, group.id, **changes, **_signed(unit))


def _new_place(unit: Unit, group: AccountGroup, parent: str) -> str | None:
    enterprise, parent_id = parent_of(unit, parent, MOVE_GROUP)
    if not may(unit, ACCOUNT_GROUP, group, MOVE_GROUP):
        raise forbidden()
    if enterprise.id != group.enterprise_id:
        raise invalid("bad_request", "The parent is in another enterprise.", "parent")
    below = way_down(unit, group)
    if parent_id in below:
        raise conflict("conflict", "An account group cannot be moved into itself.", "parent")
    if len(way_up(unit, parent_id)) + len(below) >= DEEPEST:
        raise conflict("conflict", "The account group would be too deep in the tree.", "parent")
    return parent_id


def delete_group(unit: Unit, granted: Granted[AccountGroup]) -> None:
    """Only an empty one goes."""
    group = granted.it
    done = transition(unit, ACCOUNT_GROUP, group.id, "DELETED", **_signed(unit))
    must(done, "The account group is deleted already.", "conflict")
    # Asked behind the change: the row is ours now, and nothing moves in any more.
    groups, accounts = ACCOUNT_GROUP.table.c, ACCOUNT.table.c
    below = unguarded(unit, ACCOUNT_GROUP, groups.parent_id == group.id, groups.state == "ACTIVE")
    inside = unguarded(unit, ACCOUNT, accounts.group_id == group.id, accounts.state == "ACTIVE")
    if below or inside:
        raise conflict("conflict", "The account group is not empty.")
    unit.changed(TREE)


def _known_contact(unit: Unit, account_id: str, changes: dict[str, Any]) -> None:
    contact = changes.get("primary_contact_iam_id")
    if contact is not None and member(unit, account_id, contact) is None:
        text = "The contact is not an active user of the enterprise's account."
        raise invalid("bad_request", text, "primary_contact_iam_id")


def _signed(unit: Unit) -> dict[str, Any]:
    return {"updated_at": unit.ctx.now(), "updated_by": unit.ctx.actor.iam_id}
