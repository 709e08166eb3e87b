"""Changes that are built once do what those do that are built for each call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from fixtures.worlds import World
from kunsthalle.core.errors import Problem
from kunsthalle.db.column_types import MAX_DEPTH, Json, Moment
from kunsthalle.db.compiled_changes import add, remove, remove_and_return, set_and_return, set_columns
from kunsthalle.db.session import Session
from kunsthalle.db.table_changes import rows_of
from kunsthalle.db.unscoped import put_row

_TABLE = Table(
    "changed_things",
    MetaData(),
    Column("id", String(8), primary_key=True),
    Column("state", String(8)),
    Column("flag", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    Column("document", Json),
    Column("revision", Integer, nullable=False),
)
_C = _TABLE.c
_ROWS: list[dict[str, Any]] = [
    {"id": "a", "state": "on", "flag": True, "at": 2**53, "document": {"x": [1]}, "revision": 1},
    {"id": "b", "state": "on", "flag": False, "at": 0, "document": None, "revision": 1},
    {"id": "' or 1=1", "state": None, "flag": False, "at": 5, "document": [], "revision": 7},
]
_CHANGES: dict[str, Callable[[Session], Any]] = {
    "a text, of one row": lambda session: set_columns(session, _TABLE, {"state": "off"}, _C.id == "a"),
    "the other": lambda session: set_columns(session, _TABLE, {"state": "off"}, _C.id == "b"),
    "nothing in place of a value": lambda session: set_columns(session, _TABLE, {"state": None}, _C.state == "on"),
    "all": lambda session: set_columns(session, _TABLE, {"flag": True}),
    "documents and moments": lambda session: set_columns(
        session, _TABLE, {"document": {"y": "é"}, "at": 2**62}, _C.flag.is_(False)
    ),
    "with its revision": lambda session: set_columns(session, _TABLE, {"state": "x"}, _C.state.is_(None), counted=True),
    "one of some": lambda session: set_columns(session, _TABLE, {"state": "x"}, _C.id.in_(["a", "b", "c"])),
    "an expression": lambda session: set_columns(session, _TABLE, {"state": func.upper(_C.state)}, _C.id == "a"),
    "a condition that is not simple": lambda session: set_columns(session, _TABLE, {"state": "x"}, _C.revision + 0 > 1),
    "a hostile text": lambda session: set_columns(session, _TABLE, {"state": "'; --"}, _C.id == "' or 1=1"),
    "what comes back": lambda session: _plain(
        set_and_return(session, _TABLE, {"document": [2]}, _C.id == "a", counted=True)
    ),
    "what comes back by a condition": lambda session: _plain(
        set_and_return(session, _TABLE, {"document": [2]}, _C.revision + 0 < 2)
    ),
    "one row less": lambda session: remove(session, _TABLE, _C.id == "a"),
    "no row less": lambda session: remove(session, _TABLE, _C.id == "absent"),
    "some less": lambda session: remove(session, _TABLE, _C.at < 7),
    "less, as they were": lambda session: _plain(remove_and_return(session, _TABLE, _C.flag.is_(False))),
    "one more": lambda session: add(session, _TABLE, {**_ROWS[0], "id": "new"}),
    "one more of an expression": lambda session: add(session, _TABLE, {**_ROWS[0], "id": func.lower("NEW")}),
    "put, which is there": lambda session: put_row(session, _TABLE, ("id",), **{**_ROWS[0], "state": "put"}),
    "put in its place": lambda session: put_row(
        session, _TABLE, ("id",), replacing=("state", "document"), **{**_ROWS[0], "state": "put", "document": {}}
    ),
    "put, which is new": lambda session: put_row(session, _TABLE, ("id",), **{**_ROWS[0], "id": "put"}),
}
_LEFT: dict[str, Any] = {
    "a text, of one row": {"a": ("off", 1)},
    "the other": {"b": ("off", 1)},
    "nothing in place of a value": {"a": (None, 1), "b": (None, 1)},
    "all": {},
    "documents and moments": {},
    "with its revision": {"' or 1=1": ("x", 8)},
    "one of some": {"a": ("x", 1), "b": ("x", 1)},
    "an expression": {"a": ("ON", 1)},
    "a condition that is not simple": {"' or 1=1": ("x", 7)},
    "a hostile text": {"' or 1=1": ("'; --", 7)},
    "what comes back": {"a": ("on", 2)},
    "what comes back by a condition": {},
    "one row less": {"a": None},
    "no row less": {},
    "some less": {"b": None, "' or 1=1": None},
    "less, as they were": {"b": None, "' or 1=1": None},
    "one more": {"new": ("on", 1)},
    "one more of an expression": {"new": ("on", 1)},
    "put, which is there": {},
    "put in its place": {"a": ("put", 1)},
    "put, which is new": {"put": ("on", 1)},
}
"""States and revisions that are others than before, by id; None of rows that have gone."""
_TOLD: dict[str, Any] = {
    "what comes back": [("a", "on", True, 2**53, [2], 2)],
    "what comes back by a condition": [("a", "on", True, 2**53, [2], 1), ("b", "on", False, 0, [2], 1)],
    "less, as they were": [("' or 1=1", None, False, 5, [], 7), ("b", "on", False, 0, None, 1)],
}


def _plain(rows: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in rows)


def _filled(session: Session) -> None:
    _TABLE.drop(session.connection, checkfirst=True)  # one PostgreSQL database serves all tests
    _TABLE.create(session.connection)
    session.execute(insert(_TABLE), _ROWS)


def _states(session: Session) -> dict[str, tuple[Any, Any]]:
    return {row.id: (row.state, row.revision) for row in session.all(select(_TABLE))}


@pytest.mark.parametrize("name", _CHANGES)
def test_what_is_changed_and_what_is_told(both: World, name: str) -> None:
    both.write(both.base, _filled)
    before = both.read(both.base, _states)
    told = both.write(both.base, _CHANGES[name])
    after = {**before, **_LEFT[name]}
    assert both.read(both.base, _states) == {id_: state for id_, state in after.items() if state is not None}
    if name in _TOLD:
        assert told == _TOLD[name]


def test_values_come_back_as_they_went_in(both: World) -> None:
    both.write(both.base, _filled)
    both.write(both.base, _CHANGES["documents and moments"])
    row = both.read(both.base, lambda session: session.first(select(_TABLE).where(_C.id == "b")))
    assert (row.document, row.at, row.flag) == ({"y": "é"}, 2**62, False)


def test_a_row_that_is_there_is_refused_without_its_values(both: World) -> None:
    both.write(both.base, _filled)
    secret = {**_ROWS[0], "state": "secret"}
    with pytest.raises(IntegrityError) as refused:
        both.write(both.base, lambda session: add(session, _TABLE, secret))
    assert "secret" not in str(refused.value)


def test_a_value_that_a_column_refuses_is_refused_in_its_own_words(both: World) -> None:
    both.write(both.base, _filled)
    endless: list[Any] = []
    for _ in range(MAX_DEPTH + 1):
        endless = [endless]
    with pytest.raises(Problem):
        both.write(both.base, lambda session: set_columns(session, _TABLE, {"document": endless}, _C.id == "a"))


def test_a_session_that_reads_changes_nothing(both: World) -> None:
    both.write(both.base, _filled)
    with pytest.raises(DBAPIError, match=r"read-?only|READ ONLY"):
        both.read(both.base, lambda session: remove(session, _TABLE, _C.id == "a"))
    assert len(both.read(both.base, _states)) == len(_ROWS)


def test_what_is_changed_is_noted(world: World) -> None:
    """Answers that rest on the table are not kept, though SQLAlchemy does not hear of the change."""
    world.write(world.base, _filled)
    since = world.store.changes.number
    world.write(world.base, lambda session: remove(session, _TABLE, _C.id == "absent"))
    assert not world.store.changes.hold(("changed_things",), since)


_OWNED = Table(
    "owned_things",
    MetaData(),
    Column("id", String(8), primary_key=True),
    Column("account_id", String(8)),
    Column("state", String(8)),
)
_O = _OWNED.c
_OWNERS: dict[str, tuple[Callable[[Session], Any], set[str]]] = {
    "one more": (lambda session: add(session, _OWNED, {"id": "c", "account_id": "a", "state": ""}), {"a"}),
    "one more of nobody": (lambda session: add(session, _OWNED, {"id": "c", "account_id": None}), {"anybody"}),
    "one more of an expression": (
        lambda session: add(session, _OWNED, {"id": "c", "account_id": func.lower("A")}),
        {"anybody"},
    ),
    "one": (lambda session: set_columns(session, _OWNED, {"state": "x"}, _O.id == "of a"), {"a"}),
    "one that is not there": (lambda session: set_columns(session, _OWNED, {"state": "x"}, _O.id == "c"), set()),
    "some of an account": (lambda session: set_columns(session, _OWNED, {"state": "x"}, _O.account_id == "b"), {"b"}),
    "some": (lambda session: set_columns(session, _OWNED, {"state": "x"}, _O.state == "on"), {"anybody"}),
    "one of some accounts": (
        lambda session: set_columns(session, _OWNED, {"state": "x"}, _O.id == "of a", _O.account_id.in_(["a", "b"])),
        {"a"},
    ),
    "an expression": (
        lambda session: set_columns(session, _OWNED, {"state": func.upper(_O.state)}, _O.id == "of a"),
        {"anybody"},
    ),
    "another account for one": (
        lambda session: set_columns(session, _OWNED, {"account_id": "b"}, _O.id == "of a"),
        {"anybody"},
    ),
    "another account for those of one": (
        lambda session: set_columns(session, _OWNED, {"account_id": "b"}, _O.account_id == "a"),
        {"anybody"},
    ),
    "another account for what comes back": (
        lambda session: set_and_return(session, _OWNED, {"account_id": "b"}, _O.account_id == "a"),
        {"anybody"},
    ),
    "what comes back": (lambda session: set_and_return(session, _OWNED, {"state": "x"}, _O.state == "on"), {"a", "b"}),
    "one less": (lambda session: remove(session, _OWNED, _O.id == "of b"), {"b"}),
    "some less": (lambda session: remove(session, _OWNED, _O.state == "on"), {"anybody"}),
    "less, as they were": (lambda session: remove_and_return(session, _OWNED, _O.state.in_(["on"])), {"a", "b"}),
    "put": (lambda session: put_row(session, _OWNED, ("id",), id="c", account_id="a", state=""), {"anybody"}),
}
"""Changes, and whose rows are noted as changed."""


@pytest.mark.parametrize("name", _OWNERS)
def test_whose_rows_are_changed_is_noted(world: World, name: str) -> None:
    change, noted = _OWNERS[name]

    def fill(session: Session) -> None:
        _OWNED.drop(session.connection, checkfirst=True)
        _OWNED.create(session.connection)
        session.execute(insert(_OWNED), [{"id": f"of {whose}", "account_id": whose, "state": "on"} for whose in "ab"])

    for _ in range(2):  # the statement is built at the first
        world.write(world.base, fill)
        changes, since = world.store.changes, world.store.changes.number
        world.write(world.base, change)
        changed = {whose for whose in "abc" if not changes.hold(rows_of("owned_things", whose), since)}
        assert changed == ({"a", "b", "c"} if noted == {"anybody"} else noted)
        assert changes.hold(("owned_things",), since) == (not noted)
