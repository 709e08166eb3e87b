"""The authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636, RFC 9207, RFC 9700)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec

from kunsthalle.core.clock import SECOND, Clock
from kunsthalle.core.ids import Ids
from kunsthalle.oidc.answers import MAX_SECONDS, Answers
from kunsthalle.oidc.farewells import Farewell
from kunsthalle.oidc.id_tokens import IdTokens
from kunsthalle.oidc.metadata import Endpoints, Metadata
from kunsthalle.oidc.providers import Provider
from kunsthalle.oidc.sign_in_refusals import SignInRefused, broken

FLOW_SECONDS = 600
"""How long somebody may take at the provider."""
MAX_CLAIMS = 64 * 1024
"""Bytes of JSON that are kept of what a provider says of somebody."""
MAX_HINT = 4096
"""Characters of an ID token that is kept to sign out with. It goes into an address, which must stay short."""
_PROTOCOL = frozenset(
    "iss aud azp exp iat nbf jti nonce at_hash c_hash s_hash auth_time acr amr sid typ events sub_jwk".split()
)
"""Claims about the token, which say nothing of the person."""


class Flow(msgspec.Struct, frozen=True):
    """What a browser takes along to the provider and back, sealed: only it can end what it has begun.

    `ends` is in seconds since the epoch, real time; `following` is the page to go on to.
    """

    provider: str
    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    following: str
    ends: int


class Identity(msgspec.Struct, frozen=True):
    """Whom a provider has signed in. `claims` are texts, numbers, truth values and lists of texts."""

    provider: Provider
    subject: str
    email: str
    is_verified: bool
    name: str
    claims: dict[str, Any]
    sid: str
    id_token: str
    """As the provider signed it; empty for one that is too long to sign out with."""

    @property
    def logout_hint(self) -> str:
        """Whose session ends, where no ID token says it: the provider's own name for the session, or the address."""
        return self.sid or self.email


