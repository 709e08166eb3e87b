"""Servers by a catalog's word: whose image it is, what is kept of it, and what is not (R5 to R8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from kunsthalle.images.models import Image
from unit.instances.api_in_process import Api

BASE = "/api/v1-beta"


@dataclass
class Offer:
    """An image of `me`, shared with `consumer`."""

    image: Image
    version: str
    offering: str
    locator: str
    path: str


@pytest.fixture
def offer(api: Api) -> Offer:
    image = api.image("theirs")
    catalog = api.call("POST", f"{BASE}/catalogs", {"label": "shop"}, status=201)["id"]
    path = f"{BASE}/catalogs/{catalog}/offerings"
    offering = api.call("POST", path, {"name": "product"}, status=201)
    path += f"/{offering['id']}"
    images = [{"id": image.id, "name": "any", "region": "us-south"}]
    body = {"name": "p", "target_kinds": ["vpc-x86"], "version": "1.0.0", "metadata": {"images": images}}
    made = api.call("POST", f"{path}/version", body, status=201)
    version = made["kinds"][0]["versions"][0]
    locator = f"{BASE}/versions/{version['version_locator']}"
    assert api.answer("POST", f"{locator}/validation/install", {}).is_success
    api.settle()
    assert api.answer("POST", f"{locator}/consume-publish").is_success
    consumer = api.callers["consumer"].account_id
    assert api.answer("POST", f"{path}/access", [consumer]).is_success
    assert api.answer("POST", f"{path}/share", {"enabled": True}).is_success
    approve = f"{BASE}/shareapproval/offering/access/source/approved"
    me = api.callers["me"].account_id
    assert api.answer("POST", approve, [me], caller="consumer").is_success
    return Offer(image, version["crn"], made["crn"], locator, path)


@pytest.mark.parametrize("by", ["version", "offering"])
def test_a_consumer_boots_what_it_cannot_see(api: Api, offer: Offer, by: str) -> None:
    crn = offer.version if by == "version" else offer.offering
    server = api.server(caller="consumer", catalog_offering={by: {"crn": crn}})
    assert server["status"] == "running"
    assert server["catalog_offering"] == {"version": {"crn": offer.version}}
    assert server["image"] == {
        "crn": offer.image.crn,
        "href": f"http://here/v1/images/{offer.image.id}",
        "id": offer.image.id,
        "name": "theirs",
        "resource_type": "image",
        "remote": {"account": {"id": offer.image.account_id, "resource_type": "account"}},
    }
    hidden = api.answer("GET", f"/v1/images/{offer.image.id}", caller="consumer").json()
    absent = api.answer("GET", "/v1/images/r006-00000000-0000-4000-8000-000000000000", caller="consumer").json()
    assert hidden["errors"] == absent["errors"]
    assert api.call("GET", "/v1/images", status=200, caller="consumer")["total_count"] == 0


def _consumed(api: Api, offer: Offer) -> dict[str, Any]:
    return api.server(caller="consumer", catalog_offering={"version": {"crn": offer.version}})


def test_the_word_of_the_catalog_is_kept_on_the_volume_and_goes_no_further(api: Api, offer: Offer) -> None:
    server = _consumed(api, offer)
    id_ = server["boot_volume_attachment"]["volume"]["id"]
    volume = api.call("GET", f"/v1/volumes/{id_}", status=200, caller="consumer")
    assert volume["source_image"] == server["image"]
    assert volume["catalog_offering"] == {"version": {"crn": offer.version}}
    body = {"source_volume": {"id": id_}}
    made = api.call("POST", "/v1/snapshots", body, status=201, caller="consumer")
    api.settle()
    snapshot = api.call("GET", f"/v1/snapshots/{made['id']}", status=200, caller="consumer")
    assert (snapshot["lifecycle_state"], snapshot["source_image"]) == ("stable", server["image"])
    assert snapshot["operating_system"]["name"] == "debian-12-amd64"
    assert "catalog_offering" not in snapshot
    source = {"volume": {"source_snapshot": {"id": snapshot["id"]}}}
    restored = api.server(caller="consumer", boot_volume_attachment=source)
    assert restored["image"] == server["image"]
    assert "catalog_offering" not in restored
    for name, value in (("id", offer.image.id), ("crn", offer.image.crn)):
        found = api.call("GET", "/v1/snapshots", status=200, caller="consumer", **{f"source_image.{name}": value})
        assert [one["id"] for one in found["snapshots"]] == [snapshot["id"]]
        assert api.call("GET", "/v1/snapshots", status=200, **{f"source_image.{name}": value})["snapshots"] == []


def test_an_image_of_the_volume_is_the_consumers_own(api: Api, offer: Offer) -> None:
    server = _consumed(api, offer)
    volume = {"id": server["boot_volume_attachment"]["volume"]["id"]}
    body = {"name": "copy", "source_volume": volume}
    refused = api.code("POST", "/v1/images", body, status=409, caller="consumer")
    assert refused == ("invalid_state", "source_volume")
    action = {"type": "stop"}
    api.call("POST", f"/v1/instances/{server['id']}/actions", action, status=201, caller="consumer")
    api.settle()
    made = api.call("POST", "/v1/images", body, status=201, caller="consumer")
    api.settle()
    image = api.call("GET", f"/v1/images/{made['id']}", status=200, caller="consumer")
    assert (image["status"], image["catalog_offering"]) == ("available", {"managed": False})
    assert image["source_volume"]["id"] == volume["id"]
    assert image["operating_system"]["name"] == "debian-12-amd64"
    assert "remote" not in image
    assert offer.image.id not in str(image)


def test_servers_outlive_the_offer(api: Api, offer: Offer) -> None:
    server = _consumed(api, offer)
    assert api.answer("DELETE", offer.path).is_success
    api.call("DELETE", f"/v1/images/{offer.image.id}", status=202)
    api.later(3600)
    again = api.call("GET", f"/v1/instances/{server['id']}", status=200, caller="consumer")
    assert (again["image"], again["catalog_offering"]) == (server["image"], server["catalog_offering"])
    for action in ("stop", "start"):
        body = {"type": action}
        api.call("POST", f"/v1/instances/{server['id']}/actions", body, status=201, caller="consumer")
        api.settle()
    again = api.call("GET", f"/v1/instances/{server['id']}", status=200, caller="consumer")
    assert again["status"] == "running"
    body = api.homes["consumer"].prototype(catalog_offering={"version": {"crn": offer.version}})
    refused = api.code("POST", "/v1/instances", body, status=404, caller="consumer")
    assert refused == ("not_found", "catalog_offering")


@pytest.mark.parametrize("by", ["version", "offering"])
def test_a_template_echoes_what_it_was_given(api: Api, offer: Offer, by: str) -> None:
    crn = offer.version if by == "version" else offer.offering
    body = api.homes["consumer"].prototype(catalog_offering={by: {"crn": crn}})
    template = api.call("POST", "/v1/instance/templates", body, status=201, caller="consumer")
    assert template["catalog_offering"] == {by: {"crn": crn}}
    assert "image" not in template
    use = {"source_template": {"id": template["id"]}}
    made = api.call("POST", "/v1/instances", use, status=201, caller="consumer")
    assert made["catalog_offering"] == {"version": {"crn": offer.version}}
    image = api.image("own", caller="consumer")
    over = {**use, "image": {"id": image.id}}
    second = api.call("POST", "/v1/instances", over, status=201, caller="consumer")
    assert second["image"]["id"] == image.id
    assert "catalog_offering" not in second


def test_a_stranger_is_told_nothing(api: Api, offer: Offer) -> None:
    never = offer.version[:-4] + "0000"
    answers = []
    for crn in (offer.version, never):
        body = api.homes["stranger"].prototype(catalog_offering={"version": {"crn": crn}})
        answer = api.answer("POST", "/v1/instances", body, caller="stranger")
        answers.append((answer.status_code, answer.json()["errors"]))
    assert answers[0] == answers[1]
    body = api.homes["consumer"].prototype(image={"id": offer.image.id})
    assert api.code("POST", "/v1/instances", body, status=404, caller="consumer") == ("not_found", "image")


def test_the_owner_boots_its_managed_image_by_id(api: Api, offer: Offer) -> None:
    server = api.server(image={"id": offer.image.id})
    assert server["status"] == "running"
    assert "catalog_offering" not in server
    assert "remote" not in server["image"]
