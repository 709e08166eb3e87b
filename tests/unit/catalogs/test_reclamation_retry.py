"""A reclamation that gave up is due again a day later; until it begins to erase, it can be restored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kunsthalle.catalogs import reclamation
from kunsthalle.core.clock import DAY, SECOND
from kunsthalle.jobs import queue
from unit.catalogs.shop import Edition, Shop

RECLAMATIONS = "/v1/reclamations"
WEEK = 7 * DAY // SECOND
FREE, HELD = {"managed": False}, True
Failing = Callable[..., list[Exception]]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    """Makes a call number of erasing an offering fail, at the only attempt that a job has; what is still to fail."""
    erase = reclamation.erase_offering

    def fail(call: int = 1) -> list[Exception]:
        refusals: list[Exception] = [ValueError("not now")]
        calls = iter(range(1, 100))

        def refuse_once(*arguments: Any) -> int:
            if next(calls) >= call and refusals:
                raise refusals.pop()
            return erase(*arguments)

        monkeypatch.setattr(reclamation, "erase_offering", refuse_once)
        return refusals

    monkeypatch.setattr(queue, "MOST_ATTEMPTS", 1)
    return fail


def _waiting(shop: Shop) -> dict[str, Any]:
    (record,) = shop.api.call("GET", RECLAMATIONS, status=200)["resources"]
    return dict(record)


def _held(edition: Edition) -> Any:
    return edition.image_now["catalog_offering"]["managed"]


def test_a_reclamation_that_gave_up_is_due_again_a_day_later(shop: Shop, failing: Failing) -> None:
    edition = shop.product().published(shop.api.image("debian"))
    refusals = failing()
    shop.api.call("DELETE", shop.path, status=200)
    due = _waiting(shop)["target_time"]
    shop.api.later(WEEK)
    assert (refusals, _held(edition)) == ([], HELD)
    assert _waiting(shop)["target_time"] > due, "and it says when"
    shop.api.later(DAY // SECOND - 1)
    assert _held(edition) == HELD
    shop.api.later(1)
    assert edition.image_now["catalog_offering"] == FREE


def test_a_reclamation_that_gave_up_can_be_restored(shop: Shop, failing: Failing) -> None:
    edition = shop.product().published(shop.api.image("debian"))
    before = edition.get()
    failing()
    shop.api.call("DELETE", shop.path, status=200)
    shop.api.later(WEEK)
    record = _waiting(shop)
    assert record["state"] == "SCHEDULED"
    shop.api.call("POST", f"{RECLAMATIONS}/{record['id']}/actions/restore", {}, status=200)
    assert edition.get() == before
    shop.api.later(2 * DAY // SECOND)
    assert (_held(edition), edition.get()) == (HELD, before), "nothing comes back for it"


def test_a_reclamation_that_gave_up_half_way_is_ended_at_once_when_asked(
    shop: Shop, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is erased is gone: such a reclamation is not restored, and whoever wants its images does not wait a day."""
    monkeypatch.setattr(reclamation, "SLICE", 25)  # an offering a slice
    editions = [shop.product(name).published(shop.api.image(name)) for name in ("one", "two", "three")]
    failing(call=2)
    shop.api.call("DELETE", shop.path, status=200)
    shop.api.later(WEEK)
    record = _waiting(shop)
    assert (record["state"], sum(_held(one) for one in editions)) == ("RECLAIMING", 2)
    action = f"{RECLAMATIONS}/{record['id']}/actions"
    shop.api.call("POST", f"{action}/restore", {}, status=409)
    assert shop.api.call("POST", f"{action}/reclaim", {}, status=200)["state"] == "RECLAIMING"
    shop.api.settle()
    assert [one.image_now["catalog_offering"] for one in editions] == [FREE] * 3
    assert shop.api.call("GET", RECLAMATIONS, status=200)["resources"] == []
