"""Deprecation and obsolescence: now, later, and back (reference/vpc-api.md C1)."""

from __future__ import annotations

from typing import Any

import pytest
from ibm_vpc import vpc_v1 as sdk

from fixtures.hall import Hall
from fixtures.realm import product
from kunsthalle.core.clock import SECOND, rfc3339

DAY = 86_400
BASE = "/api/v1-beta"


def at(hall: Hall, days: float) -> str:
    return rfc3339(hall.server.clock.now() + int(days * DAY * SECOND))


def of(hall: Hall, id_: str) -> dict[str, Any]:
    """The image as the SDK reads it."""
    shown: dict[str, Any] = hall.do("GET", f"/v1/images/{id_}")
    sdk.Image.from_dict(shown)
    return shown


def status(hall: Hall, id_: str) -> str:
    shown = of(hall, id_)
    assert bool(shown["zones"]) is (shown["status"] in {"available", "deprecated"})
    return str(shown["status"])


def test_dates_of_a_new_image_come_to_pass(hall: Hall) -> None:
    early, late = at(hall, 1), at(hall, 2)
    made = hall.image("one", deprecation_at=early, obsolescence_at=late)
    assert (made["status"], made["deprecation_at"], made["obsolescence_at"]) == ("available", early, late)
    hall.travel(DAY - 1)
    assert status(hall, made["id"]) == "available"
    hall.travel(1)
    assert status(hall, made["id"]) == "deprecated"
    hall.travel(DAY)
    assert status(hall, made["id"]) == "obsolete"
    assert of(hall, made["id"])["obsolescence_at"] == late


def test_dates_that_pass_while_it_is_imported(hall: Hall) -> None:
    hall.pause()
    made = hall.image("slow", settle=False, deprecation_at=at(hall, 1), obsolescence_at=at(hall, 2))
    assert made["status"] == "pending"
    hall.server.clock.set(hall.server.clock.now() + 3 * DAY * SECOND)
    hall.restart()
    hall.settle()
    assert status(hall, made["id"]) == "obsolete"


@pytest.mark.parametrize(
    ("dates", "field"),
    [
        ({"deprecation_at": -1}, "deprecation_at"),
        ({"deprecation_at": 0}, "deprecation_at"),
        ({"obsolescence_at": 0}, "obsolescence_at"),
        ({"deprecation_at": 2, "obsolescence_at": 1}, "obsolescence_at"),
        ({"deprecation_at": 2, "obsolescence_at": 2}, "obsolescence_at"),
        ({"deprecation_at": "tomorrow"}, "deprecation_at"),
        ({"deprecation_at": "2090-01-01"}, "deprecation_at"),
        ({"deprecation_at": "2090-01-01T00:00:00"}, "deprecation_at"),
        ({"obsolescence_at": "9999-12-31T23:59:59-23:00"}, "obsolescence_at"),
        ({"obsolescence_at": "0001-01-01T00:00:00+14:00"}, "obsolescence_at"),
    ],
)
def test_dates_that_are_refused(hall: Hall, dates: dict[str, Any], field: str) -> None:
    body = {name: at(hall, value) if isinstance(value, int) else value for name, value in dates.items()}
    one = hall.image("one")
    assert hall.refused("PATCH", f"/v1/images/{one['id']}", body) == (400, "bad_field", field)
    hall.put("two.qcow2")
    new = {"file": {"href": "cos://us-south/images/two.qcow2"}, "operating_system": {"name": "debian-12-amd64"}}
    assert hall.refused("POST", "/v1/images", {**new, **body}) == (400, "bad_field", field)
    assert hall.do("GET", "/v1/images")["total_count"] == 1


def test_dates_are_moved_and_removed_and_only_the_last_counts(hall: Hall) -> None:
    id_ = hall.image("one")["id"]
    path = f"/v1/images/{id_}"
    hall.do("PATCH", path, {"deprecation_at": at(hall, 1), "obsolescence_at": at(hall, 9)})
    assert hall.refused("PATCH", path, {"deprecation_at": at(hall, 10)}) == (400, "bad_field", "deprecation_at")
    assert hall.refused("PATCH", path, {"obsolescence_at": at(hall, 0.5)}) == (400, "bad_field", "obsolescence_at")
    hall.do("PATCH", path, {"deprecation_at": at(hall, 5)})
    hall.travel(2 * DAY)
    assert status(hall, id_) == "available"
    shown = hall.do("PATCH", path, {"deprecation_at": None})
    assert "deprecation_at" not in shown
    assert shown["obsolescence_at"] == of(hall, id_)["obsolescence_at"]
    hall.travel(5 * DAY)
    assert status(hall, id_) == "available"
    hall.travel(2 * DAY)
    assert status(hall, id_) == "obsolete"


