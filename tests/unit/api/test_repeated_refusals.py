"""An account with too many jobs that asks again and again costs one transaction, not two for each refusal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.app import App
from fixtures.threads import PATIENCE
from kunsthalle.core.errors import too_many
from kunsthalle.db import account_refusals
from kunsthalle.db.account_refusals import MOST_ACCOUNTS, MOST_CALLS, AccountRefusals, Repeated
from kunsthalle.db.bounds import JobBounds
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.tables import audit
from kunsthalle.db.unscoped import rows_of
from unit.images.test_transfers import Reading

CALL = (1, "POST", "/v1/images")


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def refused(refusals: AccountRefusals, account_id: str, call: Any = CALL) -> bool:
    try:
        refusals.check(account_id, call)
    except Repeated as repeated:
        assert (repeated.reason.value, repeated.retry_after) == (429, 10)
        return True
    return False


def test_a_refusal_is_repeated_for_a_second_to_the_same_call_of_the_same_account() -> None:
    clock = Clock()
    refusals = AccountRefusals(clock)
    assert not refused(refusals, "a")
    refusals.add("a", CALL, too_many("Too many.", 10))
    assert refused(refusals, "a")
    assert not refused(refusals, "b")
    assert not refused(refusals, "a", (2, "POST", "/v1/images"))
    clock.seconds = account_refusals.SECONDS
    assert not refused(refusals, "a")


def test_a_refusal_is_forgotten_when_there_may_be_a_place() -> None:
    refusals = AccountRefusals(Clock())
    refusals.add("a", CALL, too_many("Too many.", 10))
    refusals.forget("a")
    assert not refused(refusals, "a")


def test_what_is_remembered_is_bounded() -> None:
    refusals = AccountRefusals(Clock())
    for number in range(MOST_ACCOUNTS + 1):
        refusals.add(f"a{number}", CALL, too_many("Too many.", 10))
    for number in range(MOST_CALLS + 1):
        refusals.add("a1", number, too_many("Too many.", 10))
    assert not refused(refusals, "a0")
    assert refused(refusals, f"a{MOST_ACCOUNTS}")
    assert not refused(refusals, "a1", 0)
    assert refused(refusals, "a1", MOST_CALLS)


@pytest.fixture
def crowded(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The owner has as many jobs as are allowed, none of which ends; no refusal becomes old."""
    monkeypatch.setattr(account_refusals, "SECONDS", 3_600.0)
    app.put("one.qcow2", b"one")
    app.server.store.bounds = JobBounds(waiting=1)
    released = threading.Event()
    Reading(monkeypatch, 1, lambda: assert_released(released))
    app.do("POST", "/v1/images", body("first"))
    app.release = released.set  # type: ignore[attr-defined]  # for the test that lets it end
    yield app
    released.set()


def assert_released(released: threading.Event) -> None:
    assert released.wait(PATIENCE)


def body(name: str) -> dict[str, Any]:
    system = {"name": "debian-12-amd64"}
    return {"name": name, "file": {"href": "cos://us-south/images/one.qcow2"}, "operating_system": system}


def audited(app: App) -> int:
    def refusals(session: Session) -> int:
        return len(rows_of(session, audit, audit.c.outcome == 429))

    return app.server.store.read(app.server.base, refusals)


def test_refusals_that_repeat_cost_no_transaction(crowded: App, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[str] = []
    write = Store.write

    def counted(store: Store, *arguments: Any, **more: Any) -> Any:
        writes.append(str(more))
        return write(store, *arguments, **more)

    first = crowded.call("owner", "POST", "/v1/images", body("second"))
    monkeypatch.setattr(Store, "write", counted)
    again = crowded.call("owner", "POST", "/v1/images", body("third"))
    assert (first.status, again.status, again.body) == (429, 429, first.body)
    assert dict(again.headers)[b"retry-after"] == dict(first.headers)[b"retry-after"]
    assert (writes, audited(crowded)) == ([], 1)
    crowded.call("viewer", "POST", "/v1/images", body("fourth"))
    assert writes, "another caller of the account is asked for anew"


def test_a_place_that_became_free_by_the_end_of_a_job_is_found_at_once(crowded: App) -> None:
    assert crowded.call("owner", "POST", "/v1/images", body("second")).status == 429
    crowded.release()  # type: ignore[attr-defined]  # set by the fixture
    crowded.settle()
    assert crowded.call("owner", "POST", "/v1/images", body("second")).status == 201


def test_a_change_of_the_account_has_it_asked_anew(crowded: App) -> None:
    assert crowded.call("owner", "POST", "/v1/images", body("second")).status == 429
    crowded.do("POST", "/v1/vpcs", {"name": "other"})
    assert audited(crowded) == 1
    assert crowded.call("owner", "POST", "/v1/images", body("second")).status == 429
    assert audited(crowded) == 2
