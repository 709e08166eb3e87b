"""Sign-ins with a provider: whom its claims mean here, and what a sign-in is good for. One public function a use case.

People are found by the address they sign in as, which nobody changes (`accounts.models.User.user_id`). A provider means
somebody only by an address that it has verified and that is of a domain which the operator lets it speak for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import or_

from kunsthalle.accounts.account_users import PLACEHOLDER, is_email, name_invited
from kunsthalle.accounts.models import Account, User
from kunsthalle.accounts.queries import account, memberships_of, user
from kunsthalle.accounts.resources import ACCOUNT, USER
from kunsthalle.accounts.service import add_user, new_iam_id
from kunsthalle.authz.context import Actor
from kunsthalle.authz.permissions import VALIDITY, Grants
from kunsthalle.core.clock import SECOND
from kunsthalle.core.log import get_logger
from kunsthalle.core.records import dataclass
from kunsthalle.db import audit
from kunsthalle.db.row_models import reader
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import add_row, remove_rows, rows_of
from kunsthalle.db.visibility import unscoped
from kunsthalle.iam import tables
from kunsthalle.iam.account_adapter import IamIdentities
from kunsthalle.iam.dynamic_members import apply_rules
from kunsthalle.iam.identity_settings import UNSET, settings_of
from kunsthalle.oidc.code_flow import Identity
from kunsthalle.oidc.sign_in_refusals import SignInRefused

log = get_logger("identity")
LONGEST = 86_400
"""Seconds that a sign-in lasts, where the account sets nothing (`session_expiration_in_seconds`)."""
PASSCODE_SECONDS = 300
_DIGITS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
_PASSCODE_LENGTH = 14
"""Characters, of an alphabet without the ones that are taken for each other: 81 bits."""
INVITE = "user-management.user.create"
SIGN_IN = "iam-identity.user-federated.login"
DISABLED = "disabled_user"
TARGET = "/identity/providers/"


@dataclass(frozen=True, slots=True)
class FederatedSignIn:
    """Somebody's sign-in with a provider. `id` is the session that tokens name; `ends_at` is real time."""

    id: str
    account_id: str
    iam_id: str
    provider: str
    realm: str
    subject: str
    sid: str
    claims: dict[str, Any]
    created_at: int
    ends_at: int

    @property
    def crn(self) -> str:
        """Names the provider, for the audit."""
        return f"crn:v1:bluemix:public:iam-identity::a/{self.account_id}::identity-provider:{self.provider}"


@dataclass(frozen=True, slots=True)
class Passcode:
    """What a one-time passcode stands for: a sign-in with a provider, or an API key; and an account."""

    session_id: str
    api_key_id: str
    account_id: str


_of_row = reader(FederatedSignIn, tables.federated_sign_ins.columns)


@dataclass(frozen=True, slots=True)
class _Meant:
    """Whom a provider means, and the account that is entered; none (`''`) for somebody who was invited."""

    iam_id: str
    account_id: str


def sign_in(session: Session, identity: Identity) -> FederatedSignIn:
    """A new sign-in of the person whom a provider has signed in. SignInRefused for somebody who may not enter."""
    meant = _meant(session, identity)
    now, real = session.ctx.now(), session.ctx.clock.real()
    table = tables.federated_sign_ins
    remove_rows(session, table, table.c.ends_at <= real)
    made = FederatedSignIn(
        session.ctx.ids.uuid(),
        meant.account_id,
        meant.iam_id,
        identity.provider.id,
        identity.provider.realm,
        identity.subject,
        identity.sid,
        identity.claims,
        now,
        real + _lifetime(session, meant.account_id) * SECOND,
    )
    add_row(session, table, **asdict(made))
    here = [membership.account_id for membership in _active(_memberships(session, identity.email.lower()))]
    apply_rules(session, meant.iam_id, made.realm, made.claims, here)
    return made