def test_a_scheduled_change_is_removed_before_an_immediate_one(hall: Hall) -> None:
    id_ = hall.image("one")["id"]
    path = f"/v1/images/{id_}"
    hall.do("PATCH", path, {"deprecation_at": at(hall, 1)})
    for verb in ("deprecate", "obsolete"):
        assert hall.refused("POST", f"{path}/{verb}")[:2] == (409, "invalid_state")
    hall.do("PATCH", path, {"deprecation_at": None, "obsolescence_at": at(hall, 1)})
    assert hall.refused("POST", f"{path}/obsolete")[:2] == (409, "invalid_state")
    hall.do("PATCH", path, {"obsolescence_at": None})
    hall.do("POST", f"{path}/deprecate")
    assert of(hall, id_)["deprecation_at"] == at(hall, 0)
    assert hall.refused("POST", f"{path}/deprecate")[:2] == (409, "invalid_state")
    hall.do("POST", f"{path}/obsolete")
    assert status(hall, id_) == "obsolete"
    for verb in ("deprecate", "obsolete"):
        assert hall.refused("POST", f"{path}/{verb}")[:2] == (409, "invalid_state")


NULL = {"deprecation_at": None, "obsolescence_at": None}
REVIVALS = [
    # moves made, what is cleared, the state that follows
    (("deprecate",), {"deprecation_at": None}, "available"),
    (("deprecate",), {"obsolescence_at": None}, "deprecated"),
    (("obsolete",), {"obsolescence_at": None}, "available"),
    (("obsolete",), {"deprecation_at": None}, "obsolete"),
    (("deprecate", "obsolete"), {"obsolescence_at": None}, "deprecated"),
    (("deprecate", "obsolete"), {"deprecation_at": None}, "obsolete"),
    (("deprecate", "obsolete"), NULL, "available"),
    (("deprecate",), NULL, "available"),
    ((), NULL, "available"),
]


@pytest.mark.parametrize(("moves", "body", "after"), REVIVALS)
def test_the_way_back(hall: Hall, moves: tuple[str, ...], body: dict[str, Any], after: str) -> None:
    id_ = hall.image("one")["id"]
    for verb in moves:
        hall.do("POST", f"/v1/images/{id_}/{verb}")
        hall.travel(60)
    assert hall.do("PATCH", f"/v1/images/{id_}", body)["status"] == after
    assert status(hall, id_) == after


def test_a_date_that_was_reached_can_only_be_removed(hall: Hall) -> None:
    id_ = hall.image("one")["id"]
    path = f"/v1/images/{id_}"
    hall.do("POST", f"{path}/deprecate")
    now = of(hall, id_)["deprecation_at"]
    hall.travel(60)
    later = {"deprecation_at": at(hall, 1)}
    assert hall.refused("PATCH", path, later) == (409, "invalid_state", "deprecation_at")
    assert hall.do("PATCH", path, {"deprecation_at": now, "name": "two"})["name"] == "two", "said again"
    hall.do("PATCH", path, {"obsolescence_at": at(hall, 1)})
    hall.travel(DAY)
    assert hall.refused("PATCH", path, {"obsolescence_at": at(hall, 1)}) == (409, "invalid_state", "obsolescence_at")
    assert status(hall, id_) == "obsolete"


def test_a_failed_image_has_no_dates(hall: Hall) -> None:
    hall.put("bad.qcow2")
    (hall.folders["owner"] / "images" / "bad.qcow2").write_bytes(b"QFI\xfb" + bytes(100_000))
    body = {"file": {"href": "cos://us-south/images/bad.qcow2"}, "operating_system": {"name": "debian-12-amd64"}}
    id_ = hall.do("POST", "/v1/images", {**body, "deprecation_at": at(hall, 1)})["id"]
    hall.settle()
    assert status(hall, id_) == "failed"
    for change in ({"deprecation_at": at(hall, 2)}, {"deprecation_at": None}):
        assert hall.refused("PATCH", f"/v1/images/{id_}", change) == (409, "invalid_state", "deprecation_at")
    assert hall.do("PATCH", f"/v1/images/{id_}", {"name": "renamed"})["name"] == "renamed"
    hall.travel(2 * DAY)
    assert status(hall, id_) == "failed"


def test_a_managed_image_is_led_by_its_catalog(hall: Hall) -> None:
    made = hall.image("one", deprecation_at=at(hall, 1))
    path = f"/v1/images/{made['id']}"
    catalog = hall.do("POST", f"{BASE}/catalogs", {"label": "mine"})["id"]
    where = f"{BASE}/catalogs/{catalog}/offerings"
    offering = hall.do("POST", where, {"name": "appliance"})["id"]
    hall.do("POST", f"{where}/{offering}/version", product(made["id"]))
    shown = of(hall, made["id"])
    assert shown["catalog_offering"]["managed"] is True
    assert "deprecation_at" not in shown
    for body in ({"deprecation_at": at(hall, 1)}, {"obsolescence_at": at(hall, 1)}):
        assert hall.refused("PATCH", path, body)[:2] == (409, "image_managed_by_catalog")
    for verb in ("deprecate", "obsolete"):
        assert hall.refused("POST", f"{path}/{verb}")[:2] == (409, "image_managed_by_catalog")
    assert hall.refused("DELETE", path)[:2] == (409, "image_managed_by_catalog")
    use = {"allowed_use": {"instance": "vcpu.count > 1"}}
    assert hall.do("PATCH", path, {"name": "two", **use, **NULL})["name"] == "two"
    hall.travel(2 * DAY)
    assert status(hall, made["id"]) == "available"
