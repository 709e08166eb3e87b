"""The token endpoint's grants for who signed in with a provider: the tokens rest on that sign-in, and on no key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kunsthalle.accounts.queries import account, member
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.iam.claim_rules import is_met
from kunsthalle.iam.federated_sign_ins import FederatedSignIn, find_sign_in, person_of
from kunsthalle.iam.models import Profile
from kunsthalle.iam.queries import profile_by
from kunsthalle.iam.resources import PROFILE, PROFILE_RULE
from kunsthalle.iam.sign_in_audit import Login
from kunsthalle.iam.token_answers import Basis, Who, issue, of_sign_in, wearing
from kunsthalle.iam.tokens import Claims, Renewal, Tokens
from kunsthalle.iam.trusted_profiles import may_assume

_GRANT = "urn:ibm:params:oauth:grant-type:"


def expired() -> Problem:
    return Problem(Reason.INVALID, "BXNIM0408E", "Provided refresh_token is expired or invalid.")


def for_passcode(
    tokens: Tokens, session: Session, session_id: str, account_id: str | None, login: Login
) -> dict[str, Any]:
    """A token for whoever a passcode belongs to, in the account that is asked for, or the one they entered."""
    sign_in = login.sign_in = find_sign_in(session, session_id)
    if sign_in is None:
        raise Problem(Reason.INVALID, "BXNIM0411E", "The sign-in that the passcode belongs to has ended.")
    who = _in_account(session, sign_in, account_id)
    login.account_id = who.account_id
    return issue(tokens, session, of_sign_in(session, sign_in), who, f"{_GRANT}passcode")


def for_refresh(
    tokens: Tokens, session: Session, renewal: Renewal, account_id: str | None, login: Login
) -> dict[str, Any]:
    """Good as long as the sign-in is; of a profile, as long as it may still be put on."""
    sign_in = login.sign_in = find_sign_in(session, renewal.session_id)
    login.renewing, login.wearing = True, renewal.profile_id is not None
    if sign_in is None:
        raise expired()
    if renewal.profile_id is None:
        who = _in_account(session, sign_in, account_id or renewal.account_id)
        login.account_id = who.account_id
        return issue(tokens, session, of_sign_in(session, sign_in), who, "refresh_token")
    profile = profile_by(session, PROFILE.table.c.id == renewal.profile_id)
    basis = _basis_of_profile(session, sign_in, profile, sign_in.account_id)
    if profile is None or basis is None:
        raise expired()
    login.profile, login.account_id = profile, profile.account_id
    return issue(tokens, session, basis, wearing(profile), "refresh_token", renewal)


def for_profile(
    tokens: Tokens, session: Session, claims: Claims | None, profile: Profile | None, login: Login, refused: Problem
) -> dict[str, Any]:
    """The assume grant with a token of a sign-in. `claims` are those of a token that still counts; `refused` is the one
    refusal for every cause.
    """
    sign_in = login.sign_in = find_sign_in(session, claims.session_id) if claims is not None else None
    if claims is None or sign_in is None or claims.iam_id != sign_in.iam_id or not claims.account_id:
        raise refused
    basis = _basis_of_profile(session, sign_in, profile, claims.account_id)
    if profile is None or basis is None:
        raise refused
    login.profile, login.account_id = profile, profile.account_id
    renewal = Renewal("", profile.id, None, sign_in.id)
    return issue(tokens, session, basis, wearing(profile), f"{_GRANT}assume", renewal)


def _in_account(session: Session, sign_in: FederatedSignIn, account_id: str | None) -> Who:
    """Whoever signed in, in an account that they are a user of; in none while they are invited only.

    400 for an account in which they are none, whether it exists or not.
    """
    entered = account_id or sign_in.account_id
    if not entered:
        invited = person_of(session, sign_in, "")
        if invited is None:
            raise Problem(Reason.INVALID, "BXNIM0415E", "The invitation that you signed in by is accepted or gone.")
        return Who(sign_in.iam_id, "", invited.name, invited.user_id)
    there, person = account(session, entered), member(session, entered, sign_in.iam_id)
    if there is None or there.state != "ACTIVE" or person is None:
        text = "Provided bss_account does not exist, or the identity is no member of it."
        raise Problem(Reason.INVALID, "BXNIM0106E", text)
    return Who(sign_in.iam_id, entered, person.name, person.user_id)


def _basis_of_profile(
    session: Session, sign_in: FederatedSignIn, profile: Profile | None, account_id: str
) -> Basis | None:
    """What a token of a profile rests on for who signed in; None for somebody who may not put the profile on.

    They may if they are on its list, or if the provider's claims meet a rule of it: then for as long after the sign-in
    as the rule says, by the product clock.
    """
    if profile is None or member(session, account_id, sign_in.iam_id) is None:
        return None
    basis = of_sign_in(session, sign_in)
    if may_assume(session, profile, sign_in.iam_id, account_id):
        return basis
    left = [_seconds_left(session, sign_in, rule.expiration) for rule in _met_rules(session, profile, sign_in)]
    seconds = min(basis.seconds, max(left, default=0))
    return replace(basis, seconds=seconds) if seconds > 0 else None


def _met_rules(session: Session, profile: Profile, sign_in: FederatedSignIn) -> list[Any]:
    columns = PROFILE_RULE.table.c
    where = (columns.profile_id == profile.id, columns.type == "Profile-SAML", columns.realm_name == sign_in.realm)
    return [rule for rule in unscoped(session, PROFILE_RULE, *where) if is_met(rule.conditions, sign_in.claims)]


def _seconds_left(session: Session, sign_in: FederatedSignIn, expiration: int) -> int:
    """How long a rule still lets somebody in who signed in; a rule without an end as long as the sign-in lasts."""
    if not expiration:
        return (sign_in.ends_at - session.ctx.clock.real()) // SECOND
    return (sign_in.created_at - session.ctx.now()) // SECOND + expiration
