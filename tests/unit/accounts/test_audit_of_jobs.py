"""What jobs do later is audited: what it was, how it ended, on whose behalf, under which request's trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.hall import Hall, opened
from fixtures.realm import product
from kunsthalle.core.clock import DAY, SECOND, rfc3339
from kunsthalle.jobs import queue

C = "/api/v1-beta"
TRACE = "0a0b0c0d-0000-4000-8000-00000000000a"
OTHER = TRACE.replace("a", "b")


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    made = opened(tmp_path)
    yield made
    made.close()


def done(hall: Hall, about: str = "crn:") -> list[dict[str, Any]]:
    """What jobs did in the owner's account; time stands still, so that their order says nothing."""
    answer = hall.do("GET", f"/v1/audit?limit=200&target={about}")
    return [one for one in answer["entries"] if one["actor"] == "kunsthalle"]


def told(entries: list[dict[str, Any]]) -> set[tuple[str, int]]:
    assert len({(one["action"], one["target"]) for one in entries}) == len(entries), "each step once"
    return {(one["action"], one["outcome"]) for one in entries}


def states(hall: Hall, crn: str) -> set[str]:
    return {action.rsplit(".", 1)[1] for action, _ in told(done(hall, crn))}


def test_an_import_that_ends_well_and_one_that_does_not(hall: Hall) -> None:
    hall.put("good.qcow2")
    (hall.folders["owner"] / "images" / "bad.qcow2").write_bytes(b"no image")
    made = {}
    for name in ("good", "bad"):
        body = {
            "name": name,
            "file": {"href": f"cos://us-south/images/{name}.qcow2"},
            "operating_system": {"name": "debian-12-amd64"},
        }
        made[name] = hall.do("POST", "/v1/images", body, **{"x-request-id": TRACE if name == "good" else OTHER})
        hall.settle()
    good, bad = (done(hall, made[name]["crn"]) for name in ("good", "bad"))
    assert told(good) == {("is.image.image.available", 200)}
    assert told(bad) == {("is.image.image.failed", 422)}
    assert bad[0]["code"].startswith("image_")
    asked = hall.do("GET", "/v1/audit?action=is.image.image.create")["entries"]
    assert {one["trace"] for one in asked} == {TRACE, OTHER}
    for one in (*good, *bad):
        assert (one["actor"], one["initiator"]) == ("kunsthalle", asked[0]["actor"])
        assert one["initiator_email"] == asked[0]["actor_email"] == "owner@publisher.example"
    assert (good[0]["trace"], bad[0]["trace"]) == (TRACE, OTHER)


