"""A deleted instance of object storage waits seven days for its reclamation, by the mechanism that catalogs have."""

from __future__ import annotations

from typing import Any

import pytest
from ibm_platform_services.resource_controller_v2 import Reclamation, ResourceInstance

from fixtures.app import App
from unit.images.test_closed_buckets import IMPORT, PLAN, REFUSED, WEEK, authorize, instance

INSTANCES = "/v2/resource_instances"


@pytest.fixture
def closed(app: App) -> str:
    """The id of the instance to which the bucket `images` belongs, with an object in it; authorized."""
    app.put("closed.qcow2")
    authorize(app)
    return instance(app, "images")


def _waiting(app: App, id_: str, who: str = "owner") -> list[dict[str, Any]]:
    found = app.ok(who, "GET", f"/v1/reclamations?resource_instance_id={id_}")
    return list(found["resources"])


def _seen(app: App, id_: str) -> ResourceInstance:
    return ResourceInstance.from_dict(app.do("GET", f"{INSTANCES}/{id_}"))


def test_what_was_done_last_is_told(app: App, closed: str) -> None:
    def last() -> tuple[str, ...]:
        done = _seen(app, closed).last_operation
        assert (done.async_, done.cancelable, done.poll) == (False, False, False)
        return done.type, done.state, done.description

    assert last() == ("create", "succeeded", "Completed create instance operation")
    app.do("PATCH", f"{INSTANCES}/{closed}", {"name": "renamed"})
    assert last() == ("update", "succeeded", "Completed update instance operation")
    app.do("DELETE", f"{INSTANCES}/{closed}")
    assert last() == ("delete", "succeeded", "Completed delete instance operation")
    catalog = app.do("POST", "/api/v1-beta/catalogs", {"label": "catalog"})["id"]
    assert _seen(app, catalog).last_operation.type == "create"


def test_a_deleted_instance_waits_and_its_buckets_are_closed(app: App, closed: str) -> None:
    assert app.do("POST", "/v1/images", {**IMPORT, "name": "before"})["status"] == "pending"
    app.settle()
    image = app.do("GET", "/v1/images")["images"][0]["id"]
    app.do("DELETE", f"{INSTANCES}/{closed}")
    found = _seen(app, closed)
    assert (found.state, found.scheduled_reclaim_at) == ("pending_reclamation", found.updated_at)
    (record,) = _waiting(app, closed)
    read = Reclamation.from_dict(record)
    assert (read.state, read.entity_crn, read.entity_type_id) == ("SCHEDULED", found.crn, "cloud-object-storage")
    assert _waiting(app, closed, "consumer") == []
    assert app.do("GET", INSTANCES)["resources"] == []
    pending = app.do("GET", f"{INSTANCES}?state=pending_reclamation")["resources"]
    assert [one["guid"] for one in pending] == [closed]
    assert app.refused("POST", "/v1/images", IMPORT) == REFUSED
    export = {"storage_bucket": {"name": "images"}}
    where = f"/v1/images/{image}/export_jobs"
    assert app.refused("POST", where, export) == (403, "cos_not_authorized", "storage_bucket")
    for method, path, body in (
        ("PATCH", f"{INSTANCES}/{closed}", {"name": "other"}),
        ("POST", f"{INSTANCES}/{closed}/lock", None),
        ("DELETE", f"{INSTANCES}/{closed}", None),
    ):
        assert app.refused(method, path, body)[0] == 409
    body = {"name": "thief", "target": "global", "resource_group": found.resource_group_id, "resource_plan_id": PLAN}
    assert app.refused("POST", INSTANCES, {**body, "parameters": {"buckets": ["images"]}})[0] == 409


def test_a_restored_instance_is_as_it_was(app: App, closed: str) -> None:
    app.do("DELETE", f"{INSTANCES}/{closed}")
    (record,) = _waiting(app, closed)
    action = f"/v1/reclamations/{record['id']}/actions"
    assert app.refused("POST", f"{action}/restore", {}, who="consumer")[0] == 404
    assert app.do("POST", f"{action}/restore", {})["state"] == "RESTORING"
    found = _seen(app, closed)
    assert (found.state, found.last_operation.type, found.restored_at) == ("active", "restore", found.updated_at)
    assert _waiting(app, closed) == []
    app.travel(2 * WEEK)
    assert app.do("POST", "/v1/images", IMPORT)["status"] == "pending"
    assert _seen(app, closed).state == "active"


@pytest.mark.parametrize("end", ["clock", "reclaim"])
def test_the_end_of_the_seven_days(app: App, closed: str, end: str) -> None:
    app.do("DELETE", f"{INSTANCES}/{closed}")
    (record,) = _waiting(app, closed)
    if end == "reclaim":
        assert app.do("POST", f"/v1/reclamations/{record['id']}/actions/reclaim")["state"] == "RECLAIMING"
    else:
        app.travel(WEEK - 60)
        assert len(_waiting(app, closed)) == 1
        app.travel(120)
    assert _waiting(app, closed) == []
    assert app.refused("GET", f"{INSTANCES}/{closed}")[0] == 404
    assert app.refused("POST", f"/v1/reclamations/{record['id']}/actions/restore")[0] == 404
    assert app.do("POST", "/v1/images", IMPORT)["status"] == "pending", "the bucket belongs to no instance any more"


def test_a_group_with_a_waiting_instance_cannot_be_deleted(app: App) -> None:
    group = app.do("POST", "/v2/resource_groups", {"name": "short", "account_id": app.accounts["owner"]})["id"]
    body = {"name": "storage", "target": "global", "resource_group": group, "resource_plan_id": PLAN}
    made = app.do("POST", INSTANCES, body)["guid"]
    for step in ("active", "pending_reclamation"):
        assert app.refused("DELETE", f"/v2/resource_groups/{group}")[0] == 409, step
        if step == "active":
            app.do("DELETE", f"{INSTANCES}/{made}")
    app.travel(WEEK)
    app.do("DELETE", f"/v2/resource_groups/{group}")


def test_catalogs_and_storage_wait_in_one_list(app: App, closed: str) -> None:
    catalog = app.do("POST", "/api/v1-beta/catalogs", {"label": "catalog"})["id"]
    app.do("DELETE", f"/api/v1-beta/catalogs/{catalog}")
    app.do("DELETE", f"{INSTANCES}/{closed}")
    found = app.do("GET", "/v1/reclamations")["resources"]
    assert {(one["resource_instance_id"], one["entity_type_id"]) for one in found} == {
        (catalog, "globalcatalog-collection"),
        (closed, "cloud-object-storage"),
    }
