"""The whole database as one file and back, on both engines: everything, of one moment, or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import inspect, select

from fixtures.clients import eventually
from fixtures.worlds import World, make_world
from kunsthalle.all_tables import metadata
from kunsthalle.db import database_copies, kv
from kunsthalle.db.database_copies import DoesNotFit, StoreBusy
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.images.tables import blob_refs, blobs

_DIGEST = "ab" * 32
CONTEXT: Any = None
"""Nothing that is copied asks for one."""


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A database with a document, and a row that refers to another."""
    made = make_world(database_url)

    def fill(session: Session) -> None:
        kv.put(session, "letters", {"all": "Größe \N{SNOWMAN} \\ ' \"", "deep": [[None, True, 1.5, 2**53]]})
        session.execute(blobs.insert().values(digest=_DIGEST, size=2**40, revision=1))
        session.execute(blob_refs.insert().values(digest=_DIGEST, holder="image:one"))

    made.write(made.base, fill)
    yield made
    made.store.close()


@pytest.fixture
def store(world: World) -> Store:
    return world.store


def _save(store: Store, path: Path) -> None:
    database_copies.save(store, path, metadata())


def _load(store: Store, path: Path) -> None:
    database_copies.load(store, path, metadata(), CONTEXT, lambda _session: None)


def _rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.engine.connect() as connection:
        return {
            one.name: sorted(tuple(row) for row in connection.execute(select(one)))
            for one in metadata().sorted_tables
            if one.name != "facts"
        } | {
            "facts": sorted(
                (row.key, repr(row.value))
                for row in connection.execute(select(metadata().tables["facts"]))
                if row.key != "shared"  # the number of the change
            )
        }


def _change(world: World) -> None:
    def change(session: Session) -> None:
        session.execute(blob_refs.delete())
        session.execute(blobs.delete())
        kv.put(session, "later", 1)

    world.write(world.base, change)


def test_it_is_as_it_was(world: World, store: Store, tmp_path: Path) -> None:
    before = _rows(store)
    _save(store, tmp_path / "copy.sqlite")
    _change(world)
    assert _rows(store) != before
    _load(store, tmp_path / "copy.sqlite")
    assert _rows(store) == before


def test_a_copy_is_the_same_file_whatever_engine_it_is_of(store: Store, sqlite_url: str, tmp_path: Path) -> None:
    _save(store, tmp_path / "copy.sqlite")
    with closing(sqlite3.connect(tmp_path / "copy.sqlite")) as copy:
        kinds = {row[0] for row in copy.execute("SELECT DISTINCT type FROM sqlite_master")}
        assert kinds == {"table", "index"}
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
    other = Store(sqlite_url)
    try:
        _load(other, tmp_path / "copy.sqlite")
        assert _rows(other) == _rows(store)
        assert set(inspect(other.engine).get_table_names()) == {*metadata().tables, "alembic_version"}
    finally:
        other.close()


def _put(world: World, key: str) -> None:
    world.write(world.base, kv.put, key, 1)


@pytest.mark.needs_postgres
def test_postgresql_takes_all_of_it_or_nothing(postgres_url: str, sqlite_url: str, tmp_path: Path) -> None:
    file, here = make_world(sqlite_url), make_world(postgres_url)
    try:
        _put(here, "mine")
        _put(file, "a")
        path = tmp_path / "kunsthalle.sqlite"
        with closing(sqlite3.connect(path)) as direct, direct:
            direct.execute("INSERT INTO facts VALUES ('nul', '\"' || char(0) || '\"')")
        before = _rows(here.store)
        with pytest.raises(DoesNotFit, match="refuses a value"):
            _load(here.store, path)
        assert _rows(here.store) == before
    finally:
        here.store.close()
        file.store.close()


@pytest.mark.needs_postgres
def test_while_a_node_of_an_older_release_is_connected_nothing_is_loaded(postgres_url: str, tmp_path: Path) -> None:
    here = make_world(postgres_url)
    other = psycopg.connect(postgres_url, application_name="kunsthalle-0123456789abcdef")
    path = tmp_path / "copy.sqlite"
    try:
        _save(here.store, path)
        _put(here, "mine")
        before = _rows(here.store)
        with pytest.raises(StoreBusy, match="older release that use the database: 1"):
            _load(here.store, path)
        assert _rows(here.store) == before
        other.close()
        eventually(lambda: _loaded(here.store, path), "the end of a connection")
        assert _rows(here.store) != before
    finally:
        here.store.close()
        other.close()


def _loaded(store: Store, path: Path) -> bool:
    """A connection that was closed may be listed for a moment."""
    try:
        _load(store, path)
    except StoreBusy:
        return False
    return True
