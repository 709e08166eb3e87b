"""The answers of the token endpoint: a token for somebody, and what it rests on."""

from __future__ import annotations

from typing import Any

from kunsthalle.core.clock import SECOND
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.iam.federated_sign_ins import FederatedSignIn
from kunsthalle.iam.identity_settings import lifetimes
from kunsthalle.iam.models import ApiKey, Profile
from kunsthalle.iam.queries import NEVER, token_generation
from kunsthalle.iam.tokens import Renewal, Tokens


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a token speaks for, and in which account."""

    iam_id: str
    account_id: str
    name: str
    email: str = ""
    kind: str = "User"


def wearing(profile: Profile) -> Who:
    """Whoever has put a profile on."""
    return Who(profile.iam_id, profile.account_id, profile.name, profile.email or "", "Profile")


@dataclass(frozen=True, slots=True)
class Basis:
    """What a token rests on, and ends with: an API key, or a sign-in with a provider. `seconds` are what is left."""

    api_key_id: str
    session_id: str
    seconds: int


def of_key(session: Session, key: ApiKey) -> Basis:
    """The time left of a key is counted by the product clock, the life of a token by real time."""
    return Basis(key.id, "", ((key.expires_at or NEVER) - session.ctx.now()) // SECOND)


def of_sign_in(session: Session, sign_in: FederatedSignIn) -> Basis:
    return Basis("", sign_in.id, (sign_in.ends_at - session.ctx.clock.real()) // SECOND)


def _claims(who: Who) -> dict[str, Any]:
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


def issue(
    tokens: Tokens, session: Session, basis: Basis, who: Who, grant_type: str, renewal: Renewal | None = None
) -> dict[str, Any]:
    """A token that ends with what it rests on, whatever the lifetime of tokens. `renewal` is what its refresh token
    will renew.
    """
    access, refresh = lifetimes(session, who.account_id)
    lifetime = max(1, min(access, basis.seconds))
    claims = {**_claims(who), **({"session_id": basis.session_id} if basis.session_id else {"akid": basis.api_key_id})}
    if basis.session_id:
        refresh = max(1, min(refresh, basis.seconds))
    renewal = renewal or Renewal(basis.api_key_id, None, who.account_id, basis.session_id)
    issuer = f"{session.ctx.origin}/identity"
    token, expires = tokens.access_token(claims, issuer, grant_type, lifetime, token_generation(session))
    return {
        "access_token": token,
        "refresh_token": tokens.refresh_token(renewal, refresh),
        "token_type": "Bearer",
        "expires_in": lifetime,
        "expiration": expires,
        "scope": "ibm openid",
    }
