"""Signing keys are rotated by hand and by the clock; nobody is signed out, and every node takes the new key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jws

from fixtures.app import App, open_app
from fixtures.clocks import real_time_passes
from fixtures.frozen_app import OPERATOR, asgi_answer
from kunsthalle.app import Server, build
from kunsthalle.settings import Settings

DAY = 86_400
PATH = "/_kunsthalle/signing_keys"


def _rotate(app: App) -> list[dict[str, str]]:
    return list(app.ok(OPERATOR, "POST", f"{PATH}/rotate")["signing_keys"])


def _kid(token: str) -> str:
    return str(jws.extract_compact(token.encode()).protected["kid"])


def _grant(app: App, **form: str) -> dict[str, Any]:
    answer = app.call("no token", "POST", "/identity/token", urlencode(form).encode())
    assert answer.status == 200, answer.body
    return dict(answer.json)


def _new_token(app: App) -> dict[str, Any]:
    return _grant(app, grant_type="urn:ibm:params:oauth:grant-type:apikey", apikey=app.keys["owner"])


def _published(app: App) -> list[str]:
    return [key["kid"] for key in app.ok("no token", "GET", "/identity/keys")["keys"]]


def test_a_new_key_signs_once_every_node_knows_it(app: App) -> None:
    (old,) = _published(app)
    new, before = _rotate(app)
    assert (new["state"], before["state"]) == ("waits", "signs")
    real_time_passes(app.server.clock, 1)
    assert _published(app) == [new["id"], old], "clients that keep the keys have it before it signs"
    assert _kid(_new_token(app)["access_token"]) == old
    real_time_passes(app.server.clock, 2)
    assert _kid(_new_token(app)["access_token"]) == new["id"]
    assert [entry["state"] for entry in app.ok(OPERATOR, "GET", PATH)["signing_keys"]] == ["signs", "verifies"]


def test_nobody_is_signed_out(app: App) -> None:
    before = _new_token(app)
    _rotate(app)
    real_time_passes(app.server.clock, 10)
    assert app.call(before["access_token"], "GET", "/v1/images").status == 200
    real_time_passes(app.server.clock, 29 * DAY)
    _rotate(app)
    app.server.pipeline.router  # noqa: B018  every route is loaded
    renewed = _grant(app, grant_type="refresh_token", refresh_token=before["refresh_token"])
    assert app.call(renewed["access_token"], "GET", "/v1/images").status == 200


def test_an_old_key_is_there_until_its_last_token_ends(app: App) -> None:
    (old,) = _published(app)
    _rotate(app)
    real_time_passes(app.server.clock, 30 * DAY + 62)
    assert old in _published(app)
    real_time_passes(app.server.clock, 2)
    assert old not in _published(app)
    _rotate(app)
    assert old not in [entry["id"] for entry in app.ok(OPERATOR, "GET", PATH)["signing_keys"]]


def test_too_many_keys_are_refused(app: App) -> None:
    for _ in range(15):
        _rotate(app)
    answer = app.call(OPERATOR, "POST", f"{PATH}/rotate")
    assert (answer.status, answer.json["errors"][0]["code"]) == (409, "conflict")
    real_time_passes(app.server.clock, 31 * DAY)
    assert len(_rotate(app)) == 2


def test_no_secret_is_shown(app: App) -> None:
    app.ok(OPERATOR, "POST", f"{PATH}/rotate")
    for path in (PATH, "/identity/keys"):
        text = app.call(OPERATOR, "GET", path).body.decode()
        assert not [name for name in ("d", "p", "q", "dp", "dq", "qi") if f'"{name}":' in text]


def test_the_clock_rotates_keys(tmp_path: Any) -> None:
    app = open_app(tmp_path / "data", signing_key_days=30)
    try:
        (old,) = _published(app)
        app.travel(30 * DAY - 1)
        real_time_passes(app.server.clock, 1)
        assert _published(app) == [old]
        app.travel(1)
        real_time_passes(app.server.clock, 1)
        assert len(_published(app)) == 2
        app.travel(30 * DAY)
        real_time_passes(app.server.clock, 1)
        assert len(_published(app)) == 3
    finally:
        app.close()


@pytest.fixture
def two_nodes(database_url: str, tmp_path: Any) -> Iterator[tuple[App, Server]]:
    """Two nodes of one database, with one master key: an application, and a second server."""
    app = open_app(tmp_path / "data", database=database_url if database_url.startswith("postgresql") else "")
    settings: Settings = app.server.settings
    other = build(settings, OPERATOR)
    yield app, other
    other.store.close()
    app.close()


def test_every_node_takes_a_new_key_in_time(two_nodes: tuple[App, Server]) -> None:
    app, other = two_nodes

    def ask(token: str) -> int:
        headers = {"host": "kunsthalle.test", "authorization": f"Bearer {token}"}
        path = "/v1/images?version=2026-10-06&generation=2"
        return app.loop.run_until_complete(asgi_answer(other, "GET", path, headers, b"")).status

    old = _new_token(app)["access_token"]
    assert ask(old) == 200, "it has read its keys"
    new, _ = _rotate(app)
    for server in (app.server, other):
        real_time_passes(server.clock, 4)
    token = _new_token(app)["access_token"]
    assert _kid(token) == new["id"]
    assert (ask(token), ask(old)) == (200, 200), "within five seconds, and without a restart"
