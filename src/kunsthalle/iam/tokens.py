"""Tokens: RS256 access tokens with the claims of catalog-iam-enterprise.md 3.1, and refresh tokens bound to a key.

Tokens live by real time: SDKs, Terraform and the command line keep a token until its end by the clock of their own
host, so that a product clock that was moved signs nobody out. What a token rests on (its key, its identity) ends by the
product clock, and the token with it.

The signing keys live in the database, so every node of a store signs and verifies alike. A verified token is
remembered, bounded, and its expiry is asked at every request.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kunsthalle.authz.context import Context
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import Problem, Reason, unauthenticated
from kunsthalle.db.engine import Store
from kunsthalle.db.kv import SIGNING_KEYS, get
from kunsthalle.db.session import Session

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

    from kunsthalle.iam.signing_keys import SigningKeys

LIFETIME = 3_600
REFRESH_LIFETIME = 30 * 86_400
LOOK = SECOND
"""Microseconds between two looks whether the signing keys were rotated."""
_REMEMBERED = 10_000
_ACCESS, _REFRESH = "access", "refresh"
_GENERATION = "generation"


class Claims(Struct, frozen=True):
    """What a valid token says. `expires` is in seconds since the epoch, real time.

    `generation`: how often all access tokens had been expired when it was issued. `session_id`: the sign-in with a
    provider that the token rests on, where it rests on no API key.
    """

    iam_id: str
    account_id: str
    name: str
    email: str
    kind: str
    expires: int
    api_key_id: str
    generation: int = 0
    session_id: str = ""


class Renewal(Struct, frozen=True):
    """What a refresh token renews: the key it was issued for, the trusted profile that was put on, if any, and the
    account in which the key's owner acts, if that was said. Of a sign-in with a provider there is no key, but the
    session.
    """

    api_key_id: str
    profile_id: str | None
    account_id: str | None
    session_id: str = ""


class Tokens:
    """Signs and verifies. Loading the keys is put off until the first token: start-up does not wait for RSA."""

    def __init__(self, store: Store, ctx: Context) -> None:
        self._store = store
        self._ctx = ctx
        self._clock = ctx.clock
        self._ids = ctx.ids
        self._lock = threading.Lock()
        self._keys: SigningKeys | None = None
        self._text = ""
        self._looked = 0
        self._verified: dict[str, Claims] = {}

    def _all_keys(self) -> SigningKeys:
        with self._lock:
            if self._keys is None:
                from kunsthalle.iam.signing_keys import load_keys

                self._keys, self._text = load_keys(self._store, self._ctx)
            return self._keys

    def _key_set(self) -> KeySet:
        return self._all_keys().verifying(self._clock.real())

    def follow(self, session: Session) -> None:
        """Look whether the keys were rotated, here or on another node: once a second at most, in the caller's own
        transaction. A process that needed no key yet reads them when it does.
        """
        now = self._clock.real()
        if self._keys is None or 0 <= now - self._looked < LOOK:
            return
        self._looked = now
        text = get(session, SIGNING_KEYS)
        if isinstance(text, str) and text != self._text:
            from kunsthalle.iam.signing_keys import parse_keys

            keys = parse_keys(session.cipher, text)
            with self._lock:
                self._keys, self._text = keys, text

    def ensure_keys(self) -> None:
        """Makes the keys of a store that has none, before any request could ask for them inside its own write."""
        if self._store.read(self._ctx, lambda session: get(session, SIGNING_KEYS)) is None:
            self._key_set()

    def jwks(self) -> dict[str, Any]:
        """The public keys, as `/identity/keys` shows them."""
        return dict(self._key_set().as_dict(private=False))

    def access_token(
        self, claims: dict[str, Any], issuer: str, grant: str, lifetime: int = LIFETIME, generation: int = 0
    ) -> tuple[str, int]:
        """A signed access token and when it expires (seconds since the epoch, real time)."""
        now = self._clock.real() // SECOND
        expires = now + lifetime
        whole = {
            **claims,
            "typ": _ACCESS,
            "jti": self._ids.uuid(),
            "iat": now,
            "exp": expires,
            "iss": issuer,
            "grant_type": grant,
            "scope": "ibm openid",
            "client_id": "default",
            "acr": 1,
            "amr": ["pwd"],
        }
        if generation:  # a claim of our own, which most tokens do without
            whole[_GENERATION] = generation
        return self._sign(whole), expires

    def refresh_token(self, renewal: Renewal, lifetime: int = REFRESH_LIFETIME) -> str:
        """A signed refresh token: good as long as its key is, at most thirty days."""
        now = self._clock.real() // SECOND
        claims = {"typ": _REFRESH, "jti": self._ids.uuid(), "iat": now, "exp": now + lifetime}
        of = {
            "akid": renewal.api_key_id,
            "profile_id": renewal.profile_id,
            "account_id": renewal.account_id,
            "session_id": renewal.session_id or None,
        }
        return self._sign({**claims, **{name: value for name, value in of.items() if value is not None}})

    def _sign(self, claims: dict[str, Any]) -> str:
        from joserfc import jwt

        key = self._all_keys().signing(self._clock.real()).key
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)

    def _decode(self, token: str, type_: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            claims = dict(jwt.decode(token, self._key_set(), algorithms=["RS256"]).claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise unauthenticated() from error
        if claims.get("typ") != type_ or not isinstance(claims.get("exp"), int):
            raise unauthenticated()
        return claims

    def verify(self, token: str) -> Claims:
        """The claims of an access token that is ours and in time; 401 otherwise.

        What has become of its key, and whether all tokens were expired meanwhile, is `queries.valid_until`.
        """
        known = self._verified.get(token)
        if known is None:
            claims = self._decode(token, _ACCESS)
            known = Claims(
                iam_id=claims["iam_id"],
                account_id=claims["account"]["bss"],
                name=claims.get("name", ""),
                email=claims.get("email", ""),
                kind=claims.get("sub_type", "User"),
                expires=claims["exp"],
                api_key_id=claims.get("akid", ""),
                generation=claims.get(_GENERATION, 0),
                session_id=claims.get("session_id", ""),
            )
            if len(self._verified) >= _REMEMBERED:
                self._verified.clear()
            self._verified[token] = known
        if known.expires * SECOND <= self._clock.real():
            self._verified.pop(token, None)
            raise unauthenticated()
        return known

    def renewal(self, token: str) -> Renewal:
        """What a refresh token renews; 400 BXNIM0408E when it is not ours or out of time."""
        try:
            claims = self._decode(token, _REFRESH)
        except Problem:
            claims = {"exp": 0}
        if claims["exp"] * SECOND <= self._clock.real():
            raise Problem(Reason.INVALID, "BXNIM0408E", "Provided refresh_token is expired or invalid.")
        profile_id, account_id = claims.get("profile_id"), claims.get("account_id")
        return Renewal(str(claims["akid"]), profile_id, account_id, claims.get("session_id", ""))

    def forget(self, api_key_id: str) -> None:
        """Forget the verified tokens of a key that was disabled or deleted."""
        for token, known in list(self._verified.items()):
            if known.api_key_id == api_key_id:
                self._verified.pop(token, None)

    def forget_all(self) -> None:
        """Drops every verified token and the keys, which are read anew: the whole store has become another."""
        with self._lock:
            self._keys, self._text = None, ""
            self._verified.clear()
