"""Shared by all tests: databases of both engines, and worlds on them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import postgres
from fixtures.s3 import S3Server, s3_server
from fixtures.worlds import World, make_world
from kunsthalle.all_tables import prepare
from kunsthalle.db.engine import Store

pytest_plugins = [
    "pytester",
    "fixtures.boot_image",
    "fixtures.durations",
    "fixtures.frozen_app",
    "fixtures.app",
    "fixtures.go_programs",
    "fixtures.packages",
    "fixtures.served",
    "fixtures.statements",
    "fixtures.walks",
]

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs_postgres)]


def _prepare(url: str) -> None:
    store = Store(url)
    try:
        prepare(store)
    finally:
        store.close()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server, started with the first test that asks for it."""
    with s3_server() as running:
        yield running


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """One PostgreSQL server for the whole run. Only tests marked `needs_postgres` may ask for it."""
    with postgres.cluster() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_database(cluster: postgres.Cluster) -> str:
    """The one database that tests use after each other; emptying it is ten times faster than making another."""
    name = cluster.create()
    _prepare(cluster.url(name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema, from which each test's own is copied."""
    path = tmp_path_factory.mktemp("template") / "kunsthalle.sqlite"
    _prepare(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(cluster: postgres.Cluster, postgres_database: str) -> Iterator[str]:
    """An empty PostgreSQL database, its schema ready."""
    yield cluster.url(postgres_database)
    cluster.empty(postgres_database)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A SQLite database of the test's own, its schema ready."""
    path = tmp_path / "kunsthalle.sqlite"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with the schema, once on each engine."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    """A world on SQLite, for tests of what does not depend on the engine."""
    made = make_world(sqlite_url)
    yield made
    made.store.close()


@pytest.fixture
def both(database_url: str) -> Iterator[World]:
    """A world, once on each engine."""
    made = make_world(database_url)
    yield made
    made.store.close()
