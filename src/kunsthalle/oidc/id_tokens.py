"""ID tokens and logout tokens: who signed them, for whom, when, as OpenID Connect Core 1.0 and OpenID Connect
Back-Channel Logout 1.0 have them validated.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from kunsthalle.core.clock import SECOND, Clock
from kunsthalle.oidc.metadata import Metadata
from kunsthalle.oidc.providers import Provider
from kunsthalle.oidc.sign_in_refusals import SignInRefused, broken

MAX_TOKEN = 128 * 1024
"""Characters."""
ALGORITHMS = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}
"""The signatures that are accepted, and which kind of key makes them. Neither `none` nor what is made with a secret."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_MAX_LOGOUT_AGE = 300
"""Seconds that a logout token is good for, where it does not say itself."""
_PAST = {"nbf": "its token is not good yet", "auth_time": "its token is of somebody who signs in later"}
"""Claims that may be absent, of moments that have passed, and what is wrong where they have not."""
_SKEWED = "Its clock and the clock of this server may differ."


class IdTokens:
    """Verifies the tokens of one provider."""

    def __init__(self, provider: Provider, metadata: Metadata, clock: Clock) -> None:
        self._provider = provider
        self._metadata = metadata
        self._clock = clock

    async def identity(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that answers the request with that nonce; SignInRefused otherwise."""
        claims = await self._signed(token)
        self._check_audience(claims)
        self._check_times(claims, needs_end=True)
        sent = claims.get("nonce")
        if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), nonce.encode()):
            raise self._broken("wrong_nonce", "its token answers another request")
        if not _is_text(claims.get("sub")):
            raise self._broken("no_subject", "its token does not say who signed in")
        return claims

    async def logout(self, token: str) -> tuple[str, str]:
        """Subject and session of a logout token; one of them may be empty."""
        claims = await self._signed(token)
        self._check_audience(claims)
        self._check_times(claims, needs_end=False)
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict) or "nonce" in claims:
            raise self._broken("no_logout", "its token ends no session")
        subject, session = claims.get("sub", ""), claims.get("sid", "")
        if not isinstance(subject, str) or not isinstance(session, str) or not (subject or session):
            raise self._broken("no_subject", "its token does not say whose session ends")
        return subject, session

    def _broken(self, code: str, fault: str) -> SignInRefused:
        return broken(code, self._provider.name, fault)

    async def _signed(self, token: str) -> dict[str, Any]:
        """The claims of a token that this provider has signed for somebody."""
        header = self._header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        kind = ALGORITHMS.get(algorithm) if isinstance(algorithm, str) else None
        if not isinstance(algorithm, str) or kind is None:
            raise self._broken("bad_algorithm", "its token is not signed with a key of its own")
        if "crit" in header or (kid is not None and not isinstance(kid, str)):
            raise self._broken("bad_token", "its token is none that this server reads")
        key = await self._metadata.key(kid, kind)
        if key.get("alg") not in (None, algorithm):
            raise self._broken("bad_algorithm", "its token is signed otherwise than its key allows")
        try:
            content = jws.deserialize_compact(token, key, algorithms=[algorithm]).payload
            claims = msgspec.json.decode(content)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise self._broken("bad_signature", "the signature of its token is wrong") from error
        if not isinstance(claims, dict) or claims.get("iss") != self._provider.issuer:
            raise self._broken("wrong_issuer", "its token was issued by somebody else")
        return claims

    def _header(self, token: str) -> dict[str, Any]:
        first, _, rest = token.partition(".")
        if len(token) > MAX_TOKEN or rest.count(".") != 1:
            raise self._broken("bad_token", "its token is none that this server reads")
        try:
            document = msgspec.json.decode(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
        except (ValueError, binascii.Error, RecursionError) as error:
            raise self._broken("bad_token", "its token is none that this server reads") from error
        if not isinstance(document, dict):
            raise self._broken("bad_token", "its token is none that this server reads")
        return document

    def _check_audience(self, claims: dict[str, Any]) -> None:
        audience, authorized = claims.get("aud"), claims.get("azp")
        audiences = [audience] if isinstance(audience, str) else audience
        client = self._provider.client_id
        if not isinstance(audiences, list) or client not in audiences:
            raise self._broken("wrong_audience", "its token is for somebody else")
        if authorized is None and len(audiences) > 1:
            raise self._broken("no_authorized_party", "its token is for several, and does not say who asked for it")
        if authorized not in (None, client):
            raise self._broken("wrong_audience", "somebody else asked for its token")

    def _check_times(self, claims: dict[str, Any], *, needs_end: bool) -> None:
        """Of real time, with the provider's leeway on either side."""
        now, leeway = self._clock.real() / SECOND, self._provider.leeway
        issued = self._moment(claims, "iat")
        if issued is None or issued > now + leeway:
            raise self._broken("issued_later", f"its token is not from the past. {_SKEWED}")
        ends = self._moment(claims, "exp")
        if ends is None:
            if needs_end:
                raise self._broken("expired", "its token does not say when it ends")
            ends = issued + _MAX_LOGOUT_AGE
        if ends <= now - leeway:
            raise self._broken("expired", f"its token has ended. {_SKEWED}")
        for name, fault in _PAST.items():
            moment = self._moment(claims, name)
            if moment is not None and moment > now + leeway:
                raise self._broken("issued_later", f"{fault}. {_SKEWED}")

    def _moment(self, claims: dict[str, Any], name: str) -> float | None:
        value = claims.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
            raise self._broken("bad_token", f"the claim {name} of its token is no moment")
        return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255
