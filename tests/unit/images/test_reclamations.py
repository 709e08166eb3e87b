"""A deleted instance of object storage waits seven days for its reclamation, by the mechanism that catalogs have."""

from __future__ import annotations

from typing import Any

import pytest
from ibm_platform_services.resource_controller_v2 import Reclamation, ResourceInstance

from fixtures.hall import Hall
from unit.images.test_closed_buckets import IMPORT, PLAN, REFUSED, WEEK, authorize, instance

INSTANCES = "/v2/resource_instances"


@pytest.fixture
def closed(hall: Hall) -> str:
    """The id of the instance to which the bucket `images` belongs, with an object in it; authorized."""
    hall.put("closed.qcow2")
    authorize(hall)
    return instance(hall, "images")


def _waiting(hall: Hall, id_: str, who: str = "owner") -> list[dict[str, Any]]:
    found = hall.ok(who, "GET", f"/v1/reclamations?resource_instance_id={id_}")
    return list(found["resources"])


def _seen(hall: Hall, id_: str) -> ResourceInstance:
    return ResourceInstance.from_dict(hall.do("GET", f"{INSTANCES}/{id_}"))


def test_what_was_done_last_is_told(hall: Hall, closed: str) -> None:
    def last() -> tuple[str, ...]:
        done = _seen(hall, closed).last_operation
        assert (done.async_, done.cancelable, done.poll) == (False, False, False)
        return done.type, done.state, done.description

    assert last() == ("create", "succeeded", "Completed create instance operation")
    hall.do("PATCH", f"{INSTANCES}/{closed}", {"name": "renamed"})
    assert last() == ("update", "succeeded", "Completed update instance operation")
    hall.do("DELETE", f"{INSTANCES}/{closed}")
    assert last() == ("delete", "succeeded", "Completed delete instance operation")
    catalog = hall.do("POST", "/api/v1-beta/catalogs", {"label": "catalog"})["id"]
    assert _seen(hall, catalog).last_operation.type == "create"


def test_a_deleted_instance_waits_and_its_buckets_are_closed(hall: Hall, closed: str) -> None:
    assert hall.do("POST", "/v1/images", {**IMPORT, "name": "before"})["status"] == "pending"
    hall.settle()
    image = hall.do("GET", "/v1/images")["images"][0]["id"]
    hall.do("DELETE", f"{INSTANCES}/{closed}")
    found = _seen(hall, closed)
    assert (found.state, found.scheduled_reclaim_at) == ("pending_reclamation", found.updated_at)
    (record,) = _waiting(hall, closed)
    read = Reclamation.from_dict(record)
    assert (read.state, read.entity_crn, read.entity_type_id) == ("SCHEDULED", found.crn, "cloud-object-storage")
    assert _waiting(hall, closed, "consumer") == []
    assert hall.do("GET", INSTANCES)["resources"] == []
    pending = hall.do("GET", f"{INSTANCES}?state=pending_reclamation")["resources"]
    assert [one["guid"] for one in pending] == [closed]
    assert hall.refused("POST", "/v1/images", IMPORT) == REFUSED
    export = {"storage_bucket": {"name": "images"}}
    where = f"/v1/images/{image}/export_jobs"
    assert hall.refused("POST", where, export) == (403, "cos_not_authorized", "storage_bucket")
    for method, path, body in (
        ("PATCH", f"{INSTANCES}/{closed}", {"name": "other"}),
        ("POST", f"{INSTANCES}/{closed}/lock", None),
        ("DELETE", f"{INSTANCES}/{closed}", None),
    ):
        assert hall.refused(method, path, body)[0] == 409
    body = {"name": "thief", "target": "global", "resource_group": found.resource_group_id, "resource_plan_id": PLAN}
    assert hall.refused("POST", INSTANCES, {**body, "parameters": {"buckets": ["images"]}})[0] == 409


def test_a_restored_instance_is_as_it_was(hall: Hall, closed: str) -> None:
    hall.do("DELETE", f"{INSTANCES}/{closed}")
    (record,) = _waiting(hall, closed)
    action = f"/v1/reclamations/{record['id']}/actions"
    assert hall.refused("POST", f"{action}/restore", {}, who="consumer")[0] == 404
    assert hall.do("POST", f"{action}/restore", {})["state"] == "RESTORING"
    found = _seen(hall, closed)
    assert (found.state, found.last_operation.type, found.restored_at) == ("active", "restore", found.updated_at)
    assert _waiting(hall, closed) == []
    hall.travel(2 * WEEK)
    assert hall.do("POST", "/v1/images", IMPORT)["status"] == "pending"
    assert _seen(hall, closed).state == "active"


@pytest.mark.parametrize("end", ["clock", "reclaim"])
def test_the_end_of_the_seven_days(hall: Hall, closed: str, end: str) -> None:
    hall.do("DELETE", f"{INSTANCES}/{closed}")
    (record,) = _waiting(hall, closed)
    if end == "reclaim":
        assert hall.do("POST", f"/v1/reclamations/{record['id']}/actions/reclaim")["state"] == "RECLAIMING"
    else:
        hall.travel(WEEK - 60)
        assert len(_waiting(hall, closed)) == 1
        hall.travel(120)
    assert _waiting(hall, closed) == []
    assert hall.refused("GET", f"{INSTANCES}/{closed}")[0] == 404
    assert hall.refused("POST", f"/v1/reclamations/{record['id']}/actions/restore")[0] == 404
    assert hall.do("POST", "/v1/images", IMPORT)["status"] == "pending", "the bucket belongs to no instance any more"


def test_a_group_with_a_waiting_instance_cannot_be_deleted(hall: Hall) -> None:
    group = hall.do("POST", "/v2/resource_groups", {"name": "short", "account_id": hall.accounts["owner"]})["id"]
    body = {"name": "storage", "target": "global", "resource_group": group, "resource_plan_id": PLAN}
    made = hall.do("POST", INSTANCES, body)["guid"]
    for step in ("active", "pending_reclamation"):
        assert hall.refused("DELETE", f"/v2/resource_groups/{group}")[0] == 409, step
        if step == "active":
            hall.do("DELETE", f"{INSTANCES}/{made}")
    hall.travel(WEEK)
    hall.do("DELETE", f"/v2/resource_groups/{group}")


def test_catalogs_and_storage_wait_in_one_list(hall: Hall, closed: str) -> None:
    catalog = hall.do("POST", "/api/v1-beta/catalogs", {"label": "catalog"})["id"]
    hall.do("DELETE", f"/api/v1-beta/catalogs/{catalog}")
    hall.do("DELETE", f"{INSTANCES}/{closed}")
    found = hall.do("GET", "/v1/reclamations")["resources"]
    assert {(one["resource_instance_id"], one["entity_type_id"]) for one in found} == {
        (catalog, "globalcatalog-collection"),
        (closed, "cloud-object-storage"),
    }
