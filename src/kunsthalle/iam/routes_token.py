"""`/identity`: tokens, and the keys that verify them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from kunsthalle.api import access
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces import iam
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.core.event_counts import SIGN_INS
from kunsthalle.core.log import get_logger
from kunsthalle.db.session import Session
from kunsthalle.iam.schemas_identities import PasscodeResponse, TokenResponse
from kunsthalle.iam.sign_in_audit import Login
from kunsthalle.iam.token_grants import OFFERED, grant, passcode_for
from kunsthalle.iam.tokens import Tokens

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


def _counted(login: Login, exchange: Callable[[], Any]) -> Any:
    """What an exchange answers, counted with its outcome."""
    try:
        answer = exchange()
    except Problem:
        SIGN_INS.add(login.grant, "refused")
        raise
    SIGN_INS.add(login.grant, "success")
    return answer


def _token(tokens: Tokens) -> Callable[[Session, Request], Any]:
    def call(session: Session, request: Request) -> Any:
        """Exchange an API key, a refresh token or, for a trusted profile, an access token for an access token."""
        login = Login()
        tokens.follow(session)
        try:
            return _counted(login, lambda: grant(tokens, session, _form(request), login))
        except Problem as problem:
            if login.basis is None:
                log.info("a sign-in without a key that is known", code=problem.code, trace=session.ctx.trace)
            raise
        finally:
            request.record = login.record if login.basis is not None else None

    return call


def _passcode(tokens: Tokens) -> Callable[[Session, Request], PasscodeResponse]:
    def call(session: Session, request: Request) -> PasscodeResponse:
        """Create the passcode that signs the caller in once, as `ibmcloud login --sso` takes it."""
        authorization = request.headers.get("authorization", "").strip()
        claims = tokens.verify(authorization.rpartition(" ")[2])
        return PasscodeResponse(passcode=passcode_for(session, claims))

    return call


def _passcode_page(_session: Session, _request: Request) -> Reply:
    """Lead a browser to the page of the console that shows one-time passcodes."""
    return Reply(status=303, headers={"Location": "/console/passcode"})


def routes(tokens: Tokens) -> tuple[Route, ...]:
    def keys(session: Session, _request: Request) -> Any:
        """The public keys that verify access tokens."""
        tokens.follow(session)
        return tokens.jwks()

    def discovery(session: Session, _request: Request) -> Any:
        """The OpenID configuration."""
        issuer = f"{session.ctx.origin}/identity"
        return {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "passcode_endpoint": f"{issuer}/passcode",
            "grant_types_supported": list(OFFERED),
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    surface, anyone = iam.TOKEN, access.public("iam-identity.token.create")
    return (
        route(
            "POST",
            "/identity/token",
            _token(tokens),
            surface=surface,
            access=anyone,
            answer=TokenResponse,
            writes=False,
        ),
        route(
            "POST",
            "/identity/passcode",
            _passcode(tokens),
            surface=surface,
            access=access.member("iam-identity.passcode.create"),
            answer=PasscodeResponse,
            status=201,
        ),
        route("GET", "/identity/passcode", _passcode_page, surface=surface, access=anyone, status=303),
        route("GET", "/identity/keys", keys, surface=surface, access=anyone),
        route("GET", "/identity/.well-known/openid-configuration", discovery, surface=surface, access=anyone),
    )
