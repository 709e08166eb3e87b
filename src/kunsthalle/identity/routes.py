"""`/identity`, `/v1/apikeys`, `/v1/policies`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from kunsthalle.api import access
from kunsthalle.api.families import iam
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import Problem, Reason, invalid
from kunsthalle.identity import service
from kunsthalle.identity.kinds import API_KEY, POLICY
from kunsthalle.identity.tokens import Tokens
from kunsthalle.identity.wire import (
    ApiKeysWire,
    ApiKeyWire,
    CreateApiKeyBody,
    CreatePolicyBody,
    PoliciesWire,
    PolicyWire,
    TokenWire,
    key_wire,
    policy_wire,
    stored,
)
from kunsthalle.store.scope import some
from kunsthalle.store.unit import Unit

_GRANT = "urn:ibm:params:oauth:grant-type:"


def _form(request: Request) -> dict[str, str]:
    try:
        return dict(parse_qsl(request.raw.decode(), keep_blank_values=True, max_num_fields=50))
    except (UnicodeDecodeError, ValueError) as error:
        raise Problem(Reason.INVALID, "BXNIM0106E", "The form could not be read.") from error


def _token(tokens: Tokens) -> Callable[[Unit, Request], Any]:
    def call(unit: Unit, request: Request) -> Any:
        """Exchange an API key or a refresh token for an access token."""
        form = _form(request)
        grant = form.get("grant_type", "")
        if grant == f"{_GRANT}apikey":
            return service.token_for_secret(tokens, unit, form.get("apikey", ""))
        if grant == "refresh_token":
            return service.token_for_refresh(tokens, unit, form.get("refresh_token", ""))
        raise Problem(Reason.INVALID, "BXNIM0109E", f"Property grant_type is missing or not supported: {grant[:64]!r}.")

    return call


def _list_keys(unit: Unit, request: Request) -> ApiKeysWire:
    """List the API keys of an identity: the caller's own, unless another's are asked for and may be seen."""
    wanted = request.query.get("iam_id", unit.ctx.actor.iam_id)
    found = some(unit, API_KEY, API_KEY.table.c.iam_id == wanted)
    shown = [key_wire(key, unit.ctx) for key in found]
    return ApiKeysWire(offset=0, limit=len(shown), first=f"{unit.ctx.origin}/v1/apikeys", apikeys=shown)


def _create_key(unit: Unit, request: Request) -> ApiKeyWire:
    """Create an API key; its secret is in this answer and nowhere else."""
    body: CreateApiKeyBody = request.body
    account = body.account_id or unit.ctx.account_id
    key, secret = service.create_api_key(unit, account, body.iam_id, body.name, body.description)
    return key_wire(key, unit.ctx, secret)


def _key_details(unit: Unit, request: Request) -> ApiKeyWire:
    """Get the key whose secret is in the header `IAM-ApiKey`."""
    from kunsthalle.identity.queries import key_by_secret

    key = key_by_secret(unit, request.headers.get("iam-apikey", ""))
    if key is None or key.account_id != unit.ctx.account_id:
        raise invalid(
            "bad_request",
            "The header IAM-ApiKey holds no API key of this account.",
            "IAM-ApiKey",
            type_="header",
        )
    return key_wire(key, unit.ctx)


def _get_key(unit: Unit, request: Request) -> ApiKeyWire:
    """Get an API key."""
    return key_wire(request.granted.it, unit.ctx)


def _delete_key(unit: Unit, request: Request) -> None:
    """Delete an API key."""
    service.delete_api_key(unit, request.granted)


def _list_policies(unit: Unit, request: Request) -> PoliciesWire:
    """List the policies of the account."""
    table = POLICY.table
    asked = {"type": table.c.type, "iam_id": table.c.subject_id}
    where = [column == request.query[name] for name, column in asked.items() if name in request.query]
    if request.query.get("account_id", unit.ctx.account_id) != unit.ctx.account_id:
        return PoliciesWire(policies=[])
    return PoliciesWire(policies=[policy_wire(policy, unit.ctx) for policy in some(unit, POLICY, *where)])


def _create_policy(unit: Unit, request: Request) -> Reply:
    """Create an access or authorization policy."""
    body: CreatePolicyBody = request.body
    if len(body.subjects) != 1 or len(body.resources) != 1:
        raise invalid("invalid_body", "A policy has exactly one subject and one resource.", "subjects")
    subject, resource = stored(body.subjects[0].attributes), stored(body.resources[0].attributes)
    roles = [role.role_id for role in body.roles]
    policy = service.create_policy(unit, body.type, subject, roles, resource, body.description)
    return Reply(policy_wire(policy, unit.ctx), headers={"ETag": f'"{policy.revision}-{policy.fingerprint[:16]}"'})


def _get_policy(unit: Unit, request: Request) -> Reply:
    """Get a policy."""
    policy = request.granted.it
    return Reply(policy_wire(policy, unit.ctx), headers={"ETag": f'"{policy.revision}-{policy.fingerprint[:16]}"'})


def _delete_policy(unit: Unit, request: Request) -> None:
    """Delete a policy."""
    service.delete_policy(unit, request.granted)


def _token_routes(tokens: Tokens) -> tuple[Route, ...]:
    def keys(_unit: Unit, _request: Request) -> Any:
        """The public keys that verify access tokens."""
        return tokens.jwks()

    def discovery(unit: Unit, _request: Request) -> Any:
        """The OpenID configuration."""
        issuer = f"{unit.ctx.origin}/identity"
        return {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "grant_types_supported": [f"{_GRANT}apikey", "refresh_token"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    family, anyone = iam.TOKEN, access.public("iam-identity.token.create")
    return (
        route(
            "POST",
            "/identity/token",
            _token(tokens),
            family=family,
            access=anyone,
            answer=TokenWire,
            writes=False,
        ),
        route("GET", "/identity/keys", keys, family=family, access=anyone),
        route("GET", "/identity/.well-known/openid-configuration", discovery, family=family, access=anyone),
    )


def routes(tokens: Tokens) -> tuple[Route, ...]:
    key, keys = "/v1/apikeys/{id}", "/v1/apikeys"
    policy, policies = "/v1/policies/{id}", "/v1/policies"
    own = access.member("iam-identity.apikey.create")
    make = access.create("iam-access-management.policy.create")
    drop = access.item(POLICY, "iam-access-management.policy.delete")
    identity, policing = iam.IDENTITY, iam.POLICY
    return (
        *_token_routes(tokens),
        route("GET", keys, _list_keys, family=identity, access=access.listing(API_KEY), answer=ApiKeysWire),
        route(
            "POST",
            keys,
            _create_key,
            family=identity,
            access=own,
            body=CreateApiKeyBody,
            answer=ApiKeyWire,
            status=201,
        ),
        route(
            "GET",
            f"{keys}/details",
            _key_details,
            family=identity,
            access=access.member("iam-identity.apikey.get"),
            answer=ApiKeyWire,
        ),
        route("GET", key, _get_key, family=identity, access=access.item(API_KEY), answer=ApiKeyWire),
        route("DELETE", key, _delete_key, family=identity, access=access.item(API_KEY), status=204),
        route(
            "GET",
            policies,
            _list_policies,
            family=policing,
            access=access.listing(POLICY),
            answer=PoliciesWire,
        ),
        route(
            "POST",
            policies,
            _create_policy,
            family=policing,
            access=make,
            body=CreatePolicyBody,
            answer=PolicyWire,
            status=201,
        ),
        route("GET", policy, _get_policy, family=policing, access=access.item(POLICY), answer=PolicyWire),
        route("DELETE", policy, _delete_policy, family=policing, access=drop, status=204),
    )
