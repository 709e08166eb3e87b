"""Users of an account: invited, accepted, changed, removed. One public function a use case."""

from __future__ import annotations

import re
from typing import Any

from kunsthalle.accounts.identity_port import Identities
from kunsthalle.accounts.models import Account, User
from kunsthalle.accounts.queries import account, member, memberships_of, reached_at, signing_in_as, user
from kunsthalle.accounts.resources import USER
from kunsthalle.accounts.service import add_user
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import IntegrityError, delete, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.visibility import Authorized, require, unscoped

INVITE = "user-management.user.create"
UPDATE = "user-management.user.update"
REMOVE = "user-management.user.delete"
MAX_LOGIN = 255
"""Characters of a login, in lower case: some letters become two."""
PLACEHOLDER = "BSS-"
"""What the IAM ID of an invitation begins with that belongs to nobody yet."""
MAX_GRANTS = 25
"""Policies and memberships of access groups that one invitation gives, all users together."""
_EMAIL = re.compile(r"[^\s@,:\x00-\x1f]{1,64}@[^\s@,:\x00-\x1f]{1,190}")


@dataclass(frozen=True, slots=True)
class Invitation:
    """What those who are invited will hold: policies of version 1, and access groups."""

    emails: list[str]
    policies: list[dict[str, Any]]
    groups: list[str]


def invite(session: Session, identities: Identities, invitation: Invitation) -> list[User]:
    """Memberships that wait to be accepted, each by whoever signs in with its address.

    Nobody is looked up beyond the account: it is not told who has an address, nor whether anybody has it.
    """
    if not invitation.emails:
        raise invalid("bad_request", "The list of users is empty. Give at least one e-mail address.", "users")
    _check_grants(invitation)
    return [_invite_one(session, identities, email, invitation) for email in invitation.emails]


def _check_grants(invitation: Invitation) -> None:
    """400 where everybody together would get more than one call may give: each is a policy that is checked."""
    each = len(invitation.groups) + sum(len(policy["resources"]) for policy in invitation.policies)
    total = each * len(invitation.emails)
    if total > MAX_GRANTS:
        text = (
            f"{len(invitation.emails)} users would get {each} policies and access groups each, {total} in all; "
            f"at most {MAX_GRANTS} are allowed in one call. Invite fewer users at once."
        )
        raise invalid("bad_request", text, "users")


def _invite_one(session: Session, identities: Identities, email: str, invitation: Invitation) -> User:
    if not is_email(email):
        raise invalid("bad_request", f"Invalid e-mail address: {email[:64]!r}.", "users.email")
    here = session.ctx.account_id
    if signing_in_as(session, here, email.lower()) is not None:
        raise conflict("conflict", f"{email} is a user of the account already.", "users.email")
    for other in reached_at(session, here, email):  # whoever looks people up by the contact finds the invited one alone
        update(session, USER, other.id, email=other.user_id)
    try:
        invited = _add(session, email)
    except IntegrityError as error:  # another invitation of the same address came first
        raise conflict("conflict", f"{email} is a user of the account already.", "users.email") from error
    identities.admit(session, invited.iam_id, invitation.policies, invitation.groups)
    return invited


def _add(session: Session, email: str) -> User:
    here = session.ctx.account_id
    return add_user(session, here, PLACEHOLDER + session.ctx.ids.hex(16), email, email.partition("@")[0], "PENDING")


def is_email(text: str) -> bool:
    """Whether somebody can sign in as it, or be reached at it."""
    return _EMAIL.fullmatch(text) is not None and len(text.lower()) <= MAX_LOGIN


def name_invited(session: Session, identities: Identities, invitation: User, iam_id: str) -> None:
    """Put a person's IAM ID in the place of the invitation's own, with what was given to it. It stays an invitation.

    From then on the person can be recognised by a key, and accept.
    """
    update(session, USER, invitation.id, iam_id=iam_id)
    identities.arrive(session, invitation.account_id, invitation.iam_id, iam_id)


