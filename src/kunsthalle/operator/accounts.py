"""Accounts, people and first keys as the operator makes them: the way into a server that has no demo data.

Nobody but a person makes an API key of that person (`iam/api_keys.py`), so that a new person has none to begin with.
The operator gives it to them. What is made here is a key of the person: it counts as made by them, whoever carries it
over. Everything is audited in the account that it concerns, under the operator's name; secrets are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import or_

from kunsthalle.accounts import service
from kunsthalle.accounts.account_users import PLACEHOLDER, is_email, name_invited
from kunsthalle.accounts.models import Account, AccountGroup, Enterprise, Person, User
from kunsthalle.accounts.queries import account, memberships_of, signing_in_as, user
from kunsthalle.accounts.resources import ACCOUNT, ACCOUNT_GROUP, ENTERPRISE
from kunsthalle.accounts.tables import operator_account_names
from kunsthalle.authz.context import OPERATOR
from kunsthalle.authz.permissions import VALIDITY
from kunsthalle.core.errors import Problem, Reason, Target, conflict, invalid, not_found
from kunsthalle.core.near_matches import hint
from kunsthalle.core.records import dataclass
from kunsthalle.db import audit
from kunsthalle.db.pages import Page, page
from kunsthalle.db.rows import IntegrityError, delete
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import add_row
from kunsthalle.db.visibility import unscoped
from kunsthalle.iam.account_adapter import IamIdentities
from kunsthalle.iam.api_keys import create_api_key, make_invited_key
from kunsthalle.iam.history import forget
from kunsthalle.iam.models import ApiKey
from kunsthalle.iam.queries import key_by_id
from kunsthalle.iam.resources import API_KEY

PATH = "/_kunsthalle/accounts"
KEYS_PATH = "/_kunsthalle/api_keys"
CREATE, CREATE_KEY, REVOKE_KEY = (
    "kunsthalle.account.create",
    "kunsthalle.api-key.create",
    "kunsthalle.api-key.delete",
)
_T = TypeVar("_T", Enterprise, AccountGroup)
_SHORTEST, _LONGEST = 3, 60
"""Characters of an account's name, as Enterprise Management has them."""
_MOST_NAMED = 10
"""How many known names a message lists."""


@dataclass(frozen=True, slots=True)
class AccountPrototype:
    """What an account is made of. `owner` is the e-mail address that its owner signs in as.

    `enterprise` is the name or the id of an enterprise, `parent` the name, the id or the CRN of an account group of it.
    """

    name: str
    owner: str
    enterprise: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class KeyMade:
    """A new API key with its secret, which nothing shows again; whose it is, and in which account."""

    account: Account
    user: User
    key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True)
class AccountDetails:
    """An account with the names of what it refers to."""

    account: Account
    owner: User | None
    enterprise: Enterprise | None
    group: AccountGroup | None


def create_account(session: Session, prototype: AccountPrototype) -> KeyMade:
    """A new account, its owner with everything in it, and the owner's first API key there.

    400 for an address that is none, for an unknown enterprise or parent; 409 for a name that another account has.
    """
    if not _SHORTEST <= len(prototype.name) <= _LONGEST:
        text = f"The name of an account has {_SHORTEST} to {_LONGEST} characters; {prototype.name[:64]!r} is given."
        raise invalid("bad_field", text, "name")
    if not is_email(prototype.owner):
        raise invalid("bad_field", f"Invalid e-mail address of the owner: {prototype.owner[:64]!r}.", "owner")
    if unscoped(session, ACCOUNT, ACCOUNT.table.c.name == prototype.name, ACCOUNT.table.c.state == "ACTIVE"):
        raise _taken(prototype.name)
    enterprise, group = _place(session, prototype)
    operator = session.as_context(replace(session.ctx, actor=OPERATOR))
    owner = _person(session, prototype.owner)
    made = service.open_account(operator, prototype.name, enterprise, group.id if group else None, owner=owner)
    try:
        add_row(session, operator_account_names, name=prototype.name, account_id=made.id)
    except IntegrityError as error:  # another call made it meanwhile
        raise _taken(prototype.name) from error
    IamIdentities().own(operator, made)
    key = _key(session, made, owner.user_id.lower(), f"{prototype.name} owner")
    _audit(session, made.id, CREATE, PATH, 201, made)
    return key


