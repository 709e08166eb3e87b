"""`/identity`: tokens, and the keys that verify them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from kunsthalle.api import access
from kunsthalle.api.families import iam
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.core.log import get_logger
from kunsthalle.identity.granting import OFFERED, grant
from kunsthalle.identity.logins import Login
from kunsthalle.identity.tokens import Tokens
from kunsthalle.identity.wire_keys import TokenWire
from kunsthalle.store.unit import Unit

log = get_logger("identity")


def _form(request: Request) -> dict[str, str]:
    unreadable = Problem(Reason.INVALID, "BXNIM0106E", "The form could not be read.")
    try:
        form = dict(parse_qsl(request.raw.decode(), keep_blank_values=True, max_num_fields=50))
    except (UnicodeDecodeError, ValueError) as error:
        raise unreadable from error
    if any("\0" in value for value in form.values()):
        raise unreadable
    return form


def _token(tokens: Tokens) -> Callable[[Unit, Request], Any]:
    def call(unit: Unit, request: Request) -> Any:
        """Exchange an API key, a refresh token or, for a trusted profile, an access token for an access token."""
        login = Login()
        try:
            return grant(tokens, unit, _form(request), login)
        except Problem as problem:
            if login.key is None:
                log.info("a sign-in without a key that is known", code=problem.code, trace=unit.ctx.trace)
            raise
        finally:
            request.record = login.record if login.key is not None else None

    return call


def routes(tokens: Tokens) -> tuple[Route, ...]:
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
            "grant_types_supported": list(OFFERED),
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    family, anyone = iam.TOKEN, access.public("iam-identity.token.create")
    return (
        route("POST", "/identity/token", _token(tokens), family=family, access=anyone, answer=TokenWire, writes=False),
        route("GET", "/identity/keys", keys, family=family, access=anyone),
        route("GET", "/identity/.well-known/openid-configuration", discovery, family=family, access=anyone),
    )
