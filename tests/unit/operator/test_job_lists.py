"""What the operator is told of nodes and jobs, and how many bytes of images each day brought."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from fixtures.app import App
from fixtures.frozen_app import OPERATOR
from kunsthalle.console.job_ends import ENDS
from kunsthalle.db.tables import jobs

DAY = 86_400


def told(app: App, query: str = "") -> dict[str, Any]:
    answer = app.call(OPERATOR, "GET", f"/_kunsthalle/jobs{query}")
    assert answer.status == 200
    return dict(answer.json)


def test_jobs_are_counted_by_kind_and_state_and_listed_by_both(app: App) -> None:
    app.image("golden")
    app.pause()
    app.do("POST", "/v1/images", {"name": "late", **_prototype(app, "late.qcow2")})
    everything = told(app)
    counts = {(one["kind"], one["state"]): one["number"] for one in everything["counts"]}
    assert counts["image.import", "queued"] == 1
    assert counts["image.import", "done"] == 1
    (node,) = everything["nodes"]
    assert node["this"] is True
    queued = told(app, "?state=queued&kind=image.import")["jobs"]
    assert [(one["kind"], one["state"], one["attempts"], "due_at" in one) for one in queued] == [
        ("image.import", "queued", 0, False)
    ]
    assert queued[0]["account_id"] == app.accounts["owner"]
    assert told(app, "?kind=nothing")["jobs"] == []
    assert told(app, "?kind=nothing")["counts"] == everything["counts"]
    assert everything["complete"] is True
    assert app.call(OPERATOR, "GET", "/_kunsthalle/jobs?state=lost").status == 400


def test_of_each_kind_of_job_it_is_known_what_to_do_when_one_has_failed(app: App) -> None:
    assert set(ENDS) == set(app.server.worker.kinds())


def test_a_job_that_has_failed_finds_nothing_to_do_when_it_is_run_once_more(app: App) -> None:
    """Its end is in the state of what it was for; that is why no job is run again by hand."""
    app.call(OPERATOR, "POST", "/_kunsthalle/faults", {"on": "job", "match": "image.import", "effect": "fail"})
    image = app.image("spoiled")
    assert image["status"] == "failed"
    (job,) = told(app, "?state=failed")["jobs"]
    again = update(jobs).where(jobs.c.id == job["id"]).values(state="queued", attempts=0)
    app.server.store.write(app.server.base, lambda session: session.execute(again))
    app.exhaust()
    assert app.do("GET", f"/v1/images/{image['id']}") == image


SYSTEM = {"operating_system": {"name": "debian-12-amd64"}}


def _prototype(app: App, name: str) -> dict[str, Any]:
    app.put(name)
    return {"file": {"href": f"cos://us-south/images/{name}"}, **SYSTEM}


def test_bytes_of_images_by_the_day_that_brought_them(app: App) -> None:
    def days() -> list[dict[str, Any]]:
        return list(app.call(OPERATOR, "GET", "/_kunsthalle/image_bytes").json["days"])

    assert days() == []
    app.image("first")
    (today,) = days()
    assert today["bytes"] > 0
    app.travel(DAY)
    app.image("second")
    assert [one["bytes"] > 0 for one in days()] == [True, True]
    assert days()[0] == today


@pytest.mark.parametrize("path", ["/_kunsthalle/jobs", "/_kunsthalle/image_bytes"])
@pytest.mark.parametrize("who", ["owner", "outsider", "no token"])
def test_nobody_but_the_operator_is_told(app: App, who: str, path: str) -> None:
    assert app.call(who, "GET", path).status == 401
