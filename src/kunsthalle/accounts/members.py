"""Users of an account: invited, accepted, changed, removed. One public function a use case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from kunsthalle.accounts.kinds import USER
from kunsthalle.accounts.model import User
from kunsthalle.accounts.ports import Identities
from kunsthalle.accounts.queries import account, member, reached_at, signing_in_as, user
from kunsthalle.accounts.service import add_user
from kunsthalle.core.errors import conflict, forbidden, invalid, not_found
from kunsthalle.store.rows import delete, update
from kunsthalle.store.scope import Granted, may, unguarded
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

INVITE = "user-management.user.create"
UPDATE = "user-management.user.update"
REMOVE = "user-management.user.delete"
_EMAIL = re.compile(r"[^\s@,:\x00-\x1f]{1,64}@[^\s@,:\x00-\x1f]{1,190}")


@dataclass(frozen=True, slots=True)
class Invitation:
    """What those who are invited will hold: policies of version 1, and access groups."""

    emails: list[str]
    policies: list[dict[str, Any]]
    groups: list[str]


def invite(unit: Unit, identities: Identities, invitation: Invitation) -> list[User]:
    """Memberships that wait to be accepted, each by whoever signs in with its address.

    Nobody is looked up beyond the account: it is not told who has an address, nor whether anybody has it.
    """
    if not invitation.emails:
        raise invalid("bad_request", "Nobody is invited.", "users")
    return [_invite_one(unit, identities, email, invitation) for email in invitation.emails]


def _invite_one(unit: Unit, identities: Identities, email: str, invitation: Invitation) -> User:
    if not _EMAIL.fullmatch(email):
        raise invalid("bad_request", "The e-mail address is not one.", "users.email")
    here = unit.ctx.account_id
    if signing_in_as(unit, here, email.lower()) is not None:
        raise conflict("conflict", f"{email} is a user of the account already.", "users.email")
    for other in reached_at(unit, here, email):  # whoever looks people up by the contact finds the invited one alone
        update(unit, USER, other.id, email=other.user_id)
    invited = add_user(unit, here, f"BSS-{unit.ctx.ids.hex(16)}", email, email.partition("@")[0], "PENDING")
    identities.admit(unit, invited.iam_id, invitation.policies, invitation.groups)
    return invited


def accept(unit: Unit, identities: Identities, account_id: str) -> User:
    """The caller's own invitation to another account; 404 unless there is one. What it gave is the caller's now."""
    caller = member(unit, unit.ctx.account_id, unit.ctx.actor.iam_id)
    waiting = signing_in_as(unit, account_id, caller.user_id) if caller is not None else None
    if caller is None or waiting is None or waiting.state != "PENDING":
        raise not_found("account_id", "field")
    me, still = {"iam_id": caller.iam_id, "name": caller.name}, USER.table.c.state == "PENDING"
    there = user(unit, account_id, caller.iam_id)
    mine = there is None or there.id == waiting.id
    done = mine and transition(unit, USER, waiting.id, "ACTIVE", still, **me)
    must(done, "The invitation is accepted already.", "conflict")
    identities.arrive(unit, account_id, waiting.iam_id, caller.iam_id)
    return waiting


def _himself(unit: Unit, one: User) -> bool:
    return (one.account_id, one.iam_id) == (unit.ctx.account_id, unit.ctx.actor.iam_id)


def _may(unit: Unit, one: User, action: str) -> None:
    if not may(unit, USER, one, action):
        raise forbidden()


def change(unit: Unit, identities: Identities, granted: Granted[User], changes: dict[str, Any]) -> None:
    """The profile: one's own, or as Editor another's; the state as Editor, and never the owner's."""
    one, state = granted.it, changes.pop("state", None)
    if state is not None or not _himself(unit, one):
        _may(unit, one, UPDATE)
    if state is not None and state != one.state:
        if one.state == "PENDING":
            raise conflict(
                "conflict", "The user has not accepted the invitation yet, which nobody else can do.", "state"
            )
        _not_the_owner(unit, one)
        must(transition(unit, USER, one.id, state), f"A user who is {one.state} cannot become {state}.", "conflict")
        identities.reconsider(unit, one.account_id, one.iam_id)
    first, last = changes.pop("firstname", one.names[0]), changes.pop("lastname", one.names[1])
    email = changes.pop("email", one.email)
    if not _EMAIL.fullmatch(email):
        raise invalid("bad_request", "The e-mail address is not one.", "email")
    if email != one.email and any(other.id != one.id for other in reached_at(unit, one.account_id, email)):
        raise conflict("conflict", "The e-mail address is another user's of the account.", "email")
    name = f"{first.replace(' ', '-')} {last}".strip()
    if (name, email, changes) != (one.name, one.email, {}):
        update(unit, USER, one.id, name=name, email=email, profile={**one.profile, **changes})


def set_settings(unit: Unit, granted: Granted[User], changes: dict[str, Any]) -> None:
    """How a user is served: one's own, or as Editor another's. Self-management and addresses are the Editor's."""
    one = granted.it
    if not _himself(unit, one) or {"self_manage", "allowed_ip_addresses"} & set(changes):
        _may(unit, one, UPDATE)
    update(unit, USER, one.id, settings={**one.settings, **changes})


def remove(unit: Unit, identities: Identities, granted: Granted[User]) -> None:
    """The membership and everything that was held by it; the owner stays."""
    one = granted.it
    _may(unit, one, REMOVE)
    _not_the_owner(unit, one)
    delete(unit, USER, one.id, one.account_id)
    identities.leave(unit, one.account_id, one.iam_id)


def _not_the_owner(unit: Unit, one: User) -> None:
    owned = account(unit, one.account_id)
    if owned is not None and owned.owner_iam_id == one.iam_id:
        raise conflict("conflict", "The owner of an account stays a user of it.")


def membership(unit: Unit, account_id: str, iam_id: str) -> list[User]:
    """The caller's account's user of an IAM ID, unfiltered: for access rules, which then ask for sight."""
    table = USER.table
    if account_id != unit.ctx.account_id:
        return []
    return unguarded(unit, USER, table.c.account_id == account_id, table.c.iam_id == iam_id)
