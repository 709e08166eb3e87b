"""Statements of simple conditions, built once, find what those find that are built for each call."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, insert, or_, select

from fixtures.worlds import World
from kunsthalle.db.column_types import Moment
from kunsthalle.db.session import Session
from kunsthalle.db.simple_conditions import simple
from kunsthalle.db.unscoped import any_row, rows_of

_TABLE = Table(
    "simple_things",
    MetaData(),
    Column("id", String(8), primary_key=True),
    Column("state", String(8)),
    Column("flag", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    Column("number", Integer, nullable=False),
)
_ROWS: list[dict[str, Any]] = [
    {"id": id_, "state": state, "flag": flag, "at": at, "number": number}
    for id_, state, flag, at, number in (
        ("a", "on", True, 2**53, 1),
        ("b", "on", False, 0, 2),
        ("c", None, True, 5, 2),
        ("' or 1=1", "off", False, 5, 3),
    )
]
_C = _TABLE.c
SIMPLE = {
    "nothing": (),
    "a text": (_C.id == "a",),
    "a hostile text": (_C.id == "' or 1=1",),
    "another text": (_C.id == "b",),
    "two columns": (_C.state == "on", _C.number == 2),
    "the same column twice": (_C.id == "a", _C.id == "b"),
    "a moment": (_C.at == 2**53,),
    "a flag": (_C.flag.is_(True),),
    "the other flag": (_C.flag.is_(False),),
    "no value": (_C.state.is_(None),),
    "some texts": (_C.id.in_(["a", "c", "absent"]),),
    "one text": (_C.id.in_(["b"]),),
    "no texts": (_C.id.in_([]),),
    "more than a number": (_C.number > 1,),
    "a number or more": (_C.number >= 2,),
    "less than a number": (_C.number < 3,),
    "a moment or before": (_C.at <= 5,),
    "a text or after": (_C.state >= "on",),
    "between two": (_C.number > 1, _C.number < 3),
    "texts and a number": (_C.id.in_(["a", "b"]), _C.number == 2),
}
OTHER = {
    "a flag as a value": (_C.flag == True,),  # noqa: E712  a condition
    "a comparison of an expression": (_C.number + 1 > 2,),
    "one of two": (or_(_C.id == "a", _C.id == "b"),),
    "not": (_C.state != "on",),
    "none of some": (_C.id.not_in(["a"]),),
    "some numbers": (_C.number.in_([2, 3]),),
    "a part of a text": (_C.id.contains("o"),),
    "two columns that are the same": (_C.id == _C.state,),
}


def _fill(session: Session) -> None:
    _TABLE.drop(session.connection, checkfirst=True)  # one PostgreSQL database serves all tests
    _TABLE.create(session.connection)
    session.execute(insert(_TABLE), _ROWS)


def test_what_is_simple_is_told() -> None:
    assert {name: simple(where) is not None for name, where in (SIMPLE | OTHER).items()} == {
        **dict.fromkeys(SIMPLE, True),
        **dict.fromkeys(OTHER, False),
    }


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", [*SIMPLE, *OTHER])
def test_the_rows_are_those_of_a_statement_of_its_own(both: World, name: str) -> None:
    where = (SIMPLE | OTHER)[name]
    both.write(both.base, _fill)

    def look(session: Session) -> None:
        plain = sorted(session.all(select(_TABLE).where(*where)))
        rows = sorted(rows_of(session, _TABLE, *where), key=lambda row: row.id)
        assert [tuple(row) for row in rows] == [tuple(row) for row in plain]
        assert [(row.id, row.state, row.flag) for row in rows] == [(row.id, row.state, row.flag) for row in plain]
        assert any_row(session, _TABLE, *where) == bool(plain)

    for _ in range(2):  # built at first, known then
        both.read(both.base, look)
