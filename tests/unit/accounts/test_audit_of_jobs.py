"""What jobs do later is audited: what it was, how it ended, on whose behalf, under which request's trace."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.app import App
from fixtures.frozen_app import product
from kunsthalle.core.clock import DAY, SECOND, rfc3339
from kunsthalle.jobs import queue

C = "/api/v1-beta"
TRACE = "0a0b0c0d-0000-4000-8000-00000000000a"
OTHER = TRACE.replace("a", "b")


def done(app: App, about: str = "crn:") -> list[dict[str, Any]]:
    """What jobs did in the owner's account; time stands still, so that their order says nothing."""
    answer = app.do("GET", f"/v1/audit?limit=200&target={about}")
    return [one for one in answer["entries"] if one["actor"] == "kunsthalle"]


def told(entries: list[dict[str, Any]]) -> set[tuple[str, int]]:
    assert len({(one["action"], one["target"]) for one in entries}) == len(entries), "each step once"
    return {(one["action"], one["outcome"]) for one in entries}


def states(app: App, crn: str) -> set[str]:
    return {action.rsplit(".", 1)[1] for action, _ in told(done(app, crn))}


def test_an_import_that_ends_well_and_one_that_does_not(app: App) -> None:
    app.put("good.qcow2")
    (app.folders["owner"] / "images" / "bad.qcow2").write_bytes(b"no image")
    made = {}
    for name in ("good", "bad"):
        body = {
            "name": name,
            "file": {"href": f"cos://us-south/images/{name}.qcow2"},
            "operating_system": {"name": "debian-12-amd64"},
        }
        made[name] = app.do("POST", "/v1/images", body, **{"x-request-id": TRACE if name == "good" else OTHER})
        app.settle()
    good, bad = (done(app, made[name]["crn"]) for name in ("good", "bad"))
    assert told(good) == {("is.image.image.available", 200)}
    assert told(bad) == {("is.image.image.failed", 422)}
    assert bad[0]["code"].startswith("image_")
    asked = app.do("GET", "/v1/audit?action=is.image.image.create")["entries"]
    assert {one["trace"] for one in asked} == {TRACE, OTHER}
    for one in (*good, *bad):
        assert (one["actor"], one["initiator"]) == ("kunsthalle", asked[0]["actor"])
        assert one["initiator_email"] == asked[0]["actor_email"] == "owner@publisher.example"
    assert (good[0]["trace"], bad[0]["trace"]) == (TRACE, OTHER)


def test_dates_of_an_image_and_exports(app: App) -> None:
    now = app.server.clock.now()
    dates = {"deprecation_at": rfc3339(now + DAY), "obsolescence_at": rfc3339(now + 2 * DAY)}
    image = app.image("dated", **dates)
    app.do("POST", f"/v1/images/{image['id']}/export_jobs", {"name": "out", "storage_bucket": {"name": "images"}})
    app.settle()
    app.travel(3 * DAY // SECOND)
    assert states(app, image["crn"]) == {"available", "deprecated", "obsolete"}
    assert states(app, "is.image.image/") == {"running", "succeeded"}


def _published(app: App) -> tuple[str, str, str]:
    """A catalog, an offering and a version in it, published; the version's locator."""
    image = app.image("golden")
    catalog = app.do("POST", f"{C}/catalogs", {"label": "kept"})["id"]
    where = f"{C}/catalogs/{catalog}/offerings"
    offering = app.do("POST", where, {"name": "golden"})["id"]
    made = app.do("POST", f"{where}/{offering}/version", product(image["id"]))
    locator = made["kinds"][0]["versions"][0]["version_locator"]
    app.do("POST", f"{C}/versions/{locator}/validation/install", {}, x_auth_refresh_token="any")
    app.settle()
    app.do("POST", f"{C}/versions/{locator}/consume-publish")
    return catalog, offering, locator


def test_the_life_of_a_catalog_that_the_clock_goes_on_with(app: App) -> None:
    catalog, _offering, locator = _published(app)
    validated = done(app, "crn:v1:bluemix:public:globalcatalog-collection")
    prefix = "globalcatalog-collection.instance"
    assert told(validated) == {(f"{prefix}.valid", 200), (f"{prefix}.validated", 200)}
    app.do("POST", f"{C}/versions/{locator}/deprecate/true", {"days_until_deprecate": 3})
    app.travel(4 * DAY // SECOND)
    archived = [one for one in done(app) if one["action"].endswith((".deprecated", ".obsolete"))]
    assert told(archived) == {(f"{prefix}.deprecated", 200), ("is.image.image.obsolete", 200)}
    app.do("DELETE", f"{C}/catalogs/{catalog}")
    app.travel(8 * DAY // SECOND)
    erased = [one for one in done(app) if one["action"] == f"{prefix}.delete"]
    assert {one["resource_crn"].split(":")[8] for one in erased} == {"version", "offering", ""}
    assert {one["initiator_email"] for one in (*archived, *erased)} == {"owner@publisher.example"}


def test_catalog_audits_say_for_whom_the_clock_acted(app: App) -> None:
    catalog, offering, locator = _published(app)
    app.do("POST", f"{C}/versions/{locator}/deprecate/true", {"days_until_deprecate": 3})
    app.travel(4 * DAY // SECOND)
    listed = app.do("GET", f"{C}/catalogs/{catalog}/offerings/{offering}/audits")["audits"]
    one = next(row for row in listed if row["change_type"] == "deprecated")
    assert (one["who_email"], one["target_type"]) == ("owner@publisher.example", "version")
    whole = app.do("GET", f"{C}/catalogs/{catalog}/offerings/{offering}/audits/{one['id']}")
    assert (whole["who_delegate_id"], whole["who_name"]) == ("kunsthalle", "publisher owner")


def test_servers_volumes_and_snapshots(app: App) -> None:
    server = app.server_of(app.image("boot")["id"])
    app.act(server["id"], "stop")
    volume = server["boot_volume_attachment"]["volume"]
    snapshot = app.do("POST", "/v1/snapshots", {"source_volume": {"id": volume["id"]}})
    app.settle()
    app.do("DELETE", f"/v1/snapshots/{snapshot['id']}")
    app.do("DELETE", f"/v1/instances/{server['id']}")
    app.settle()
    assert states(app, server["crn"]) == {"starting", "running", "stopped", "delete"}
    assert states(app, volume["crn"]) == {"available", "delete"}
    assert states(app, snapshot["crn"]) == {"stable", "delete"}


def test_a_job_that_is_given_up_is_on_record_for_whoever_asked_for_it(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_ATTEMPTS", 1)
    importer = app.server.worker._handlers()["image.import"].run.__self__

    def broken(*_: object) -> None:
        raise OSError("the disk is full of secrets")

    monkeypatch.setattr(type(importer), "_from_bucket", broken)
    image = app.image("never")
    assert image["status"] == "failed"
    failed, ended = done(app, image["crn"]), done(app, image["id"])
    assert told(failed) == {("is.image.image.failed", 422)}
    assert told(ended) == {("kunsthalle.job.image.import", 500)}
    assert ended[0]["initiator_email"] == "owner@publisher.example"
    assert "secrets" not in str(ended + failed)


def test_what_jobs_do_in_one_account_is_no_other_accounts_to_read(app: App) -> None:
    app.image("golden")
    entries = app.ok("outsider", "GET", "/v1/audit?limit=200")["entries"]
    assert {one["account_id"] for one in entries} <= {app.accounts["outsider"]}
    assert not [one for one in entries if one["action"].startswith("is.image")]
