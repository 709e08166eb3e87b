"""However many policies a caller holds, the condition on rows stays short and flat, and is made once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from fixtures.worlds import World, holding
from kunsthalle.authz.context import Context
from kunsthalle.authz.permissions import Attribute, PermissionScope
from kunsthalle.authz.roles import VIEWER
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.db import visibility
from kunsthalle.db.pages import page
from kunsthalle.db.scope_conditions import MAX_TESTS, MAX_VALUES, ScopeCache
from kunsthalle.db.visibility import count, find, policy_filter, some
from kunsthalle.images.resources import IMAGE
from kunsthalle.networks.resources import VPC

MANY = 3_500


def same(key: str, value: str) -> Attribute:
    return Attribute(key, value)


def like(key: str, value: str) -> Attribute:
    return Attribute(key, value, "stringMatch")


def sql_of(options: Sequence[Sequence[Attribute]]) -> str:
    scope = PermissionScope(False, tuple(tuple(option) for option in options))
    return str(select(IMAGE.table.c.id).where(policy_filter(IMAGE, scope)).compile(dialect=sqlite.dialect()))


def depth_of(sql: str) -> int:
    """The levels of parentheses, and the longest chain of operators inside one pair of them."""
    depth, chains, longest = 0, [0], 0
    for word in sql.replace("(", " ( ").replace(")", " ) ").split():
        if word == "(":
            chains.append(0)
        elif word == ")":
            chains.pop()
        elif word in {"OR", "AND"}:
            chains[-1] += 1
        depth, longest = max(depth, len(chains)), max(longest, sum(chains))
    return depth + longest


@pytest.mark.parametrize(
    ("options", "operators"),
    [
        pytest.param([[same("imageId", f"r006-{n}")] for n in range(MANY)], 1, id="one value each"),
        pytest.param([[same("imageId", "r006-a")] for _ in range(MANY)], 1, id="the same value"),
        pytest.param(
            [[same("resourceGroupId", f"g-{n % 7}"), same("imageId", f"r006-{n}")] for n in range(MANY)],
            2 * 7,
            id="one value each beside one of seven",
        ),
        pytest.param([[same("tag:env", f"v-{n}")] for n in range(MANY)], 6, id="one tag each"),
        pytest.param([[same("unknownId", f"v-{n}")] for n in range(MANY)], 1, id="what no image has"),
    ],
)
def test_policies_that_differ_in_one_value_are_one_condition(options: list[list[Attribute]], operators: int) -> None:
    """`operators` are those of the condition, the join of its subquery, and `0 = 1` where it never holds."""
    sql = sql_of(options)
    assert sum(sql.count(operator) for operator in (" = ", " IN ", " GLOB ")) <= operators


@pytest.mark.parametrize(
    "options",
    [
        pytest.param([[like("imageId", f"r006-{n}-*")] for n in range(MANY)], id="one pattern each"),
        pytest.param(
            [[like("imageId", f"r006-{n}-*"), like("resourceGroupId", f"{n}*")] for n in range(MAX_TESTS // 2)],
            id="two patterns each",
        ),
    ],
)
def test_a_condition_of_many_patterns_is_flat(options: list[list[Attribute]]) -> None:
    assert depth_of(sql_of(options)) < 300, "SQLite allows a thousand levels"


def read_all(world: World, ctx: Context, id_: str) -> tuple[str, list[str], int, list[str]]:
    listed = [image.id for image in world.read(ctx, some, IMAGE)]
    paged = [image.id for image in world.read(ctx, page, IMAGE).items]
    return world.read(ctx, find, IMAGE, id_).id, listed, world.read(ctx, count, IMAGE), paged


@pytest.mark.parametrize(
    "options",
    [
        [[same("imageId", f"r006-{n}")] for n in range(MANY)],
        [[like("imageId", f"r006-?{n}*")] for n in range(MANY)] + [[like("imageId", "r006-1234*")]],
        [[like("imageId", f"*-{n}"), like("resourceGroupId", f"*{n % 3}")] for n in range(1_234, 1_600)],
    ],
    ids=["values", "patterns", "two patterns"],
)
def test_a_caller_with_very_many_policies_is_answered(both: World, options: list[list[Attribute]]) -> None:
    ctx = both.account()
    inside = both.image(ctx, "inside", id="r006-1234", resource_group_id="group-1")
    both.image(ctx, "outside", id="r006-x", resource_group_id="group-1")
    viewer = holding(ctx, VIEWER, *([same("serviceName", "is"), *option] for option in options))
    assert read_all(both, viewer, inside.id) == (inside.id, [inside.id], 1, [inside.id])
    assert both.read(viewer, page, VPC).items == []


@pytest.mark.parametrize(
    "options",
    [
        [[like("imageId", f"{n}*"), like("resourceGroupId", f"{n}*")] for n in range(MAX_TESTS // 2 + 1)],
        [[same("imageId", str(n))] for n in range(MAX_VALUES + 1)],
    ],
    ids=["tests", "values"],
)
def test_a_scope_that_no_statement_can_hold_is_refused(both: World, options: list[list[Attribute]]) -> None:
    viewer = holding(both.account(), VIEWER, *([same("serviceName", "is"), *option] for option in options))
    for read in (some, count, page):
        with pytest.raises(Problem) as refused:
            both.read(viewer, read, IMAGE)
        assert (refused.value.reason, refused.value.code) == (Reason.UNAVAILABLE, "request_too_expensive")


def test_statements_of_a_scope_are_made_once(both: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a look-up, a page, the next page and a count, for every caller with the same scope."""
    made: list[object] = []

    class Counting(ScopeCache[object]):
        def get(self, key, scope, make):  # type: ignore[no-untyped-def]  # as the one it replaces
            return super().get(key, scope, lambda: (made.append(key), make())[1])

    monkeypatch.setattr(visibility, "_statements", Counting(10_000))
    monkeypatch.setattr(visibility, "_conditions", Counting(10_000))
    ctx = both.account()
    for _ in range(3):
        viewer = holding(ctx, VIEWER, *([same("serviceName", "is"), like("vpcId", f"{n}*")] for n in range(200)))
        for after in (None, (1, "r006-a")):
            assert both.read(viewer, page, VPC, after=after).items == []
        with pytest.raises(Problem):
            both.read(viewer, find, VPC, "r006-a")
    assert len(made) == 5, "count, newest, older, by id, and the condition in all of them"


def test_what_is_kept_for_scopes_has_a_bound() -> None:
    """By the number of attributes: the scopes used last stay; one that is larger than the bound is not kept."""
    cache, made = ScopeCache[str](10), list[str]()

    def ask(name: str, attributes: int) -> str:
        scope = PermissionScope(False, ((same("imageId", name),) * attributes,))
        return cache.get((name, scope), scope, lambda: (made.append(name), name)[1])

    for name in ("a", "b", "a"):
        assert ask(name, 4) == name
    ask("huge", 100)
    ask("c", 4)
    assert made == ["a", "b", "huge", "c"]
    for name in ("a", "c", "b"):
        ask(name, 4)
    assert made[4:] == ["b"], "b was used longest ago"