def _lifetime(session: Session, account_id: str) -> int:
    seconds = settings_of(session, account_id)[0]["session_expiration_in_seconds"]
    return LONGEST if seconds == UNSET else int(seconds)


def _meant(session: Session, identity: Identity) -> _Meant:
    email = identity.email.lower()
    _check_address(identity)
    memberships = _memberships(session, email)
    active = _active(memberships)
    if len({membership.iam_id for membership in active}) > 1:
        text = f"Several people sign in as {email}. The operator of this server has to say which of them you are."
        raise SignInRefused("ambiguous_person", text)
    if active:
        return _Meant(active[0].iam_id, active[0].account_id)
    if waiting := [membership for membership in memberships if membership.state == "PENDING"]:
        return _Meant(_name_of_invited(session, waiting), "")
    if memberships:
        text = "You are disabled in every account that you are a user of. An administrator of one can enable you."
        raise SignInRefused(DISABLED, text)
    return _provisioned(session, identity, email)


def _check_address(identity: Identity) -> None:
    """Letters beyond ASCII are refused: some become ASCII ones in lower case, and then mean somebody else."""
    name, email = identity.provider.name, identity.email
    if not email:
        raise SignInRefused("no_email", f"{name} does not say your e-mail address, by which this server knows people.")
    if not email.isascii() or not is_email(email):
        raise SignInRefused("bad_email", f"{name} gives an e-mail address that nobody can have here.")
    if not identity.is_verified:
        raise SignInRefused("unverified_email", f"{name} has not verified that the address {email} is yours.")
    if not identity.provider.takes(email.lower()):
        raise SignInRefused("wrong_domain", f"{name} may not sign in people with addresses as {email} here.")


def _memberships(session: Session, email: str) -> list[User]:
    """The users and invitations that an address means in accounts that are open, oldest first."""
    rows = sorted(memberships_of(session, email), key=lambda membership: (membership.created_at, membership.id))
    return [membership for membership in rows if _is_open(account(session, membership.account_id))]


def _is_open(home: Account | None) -> bool:
    return home is not None and home.state == "ACTIVE"


def _active(memberships: Sequence[User]) -> list[User]:
    return [membership for membership in memberships if membership.state == "ACTIVE"]


def _name_of_invited(session: Session, waiting: Sequence[User]) -> str:
    """The IAM ID of somebody who was invited and is in no account: with it they can accept."""
    known = [invitation.iam_id for invitation in waiting if not invitation.iam_id.startswith(PLACEHOLDER)]
    if known:
        return known[0]
    invitation, iam_id = waiting[0], new_iam_id(session)
    system = session.as_context(session.ctx.as_system(invitation.account_id))
    name_invited(system, IamIdentities(), invitation, iam_id)
    return iam_id


def note_refusal(session: Session, identity: Identity) -> None:
    """Audit, in each account that has disabled a person, that they wanted to enter."""
    for membership in _memberships(session, identity.email.lower()):
        home = membership.account_id
        ctx = session.ctx.acting_as(Actor(membership.iam_id, ""), home, Grants(home, ()), ())
        target = f"{TARGET}{identity.provider.id}"
        audit.record(session.as_context(ctx), SIGN_IN, target, 403, DISABLED, subject=membership)


def _provisioned(session: Session, identity: Identity, email: str) -> _Meant:
    """Somebody whom no account knows: a new user of the account that the provider's settings name, or refused."""
    provider = identity.provider
    if not provider.provision_account:
        text = f"No account has a user {email}. An administrator has to invite you first, and then you can sign in."
        raise SignInRefused("unknown_person", text)
    columns = ACCOUNT.table.c
    is_named = or_(columns.id == provider.provision_account, columns.name == provider.provision_account)
    accounts = unscoped(session, ACCOUNT, columns.state == "ACTIVE", is_named)
    if len(accounts) != 1:
        log.error("provision_account names no account", provider=provider.id, accounts=len(accounts))
        text = f"The account for new people of {provider.name} does not exist. Tell the operator of this server."
        raise SignInRefused("no_account", text)
    home, system = accounts[0], session.as_context(session.ctx.as_system(accounts[0].id))
    made = add_user(system, home.id, new_iam_id(session), email, identity.name or email.partition("@")[0])
    audit.record(system, INVITE, f"{TARGET}{provider.id}", 201, subject=made)
    return _Meant(made.iam_id, home.id)


