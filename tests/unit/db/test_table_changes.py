"""What commits have changed, and what readings rest on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import select, update

from fixtures.app import App
from kunsthalle.db import kv, table_changes
from kunsthalle.db.session import Session
from kunsthalle.db.table_changes import Basis, TableChanges, WatchedClock, changed_by, rows_of, tables_of
from kunsthalle.db.tables import jobs


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("SELECT 1 FROM images", None),
        ("BEGIN IMMEDIATE", None),
        ("COMMIT", None),
        ("INSERT INTO images (id) VALUES (?)", "images"),
        ('INSERT OR REPLACE INTO "images" VALUES (?)', "images"),
        ("\n  UPDATE images SET name=? WHERE id IN (SELECT id FROM jobs)", "images"),
        ("DELETE FROM images", "images"),
        ("WITH old AS (SELECT 1) DELETE FROM images", ""),
        ("DROP TABLE images", ""),
        ("PRAGMA user_version = 3", ""),
    ],
)
def test_the_table_that_a_statement_changes(statement: str, table: str | None) -> None:
    assert changed_by(statement) == table


def test_the_tables_that_a_statement_names() -> None:
    assert tables_of("SELECT jobs.id FROM jobs JOIN (SELECT * FROM facts) AS x ON x.id = jobs.nowhere") == {
        "jobs",
        "facts",
    }


def changed(changes: TableChanges, *statements: str, accounts: Sequence[str] | None = None) -> None:
    changes.begin()
    for statement in statements:
        changes.note(statement, accounts)
    with changes.commit(()):
        pass


def test_what_was_read_holds_until_one_of_its_tables_changes() -> None:
    changes = TableChanges(enabled=True)
    since = changes.since()
    assert since is not None
    changed(changes, "UPDATE kv SET value=?")
    assert changes.hold({"jobs"}, since)
    assert not changes.hold({"jobs", "kv"}, since)
    changed(changes, "DROP TABLE something")
    assert not changes.hold({"jobs"}, since)
    assert not changes.hold((), since)


@pytest.mark.parametrize(
    ("statement", "accounts", "kept"),
    [
        ("UPDATE images SET name=?", ("a",), {"rows of b"}),
        ("UPDATE images SET name=?", ("a", "b"), set()),
        ("UPDATE images SET name=?", None, set()),
        ("UPDATE images SET name=?", (), {"rows of a", "rows of b", "the table"}),
        ("UPDATE kv SET value=?", ("a",), {"rows of a", "rows of b", "the table"}),
        ("DROP TABLE kv", (), {"rows of a", "rows of b", "the table"}),
        ("DROP TABLE kv", None, set()),
        ("SELECT 1", None, {"rows of a", "rows of b", "the table"}),
    ],
)
def test_rows_of_an_account_hold_until_it_or_nobody_known_changes_some(
    statement: str, accounts: tuple[str, ...] | None, kept: set[str]
) -> None:
    changes = TableChanges(enabled=True)
    since = changes.since() or 0
    readings = {"rows of a": rows_of("images", "a"), "rows of b": rows_of("images", "b"), "the table": ("images",)}
    changed(changes, statement, accounts=accounts)
    assert {what for what, names in readings.items() if changes.hold(names, since)} == kept


def test_what_is_remembered_of_changes_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_changes, "_MOST_NAMES", 10)
    changes = TableChanges(enabled=True)
    since, names = changes.since() or 0, rows_of("images", "a")
    for number in range(8):
        changed(changes, "UPDATE images SET name=?", accounts=(f"b{number}",))
    assert changes.hold(names, since)
    for number in range(8, 20):
        changed(changes, "UPDATE images SET name=?", accounts=(f"b{number}",))
    assert not changes.hold(names, since), "what was forgotten may have been a change"
    assert len(changes._latest) <= 12
    since = changes.since() or 0
    assert changes.hold(names, since)


def test_nobody_finds_the_names_forgotten_and_not_yet_that_everything_counts_as_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Readings are compared in another thread than the one that commits: here after each attribute that is set."""
    names, held = rows_of("images", "a"), []

    class Watched(TableChanges):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if watched:
                held.append(self.hold(names, since))

    watched = False
    monkeypatch.setattr(table_changes, "_MOST_NAMES", 4)
    changes = Watched(enabled=True)
    since = changes.since() or 0
    changed(changes, "UPDATE images SET name=?", accounts=("a", "b", "c"))
    watched = True
    changed(changes, "UPDATE images SET name=?", accounts=("d",))
    assert held
    assert not any(held)


def test_a_commit_counts_before_and_after_it_is_visible() -> None:
    changes = TableChanges(enabled=True)
    before = changes.since()
    changes.begin()
    changes.note("DELETE FROM kv")
    with changes.commit({"topic"}):
        assert before is not None
        assert not changes.hold({"kv"}, before)
        assert not changes.hold({"topic"}, before)
        within = changes.number
        assert {changes.since()} == {None}  # what is read now may be of either side
    assert not changes.hold({"kv"}, within)
    assert changes.hold({"kv", "topic"}, changes.since() or 0)


def test_a_commit_that_changes_nothing_is_none() -> None:
    changes = TableChanges(enabled=True)
    changed(changes, "SELECT 1")
    assert changes.number == 0


def test_where_others_write_nothing_can_be_remembered() -> None:
    assert TableChanges(enabled=False).since() is None


def test_who_asks_the_time_is_noted() -> None:
    class Clock:
        def now(self) -> int:
            return 1

        def real(self) -> int:
            return 2

    for ask in ("now", "real"):
        basis = Basis(0)
        keeps = [basis.keeps]  # before somebody has said how long
        basis.lasts(5, 5)
        keeps.append(basis.keeps)
        assert getattr(WatchedClock(Clock(), basis), ask)() in {1, 2}
        assert [*keeps, basis.keeps] == [False, True, False]


def test_a_session_notes_what_it_reads_by_every_way(app: App) -> None:
    store, basis = app.server.store, Basis(0)

    def read(session: Session) -> None:
        inner = session.resting_on(basis)
        inner.first(select(jobs.c.id))
        kv.get(inner, "clock")
        inner.cached("a topic", 1, lambda: 2)

    store.read(app.server.base, read)
    assert {"jobs", "facts", "a topic"} <= basis.names


def test_a_write_that_is_rolled_back_changes_nothing(app: App) -> None:
    store = app.server.store
    app.pause()

    def write(session: Session, *, fails: bool) -> None:
        session.execute(update(jobs).values(state=jobs.c.state))
        if fails:
            raise LookupError

    number = store.changes.number
    with pytest.raises(LookupError):
        store.write(app.server.base, lambda session: write(session, fails=True))
    assert store.changes.number == number
    since = store.changes.since()
    store.write(app.server.base, lambda session: write(session, fails=False))
    assert since is not None
    assert not store.changes.hold({"jobs"}, since)


def test_a_store_that_becomes_another_has_changed_altogether(app: App) -> None:
    store = app.server.store
    app.pause()
    since = store.changes.since()
    assert since is not None
    copy = app.server.settings.data / "copy.sqlite"
    with store.still():
        store.copy_to(copy)
        store.become(copy)
    assert not store.changes.hold((), since)
