"""The grants of the token endpoint: what is exchanged for which token (catalog-iam-enterprise.md 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kunsthalle.accounts.queries import account, member, user
from kunsthalle.core.errors import Problem, Reason, Target
from kunsthalle.db.session import Session
from kunsthalle.iam.api_keys import usable
from kunsthalle.iam.identity_settings import lifetimes
from kunsthalle.iam.models import ApiKey, Profile
from kunsthalle.iam.queries import (
    NEVER,
    key_by_id,
    key_by_secret,
    profile_by,
    service_id,
    token_generation,
    valid_until,
)
from kunsthalle.iam.resources import PROFILE
from kunsthalle.iam.sign_in_audit import Login
from kunsthalle.iam.tokens import Renewal, Tokens
from kunsthalle.iam.trusted_profiles import may_assume, meant_profile

GRANT = "urn:ibm:params:oauth:grant-type:"
ACCOUNT = "bss_account"
"""The account in which a token is to act, if not that of its key: how public clients switch accounts."""
OFFERED = (f"{GRANT}apikey", f"{GRANT}assume", "refresh_token")


@dataclass(frozen=True, slots=True)
class _Who:
    """Whom a token speaks for, and in which account."""

    iam_id: str
    account_id: str
    name: str
    email: str = ""
    kind: str = "User"


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
    if type_ in {f"{GRANT}cr-token", f"{GRANT}iks-cr-token"}:
        text = f"The grant {type_.rsplit(':', 1)[-1]} is known and not offered here; use an API key."
        raise Problem(Reason.NOT_IMPLEMENTED, "BXNIM0109E", text, Target("grant_type"))
    raise Problem(Reason.INVALID, "BXNIM0109E", f"Property grant_type is missing or not supported: {type_[:64]!r}.")


def _for_key(tokens: Tokens, session: Session, form: dict[str, str], login: Login) -> dict[str, Any]:
    login.key = key_by_secret(session, form.get("apikey", ""))
    key = usable(login.key, session.ctx.now())
    where = _in_account(session, key, form.get(ACCOUNT))
    login.account_id = where.account_id
    return _issue(tokens, session, key, where, f"{GRANT}apikey")


def _expired() -> Problem:
    return Problem(Reason.INVALID, "BXNIM0408E", "Provided refresh_token is expired or invalid.")


def _for_refresh(tokens: Tokens, session: Session, form: dict[str, str], login: Login) -> dict[str, Any]:
    """Good as long as the key is, is not locked, and may still put on the profile that was put on.

    The account stays that of the token, unless another is asked for.
    """
    renewal = tokens.renewal(form.get("refresh_token", ""))
    key = login.key = key_by_id(session, renewal.api_key_id)
    login.renewing, login.wearing = True, renewal.profile_id is not None
    if key is None or key.locked:
        raise _expired()
    _owner(session, usable(key, session.ctx.now()))
    if renewal.profile_id is None:
        where = _in_account(session, key, form.get(ACCOUNT) or renewal.account_id)
        login.account_id = where.account_id
        return _issue(tokens, session, key, where, "refresh_token")
    profile = profile_by(session, PROFILE.table.c.id == renewal.profile_id)
    if profile is None or not _may_wear(session, key, profile):
        raise _expired()
    login.profile, login.account_id = profile, profile.account_id
    return _issue(tokens, session, key, _wearing(profile), "refresh_token", renewal)


def _for_profile(tokens: Tokens, session: Session, form: dict[str, str], login: Login) -> dict[str, Any]:
    """The assume grant. A profile that is not there and one that may not be put on are the same refusal."""
    refused = Problem(Reason.INVALID, "BXNIM0133E", "The trusted profile does not exist or may not be assumed.")
    try:
        claims = tokens.verify(form.get("access_token", ""))
    except Problem as problem:
        text = "Provided access_token is expired or invalid."
        raise Problem(Reason.INVALID, "BXNIM0408E", text) from problem
    until = valid_until(session, claims)
    profile, key = meant_profile(session, form), key_by_id(session, claims.api_key_id)
    login.key, login.wearing = key, True
    if key is None or until <= session.ctx.now() or (key.iam_id, key.account_id) != (claims.iam_id, claims.account_id):
        raise refused  # also a token in another account than its key's: what it gave would outlive that membership
    if profile is None or not _may_wear(session, key, profile):
        raise refused
    login.profile, login.account_id = profile, profile.account_id
    return _issue(tokens, session, key, _wearing(profile), f"{GRANT}assume", Renewal(key.id, profile.id, None))


def _may_wear(session: Session, key: ApiKey, profile: Profile) -> bool:
    """Whether the identity of a key may put a profile on by that key."""
    return key.opens(profile.account_id) and may_assume(session, profile, key.iam_id, key.account_id)


def _wearing(profile: Profile) -> _Who:
    return _Who(profile.iam_id, profile.account_id, profile.name, profile.email or "", "Profile")


def _owner(session: Session, key: ApiKey) -> _Who:
    """Whose key it is; 400 when that identity or its account may not act any more.

    In no account is who has not accepted the invitation to it yet: all that such a token is good for is to accept.
    """
    here = account(session, key.account_id)
    program = service_id(session, key.iam_id)
    if here is not None and here.state == "ACTIVE" and program is not None:
        return _Who(key.iam_id, key.account_id, program.name, "", "ServiceId")
    person = user(session, key.account_id, key.iam_id)
    if here is None or here.state != "ACTIVE" or person is None or person.state not in {"ACTIVE", "PENDING"}:
        raise Problem(Reason.INVALID, "BXNIM0415E", "Provided API key could not be found.")
    return _Who(key.iam_id, key.account_id if person.state == "ACTIVE" else "", person.name, person.user_id)


def _in_account(session: Session, key: ApiKey, account_id: str | None) -> _Who:
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
    return _Who(key.iam_id, account_id, person.name, person.user_id)


def _claims(who: _Who) -> dict[str, Any]:
    realm, _, identifier = who.iam_id.partition("-")
    given_name, _, surface = who.name.partition(" ")
    known = {
        "iam_id": who.iam_id,
        "id": who.iam_id,
        "realmid": realm,
        "identifier": identifier,
        "name": who.name,
        "email": who.email,
        "account": {"valid": bool(who.account_id), "bss": who.account_id, "frozen": True},
    }
    if who.kind == "User":
        subject = {"sub": who.email, "iam_id": who.iam_id, "name": who.name, "email": who.email}
        return {
            **known,
            "given_name": given_name,
            "family_name": surface or given_name,
            "sub": who.email,
            "authn": subject,
        }
    subject = {"sub": identifier, "iam_id": who.iam_id, "sub_type": who.kind, "name": who.name}
    return {**known, "sub": identifier, "sub_type": who.kind, "authn": subject}


def _issue(
    tokens: Tokens, session: Session, key: ApiKey, who: _Who, grant_type: str, renewal: Renewal | None = None
) -> dict[str, Any]:
    """A token ends with its key, whatever the lifetime of tokens. `renewal` is what its refresh token will renew.

    The time left of the key is counted by the product clock, the life of the token by real time.
    """
    access, refresh = lifetimes(session, who.account_id)
    left = ((key.expires_at or NEVER) - session.ctx.now()) // 1_000_000
    lifetime = max(1, min(access, left))
    claims = {**_claims(who), "akid": key.id}
    issuer = f"{session.ctx.origin}/identity"
    token, expires = tokens.access_token(claims, issuer, grant_type, lifetime, token_generation(session))
    return {
        "access_token": token,
        "refresh_token": tokens.refresh_token(renewal or Renewal(key.id, None, who.account_id), refresh),
        "token_type": "Bearer",
        "expires_in": lifetime,
        "expiration": expires,
        "scope": "ibm openid",
    }
