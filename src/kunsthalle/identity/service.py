"""Keys, policies and tokens, and who a bearer token is. One public function a use case."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import msgspec

from kunsthalle.accounts.queries import account, audience, user
from kunsthalle.core.access import Attribute
from kunsthalle.core.context import Actor, Context
from kunsthalle.core.errors import Problem, Reason, forbidden, invalid, unauthenticated
from kunsthalle.core.roles import ADMINISTRATOR, MANAGER, ROLES, permits
from kunsthalle.identity.kinds import API_KEY, POLICY
from kunsthalle.identity.model import ApiKey, Policy
from kunsthalle.identity.queries import GRANTS, grants_of, hash_of, key_by_id, key_by_secret
from kunsthalle.identity.tokens import Tokens
from kunsthalle.store.rows import IntegrityError, delete, insert
from kunsthalle.store.scope import Granted
from kunsthalle.store.unit import Unit


def authenticate(tokens: Tokens, unit: Unit, authorization: str) -> Context:
    """The context of a bearer token: its identity, in the account of its key, with what it holds there. 401 else."""
    scheme, _, token = authorization.strip().partition(" ")
    if not token and scheme.count(".") == 2:
        scheme, token = "bearer", scheme  # the documentation's samples send the bare token
    if scheme.lower() != "bearer" or not token:
        raise unauthenticated()
    claims = tokens.verify(token.strip())
    grants = grants_of(unit, claims.account_id, claims.iam_id)
    actor = Actor(claims.iam_id, claims.name, claims.email, claims.kind)
    return replace(
        unit.ctx,
        actor=actor,
        account_id=claims.account_id,
        grants=grants,
        audience=audience(unit, claims.account_id),
    )


def create_api_key(
    unit: Unit, account_id: str, iam_id: str, name: str, description: str | None = None
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown this once."""
    ctx = unit.ctx
    if iam_id != ctx.actor.iam_id and not ctx.grants.reach("iam-identity.apikey.manage").everything:
        raise forbidden()
    if account_id != ctx.account_id or user(unit, account_id, iam_id) is None:
        raise invalid("bad_request", "The IAM ID is not a user of the account.", "iam_id")
    secret, now = ctx.ids.secret(), ctx.now()
    id_ = f"ApiKey-{ctx.ids.uuid()}"
    creator = ctx.actor.iam_id
    key = ApiKey(id_, account_id, iam_id, name, description, hash_of(secret), False, False, None, creator, now, now)
    return insert(unit, API_KEY, key), secret


def delete_api_key(unit: Unit, granted: Granted[ApiKey]) -> None:
    """The key opens nothing from now on, and its refresh tokens are worth nothing."""
    if granted.it.locked:
        raise Problem(Reason.CONFLICT, "BXNIM0130E", "The API key is locked.")
    delete(unit, API_KEY, granted.it.id, granted.it.account_id)


def _usable(key: ApiKey | None, now: int) -> ApiKey:
    if key is None:
        raise Problem(Reason.INVALID, "BXNIM0415E", "Provided API key could not be found.")
    if key.disabled:
        raise Problem(Reason.INVALID, "BXNIM0438E", "Provided API key is disabled.")
    if key.expires_at is not None and key.expires_at <= now:
        raise Problem(Reason.INVALID, "BXNIM0451E", "Provided API key is expired.")
    return key


def token_for_secret(tokens: Tokens, unit: Unit, secret: str) -> dict[str, Any]:
    """The apikey grant."""
    key = _usable(key_by_secret(unit, secret), unit.ctx.now())
    return _issue(tokens, unit, key, "urn:ibm:params:oauth:grant-type:apikey")


def token_for_refresh(tokens: Tokens, unit: Unit, refresh: str) -> dict[str, Any]:
    """The refresh_token grant: good as long as the key it was issued for."""
    key = key_by_id(unit, tokens.key_of_refresh(refresh))
    if key is None:
        raise Problem(Reason.INVALID, "BXNIM0408E", "Provided refresh_token is expired or invalid.")
    return _issue(tokens, unit, _usable(key, unit.ctx.now()), "refresh_token")