def find_sign_in(session: Session, id_: str) -> FederatedSignIn | None:
    """The sign-in of a token's session; None for one that has ended."""
    table = tables.federated_sign_ins
    rows = rows_of(session, table, table.c.id == id_) if id_ else []
    return _of_row(rows[0]) if rows and rows[0].ends_at > session.ctx.clock.real() else None


def copy_sign_in(session: Session, sign_in: FederatedSignIn) -> FederatedSignIn:
    """Another session of the same sign-in, for another client: each is signed out by itself, and the provider ends
    both.
    """
    table, made = tables.federated_sign_ins, replace(sign_in, id=session.ctx.ids.uuid())
    add_row(session, table, **asdict(made))
    return made


def end_sign_in(session: Session, id_: str) -> None:
    """Sign somebody out: every token of that sign-in ends."""
    session.invalidate(VALIDITY)
    remove_rows(session, tables.federated_sign_ins, tables.federated_sign_ins.c.id == id_)


def end_sign_ins_of(session: Session, provider: str, subject: str, sid: str) -> int:
    """Sign out whom a provider has signed out: one session of theirs, or all; how many."""
    session.invalidate(VALIDITY)
    table = tables.federated_sign_ins
    where = [table.c.provider == provider]
    if subject:
        where.append(table.c.subject == subject)
    if sid:
        where.append(
            table.c.sid.in_((sid, ""))
        )  # of a provider that did not say it at the sign-in: all of the person's
    return remove_rows(session, table, *where)


def make_passcode(session: Session, stands_for: Passcode) -> str:
    """A passcode that is good for one token request within five minutes. Its hash alone is kept."""
    real, table = session.ctx.clock.real(), tables.passcodes
    remove_rows(session, table, table.c.ends_at <= real)
    number = int(session.ctx.ids.hex(32), 16)
    digits = []
    for _ in range(_PASSCODE_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    passcode = "".join(digits)
    add_row(
        session,
        table,
        hash=hash_of_passcode(passcode),
        session_id=stands_for.session_id,
        api_key_id=stands_for.api_key_id,
        account_id=stands_for.account_id,
        ends_at=real + PASSCODE_SECONDS * SECOND,
    )
    return passcode


def find_passcode(session: Session, passcode: str) -> Passcode | None:
    """What a passcode stands for; None for one that has ended, was used, or never was."""
    table, key = tables.passcodes, hash_of_passcode(passcode)
    rows = rows_of(session, table, table.c.hash == key)
    if not rows or rows[0].ends_at <= session.ctx.clock.real():
        return None
    return Passcode(rows[0].session_id, rows[0].api_key_id, rows[0].account_id)


def use_up_passcode(session: Session, key: str) -> bool:
    """Whether this is the one request that a passcode, known by its hash, is good for."""
    return remove_rows(session, tables.passcodes, tables.passcodes.c.hash == key) == 1


def hash_of_passcode(passcode: str) -> str:
    return hashlib.sha256(b"kunsthalle passcode\0" + passcode.encode()).hexdigest()


def person_of(session: Session, sign_in: FederatedSignIn, account_id: str) -> User | None:
    """The membership of whoever signed in, of an account, or the invitation that they signed in by."""
    if account_id:
        return user(session, account_id, sign_in.iam_id)
    invitations = unscoped(session, USER, USER.table.c.iam_id == sign_in.iam_id, USER.table.c.state == "PENDING")
    return invitations[0] if invitations else None
