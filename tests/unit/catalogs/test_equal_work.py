"""What is hidden costs the database as much work as what never existed: nobody learns from a clock that it is there.

Work is counted in steps of SQLite's virtual machine, which do not depend on how busy the machine is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from kunsthalle.catalogs.resources import OBJECT, OFFERING, PLAN, VERSION
from kunsthalle.core.errors import Problem
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType, find
from unit.catalogs.shop import Product, Shop

CALLERS = ("consumer", "stranger")
_MOST_APART = 32
"""Steps by which two look-ups may differ, of hundreds: a comparison takes one or two, a sub-query dozens."""


def _steps(shop: Shop, caller: str, kind: ResourceType[Any], id_: str) -> int:
    """The work of a look-up that ends in 404."""
    counted = count()

    def look(session: Session) -> None:
        acting = session.as_context(shop.api.callers[caller])
        with pytest.raises(Problem):  # what is remembered of the caller is remembered from here on
            find(acting, kind, id_)
        session.driver.set_progress_handler(lambda: next(counted) < 0, 1)
        try:
            with pytest.raises(Problem):
                find(acting, kind, id_)
        finally:
            session.driver.set_progress_handler(None, 0)

    shop.api.world.store.read(shop.api.world.base, look)
    return next(counted)


def hidden_products(shop: Shop) -> Iterator[Product]:
    """Hidden from everybody, each for a reason of its own."""
    yield shop.product("draft")
    published = shop.product("published")
    published.published(shop.api.image("published"))
    yield published
    elsewhere = shop.product("shared-with-another")
    elsewhere.published(shop.api.image("elsewhere"))
    elsewhere.share("f" * 32)
    yield elsewhere
    switched_off = shop.product("switched-off")
    switched_off.published(shop.api.image("off"))
    switched_off.share(shop.account("consumer"), enabled=False)
    yield switched_off


ABSENT = [f"{first}0000000-0000-4000-8000-000000000000" for first in "0123456789abcdef"] + ["", "~", "x" * 64]


def hidden_plans(shop: Shop) -> list[str]:
    """A plan of each of these offerings."""
    made = list(hidden_products(shop))
    for one in made:
        changed = {**one.get(), "plans": [{"name": "plan", "label": "Plan"}]}
        shop.api.call("PUT", one.path, changed, status=200)
    return [one.get()["plans"][0]["id"] for one in made]


def hidden_objects(shop: Shop) -> list[str]:
    """Objects that are hidden from everybody for the same reasons."""
    places = f"{shop.path}/objects"
    ids = [shop.api.call("POST", places, {"name": f"object-{n}"}, status=201)["id"] for n in range(4)]
    for id_, to, enabled in ((ids[2], "f" * 32, True), (ids[3], shop.account("consumer"), False)):
        shop.api.call("POST", f"{places}/{id_}/share", {"enabled": enabled}, status=200)
        shop.api.answer("POST", f"{places}/{id_}/access", [to])
    for id_ in ids[1:]:
        shop.api.call("POST", f"{places}/{id_}/consume-publish", status=202)
    return ids


def test_a_hidden_plan_costs_what_an_absent_one_does(shop: Shop) -> None:
    _compare(shop, PLAN, hidden_plans(shop))


def test_a_hidden_object_costs_what_an_absent_one_does(shop: Shop) -> None:
    _compare(shop, OBJECT, hidden_objects(shop))


def test_a_hidden_version_costs_what_an_absent_one_does(shop: Shop) -> None:
    made = list(hidden_products(shop))
    made[0].version(shop.api.image("draft"))
    ids = [version["id"] for one in made for version in one.get()["kinds"][0]["versions"]]
    assert len(ids) == 4
    _compare(shop, VERSION, ids)


def test_a_hidden_offering_costs_what_an_absent_one_does(shop: Shop) -> None:
    _compare(shop, OFFERING, [one.id for one in hidden_products(shop)])


def _compare(shop: Shop, kind: ResourceType[Any], hidden: list[str]) -> None:
    for caller in CALLERS:
        costs = {id_: _steps(shop, caller, kind, id_) for id_ in [*hidden, *ABSENT]}
        assert max(costs.values()) - min(costs.values()) <= _MOST_APART, (caller, costs)