def _issue(tokens: Tokens, unit: Unit, key: ApiKey, grant: str) -> dict[str, Any]:
    who, where = user(unit, key.account_id, key.iam_id), account(unit, key.account_id)
    if who is None or where is None or where.state != "ACTIVE" or who.state != "ACTIVE":
        raise Problem(Reason.INVALID, "BXNIM0415E", "Provided API key could not be found.")
    realm, _, identifier = key.iam_id.partition("-")
    given, _, family = who.name.partition(" ")
    claims = {
        "iam_id": key.iam_id,
        "id": key.iam_id,
        "realmid": realm,
        "identifier": identifier,
        "given_name": given,
        "family_name": family or given,
        "name": who.name,
        "email": who.email,
        "sub": who.email,
        "authn": {"sub": who.email, "iam_id": key.iam_id, "name": who.name, "email": who.email},
        "account": {"valid": True, "bss": key.account_id, "frozen": True},
        "akid": key.id,
    }
    token, expires = tokens.access_token(claims, f"{unit.ctx.origin}/identity", grant)
    return {
        "access_token": token,
        "refresh_token": tokens.refresh_token(key.id),
        "token_type": "Bearer",
        "expires_in": 3_600,
        "expiration": expires,
        "scope": "ibm openid",
    }


def _value(attributes: list[dict[str, str]], key: str) -> str | None:
    return next((one["value"] for one in attributes if one["key"] == key), None)


def create_policy(
    unit: Unit,
    type_: str,
    subject: list[dict[str, str]],
    roles: list[str],
    resource: list[dict[str, str]],
    description: str | None = None,
) -> Policy:
    """A new policy of the account. 409 when the same is there, 403 when it grants more than its maker holds."""
    ctx = unit.ctx
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise invalid("invalid_body", f"Unknown role: {', '.join(unknown) or '(none given)'}.", "roles")
    subject_id = _value(subject, "iam_id" if type_ == "access" else "serviceName")
    if not subject_id:
        raise invalid("invalid_body", "The subject names nobody.", "subjects")
    if _value(resource, "accountId") not in {None, ctx.account_id} and type_ == "access":
        raise invalid("invalid_body", "A policy covers resources of its own account only.", "resources")
    _no_more_than_held(ctx, roles, resource)
    content = msgspec.json.encode([type_, subject_id, subject, sorted(roles), resource], order="deterministic")
    now = ctx.now()
    policy = Policy(
        id=ctx.ids.uuid(),
        account_id=ctx.account_id,
        type=type_,
        subject_id=subject_id,
        subject=subject,
        roles=roles,
        resource=resource,
        description=description,
        state="active",
        fingerprint=hashlib.sha256(content).hexdigest(),
        created_by=ctx.actor.iam_id,
        modified_at=now,
        modified_by=ctx.actor.iam_id,
        created_at=now,
    )
    unit.changed(GRANTS)
    try:
        return insert(unit, POLICY, policy)
    except IntegrityError as error:
        raise Problem(Reason.CONFLICT, "policy_conflict_error", "The same policy exists already.") from error


_PROBES = ("create", "read", "operate", "update", "delete", "retrieve", "manage", "share")


def _no_more_than_held(ctx: Context, roles: list[str], resource: list[dict[str, str]]) -> None:
    """Nobody grants what he does not hold: each deed a role allows must be within the maker's own reach."""
    service, kind = _value(resource, "serviceName") or "is", _value(resource, "resourceType") or "instance"
    attributes = {one["key"]: one["value"] for one in resource}
    for verb in _PROBES:
        action = f"{service}.{kind}.{verb}"
        if any(permits(role, action) for role in roles) and not ctx.grants.reach(action).covers(attributes):
            raise forbidden("You cannot grant more than you hold.")


def delete_policy(unit: Unit, granted: Granted[Policy]) -> None:
    """The policy grants nothing from the next request on."""
    unit.changed(GRANTS)
    delete(unit, POLICY, granted.it.id, granted.it.account_id)


def make_owner(unit: Unit, account_id: str, iam_id: str) -> None:
    """What the owner of an account holds: everything in it, and nothing anywhere else."""
    for service_type in ("service", "platform_service"):
        resource = [
            {"key": "accountId", "operator": "stringEquals", "value": account_id},
            {"key": "serviceType", "operator": "stringEquals", "value": service_type},
        ]
        subject = [{"key": "iam_id", "operator": "stringEquals", "value": iam_id}]
        create_policy(unit, "access", subject, [ADMINISTRATOR, MANAGER], resource)


def is_authorized(unit: Unit, source: str, target: dict[str, str], action: str) -> bool:
    """Whether the account authorizes a service to do an action on a target service's resource (R9)."""
    from kunsthalle.identity.queries import authorizations

    for policy in authorizations(unit, unit.ctx.account_id, source):
        conditions = [
            Attribute(one["key"], one["value"], one.get("operator", "stringEquals")) for one in policy.resource
        ]
        matching = all(one.matches(target.get(one.key)) for one in conditions)
        if matching and any(permits(role, action) for role in policy.roles):
            return True
    return False


__all__ = [
    "authenticate",
    "create_api_key",
    "create_policy",
    "delete_api_key",
    "delete_policy",
    "grants_of",
    "is_authorized",
    "make_owner",
    "token_for_refresh",
    "token_for_secret",
]
