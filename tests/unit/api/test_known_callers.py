"""Whose turn it is is decided by the token's account, which is known once it was accepted."""

from __future__ import annotations

from kunsthalle.api.asgi import Headers
from kunsthalle.api.known_callers import MOST, KnownCallers
from kunsthalle.db.account_priority import UNKNOWN


def _bearing(token: str) -> int:
    return KnownCallers().key_of(Headers([(b"authorization", f"Bearer {token}".encode())]))


def test_an_account_is_known_by_the_token_that_was_accepted() -> None:
    callers = KnownCallers()
    assert callers.account_of(_bearing("a")) == UNKNOWN
    callers.learn(_bearing("a"), "account")
    callers.learn(_bearing("b"), UNKNOWN)
    assert [callers.account_of(_bearing(token)) for token in "ab"] == ["account", UNKNOWN]
    callers.learn(_bearing("a"), "switched")
    assert callers.account_of(_bearing("a")) == "switched"


def test_the_token_that_was_seen_first_is_forgotten_when_there_are_too_many() -> None:
    callers = KnownCallers()
    for number in range(MOST + 1):
        callers.learn(_bearing(str(number)), f"account {number}")
    assert callers.account_of(_bearing("0")) == UNKNOWN
    assert callers.account_of(_bearing("1")) == "account 1"
    assert len(callers._accounts) == MOST
