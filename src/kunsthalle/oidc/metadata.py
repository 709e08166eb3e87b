"""What a provider says of itself: its endpoints (OpenID Connect Discovery 1.0) and its keys (RFC 7517)."""

from __future__ import annotations

from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from msgspec import Struct

from kunsthalle.core.clock import HOUR, SECOND, Clock
from kunsthalle.oidc.answers import Answers
from kunsthalle.oidc.providers import Provider
from kunsthalle.oidc.sign_in_refusals import broken

KEEP = HOUR
"""Microseconds for which endpoints and keys are remembered."""
REFETCH = 5 * SECOND
"""Microseconds between two looks for a key that is not known: tokens that name no key cost the provider no more."""
MAX_KEYS = 64

PublicKey = RSAKey | ECKey | OKPKey
_KINDS: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class Endpoints(Struct, frozen=True):
    """Where a provider is asked; an empty text for what it does not offer."""

    authorization: str
    token: str
    jwks: str
    userinfo: str
    end_session: str
    takes_post: bool
    """Whether the client's secret goes into the form of a token request, and not into its header."""
    names_itself: bool
    """Whether the answer to an authorization request says whose it is (RFC 9207)."""


class Metadata:
    """Endpoints and keys of one provider, remembered for an hour of real time."""

    def __init__(self, provider: Provider, answers: Answers, clock: Clock) -> None:
        self._provider = provider
        self._answers = answers
        self._clock = clock
        self._endpoints: tuple[int, Endpoints] | None = None
        self._keys: tuple[int, tuple[PublicKey, ...]] | None = None

    def _is_fresh(self, since: int, limit: int) -> bool:
        return 0 <= self._clock.real() - since < limit

    async def endpoints(self) -> Endpoints:
        """The endpoints; SignInRefused for a provider that calls itself otherwise, or does not answer."""
        if self._endpoints is None or not self._is_fresh(self._endpoints[0], KEEP):
            url = f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            document = await self._answers.get(url)
            self._endpoints = (self._clock.real(), self._read(document))
        return self._endpoints[1]

    def _read(self, document: dict[str, Any]) -> Endpoints:
        provider = self._provider
        if document.get("issuer") != provider.issuer:
            raise broken("wrong_issuer", provider.name, "it calls itself by another name than its issuer's")
        methods = document.get("token_endpoint_auth_methods_supported")
        basic = not isinstance(methods, list) or "client_secret_basic" in methods
        return Endpoints(
            authorization=self._url(document, "authorization_endpoint"),
            token=self._url(document, "token_endpoint"),
            jwks=self._url(document, "jwks_uri"),
            userinfo=self._url(document, "userinfo_endpoint", needed=False),
            end_session=self._url(document, "end_session_endpoint", needed=False),
            takes_post=not basic,
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        )

    def _url(self, document: dict[str, Any], field: str, *, needed: bool = True) -> str:
        value = document.get(field)
        if value is None and not needed:
            return ""
        if not isinstance(value, str) or not self._provider.allows_url(value) or "#" in value:
            raise broken("bad_endpoint", self._provider.name, f"its {field} is no address that can be trusted")
        return value

    async def key(self, kid: str | None, kind: str) -> PublicKey:
        """The key that a token names, of the kind (`RSA`, `EC`, `OKP`) that its algorithm needs.

        For a key that is not known the provider is asked again, at most once in a while: it may have changed its keys.
        """
        keys = await self._known_keys(KEEP)
        matching = _matching(keys, kid, kind)
        if not matching:
            matching = _matching(await self._known_keys(REFETCH), kid, kind)
        if len(matching) != 1:
            raise broken("unknown_key", self._provider.name, "its token is signed with a key that it does not publish")
        return matching[0]

    async def _known_keys(self, limit: int) -> tuple[PublicKey, ...]:
        if self._keys is None or not self._is_fresh(self._keys[0], limit):
            document = await self._answers.get((await self.endpoints()).jwks)
            self._keys = (self._clock.real(), _public_keys(self._provider, document))
        return self._keys[1]


def _matching(keys: tuple[PublicKey, ...], kid: str | None, kind: str) -> list[PublicKey]:
    """The keys that are meant. A token that names none means the only one of its kind."""
    return [key for key in keys if key.key_type == kind and (kid is None or key.kid == kid)]


def _public_keys(provider: Provider, document: dict[str, Any]) -> tuple[PublicKey, ...]:
    """The public keys for signatures in a set. Keys of other kinds are passed over; symmetric ones are nobody's."""
    entries = document.get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise broken("bad_keys", provider.name, f"it has no list of at most {MAX_KEYS} keys")
    keys = [key for entry in entries if (key := _public_key(entry)) is not None]
    return tuple(keys)


def _public_key(entry: Any) -> PublicKey | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    kind = _KINDS.get(str(entry.get("kty")))
    if kind is None or not isinstance(entry.get("kid", ""), str):
        return None
    public = {name: value for name, value in entry.items() if name not in _PRIVATE}
    public.pop("key_ops", None)  # what we do with it is to verify
    try:
        return kind.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
