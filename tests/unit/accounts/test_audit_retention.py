"""The audit is kept for a year unless the operator says otherwise; it expires by the product clock, in small steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR
from fixtures.worlds import World
from kunsthalle.app import build
from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.db import audit
from kunsthalle.db.session import Session
from kunsthalle.db.tables import audit as table
from kunsthalle.db.tables import jobs as job_table
from kunsthalle.db.unscoped import number_of
from kunsthalle.jobs import audit_retention, queue


@pytest.fixture
def open_hall(tmp_path: Path) -> Iterator[Callable[..., App]]:
    made: list[App] = []

    def open_one(**settings: Any) -> App:
        made.append(open_app(tmp_path / "data", **settings))
        made[-1].server.watching.stop()
        return made[-1]

    yield open_one
    for one in made:
        one.close()


def targets(app: App) -> list[str]:
    entries = app.call(OPERATOR, "GET", "/_kunsthalle/audit?limit=200").json["entries"]
    return [one["target"] for one in entries]


def ask(app: App, name: str) -> None:
    """Something that is audited under a target of its own."""
    assert app.call("owner", "DELETE", f"/v1/images/{name}").status == 404


@pytest.mark.parametrize(("settings", "days"), [({}, 365), ({"audit_days": 30}, 30)])
def test_an_entry_is_kept_for_its_days_and_then_gone(
    open_hall: Callable[..., App], settings: dict[str, Any], days: int
) -> None:
    app = open_hall(**settings)
    ask(app, "first")
    app.travel((days - 1) * 86_400)
    ask(app, "second")
    assert {"/v1/images/first", "/v1/images/second"} <= set(targets(app))
    app.travel(2 * 86_400)
    left = targets(app)
    assert "/v1/images/second" in left
    assert "/v1/images/first" not in left
    assert any("entries before" in one for one in left), "the removal of entries is audited"
    app.travel(days * 86_400)
    assert "/v1/images/second" not in targets(app)


def test_for_ever_is_for_ever(open_hall: Callable[..., App]) -> None:
    app = open_hall(audit_days=0)
    ask(app, "first")
    app.travel(4_000 * 86_400)
    assert "/v1/images/first" in targets(app)


def test_another_setting_counts_from_the_next_start(open_hall: Callable[..., App]) -> None:
    app = open_hall(audit_days=0)
    ask(app, "first")
    app.travel(100 * 86_400)
    for days, there in ((200, True), (50, False)):
        moment, settings = app.server.clock.now(), replace(app.server.settings, audit_days=days)
        app.server.stop()
        app.server = build(settings, OPERATOR)
        app.server.clock.set(moment)
        app.server.start()
        app.settle()
        assert ("/v1/images/first" in targets(app)) is there


def _entries(world: World, count: int, at: int) -> None:
    def write(session: Session) -> None:
        for number in range(count):
            audit.record(session, "test", f"{at}/{number}", 200)

    world.clock.set(at)
    world.write(world.base, write)


class _Counted(queue.Run):
    """A run whose transactions are counted by the rows that each removes."""

    def write(self, function: Callable[[Session], Any]) -> Any:
        removed = super().write(function)
        self.batches = [*getattr(self, "batches", []), removed]
        return removed


def test_many_entries_expire_in_bounded_batches(both: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_retention, "BATCH", 10)
    start = both.clock.now()
    _entries(both, 34, start)
    _entries(both, 5, start + DAY)
    audit_retention.keep_for(both.store, both.base, 7)
    assert _due(both) == [start + 7 * DAY]
    both.clock.set(start + 7 * DAY + 1)
    claimed = both.write(both.base, queue.claim, "me")
    run = _Counted(claimed, both.base.working(claimed.kind, "", "", ""), both.store.read, both.store.write, "me")
    audit_retention.handler().run(run)
    assert run.batches == [10, 10, 10, 4]
    assert both.read(both.base, number_of, table) == 5 + 1, "and the entry that says so"
    assert _due(both) == [start + 8 * DAY + 1], "once more, when the next one expires, and not before a day is over"


def _due(world: World) -> list[int]:
    due = job_table.c.due_at
    from kunsthalle.db.unscoped import columns_of

    return [row[0] for row in world.read(world.base, columns_of, due, where=(job_table.c.state == "queued",))]


def test_a_job_that_failed_for_good_comes_again_the_next_day(both: World) -> None:
    audit_retention.keep_for(both.store, both.base, 7)
    audit_retention.keep_for(both.store, both.base, 7)
    both.clock.set(both.clock.now() + 7 * DAY)
    claimed = both.write(both.base, queue.claim, "me")
    both.write(both.base, audit_retention.handler().give_up, claimed, ValueError("broken"))
    assert rfc3339(_due(both)[0]) == rfc3339(both.clock.now() + 7 * DAY)
