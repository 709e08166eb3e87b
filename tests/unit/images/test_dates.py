"""Deprecation and obsolescence: now, later, and back (reference/vpc-api.md C1)."""

from __future__ import annotations

from typing import Any

import pytest
from ibm_vpc import vpc_v1 as sdk

from fixtures.app import App
from fixtures.frozen_app import product
from kunsthalle.core.clock import SECOND, rfc3339

DAY = 86_400
BASE = "/api/v1-beta"


def at(app: App, days: float) -> str:
    return rfc3339(app.server.clock.now() + int(days * DAY * SECOND))


def of(app: App, id_: str) -> dict[str, Any]:
    """The image as the SDK reads it."""
    shown: dict[str, Any] = app.do("GET", f"/v1/images/{id_}")
    sdk.Image.from_dict(shown)
    return shown


def status(app: App, id_: str) -> str:
    shown = of(app, id_)
    assert bool(shown["zones"]) is (shown["status"] in {"available", "deprecated"})
    return str(shown["status"])


def test_dates_of_a_new_image_come_to_pass(app: App) -> None:
    early, late = at(app, 1), at(app, 2)
    made = app.image("one", deprecation_at=early, obsolescence_at=late)
    assert (made["status"], made["deprecation_at"], made["obsolescence_at"]) == ("available", early, late)
    app.travel(DAY - 1)
    assert status(app, made["id"]) == "available"
    app.travel(1)
    assert status(app, made["id"]) == "deprecated"
    app.travel(DAY)
    assert status(app, made["id"]) == "obsolete"
    assert of(app, made["id"])["obsolescence_at"] == late


def test_dates_that_pass_while_it_is_imported(app: App) -> None:
    app.pause()
    made = app.image("slow", settle=False, deprecation_at=at(app, 1), obsolescence_at=at(app, 2))
    assert made["status"] == "pending"
    app.server.clock.set(app.server.clock.now() + 3 * DAY * SECOND)
    app.restart()
    app.settle()
    assert status(app, made["id"]) == "obsolete"


@pytest.mark.by_turns(3)
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
def test_dates_that_are_refused(app: App, dates: dict[str, Any], field: str) -> None:
    body = {name: at(app, value) if isinstance(value, int) else value for name, value in dates.items()}
    one = app.image("one")
    assert app.refused("PATCH", f"/v1/images/{one['id']}", body) == (400, "bad_field", field)
    app.put("two.qcow2")
    new = {"file": {"href": "cos://us-south/images/two.qcow2"}, "operating_system": {"name": "debian-12-amd64"}}
    assert app.refused("POST", "/v1/images", {**new, **body}) == (400, "bad_field", field)
    assert app.do("GET", "/v1/images")["total_count"] == 1


def test_dates_are_moved_and_removed_and_only_the_last_counts(app: App) -> None:
    id_ = app.image("one")["id"]
    path = f"/v1/images/{id_}"
    app.do("PATCH", path, {"deprecation_at": at(app, 1), "obsolescence_at": at(app, 9)})
    assert app.refused("PATCH", path, {"deprecation_at": at(app, 10)}) == (400, "bad_field", "deprecation_at")
    assert app.refused("PATCH", path, {"obsolescence_at": at(app, 0.5)}) == (400, "bad_field", "obsolescence_at")
    app.do("PATCH", path, {"deprecation_at": at(app, 5)})
    app.travel(2 * DAY)
    assert status(app, id_) == "available"
    shown = app.do("PATCH", path, {"deprecation_at": None})
    assert "deprecation_at" not in shown
    assert shown["obsolescence_at"] == of(app, id_)["obsolescence_at"]
    app.travel(5 * DAY)
    assert status(app, id_) == "available"
    app.travel(2 * DAY)
    assert status(app, id_) == "obsolete"