class Client:
    """Signs people in with one provider."""

    def __init__(self, provider: Provider, clock: Clock, ids: Ids, seconds: float = MAX_SECONDS) -> None:
        self.provider = provider
        self._clock = clock
        self._ids = ids
        self._answers = Answers(provider, seconds)
        self._metadata = Metadata(provider, self._answers, clock)
        self._tokens = IdTokens(provider, self._metadata, clock)

    async def begin(self, redirect_uri: str, following: str) -> tuple[str, Flow]:
        """Where the browser goes, and what it has to bring back."""
        endpoints = await self._metadata.endpoints()
        now = self._clock.real() // SECOND
        flow = Flow(
            self.provider.id,
            state=self._ids.secret(),
            nonce=self._ids.secret(),
            verifier=self._ids.secret(48),
            redirect_uri=redirect_uri,
            following=following,
            ends=now + FLOW_SECONDS,
        )
        digest = hashlib.sha256(flow.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.provider.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return _with_query(endpoints.authorization, asked), flow

    async def finish(self, flow: Flow, answer: dict[str, str]) -> Identity:
        """Whom the provider has signed in, by its answer to a request of this browser; SignInRefused otherwise."""
        endpoints = await self._metadata.endpoints()
        self._check_answer(flow, answer, endpoints)
        granted = await self._exchange(flow, answer["code"], endpoints)
        id_token, access_token = granted.get("id_token"), granted.get("access_token")
        if not isinstance(id_token, str):
            raise broken("no_id_token", self.provider.name, "it has no ID token")
        claims = await self._tokens.identity(id_token, flow.nonce)
        more = await self._userinfo(endpoints, access_token, claims["sub"])
        return self._identity(claims, more, id_token)

    async def logout(self, token: str) -> tuple[str, str]:
        """Subject and session that a logout token of the provider ends."""
        return await self._tokens.logout(token)

    async def end_session_url(self, farewell: Farewell) -> str:
        """Where a browser goes to end its session at the provider; empty where the provider has no such page."""
        try:
            endpoint = (await self._metadata.endpoints()).end_session
        except SignInRefused:
            return ""
        asked = {
            "client_id": self.provider.client_id,
            "id_token_hint": farewell.id_token,
            "logout_hint": "" if farewell.id_token else farewell.logout_hint,
            "post_logout_redirect_uri": farewell.back,
            "state": farewell.state,
        }
        return _with_query(endpoint, {name: value for name, value in asked.items() if value}) if endpoint else ""

    def _check_answer(self, flow: Flow, answer: dict[str, str], endpoints: Endpoints) -> None:
        """That the answer is to this request, and the provider's own: two providers cannot be taken for each other."""
        name = self.provider.name
        if flow.provider != self.provider.id or not hmac.compare_digest(
            answer.get("state", "").encode(), flow.state.encode()
        ):
            text = "This sign-in was not begun in this browser, or another one was begun since. Begin anew."
            raise SignInRefused("wrong_state", text)
        if flow.ends <= self._clock.real() // SECOND:
            raise SignInRefused("late", f"The sign-in took longer than {FLOW_SECONDS // 60} minutes. Begin anew.")
        issuer = answer.get("iss", "")
        if (issuer or endpoints.names_itself) and issuer != self.provider.issuer:
            raise broken("wrong_issuer", name, "it comes from another provider")
        error = answer.get("error", "")
        if error:
            code = error if re.fullmatch(r"[a-z_]{1,64}", error) else "error"
            raise SignInRefused("provider_refused", f"{name} did not sign you in: {code}.")
        if not answer.get("code"):
            raise broken("no_code", name, "it has no code")

    async def _exchange(self, flow: Flow, code: str, endpoints: Endpoints) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": flow.redirect_uri,
            "code_verifier": flow.verifier,
        }
        client, secret, headers = self.provider.client_id, self.provider.client_secret, {}
        if not secret:
            form["client_id"] = client
        elif endpoints.takes_post:
            form |= {"client_id": client, "client_secret": secret}
        else:
            pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        status, document = await self._answers.post(endpoints.token, form, headers)
        if status != 200:
            error = document.get("error")
            code = error if isinstance(error, str) and re.fullmatch(r"[a-z_]{1,64}", error) else "error"
            raise SignInRefused("code_refused", f"{self.provider.name} did not take the code: {code}. Begin anew.")
        return document

    async def _userinfo(self, endpoints: Endpoints, token: object, subject: str) -> dict[str, Any]:
        """What the provider tells of the person beside the ID token: of that very person, or nothing is believed."""
        if not endpoints.userinfo or not isinstance(token, str) or not _is_header(token):
            return {}
        claims = await self._answers.get(endpoints.userinfo, token)
        if claims.get("sub") != subject:
            raise broken("wrong_subject", self.provider.name, "it speaks of somebody else than its token")
        return claims

    def _identity(self, told: dict[str, Any], more: dict[str, Any], id_token: str) -> Identity:
        """`told` is what the ID token says, `more` what is said beside it. The address and whether it is verified are
        taken from one of them: what one says of an address says nothing of the other's.
        """
        names, claims = self.provider.claims, {**more, **told}
        address = told if names.email in told else more
        person = {name: value for name, value in claims.items() if _is_kept(name, value)}
        if len(msgspec.json.encode(person)) > MAX_CLAIMS:
            raise broken("too_many_claims", self.provider.name, f"it says more than {MAX_CLAIMS} bytes of you")
        email, sid = address.get(names.email), told.get("sid")
        verified, name = address.get(names.email_verified), claims.get(names.name)
        return Identity(
            self.provider,
            subject=claims["sub"],
            email=email if isinstance(email, str) else "",
            is_verified=verified is True or verified == "true",
            name=name[:100] if isinstance(name, str) and name.isprintable() else "",
            claims=person,
            sid=sid if isinstance(sid, str) and len(sid) <= 255 else "",
            id_token=id_token if len(id_token) <= MAX_HINT else "",
        )


def _is_kept(name: str, value: object) -> bool:
    if name in _PROTOCOL or len(name) > 255:
        return False
    if isinstance(value, list):
        return all(isinstance(entry, str) for entry in value)
    return isinstance(value, (str, bool, int, float))


def _is_header(token: str) -> bool:
    return re.fullmatch(r"[\x21-\x7e]{1,16384}", token) is not None


def _with_query(url: str, values: dict[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(values)}"
