"""The searches of one account keep no other account from searching."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fixtures.app import App
from fixtures.threads import PATIENCE
from kunsthalle.db.long_reads import MOST_WAITING, RETRY_AFTER
from kunsthalle.db.session import Session

SEARCH = ("POST", "/v3/resources/search", {"query": "*"})


def test_an_account_with_too_many_long_reads_is_refused_and_others_are_not(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many slow reads as an account may have are planted for the outsider."""
    begun, released = threading.Event(), threading.Event()
    store, base, account_id = app.server.store, app.server.base, app.accounts["outsider"]

    def plant(_session: Session) -> None:
        begun.set()
        assert released.wait(PATIENCE)

    def planted() -> asyncio.Task[None]:
        return app.loop.create_task(store.read_async(base, plant, long=True, account_id=lambda: account_id))

    tasks = [planted() for _ in range(MOST_WAITING + 1)]
    assert app.loop.run_until_complete(asyncio.to_thread(begun.wait, PATIENCE))
    try:
        refused = app.call("outsider", *SEARCH)
        assert refused.status == 429, refused.body
        assert dict(refused.headers)[b"retry-after"] == str(RETRY_AFTER).encode()
        assert (refused.json["errors"][0]["code"], "long reads" in str(refused.json)) == ("too_many_requests", True)
        assert app.ok("owner", *SEARCH)["items"]
        app.ok("outsider", "GET", "/v1/vpcs")
    finally:
        released.set()
        app.loop.run_until_complete(asyncio.gather(*tasks))
    app.ok("outsider", *SEARCH)
