"""A job of a catalog that gave up is due again a day later."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.catalogs import reclamation
from kunsthalle.core.clock import DAY, SECOND
from kunsthalle.jobs import queue
from unit.catalogs.shop import Shop

WEEK = 7 * DAY // SECOND


def test_a_reclamation_that_gave_up_is_due_again_a_day_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    edition = shop.product().published(shop.cloud.image("debian"))
    erase, refusals = reclamation.erase_offering, [ValueError("not now")]

    def refuse_once(*arguments: Any) -> int:
        if refusals:
            raise refusals.pop()
        return erase(*arguments)

    monkeypatch.setattr(queue, "MOST_ATTEMPTS", 1)
    monkeypatch.setattr(reclamation, "erase_offering", refuse_once)
    shop.cloud.call("DELETE", shop.path, status=200)
    shop.cloud.later(WEEK)
    assert (refusals, edition.image_now["catalog_offering"]["managed"]) == ([], True)
    shop.cloud.later(DAY // SECOND - 1)
    assert edition.image_now["catalog_offering"]["managed"] is True
    shop.cloud.later(1)
    assert edition.image_now["catalog_offering"] == {"managed": False}
