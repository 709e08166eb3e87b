"""Statements that go to the driver directly give what SQLAlchemy would have given."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, bindparam, insert, select

from fixtures.worlds import World
from kunsthalle.authz.context import Context
from kunsthalle.db.column_types import Json, Moment
from kunsthalle.db.compiled_selects import CompiledSelect, among
from kunsthalle.db.session import Session

_TABLE = Table(
    "hot_things",
    MetaData(),
    Column("id", String(8), primary_key=True),
    Column("state", String(8), nullable=False),
    Column("flag", Boolean),
    Column("document", Json),
    Column("at", Moment),
    Column("number", Integer),
)
_BY_ID = select(_TABLE).where(_TABLE.c.id == bindparam("id"), _TABLE.c.state != "gone", _TABLE.c.number > 0)
_ROWS: list[dict[str, Any]] = [
    {"id": "full", "state": "on", "flag": True, "document": {"a": [1, None]}, "at": 2**53, "number": 7},
    {"id": "empty", "state": "on", "flag": None, "document": None, "at": None, "number": 1},
    {"id": "gone", "state": "gone", "flag": False, "document": {}, "at": 0, "number": 1},
    {"id": "' or 1=1", "state": "on", "flag": False, "document": [], "at": -1, "number": 2},
]


@pytest.fixture
def filled(both: World) -> tuple[World, Context]:
    ctx = both.account()

    def fill(session: Session) -> None:
        _TABLE.drop(session.connection, checkfirst=True)  # one PostgreSQL database serves all tests
        _TABLE.create(session.connection)
        session.execute(insert(_TABLE), _ROWS)

    both.write(ctx, fill)
    return both, ctx


@pytest.mark.parametrize("id_", ["full", "empty", "gone", "absent", "' or 1=1", ""])
def test_a_hot_row_is_the_row(filled: tuple[World, Context], id_: str) -> None:
    world, ctx = filled
    hot = CompiledSelect(lambda: _BY_ID)

    def both_ways(session: Session) -> tuple[Any, Any]:
        return hot.first(session, {"id": id_}), session.first(_BY_ID, {"id": id_})

    for _ in range(2):  # compiled at first, known then
        found, plain = world.read(ctx, both_ways)
        assert (None if found is None else tuple(found)) == (None if plain is None else tuple(plain))


def test_a_hot_read_sees_its_own_transaction(filled: tuple[World, Context]) -> None:
    world, ctx = filled
    hot = CompiledSelect(lambda: _BY_ID)

    def change(session: Session) -> Any:
        session.execute(_TABLE.update().values(number=42))
        return hot.first(session, {"id": "full"})

    assert list(world.write(ctx, change))[-1] == 42


def test_a_hot_read_holds_no_snapshot(filled: tuple[World, Context]) -> None:
    world, ctx = filled
    hot = CompiledSelect(lambda: _BY_ID)

    def one(session: Session) -> Any:
        return hot.first(session, {"id": "full"})

    assert list(world.read(ctx, one))[-1] == 7
    world.write(ctx, lambda session: session.execute(_TABLE.update().values(number=8)))
    assert list(world.read(ctx, one))[-1] == 8


@pytest.mark.parametrize(
    ("ids", "flag"),
    [
        (["full", "empty", "absent"], True),
        (["' or 1=1", "gone"], False),
        (['"', "\\", "full"], True),
        (["full"], False),
        ([], True),
    ],
)
def test_a_list_and_a_flag_are_values_of_one_statement(
    filled: tuple[World, Context], ids: list[str], flag: bool
) -> None:
    world, ctx = filled
    hot = CompiledSelect(
        lambda: select(_TABLE.c.id).where(among(_TABLE.c.id, "ids"), _TABLE.c.flag == bindparam("flag"))
    )

    def both_ways(session: Session) -> tuple[Any, Any]:
        plain = select(_TABLE.c.id).where(_TABLE.c.id.in_(ids), _TABLE.c.flag.is_(flag))
        return hot.all(session, {"ids": ids, "flag": flag}), session.all(plain)

    for _ in range(2):
        known, plain = world.read(ctx, both_ways)
        assert sorted(map(tuple, known)) == sorted(map(tuple, plain))


def test_a_list_is_looked_up_by_the_index(filled: tuple[World, Context]) -> None:
    world, ctx = filled
    statement = select(_TABLE.c.number).where(among(_TABLE.c.id, "ids"), _TABLE.c.number > 0)

    def plan(session: Session) -> list[str]:
        text = str(statement.compile(dialect=session.connection.dialect))
        if session.dialect == "sqlite":
            return [row[3] for row in session.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", ('["a"]', 0))]
        session.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # the table is too small for an index
        values = {"ids": ["a"], "number_1": 0}
        return [row[0] for row in session.connection.exec_driver_sql(f"EXPLAIN {text}", values)]

    steps = world.read(ctx, plan)
    assert any("SEARCH hot_things" in step or "Index Cond: ((id)" in step for step in steps), steps
    assert not any("SCAN hot_things" in step or "Seq Scan" in step for step in steps), steps
