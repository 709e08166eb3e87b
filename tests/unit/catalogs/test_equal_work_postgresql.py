"""On PostgreSQL too, what is hidden costs as much work as what never existed.

Work is what the plan has executed: each node with its table, how often it ran, and how many blocks it read. Each
statement of a look-up is explained with what it was asked, so that nothing depends on how busy the machine is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from fixtures.worlds import World, make_world
from kunsthalle.authz.context import Context
from kunsthalle.catalogs.resources import OBJECT, OFFERING, PLAN, VERSION
from kunsthalle.core.errors import Problem
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType, find
from unit.catalogs.shop import Shop
from unit.catalogs.test_equal_work import ABSENT, CALLERS, hidden_objects, hidden_plans, hidden_products
from unit.instances.api_in_process import Api

Executed = Counter[tuple[str, str]]
_MOST_APART = 4
"""Blocks of hundreds by which two look-ups may differ: an index may have one level more on the way to a key."""


@pytest.fixture
def shop(postgres_url: str, tmp_path: Path) -> Iterator[Shop]:
    api = Api(make_world(postgres_url), tmp_path)
    api.worker.start()
    yield Shop(api)
    api.worker.stop()
    api.world.store.close()


def _nodes(plan: dict[str, Any], executed: Executed) -> None:
    """Count what ran, without the search for the neighbour of an id (`InitPlan`): it tells where an id would stand."""
    if plan.get("Parent Relationship") == "InitPlan":
        return
    executed[plan["Node Type"], plan.get("Relation Name", "")] += plan["Actual Loops"]
    for below in plan.get("Plans", ()):
        _nodes(below, executed)


def work_of(world: World, caller: Context, kind: ResourceType[Any], id_: str) -> tuple[Executed, int]:
    """The nodes that ran in a look-up which ends in 404, and the blocks that they read."""
    executed, blocks = Executed(), 0

    def look(session: Session) -> None:
        nonlocal blocks
        acting = session.as_context(caller)
        with pytest.raises(Problem):  # what is remembered of the caller is remembered from here on
            find(acting, kind, id_)
        asked: list[tuple[str, Any]] = []

        def noted(_connection: Any, _cursor: Any, text: str, values: Any, *_more: Any) -> None:
            asked.append((text, values))

        event.listen(session.connection, "before_cursor_execute", noted)
        with pytest.raises(Problem):
            find(acting, kind, id_)
        event.remove(session.connection, "before_cursor_execute", noted)
        assert asked
        for text, values in asked:
            options = "ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON"
            row = session.connection.exec_driver_sql(f"EXPLAIN ({options}) {text}", values).scalar_one()
            (plan,) = row if isinstance(row, list) else json.loads(row)
            _nodes(plan["Plan"], executed)
            blocks += plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]

    world.store.read(world.base, look)
    return executed, blocks


def _hidden(shop: Shop, kind: ResourceType[Any]) -> list[str]:
    """The ids of four resources of a kind that are hidden from all callers, each for a reason of its own."""
    if kind is PLAN:
        return hidden_plans(shop)
    if kind is OBJECT:
        return hidden_objects(shop)
    made = list(hidden_products(shop))
    made[0].version(shop.api.image("draft"))
    versions = [version["id"] for one in made for version in one.get()["kinds"][0]["versions"]]
    return versions if kind is VERSION else [one.id for one in made]


@pytest.mark.parametrize("kind", [VERSION, OFFERING, PLAN, OBJECT], ids=["version", "offering", "plan", "object"])
def test_what_is_hidden_costs_postgresql_what_an_absent_one_does(shop: Shop, kind: ResourceType[Any]) -> None:
    hidden = _hidden(shop, kind)
    assert len(hidden) == 4
    for caller in CALLERS:
        compare(shop.api.world, shop.api.callers[caller], kind, hidden)


def compare(world: World, caller: Context, kind: ResourceType[Any], hidden: list[str]) -> None:
    """Look-ups of what is hidden and of what is absent execute the same, and read about as many blocks."""
    works = {id_: work_of(world, caller, kind, id_) for id_ in [*hidden, *ABSENT]}
    assert len({frozenset(executed.items()) for executed, _ in works.values()}) == 1, caller
    blocks = [count for _, count in works.values()]
    assert max(blocks) - min(blocks) <= _MOST_APART, (caller, blocks)