def test_a_scheduled_change_is_removed_before_an_immediate_one(app: App) -> None:
    id_ = app.image("one")["id"]
    path = f"/v1/images/{id_}"
    app.do("PATCH", path, {"deprecation_at": at(app, 1)})
    for verb in ("deprecate", "obsolete"):
        assert app.refused("POST", f"{path}/{verb}")[:2] == (409, "invalid_state")
    app.do("PATCH", path, {"deprecation_at": None, "obsolescence_at": at(app, 1)})
    assert app.refused("POST", f"{path}/obsolete")[:2] == (409, "invalid_state")
    app.do("PATCH", path, {"obsolescence_at": None})
    app.do("POST", f"{path}/deprecate")
    assert of(app, id_)["deprecation_at"] == at(app, 0)
    assert app.refused("POST", f"{path}/deprecate")[:2] == (409, "invalid_state")
    app.do("POST", f"{path}/obsolete")
    assert status(app, id_) == "obsolete"
    for verb in ("deprecate", "obsolete"):
        assert app.refused("POST", f"{path}/{verb}")[:2] == (409, "invalid_state")


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


@pytest.mark.by_turns(3)
@pytest.mark.parametrize(("moves", "body", "after"), REVIVALS)
def test_the_way_back(app: App, moves: tuple[str, ...], body: dict[str, Any], after: str) -> None:
    id_ = app.image("one")["id"]
    for verb in moves:
        app.do("POST", f"/v1/images/{id_}/{verb}")
        app.travel(60)
    assert app.do("PATCH", f"/v1/images/{id_}", body)["status"] == after
    assert status(app, id_) == after


def test_a_date_that_was_reached_can_only_be_removed(app: App) -> None:
    id_ = app.image("one")["id"]
    path = f"/v1/images/{id_}"
    app.do("POST", f"{path}/deprecate")
    now = of(app, id_)["deprecation_at"]
    app.travel(60)
    later = {"deprecation_at": at(app, 1)}
    assert app.refused("PATCH", path, later) == (409, "invalid_state", "deprecation_at")
    assert app.do("PATCH", path, {"deprecation_at": now, "name": "two"})["name"] == "two", "said again"
    app.do("PATCH", path, {"obsolescence_at": at(app, 1)})
    app.travel(DAY)
    assert app.refused("PATCH", path, {"obsolescence_at": at(app, 1)}) == (409, "invalid_state", "obsolescence_at")
    assert status(app, id_) == "obsolete"


def test_a_failed_image_has_no_dates(app: App) -> None:
    app.put("bad.qcow2")
    (app.folders["owner"] / "images" / "bad.qcow2").write_bytes(b"QFI\xfb" + bytes(100_000))
    body = {"file": {"href": "cos://us-south/images/bad.qcow2"}, "operating_system": {"name": "debian-12-amd64"}}
    id_ = app.do("POST", "/v1/images", {**body, "deprecation_at": at(app, 1)})["id"]
    app.settle()
    assert status(app, id_) == "failed"
    for change in ({"deprecation_at": at(app, 2)}, {"deprecation_at": None}):
        assert app.refused("PATCH", f"/v1/images/{id_}", change) == (409, "invalid_state", "deprecation_at")
    assert app.do("PATCH", f"/v1/images/{id_}", {"name": "renamed"})["name"] == "renamed"
    app.travel(2 * DAY)
    assert status(app, id_) == "failed"


def test_a_managed_image_is_led_by_its_catalog(app: App) -> None:
    made = app.image("one", deprecation_at=at(app, 1))
    path = f"/v1/images/{made['id']}"
    catalog = app.do("POST", f"{BASE}/catalogs", {"label": "mine"})["id"]
    where = f"{BASE}/catalogs/{catalog}/offerings"
    offering = app.do("POST", where, {"name": "appliance"})["id"]
    app.do("POST", f"{where}/{offering}/version", product(made["id"]))
    shown = of(app, made["id"])
    assert shown["catalog_offering"]["managed"] is True
    assert "deprecation_at" not in shown
    for body in ({"deprecation_at": at(app, 1)}, {"obsolescence_at": at(app, 1)}):
        assert app.refused("PATCH", path, body)[:2] == (409, "image_managed_by_catalog")
    for verb in ("deprecate", "obsolete"):
        assert app.refused("POST", f"{path}/{verb}")[:2] == (409, "image_managed_by_catalog")
    assert app.refused("DELETE", path)[:2] == (409, "image_managed_by_catalog")
    use = {"allowed_use": {"instance": "vcpu.count > 1"}}
    assert app.do("PATCH", path, {"name": "two", **use, **NULL})["name"] == "two"
    app.travel(2 * DAY)
    assert status(app, made["id"]) == "available"