def _taken(name: str) -> Problem:
    return conflict("already_exists", f"There is an account {name!r} already; choose another name.", "name")


def create_key(session: Session, account_text: str, login: str, name: str) -> KeyMade:
    """A new API key of a user of an account, or of somebody who was invited to it and has no key anywhere.

    404 for an unknown account; 400 for a person whom it neither has nor has invited; 409 for one who is disabled, or
    who was invited and is a user of another account, where their keys are made.
    """
    made = _key(session, find_account(session, account_text), login.lower(), name)
    _audit(session, made.account.id, CREATE_KEY, KEYS_PATH, 201, made.key)
    return made


def revoke_key(session: Session, id_: str) -> ApiKey:
    """Delete an API key, also a locked one; its tokens end. 404 for an unknown one."""
    key = key_by_id(session, id_)
    if key is None:
        raise not_found("id")
    session.invalidate(VALIDITY)
    delete(session, API_KEY, key.id, key.account_id)
    forget(session, key.id)
    _audit(session, key.account_id, REVOKE_KEY, f"{KEYS_PATH}/{key.id}", 200, key)
    return key


def keys_of(session: Session, here: Account, login: str, after: tuple[int, str] | None, limit: int) -> Page[ApiKey]:
    """The API keys of an account, newest first; of one user where a login is given."""
    where = []
    if login:
        where.append(API_KEY.table.c.iam_id == _user(session, here, login.lower()).iam_id)
    return page(session.as_context(session.ctx.as_system(here.id)), API_KEY, *where, after=after, limit=limit)


def list_accounts(session: Session, name: str = "") -> list[AccountDetails]:
    """The accounts there are, oldest first; of one name where it is given."""
    table = ACCOUNT.table.c
    where = [table.state == "ACTIVE", *([table.name == name] if name else [])]
    accounts = sorted(unscoped(session, ACCOUNT, *where), key=lambda account: (account.created_at, account.id))
    enterprises = {enterprise.id: enterprise for enterprise in unscoped(session, ENTERPRISE)}
    groups = {account_group.id: account_group for account_group in unscoped(session, ACCOUNT_GROUP)}
    return [
        AccountDetails(
            account,
            owner_of(session, account),
            enterprises.get(account.enterprise_id or ""),
            groups.get(account.group_id or ""),
        )
        for account in accounts
    ]


def owner_of(session: Session, here: Account) -> User | None:
    """The owner's membership of their account."""
    return user(session, here.id, here.owner_iam_id)


def find_account(session: Session, text: str, field: str = "account") -> Account:
    """An active account by its id or its name. 404 for none; 409 for a name that several accounts have."""
    named = account(session, text)
    if named is not None and named.state == "ACTIVE":
        return named
    table = ACCOUNT.table.c
    accounts = unscoped(session, ACCOUNT, table.name == text, table.state == "ACTIVE")
    if len(accounts) > 1:
        ids = ", ".join(match.id for match in accounts[:_MOST_NAMED])
        raise conflict("conflict", f"Several accounts have the name {text[:64]!r}; give an id: {ids}.", field)
    if not accounts:
        known = [candidate.name for candidate in unscoped(session, ACCOUNT, table.state == "ACTIVE")]
        text = f"Unknown account: {text[:64]!r}.{hint(text, known)} `kunsthalle account list` shows all."
        raise Problem(Reason.NOT_FOUND, "not_found", text, Target(field))
    return accounts[0]


def _key(session: Session, here: Account, login: str, name: str) -> KeyMade:
    person, system = _user(session, here, login), session.as_context(session.ctx.as_system(here.id))
    if person.state == "ACTIVE":
        key, secret = create_api_key(system, here.id, person.iam_id, name)
        return KeyMade(here, person, key, secret)
    if person.state != "PENDING":
        raise conflict("conflict", f"{login} is disabled in the account {here.name!r}.", "user")
    iam_id = _iam_id_of_invited(session, person)
    if iam_id != person.iam_id:
        name_invited(system, IamIdentities(), person, iam_id)
    key, secret = make_invited_key(system, here.id, iam_id, name)
    return KeyMade(here, replace(person, iam_id=iam_id), key, secret)


