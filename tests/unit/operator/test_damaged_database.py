"""A page of the database file is overwritten: the doctor says so, and nobody sends requests to the server."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR
from kunsthalle.cli.main import cli
from kunsthalle.db import integrity
from kunsthalle.db.engine import Store
from kunsthalle.db.integrity import Soundness, Watched
from kunsthalle.local import folder
from kunsthalle.testing.served import DidNotStart, Served


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = open_app(tmp_path / "data")
    made.server.watching.stop()
    made.image("golden")
    yield made
    made.close()


def database(app: App) -> Path:
    return app.server.settings.data / "kunsthalle.sqlite"


def overwrite(path: Path, name: str) -> None:
    """Puts noise in the place of the root page of a table or index, in the file itself."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(os.urandom(size))


def test_the_doctor_and_readiness_tell_of_a_damaged_page(app: App) -> None:
    assert app.call(OPERATOR, "GET", "/readyz").status == 200
    assert app.call(OPERATOR, "POST", "/_kunsthalle/doctor", {}).json["healthy"] is True
    overwrite(database(app), "ix_images_page")
    report = app.call(OPERATOR, "POST", "/_kunsthalle/doctor", {"repair": True}).json
    assert report["healthy"] is False
    assert {(one["check"], one["repairable"], one["repaired"]) for one in report["findings"]} == {
        ("damaged_database", False, False)
    }
    assert "restore a backup" in report["findings"][0]["message"]
    answer = app.call(OPERATOR, "GET", "/readyz")
    assert (answer.status, "damaged" in answer.body.decode()) == (503, True)
    assert app.call(OPERATOR, "GET", "/healthz").status == 200


def test_readiness_finds_it_without_the_doctor(app: App) -> None:
    overwrite(database(app), "ix_images_page")
    assert app.call(OPERATOR, "GET", "/readyz").status == 503


def _offline(data: Path, *more: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["doctor", "--offline", "--data", str(data), *more])
    return result.exit_code, result.output


@pytest.mark.parametrize("damage", ["ix_images_page", "facts", "alembic_version", "sqlite_schema"])
def test_offline_whatever_is_damaged(app: App, damage: str) -> None:
    data = app.server.settings.data
    folder.write(data, folder.CREDENTIALS, {"operator_token": OPERATOR})
    app.server.stop()
    assert _offline(data)[0] == 0
    if damage == "sqlite_schema":
        with database(app).open("r+b") as file:
            file.write(b"no database at all")
    else:
        overwrite(database(app), damage)
    code, output = _offline(data)
    assert (code, "Not healthy" in output, "damaged_database" in output) == (1, True, True), output


def test_a_server_does_not_start_on_a_database_that_is_none(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "kunsthalle.sqlite").write_bytes(b"something else entirely" * 1000)
    with pytest.raises(DidNotStart, match="Error: The database is damaged") as told:
        Served(data, scenario="").start()
    assert "Traceback" not in str(told.value)


def test_a_deep_examination_finds_an_index_that_lacks_a_row(tmp_path: Path) -> None:
    """Every page is well-formed: only who compares the index with its table sees it."""
    path = tmp_path / "small.sqlite"

    def run(*statements: str) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in ("PRAGMA writable_schema = ON", *statements):
                connection.execute(statement)

    run("CREATE TABLE t (a)", "CREATE INDEX i ON t (a)", "INSERT INTO t VALUES (1)")
    run("CREATE TABLE hidden AS SELECT * FROM sqlite_master WHERE name = 'i'")
    run("DELETE FROM sqlite_master WHERE name = 'i'")
    run("INSERT INTO t VALUES (2)")  # of which the index learns nothing
    run("INSERT INTO sqlite_master SELECT * FROM hidden")
    with closing(Store(f"sqlite:///{path}")) as store:
        assert integrity.examine(store).damage == ()
        assert "missing from index i" in str(integrity.examine(store, deep=True).damage)


@pytest.mark.needs_postgres
def test_what_postgresql_can_check_and_what_not(postgres_url: str) -> None:
    with closing(Store(postgres_url)) as store:
        found = integrity.examine(store, deep=True)
        assert found.damage == ()
        assert any("amcheck" in one for one in found.unchecked)
        with store.engine.connect() as connection, connection.begin():
            try:
                connection.exec_driver_sql("CREATE EXTENSION amcheck")
            except Exception:  # noqa: BLE001  where the package is not installed the server itself says so
                return
        try:
            found = integrity.examine(store, deep=True)
            assert (found.damage, [one for one in found.unchecked if "amcheck" in one]) == ((), [])
        finally:
            with store.engine.connect() as connection, connection.begin():
                connection.exec_driver_sql("DROP EXTENSION amcheck")


def test_a_look_is_taken_every_hour_and_damage_stays_until_the_doctor_finds_none(
    monkeypatch: pytest.MonkeyPatch, sqlite_url: str
) -> None:
    now, looks = [0.0], []

    def look(_store: Store) -> Soundness:
        looks.append(now[0])
        return Soundness()

    monkeypatch.setattr(integrity, "examine", look)
    with closing(Store(sqlite_url)) as store:
        watched = Watched(store, lambda: now[0])
        for now[0] in (0.0, 10.0, 3_599.0, 3_600.0, 3_700.0):
            assert watched.soundness() == Soundness()
        assert looks == [0.0, 3_600.0]
        watched.told(Soundness(("bad",)))
        now[0] = 1e9
        assert watched.soundness().damage == ("bad",)
        watched.told(Soundness())
        assert watched.soundness() == Soundness()


def test_what_is_refused_for_another_reason_is_no_damage() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        errors: list[Any] = []
        for statement in ("SELECT nothing", "CREATE TABLE"):
            try:
                connection.execute(statement)
            except sqlite3.Error as error:
                errors.append(error)
    assert [integrity.is_corruption(one) for one in (*errors, ValueError())] == [False, False, False]
