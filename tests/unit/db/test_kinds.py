"""Every kind of every package: its model is its table's row, its states are declared, its visibility has what it
needs."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from itertools import takewhile

import pytest
from sqlalchemy import Connection, Text, create_engine

import kunsthalle
from kunsthalle.all_tables import metadata as all_tables
from kunsthalle.authz import roles
from kunsthalle.db.visibility import ResourceType


def _kinds() -> list[ResourceType]:
    found: dict[int, ResourceType] = {}
    for module in pkgutil.walk_packages(kunsthalle.__path__, "kunsthalle."):
        if module.name.endswith("resources"):
            members = vars(importlib.import_module(module.name)).values()
            found |= {id(one): one for one in members if isinstance(one, ResourceType)}
    return sorted(found.values(), key=lambda one: one.name)


KINDS = _kinds()
STATE_NAMES = {"state", "status", "lifecycle_state"}


def test_a_name_means_one_table() -> None:
    """Two types may share a table with their own visibility each; a count is kept under the name of the type."""
    tables = {kind.name: kind.table for kind in KINDS}
    assert len(tables) > 10
    assert [kind.name for kind in KINDS if kind.table is not tables[kind.name]] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
class TestKind:
    def test_the_model_is_the_row(self, kind: ResourceType) -> None:
        """Rows become models by name; a row of other columns than the table's is none."""
        names = [field.name for field in dataclasses.fields(kind.model)]
        assert sorted(names) == sorted(column.key for column in kind.table.columns)
        row = [f"value of {column.key}" for column in kind.table.columns]
        model = kind.from_row(row)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(model, names[0], "another value")
        assert {name: getattr(model, name) for name in names} == {name: f"value of {name}" for name in names}

    def test_a_state_column_has_its_table_of_states(self, kind: ResourceType) -> None:
        here = STATE_NAMES & set(kind.table.columns.keys())
        if not here:
            assert (kind.states, kind.state_column) == (None, None)
            return
        assert kind.states is not None
        assert kind.state_column is not None
        assert kind.state_column.key in here
        assert kind.state_column.table is kind.table
        if not isinstance(kind.state_column.type, Text):
            assert max(map(len, kind.states.states)) <= kind.state_column.type.length, "PostgreSQL cuts nothing short"

    def test_policies_ask_columns_of_its_own(self, kind: ResourceType) -> None:
        assert all(column.table is kind.table for column in kind.attributes.values())
        service, _, rest = kind.read.partition(".")
        assert service in roles.SERVICE_TYPES
        assert rest.count(".") >= 1

    def test_its_pages_are_read_from_an_index(self, kind: ResourceType) -> None:
        indexed = [tuple(column.name for column in index.columns) for index in kind.table.indexes]
        assert any(names[:3] == ("account_id", "created_at", "id") for names in indexed)


@pytest.fixture(scope="module")
def planner() -> Iterator[Connection]:
    """Every table, and the engine whose plans can be read."""
    with create_engine("sqlite://").connect() as connection:
        all_tables().create_all(connection)
        yield connection


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.others is None], ids=lambda kind: kind.name)
def test_a_look_up_passes_no_row_of_another_account(kind: ResourceType, planner: Connection) -> None:
    """Hidden takes as long as absent: the account comes first in every index that is searched (R6)."""
    values = {"account": "a", "id": "x", "limit": 2, "moment": 1}
    for hot in (kind.by_id, kind.newest, kind.older):
        asked = hot.statement.compile(dialect=planner.dialect, compile_kwargs={"render_postcompile": True})
        given = {**asked.params, **values}
        text = f"EXPLAIN QUERY PLAN {asked}"
        steps = [row.detail for row in planner.exec_driver_sql(text, tuple(given[name] for name in asked.positiontup))]
        # What the rows of the page hold is summed up by their own ids, after they were found.
        found = list(takewhile(lambda step: not step.startswith("CORRELATED"), steps))
        assert found
        assert [step for step in found if "(account_id=?" not in step] == [], steps


def test_the_users_of_a_login_are_found_without_a_look_at_everybody(planner: Connection) -> None:
    asked = "EXPLAIN QUERY PLAN SELECT * FROM users WHERE user_id = ?"
    steps = [row.detail for row in planner.exec_driver_sql(asked, ("somebody@example.com",))]
    assert steps == ["SEARCH users USING INDEX ix_users_login (user_id=?)"]