def _user(session: Session, here: Account, login: str) -> User:
    user = signing_in_as(session, here.id, login)
    if user is None:
        text = f"{login[:64]!r} is neither a user of the account {here.name!r} nor invited to it; invite them first."
        raise invalid("bad_field", text, "user")
    return user


def _iam_id_of_invited(session: Session, invitation: User) -> str:
    """The IAM ID of somebody who was invited. 409 for a person who acts somewhere: whoever owns the account of an
    invitation could otherwise ask for a key that opens the accounts of the invited one.
    """
    known = [user for user in memberships_of(session, invitation.user_id) if not user.iam_id.startswith(PLACEHOLDER)]
    for other in known:
        home = account(session, other.account_id)
        if other.state == "ACTIVE" and home is not None and home.state == "ACTIVE":
            text = (
                f"{invitation.user_id} is a user of the account {home.name!r} ({home.id}) and accepts with a key of"
                " that account. Make one there if they have none."
            )
            raise conflict("conflict", text, "user")
    return known[0].iam_id if known else service.new_iam_id(session)


def _person(session: Session, address: str) -> Person:
    """Whoever signs in as an address, or somebody new."""
    for membership in memberships_of(session, address.lower()):
        if not membership.iam_id.startswith(PLACEHOLDER):
            return Person(membership.iam_id, membership.user_id, membership.name)
    return Person(service.new_iam_id(session), address, address.partition("@")[0])


def _place(session: Session, prototype: AccountPrototype) -> tuple[Enterprise | None, AccountGroup | None]:
    """Where in the tree of an enterprise the account is to be, if anywhere."""
    enterprise = _enterprise(session, prototype.enterprise) if prototype.enterprise else None
    if not prototype.parent:
        return enterprise, None
    group = _group(session, prototype.parent, enterprise)
    return enterprise or unscoped(session, ENTERPRISE, ENTERPRISE.table.c.id == group.enterprise_id)[0], group


def _enterprise(session: Session, text: str) -> Enterprise:
    table = ENTERPRISE.table.c
    known = unscoped(session, ENTERPRISE, table.state == "ACTIVE")
    enterprises = [enterprise for enterprise in known if enterprise.id == text] or [
        enterprise for enterprise in known if enterprise.name == text
    ]
    return _only(enterprises, text, "enterprise", "enterprise", (enterprise.name for enterprise in known))


def _group(session: Session, text: str, enterprise: Enterprise | None) -> AccountGroup:
    table = ACCOUNT_GROUP.table.c
    meant = or_(table.id == text.rpartition(":")[2], table.name == text)
    inside = [table.enterprise_id == enterprise.id] if enterprise is not None else []
    known = unscoped(session, ACCOUNT_GROUP, meant, table.state == "ACTIVE", *inside)
    account_groups = [account_group for account_group in known if text in {account_group.id, account_group.crn}] or [
        account_group for account_group in known if account_group.name == text
    ]
    where = f"account group of the enterprise {enterprise.name!r}" if enterprise is not None else "account group"
    every = unscoped(session, ACCOUNT_GROUP, table.state == "ACTIVE", *inside)
    return _only(account_groups, text, where, "parent", (account_group.name for account_group in every))


def _only(candidates: list[_T], text: str, noun: str, field: str, names: Iterable[str]) -> _T:
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        ids = ", ".join(candidate.id for candidate in candidates[:_MOST_NAMED])
        raise conflict("conflict", f"Several have the name {text[:64]!r}; give an id: {ids}.", field)
    known = sorted(names)[:_MOST_NAMED]
    there = f"There is: {', '.join(known)}." if known else "There is none."
    raise invalid("bad_field", f"Unknown {noun}: {text[:64]!r}. {there}", field)


def _audit(
    session: Session, account_id: str, action: str, target: str, outcome: int, account: Account | ApiKey
) -> None:
    here = session.as_context(replace(session.ctx, actor=OPERATOR, account_id=account_id))
    audit.record(here, action, target, outcome, subject=account)


__all__ = [
    "AccountDetails",
    "AccountPrototype",
    "KeyMade",
    "create_account",
    "create_key",
    "find_account",
    "keys_of",
    "list_accounts",
    "revoke_key",
]
