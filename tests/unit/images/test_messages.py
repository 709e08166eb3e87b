"""Refusals that say what to do next; what is masked reads the same as what never existed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from fixtures.app import ABSENT, App
from fixtures.frozen_app import product
from unit.images.test_closed_buckets import IMPORT, instance, limited

BASE = "/api/v1-beta"
NOWHERE = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Listed:
    """An image in a version of the owner's, which is a draft."""

    image: str
    catalog: str
    offering: dict[str, Any]
    version: dict[str, Any]

    @property
    def path(self) -> str:
        return f"{BASE}/catalogs/{self.catalog}/offerings/{self.offering['id']}"


@pytest.fixture
def listed(app: App) -> Listed:
    image = app.image("one")["id"]
    catalog = app.do("POST", f"{BASE}/catalogs", {"label": "mine"})["id"]
    offering = app.do("POST", f"{BASE}/catalogs/{catalog}/offerings", {"name": "appliance"})
    path = f"{BASE}/catalogs/{catalog}/offerings/{offering['id']}"
    made = app.do("POST", f"{path}/version", product(image))
    return Listed(image, catalog, offering, made["kinds"][0]["versions"][0])


def said(app: App, who: str, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Status and message of a refusal."""
    answer = app.call(who, method, path, body)
    (error,) = answer.json["errors"]
    return answer.status, error["message"]


def test_a_held_image_of_a_deleted_catalog_says_until_when_and_how_to_end_it(app: App, listed: Listed) -> None:
    path = f"/v1/images/{listed.image}"
    assert "Remove it from that version first." in said(app, "owner", "DELETE", path)[1]
    app.do("DELETE", f"{BASE}/catalogs/{listed.catalog}")
    (waiting,) = app.do("GET", "/v1/reclamations")["resources"]
    for method, where, body in (
        ("DELETE", path, None),
        ("POST", f"{path}/obsolete", None),
        ("PATCH", path, {"deprecation_at": "2090-01-01T00:00:00Z"}),
    ):
        status, text = said(app, "owner", method, where, body)
        assert status == 409
        assert waiting["target_time"] in text
        assert f"end the reclamation {waiting['id']} with the action reclaim" in text
        assert "With the action restore the catalog is back and still holds the image" in text
        assert "Remove it from that version first" not in text
    app.do("POST", f"/v1/reclamations/{waiting['id']}/actions/restore")
    assert "Remove it from that version first." in said(app, "owner", "DELETE", path)[1]
    app.do("DELETE", f"{BASE}/catalogs/{listed.catalog}")
    (waiting,) = app.do("GET", "/v1/reclamations")["resources"]
    app.do("POST", f"/v1/reclamations/{waiting['id']}/actions/reclaim")
    assert app.call("owner", "DELETE", path).status == 202


def test_a_reclamation_is_named_to_who_may_read_it_alone(app: App, listed: Listed) -> None:
    limited(app, "keeper", serviceName="is")
    app.do("DELETE", f"{BASE}/catalogs/{listed.catalog}")
    (waiting,) = app.do("GET", "/v1/reclamations")["resources"]
    status, text = said(app, "keeper", "DELETE", f"/v1/images/{listed.image}")
    assert (status, waiting["target_time"] in text, waiting["id"] in text) == (409, True, False)
    assert "end the reclamation with the action reclaim" in text


def test_what_holds_an_image_does_not_end_by_restoring_its_catalog(app: App, listed: Listed) -> None:
    app.do("DELETE", f"{BASE}/catalogs/{listed.catalog}")
    held = app.do("GET", f"/_kunsthalle/images/{listed.image}/hold")["held_by"]
    (restoring,) = (way for way in held["free_when"] if "restore" in way)
    assert "stays managed" in restoring
    assert any("reclaimed now" in way for way in held["free_when"])


def test_a_refusal_names_the_action_and_the_roles_that_have_it(app: App, listed: Listed) -> None:
    """Only on what the caller sees: what is masked is 404, without an action in it."""
    text = "The request is not authorized. Missing action: {}. Roles with this action: {}."
    for method, path, body, action, roles in (
        ("DELETE", f"/v1/images/{listed.image}", None, "is.image.image.delete", "Editor, Administrator"),
        ("POST", "/v1/images", IMPORT, "is.image.image.create", "Editor, Administrator"),
        (
            "DELETE",
            f"{BASE}/catalogs/{listed.catalog}",
            None,
            "globalcatalog-collection.instance.delete",
            "Administrator",
        ),
        (
            "POST",
            f"{BASE}/versions/{listed.version['version_locator']}/consume-publish",
            None,
            "globalcatalog-collection.offering.publish",
            "Operator, Editor, Administrator, Publisher",
        ),
    ):
        assert said(app, "viewer", method, path, body) == (403, text.format(action, roles))
    for who, path in (("consumer", f"/v1/images/{listed.image}"), ("viewer", f"/v1/images/{ABSENT}")):
        status, masked = said(app, who, "DELETE", path)
        assert (status, "action" in masked) == (404, False)


def test_a_404_of_the_catalog_says_what_was_not_found(app: App, listed: Listed) -> None:
    """It follows from the path alone, so that absent and masked read the same."""
    locator = listed.version["version_locator"]
    asked = (
        (f"{BASE}/catalogs/{listed.catalog}", f"{BASE}/catalogs/{NOWHERE}", "catalog"),
        (listed.path, listed.path.replace(listed.offering["id"], NOWHERE), "offering"),
        (
            f"{BASE}/versions/{locator}",
            f"{BASE}/versions/{locator.replace(locator.partition('.')[2], NOWHERE)}",
            "version",
        ),
    )
    for hidden, absent, noun in asked:
        text = f"The {noun} does not exist, or cannot be accessed."
        assert said(app, "outsider", "GET", hidden) == said(app, "owner", "GET", absent) == (404, text)
    assert said(app, "owner", "GET", f"/v1/images/{ABSENT}")[1].startswith("The requested resource does not exist")


def _boot(app: App, who: str, **source: str) -> tuple[int, Any]:
    ((kind, crn),) = source.items()
    subnet = app.ok(who, "GET", "/v1/subnets")["subnets"][0]
    body = {
        "catalog_offering": {kind: {"crn": crn}},
        "zone": {"name": subnet["zone"]["name"]},
        "profile": {"name": "bx2-2x8"},
        "primary_network_interface": {"subnet": {"id": subnet["id"]}},
    }
    answer = app.call(who, "POST", "/v1/instances", body)
    return answer.status, {**answer.json, "trace": ""}


def test_booting_an_own_draft_says_that_it_is_a_draft(app: App, listed: Listed) -> None:
    version, offering = listed.version["crn"], listed.offering["crn"]
    own = {"version": "The version is a draft (new)", "offering": "The offering has no published version"}
    for (kind, start), crn in zip(own.items(), (version, offering), strict=True):
        status, answer = _boot(app, "owner", **{kind: crn})
        message = answer["errors"][0]["message"]
        assert (status, message.startswith(f"{start}. Only published versions boot")) == (409, True)
        assert "mark it as ready" in message
    for who in ("consumer", "outsider"):
        assert _boot(app, who, version=version) == _boot(app, who, version=version[:-12] + "0" * 12)
        assert _boot(app, who, offering=offering) == _boot(app, who, offering=offering[:-12] + "0" * 12)
        assert _boot(app, who, version=version)[0] == 404


def test_a_bucket_and_an_object_that_are_missing_differ(app: App) -> None:
    app.put("here.qcow2")
    instance(app, "closed")
    limited(app, "importer", serviceName="is")

    def told(bucket: str, key: str = "here.qcow2", who: str = "owner") -> tuple[int, str]:
        return said(app, who, "POST", "/v1/images", {**IMPORT, "file": {"href": f"cos://us-south/{bucket}/{key}"}})

    assert told("nowhere")[1].endswith("This account has no bucket 'nowhere'.")
    assert "The bucket 'closed' belongs to the instance" in told("closed")[1]
    missing = "The object 'gone.qcow2' does not exist in the bucket 'images', or cannot be read."
    assert told("images", "gone.qcow2") == told("images", "gone.qcow2", who="importer") == (400, missing)
    assert told("nowhere", who="importer") == told("closed", who="importer"), "without a view of object storage"


def test_an_object_of_another_region_is_refused(app: App) -> None:
    app.put("here.qcow2")
    status, text = said(
        app, "owner", "POST", "/v1/images", {**IMPORT, "file": {"href": "cos://eu-de/images/here.qcow2"}}
    )
    assert status == 400
    assert text == "The region 'eu-de' is not the region of this server, whose buckets are at cos://us-south/."
    assert app.do("GET", "/v1/images")["total_count"] == 0
