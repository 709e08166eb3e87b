"""A full disk: whatever changes something is answered 503 as its API answers, reading goes on, and readiness says why.

SQLite itself refuses to grow here (`max_page_count`), as it does when the disk has no room.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice, repeat
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR
from kunsthalle.core.disk_space import RETRY_AFTER
from kunsthalle.db import kv
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session

MANY = 2**31 - 2
TEXT = "The server's disk is full, so nothing can be changed. Nothing was; try again later."


def grow(store: Store, pages: int) -> int:
    """Sets how many pages the database may have; how many it has."""
    with store.engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())


def fill(app: App) -> None:
    """Takes what is left in the pages that are there."""
    store, base = app.server.store, app.server.base
    grow(store, grow(store, MANY))
    for size in (4_000, 500, 50, 1):
        for number in range(10_000):
            try:
                store.write(base, lambda session, key=f"{size}-{number}", n=size: kv.put(session, key, "x" * n))
            except DBAPIError:
                break
        else:
            raise AssertionError("it never became full")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    made = open_app(tmp_path_factory.mktemp("full") / "data")
    made.pause()
    fill(made)
    yield made
    made.close()


def key_form(app: App) -> bytes:
    return f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={app.keys['owner']}".encode()


def until_503(app: App, who: str, method: str, path: str, bodies: Iterator[Any]) -> Any:
    """The first answer 503: pages that are there already may have room for some rows more. All before are no 500."""
    for body in islice(bodies, 200):
        answer = app.call(who, method, path, body)
        assert answer.status < 500 or answer.status == 503, answer.body
        if answer.status == 503:
            assert dict(answer.headers)[b"retry-after"] == str(RETRY_AFTER).encode()
            return answer.json
    raise AssertionError("it was never full")


LONG = "x" * 200
WRITES: dict[str, tuple[str, Any]] = {
    "vpc": ("/v1/vpcs", lambda n, _account: {"name": f"one-{n}"}),
    "catalog": ("/api/v1-beta/catalogs", lambda n, _account: {"label": f"{LONG}-{n}"[-200:]}),
    "resource manager": ("/v2/resource_groups", lambda n, account: {"name": f"g{n}", "account_id": account}),
    "identity": ("/v1/serviceids", lambda n, account: {"name": f"p{n}", "description": LONG, "account_id": account}),
}


@pytest.mark.parametrize("surface", WRITES)
def test_a_change_is_answered_503_as_its_api_answers(app: App, surface: str) -> None:
    path, make = WRITES[surface]
    bodies = (make(number, app.accounts["owner"]) for number in count())
    (error,) = until_503(app, "owner", "POST", path, bodies)["errors"]
    assert error["message"] == TEXT


def test_a_sign_in_is_answered_503_as_iam_answers(app: App) -> None:
    refused = until_503(app, "", "POST", "/identity/token", repeat(key_form(app)))
    assert refused["errorMessage"] == TEXT
    assert set(refused) == {"errorCode", "errorMessage", "errorDetails", "context"}


def test_a_refusal_that_cannot_go_on_record_is_answered_503(app: App) -> None:
    (error,) = until_503(app, "owner", "POST", "/v1/vpcs", repeat({"name": "Not A Name"}))["errors"]
    assert error["message"] == TEXT


def test_reading_goes_on(app: App) -> None:
    assert app.call("owner", "GET", "/v1/images").status == 200
    assert app.call("", "GET", "/healthz").status == 200


def test_readiness_says_why_until_there_is_room_again(tmp_path: Path) -> None:
    app = open_app(tmp_path / "data")
    try:
        app.pause()
        assert app.call("", "GET", "/readyz").status == 200
        fill(app)
        refused = app.call("", "GET", "/readyz")
        assert (refused.status, refused.json["errors"][0]["message"]) == (503, TEXT)
        assert app.call("", "GET", "/readyz").status == 503
        grow(app.server.store, MANY)
        assert app.call("", "GET", "/readyz").status == 200
        assert app.call("owner", "POST", "/v1/vpcs", {"name": "one"}).status == 201
        assert app.call(OPERATOR, "GET", "/_kunsthalle/clock").status == 200
    finally:
        app.close()


def test_readiness_tries_the_database_when_little_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has written since the disk became full, and yet the server says so."""
    from kunsthalle import server_status

    app = open_app(tmp_path / "data")
    try:
        app.pause()
        grow(app.server.store, 1)  # as many as there are
        monkeypatch.setattr(server_status, "disk_room", lambda _folder: (2**40, 2**20))
        assert app.call("", "GET", "/readyz").status == 503
    finally:
        app.close()


def test_a_full_disk_leaves_the_connection_fit_for_the_next_transaction(app: App) -> None:
    """SQLite may have ended the transaction by itself; what comes out is the full disk, not a failed rollback."""
    store, base = app.server.store, app.server.base

    def large(session: Session) -> None:
        for number in range(50):
            kv.put(session, f"large {number}", "x" * 200_000)

    for _ in range(3):
        with pytest.raises(DBAPIError, match="disk is full"):
            store.write(base, large)
    assert store.write(base, lambda session: kv.get(session, "large 0")) is None
