"""The searches of one account keep no other account from searching."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.hall import Hall, opened
from fixtures.threads import PATIENCE
from kunsthalle.db import deadlines
from kunsthalle.db.long_reads import MOST_WAITING, RETRY_AFTER
from kunsthalle.db.session import Session

SEARCH = ("POST", "/v3/resources/search", {"query": "*"})


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    made = opened(tmp_path / "data")
    yield made
    made.close()


def test_an_account_with_too_many_long_reads_is_refused_and_others_are_not(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many slow reads as an account may have are planted for the outsider."""
    monkeypatch.setattr(deadlines, "READ_SECONDS", PATIENCE)
    begun, released = threading.Event(), threading.Event()
    store, base, account_id = hall.server.store, hall.server.base, hall.accounts["outsider"]

    def plant(_session: Session) -> None:
        begun.set()
        assert released.wait(PATIENCE)

    def planted() -> asyncio.Task[None]:
        return hall.loop.create_task(store.read_async(base, plant, long=True, account_id=lambda: account_id))

    tasks = [planted() for _ in range(MOST_WAITING + 1)]
    assert hall.loop.run_until_complete(asyncio.to_thread(begun.wait, PATIENCE))
    try:
        refused = hall.call("outsider", *SEARCH)
        assert refused.status == 429, refused.body
        assert dict(refused.headers)[b"retry-after"] == str(RETRY_AFTER).encode()
        assert (refused.json["errors"][0]["code"], "long reads" in str(refused.json)) == ("too_many_requests", True)
        assert hall.ok("owner", *SEARCH)["items"]
        hall.ok("outsider", "GET", "/v1/vpcs")
    finally:
        released.set()
        hall.loop.run_until_complete(asyncio.gather(*tasks))
    hall.ok("outsider", *SEARCH)
