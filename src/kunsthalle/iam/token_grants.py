"""The grants of the token endpoint: what is exchanged for which token (catalog-iam-enterprise.md 3.1)."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.queries import account, member, user
from kunsthalle.core.errors import Problem, Reason, Target
from kunsthalle.db.session import Session
from kunsthalle.iam import session_grants
from kunsthalle.iam.api_keys import usable
from kunsthalle.iam.federated_sign_ins import (
    Passcode,
    copy_sign_in,
    find_passcode,
    find_sign_in,
    hash_of_passcode,
    make_passcode,
)
from kunsthalle.iam.models import ApiKey, Profile
from kunsthalle.iam.queries import (
    key_by_id,
    key_by_secret,
    profile_by,
    service_id,
    valid_until,
)
from kunsthalle.iam.resources import PROFILE
from kunsthalle.iam.sign_in_audit import Login, bad_passcode
from kunsthalle.iam.token_answers import Who, issue, of_key, wearing
from kunsthalle.iam.tokens import Claims, Renewal, Tokens
from kunsthalle.iam.trusted_profiles import may_assume, meant_profile

GRANT = "urn:ibm:params:oauth:grant-type:"
ACCOUNT = "bss_account"
"""The account in which a token is to act, if not that of its key: how public clients switch accounts."""
OFFERED = (f"{GRANT}apikey", f"{GRANT}assume", f"{GRANT}passcode", "refresh_token")


def grant(tokens: Tokens, session: Session, form: dict[str, str], login: Login) -> dict[str, Any]:
    """The answer to a token request; 400 in the endpoint's own words, 501 for tokens of compute resources.

    `login` is told whose request it is as soon as that is known, so that refusals are audited too.
    """
    type_ = form.get("grant_type", "")
    if type_ == f"{GRANT}apikey":
        return _for_key(tokens, session, form, login)
    if type_ == "refresh_token":
        return _for_refresh(tokens, session, form, login)
    if type_ == f"{GRANT}assume":
        return _for_profile(tokens, session, form, login)
    if type_ == f"{GRANT}passcode":
        return _for_passcode(tokens, session, form, login)
    if type_ in {f"{GRANT}cr-token", f"{GRANT}iks-cr-token"}:
        text = f"The grant {type_.rsplit(':', 1)[-1]} is known and not offered here; use an API key."
        raise Problem(Reason.NOT_IMPLEMENTED, "BXNIM0109E", text, Target("grant_type"))
    raise Problem(Reason.INVALID, "BXNIM0109E", f"Property grant_type is missing or not supported: {type_[:64]!r}.")


def _for_key(tokens: Tokens, session: Session, form: dict[str, str], login: Login) -> dict[str, Any]:
    login.key = key_by_secret(session, form.get("apikey", ""))
    key = usable(login.key, session.ctx.now())
    where = _in_account(session, key, form.get(ACCOUNT))
    login.account_id = where.account_id
    return issue(tokens, session, of_key(session, key), where, f"{GRANT}apikey")


def _for_passcode(tokens: Tokens, session: Session, form: dict[str, str], login: Login) -> dict[str, Any]:
    """A one-time passcode of somebody who is signed in: it stands for what they signed in with."""
    passcode = form.get("passcode", "")
    stands_for = find_passcode(session, passcode)
    if stands_for is None:
        raise bad_passcode()
    login.passcode, account_id = hash_of_passcode(passcode), form.get(ACCOUNT) or stands_for.account_id
    if not stands_for.api_key_id:
        return session_grants.for_passcode(tokens, session, stands_for.session_id, account_id, login)
    login.key = key_by_id(session, stands_for.api_key_id)
    key = usable(login.key, session.ctx.now())
    where = _in_account(session, key, account_id)
    login.account_id = where.account_id
    return issue(tokens, session, of_key(session, key), where, f"{GRANT}passcode")


def passcode_for(session: Session, claims: Claims) -> str:
    """A passcode of the person whose token the claims are of, in the account of that token.

    400 for programs and for profiles, which have no one to type it.
    """
    if claims.kind != "User":
        raise Problem(Reason.INVALID, "BXNIM0106E", "Only users have one-time passcodes; use an API key.")
    session_id = ""
    if claims.session_id and (sign_in := find_sign_in(session, claims.session_id)) is not None:
        session_id = copy_sign_in(session, sign_in).id
    return make_passcode(session, Passcode(session_id, claims.api_key_id, claims.account_id))


def _for_refresh(tokens: Tokens, session: Session, form: dict[str, str], login: Login) -> dict[str, Any]:
    """Good as long as the key is, is not locked, and may still put on the profile that was put on.

    The account stays that of the token, unless another is asked for.
    """
    renewal = tokens.renewal(form.get("refresh_token", ""))
    if renewal.session_id:
        return session_grants.for_refresh(tokens, session, renewal, form.get(ACCOUNT), login)
    key = login.key = key_by_id(session, renewal.api_key_id)
    login.renewing, login.wearing = True, renewal.profile_id is not None
    if key is None or key.locked:
        raise session_grants.expired()
    _owner(session, usable(key, session.ctx.now()))
    if renewal.profile_id is None:
        where = _in_account(session, key, form.get(ACCOUNT) or renewal.account_id)
        login.account_id = where.account_id
        return issue(tokens, session, of_key(session, key), where, "refresh_token")
    profile = profile_by(session, PROFILE.table.c.id == renewal.profile_id)
    if profile is None or not _may_wear(session, key, profile):
        raise session_grants.expired()
    login.profile, login.account_id = profile, profile.account_id
    return issue(tokens, session, of_key(session, key), wearing(profile), "refresh_token", renewal)


def _for_profile(tokens: Tokens, session: Session, form: dict[str, str], login: Login) -> dict[str, Any]:
    """The assume grant. A profile that is not there and one that may not be put on are the same refusal."""
    refused = Problem(Reason.INVALID, "BXNIM0133E", "The trusted profile does not exist or may not be assumed.")
    try:
        claims = tokens.verify(form.get("access_token", ""))
    except Problem as problem:
        text = "Provided access_token is expired or invalid."
        raise Problem(Reason.INVALID, "BXNIM0408E", text) from problem
    until, profile = valid_until(session, claims), meant_profile(session, form)
    login.wearing = True
    if claims.session_id:
        in_time = claims if until > session.ctx.now() else None
        return session_grants.for_profile(tokens, session, in_time, profile, login, refused)
    key = login.key = key_by_id(session, claims.api_key_id)
    if key is None or until <= session.ctx.now() or (key.iam_id, key.account_id) != (claims.iam_id, claims.account_id):
        raise refused  # also a token in another account than its key's: what it gave would outlive that membership
    if profile is None or not _may_wear(session, key, profile):
        raise refused
    login.profile, login.account_id = profile, profile.account_id
    renewal = Renewal(key.id, profile.id, None)
    return issue(tokens, session, of_key(session, key), wearing(profile), f"{GRANT}assume", renewal)


def _may_wear(session: Session, key: ApiKey, profile: Profile) -> bool:
    """Whether the identity of a key may put a profile on by that key."""
    return key.opens(profile.account_id) and may_assume(session, profile, key.iam_id, key.account_id)


def _owner(session: Session, key: ApiKey) -> Who:
    """Whose key it is; 400 when that identity or its account may not act any more.

    In no account is who has not accepted the invitation to it yet: all that such a token is good for is to accept.
    """
    here = account(session, key.account_id)
    program = service_id(session, key.iam_id)
    if here is not None and here.state == "ACTIVE" and program is not None:
        return Who(key.iam_id, key.account_id, program.name, "", "ServiceId")
    person = user(session, key.account_id, key.iam_id)
    if here is None or here.state != "ACTIVE" or person is None or person.state not in {"ACTIVE", "PENDING"}:
        raise Problem(Reason.INVALID, "BXNIM0415E", "Provided API key could not be found.")
    return Who(key.iam_id, key.account_id if person.state == "ACTIVE" else "", person.name, person.user_id)


def _in_account(session: Session, key: ApiKey, account_id: str | None) -> Who:
    """Its owner, in the account that is asked for: a user's key opens every account that they are a member of.

    400 for an account in which they are none, whether it exists or not.
    """
    owner = _owner(session, key)
    if not account_id or account_id == owner.account_id:
        return owner
    there, person = account(session, account_id), member(session, account_id, key.iam_id)
    if there is None or there.state != "ACTIVE" or person is None or not key.opens(account_id):
        text = "Provided bss_account does not exist, or the identity is no member of it."
        raise Problem(Reason.INVALID, "BXNIM0106E", text)
    return Who(key.iam_id, account_id, person.name, person.user_id)