def accept(session: Session, identities: Identities, account_id: str) -> User:
    """The caller's own invitation to an account; 404 unless there is one. What it gave is the caller's now.

    Whoever is in no account yet is known by an invitation that the operator has given them a key for.
    """
    caller, host = _caller(session), account(session, account_id)
    is_open = host is not None and host.state == "ACTIVE"
    waiting = signing_in_as(session, account_id, caller.user_id) if caller is not None and is_open else None
    if caller is None or waiting is None or waiting.state != "PENDING":
        raise not_found("account_id", "field")
    me, still = {"iam_id": caller.iam_id, "name": caller.name}, USER.table.c.state == "PENDING"
    there = user(session, account_id, caller.iam_id)
    condition = there is None or there.id == waiting.id
    done = condition and transition(session, USER, waiting.id, "ACTIVE", still, **me)
    must(done, "The invitation is accepted already.", "conflict")
    identities.arrive(session, account_id, waiting.iam_id, caller.iam_id)
    return waiting


def invitations(session: Session) -> list[tuple[User, Account, User | None]]:
    """What waits for the caller to accept, oldest first: each with the account that invites, and its owner."""
    caller = _caller(session)
    waiting = [] if caller is None else memberships_of(session, caller.user_id)
    rows = []
    for membership in sorted(waiting, key=lambda membership: (membership.created_at, membership.id)):
        host = account(session, membership.account_id) if membership.state == "PENDING" else None
        if host is not None and host.state == "ACTIVE":
            rows.append((membership, host, user(session, host.id, host.owner_iam_id)))
    return rows


def _caller(session: Session) -> User | None:
    ctx = session.ctx
    if ctx.account_id:
        return member(session, ctx.account_id, ctx.actor.iam_id)
    invitations = unscoped(session, USER, USER.table.c.iam_id == ctx.actor.iam_id)
    return invitations[0] if invitations else None


def _himself(session: Session, user: User) -> bool:
    return (user.account_id, user.iam_id) == (session.ctx.account_id, session.ctx.actor.iam_id)


def _may(session: Session, user: User, action: str) -> None:
    require(session, USER, user, action)


def change(session: Session, identities: Identities, granted: Authorized[User], changes: dict[str, Any]) -> None:
    """The profile: one's own, or as Editor another's; the state as Editor, and never the owner's."""
    user, state = granted.resource, changes.pop("state", None)
    if state is not None or not _himself(session, user):
        _may(session, user, UPDATE)
    if state is not None and state != user.state:
        if user.state == "PENDING":
            raise conflict(
                "conflict",
                "The user has not accepted the invitation yet. Only the invited user can accept it.",
                "state",
            )
        _not_the_owner(session, user)
        must(
            transition(session, USER, user.id, state), f"A user who is {user.state} cannot become {state}.", "conflict"
        )
        identities.reconsider(session, user.account_id, user.iam_id)
    first, last = changes.pop("firstname", user.names[0]), changes.pop("lastname", user.names[1])
    email = changes.pop("email", user.email)
    if not _EMAIL.fullmatch(email):
        raise invalid("bad_request", f"Invalid e-mail address: {email!r}.", "email")
    if email != user.email and any(other.id != user.id for other in reached_at(session, user.account_id, email)):
        raise conflict("conflict", "Another user of the account has this e-mail address.", "email")
    name = f"{first.replace(' ', '-')} {last}".strip()
    if (name, email, changes) != (user.name, user.email, {}):
        update(session, USER, user.id, name=name, email=email, profile={**user.profile, **changes})


def set_settings(session: Session, granted: Authorized[User], changes: dict[str, Any]) -> None:
    """How a user is served: one's own, or as Editor another's. Self-management and addresses are the Editor's."""
    user = granted.resource
    if not _himself(session, user) or {"self_manage", "allowed_ip_addresses"} & set(changes):
        _may(session, user, UPDATE)
    update(session, USER, user.id, settings={**user.settings, **changes})


def remove(session: Session, identities: Identities, granted: Authorized[User]) -> None:
    """The membership and everything that was held by it; the owner stays."""
    user = granted.resource
    _may(session, user, REMOVE)
    _not_the_owner(session, user)
    delete(session, USER, user.id, user.account_id)
    identities.leave(session, user.account_id, user.iam_id)


def _not_the_owner(session: Session, user: User) -> None:
    owned = account(session, user.account_id)
    if owned is not None and owned.owner_iam_id == user.iam_id:
        raise conflict("conflict", "The owner of an account stays a user of it.")


def membership(session: Session, account_id: str, iam_id: str) -> list[User]:
    """The caller's account's user of an IAM ID, unfiltered: for access rules, which then ask for visibility."""
    table = USER.table
    if account_id != session.ctx.account_id:
        return []
    return unscoped(session, USER, table.c.account_id == account_id, table.c.iam_id == iam_id)