def test_dates_of_an_image_and_exports(hall: Hall) -> None:
    now = hall.server.clock.now()
    dates = {"deprecation_at": rfc3339(now + DAY), "obsolescence_at": rfc3339(now + 2 * DAY)}
    image = hall.image("dated", **dates)
    hall.do("POST", f"/v1/images/{image['id']}/export_jobs", {"name": "out", "storage_bucket": {"name": "images"}})
    hall.settle()
    hall.travel(3 * DAY // SECOND)
    assert states(hall, image["crn"]) == {"available", "deprecated", "obsolete"}
    assert states(hall, "is.image.image/") == {"running", "succeeded"}


def _published(hall: Hall) -> tuple[str, str, str]:
    """A catalog, an offering and a version in it, published; the version's locator."""
    image = hall.image("golden")
    catalog = hall.do("POST", f"{C}/catalogs", {"label": "kept"})["id"]
    where = f"{C}/catalogs/{catalog}/offerings"
    offering = hall.do("POST", where, {"name": "golden"})["id"]
    made = hall.do("POST", f"{where}/{offering}/version", product(image["id"]))
    locator = made["kinds"][0]["versions"][0]["version_locator"]
    hall.do("POST", f"{C}/versions/{locator}/validation/install", {}, x_auth_refresh_token="any")
    hall.settle()
    hall.do("POST", f"{C}/versions/{locator}/consume-publish")
    return catalog, offering, locator


def test_the_life_of_a_catalog_that_the_clock_goes_on_with(hall: Hall) -> None:
    catalog, _offering, locator = _published(hall)
    validated = done(hall, "crn:v1:bluemix:public:globalcatalog-collection")
    prefix = "globalcatalog-collection.instance"
    assert told(validated) == {(f"{prefix}.valid", 200), (f"{prefix}.validated", 200)}
    hall.do("POST", f"{C}/versions/{locator}/deprecate/true", {"days_until_deprecate": 3})
    hall.travel(4 * DAY // SECOND)
    archived = [one for one in done(hall) if one["action"].endswith((".deprecated", ".obsolete"))]
    assert told(archived) == {(f"{prefix}.deprecated", 200), ("is.image.image.obsolete", 200)}
    hall.do("DELETE", f"{C}/catalogs/{catalog}")
    hall.travel(8 * DAY // SECOND)
    erased = [one for one in done(hall) if one["action"] == f"{prefix}.delete"]
    assert {one["resource_crn"].split(":")[8] for one in erased} == {"version", "offering", ""}
    assert {one["initiator_email"] for one in (*archived, *erased)} == {"owner@publisher.example"}


def test_catalog_audits_say_for_whom_the_clock_acted(hall: Hall) -> None:
    catalog, offering, locator = _published(hall)
    hall.do("POST", f"{C}/versions/{locator}/deprecate/true", {"days_until_deprecate": 3})
    hall.travel(4 * DAY // SECOND)
    listed = hall.do("GET", f"{C}/catalogs/{catalog}/offerings/{offering}/audits")["audits"]
    one = next(row for row in listed if row["change_type"] == "deprecated")
    assert (one["who_email"], one["target_type"]) == ("owner@publisher.example", "version")
    whole = hall.do("GET", f"{C}/catalogs/{catalog}/offerings/{offering}/audits/{one['id']}")
    assert (whole["who_delegate_id"], whole["who_name"]) == ("kunsthalle", "publisher owner")


def test_servers_volumes_and_snapshots(hall: Hall) -> None:
    server = hall.server_of(hall.image("boot")["id"])
    hall.act(server["id"], "stop")
    volume = server["boot_volume_attachment"]["volume"]
    snapshot = hall.do("POST", "/v1/snapshots", {"source_volume": {"id": volume["id"]}})
    hall.settle()
    hall.do("DELETE", f"/v1/snapshots/{snapshot['id']}")
    hall.do("DELETE", f"/v1/instances/{server['id']}")
    hall.settle()
    assert states(hall, server["crn"]) == {"starting", "running", "stopped", "delete"}
    assert states(hall, volume["crn"]) == {"available", "delete"}
    assert states(hall, snapshot["crn"]) == {"stable", "delete"}


def test_a_job_that_is_given_up_is_on_record_for_whoever_asked_for_it(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_ATTEMPTS", 1)
    importer = hall.server.worker._handlers()["image.import"].run.__self__

    def broken(*_: object) -> None:
        raise OSError("the disk is full of secrets")

    monkeypatch.setattr(type(importer), "_from_bucket", broken)
    image = hall.image("never")
    assert image["status"] == "failed"
    failed, ended = done(hall, image["crn"]), done(hall, image["id"])
    assert told(failed) == {("is.image.image.failed", 422)}
    assert told(ended) == {("kunsthalle.job.image.import", 500)}
    assert ended[0]["initiator_email"] == "owner@publisher.example"
    assert "secrets" not in str(ended + failed)


def test_what_jobs_do_in_one_account_is_no_other_accounts_to_read(hall: Hall) -> None:
    hall.image("golden")
    entries = hall.ok("outsider", "GET", "/v1/audit?limit=200")["entries"]
    assert {one["account_id"] for one in entries} <= {hall.accounts["outsider"]}
    assert not [one for one in entries if one["action"].startswith("is.image")]
