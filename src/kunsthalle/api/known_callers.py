"""Whose tokens have been seen: for deciding whose turn it is before a token is verified, and for recordings."""

from __future__ import annotations

from kunsthalle.api.asgi import Headers
from kunsthalle.db.account_priority import UNKNOWN

MOST = 4_096
"""Tokens that are remembered; the one seen first is forgotten."""


class KnownCallers:
    """The account of each token that was accepted, by a hash of the header: the token itself is not kept."""

    def __init__(self) -> None:
        self._accounts: dict[int, str] = {}

    def key_of(self, headers: Headers) -> int:
        """What a token is remembered by."""
        return hash(headers.get("authorization", ""))

    def account_of(self, key: int) -> str:
        """The account whose token this was, or UNKNOWN."""
        return self._accounts.get(key, UNKNOWN)

    def learn(self, key: int, account_id: str) -> None:
        """The token was accepted."""
        if account_id == UNKNOWN or self._accounts.get(key) == account_id:
            return
        self._accounts[key] = account_id
        if len(self._accounts) > MOST:
            del self._accounts[next(iter(self._accounts))]
