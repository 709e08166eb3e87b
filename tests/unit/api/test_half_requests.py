"""Requests whose bodies never come: they are charged to whose token they have, and nobody waits or hears of them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from fixtures.app import App
from fixtures.frozen_app import http_scope
from kunsthalle.db.account_priority import REQUEST_SECONDS
from kunsthalle.db.session import Session
from kunsthalle.db.tables import audit
from kunsthalle.db.unscoped import number_of

PATH = "/api/v1-beta/catalogs"
HALF = ({"type": "http.request", "body": b'{"label": ', "more_body": True}, {"type": "http.disconnect"})
WHOLE = ({"type": "http.request", "body": b'{"label": "whole"}', "more_body": False},)
TOO_LARGE = tuple({"type": "http.request", "body": b" " * 2**19, "more_body": True} for _ in range(3))


def _sent(app: App, who: str, *messages: dict[str, Any]) -> int:
    """The status that is answered to a POST whose body comes in these messages."""
    coming = itertools.chain(messages)
    answered: list[int] = []

    async def receive() -> dict[str, Any]:
        return next(coming)

    async def send(message: Any) -> None:
        answered.append(message.get("status", 0))

    headers = {"host": "kunsthalle.test", "authorization": f"Bearer {app.tokens[who]}"}
    app.loop.run_until_complete(app.server(http_scope("POST", PATH, headers), receive, send))
    return answered[0]


def _audited(session: Session) -> int:
    return number_of(session, audit)


def test_whoever_leaves_before_the_end_is_refused_nothing(app: App) -> None:
    app.sign_in()
    before = app.server.store.read(app.server.base, _audited)
    assert _sent(app, "owner", *HALF) == 400
    assert app.server.store.read(app.server.base, _audited) == before
    assert _sent(app, "owner", *TOO_LARGE) == 413
    assert app.server.store.read(app.server.base, _audited) == before + 1


def test_a_refusal_of_a_body_is_written_in_the_turn_of_whose_token_it_has(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be written in the turn of those who sign in, who would wait for all of them."""
    app.sign_in()
    turns: list[str] = []
    queue = app.server.store.queue
    run = queue.run

    def noted(turn: Any, *more: Any, **others: Any) -> Any:
        turns.append(turn)
        return run(turn, *more, **others)

    monkeypatch.setattr(queue, "run", noted)
    assert _sent(app, "owner", *TOO_LARGE) == 413
    assert _sent(app, "owner", *WHOLE) == 201
    refused, made = turns
    assert refused == made


@pytest.mark.parametrize(
    ("messages", "status", "rests"),
    [
        pytest.param(HALF, 400, False, id="for a body that does not come"),
        pytest.param(WHOLE, 201, True, id="for one that does"),
    ],
)
def test_who_has_used_much_rests(app: App, messages: Any, status: int, rests: bool) -> None:
    """The consumer asks while the owner, who has used much, has something to do."""
    app.sign_in()
    priority, owner = app.server.store.priority, app.accounts["owner"]
    priority.add(owner, 5.0)
    priority.enter(owner)
    answered = _sent(app, "consumer", *messages)
    priority.add(owner, 0.01)
    assert (answered, priority.rest(owner) > 0) == (status, rests)


def test_whose_token_it_is_is_known_from_half_a_request_on(app: App) -> None:
    app.tokens["owner"]  # its first use, and no more
    used, owner, count = app.server.store.priority.used, app.accounts["owner"], 20
    before = used(owner)
    for _ in range(count):
        assert _sent(app, "owner", *HALF) == 400
    assert used(owner) > before + (count - 1) * REQUEST_SECONDS / 2
