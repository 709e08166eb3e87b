"""The tutorial, from the first file to the last deletion, as its readers would walk it: one story through the SDKs."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.clients import Account, Product, eventually, vsi_import
from kunsthalle.testing import Served
from stories.api.test_catalog import refused

pytestmark = pytest.mark.served("--clock", "manual")

DAYS = {"days_until_deprecate": 30, "description": "use 2.0.0"}


def test_from_import_to_deletion(served: Served) -> None:
    publisher, consumer = Account(served, "publisher"), Account(served, "consumer-a")

    # A custom image is imported into the publisher's account, and then into its private catalog.
    image = publisher.import_image("appliance", b"version one")
    product = Product(publisher, image, "appliance")
    managed = publisher.vpc.get_image(image["id"]).get_result()["catalog_offering"]
    assert managed == {"managed": True, "version": {"crn": product.version["crn"]}}

    # It is validated, and only then published.
    assert "not consumable" in refused(publisher.catalog.account_publish_version, product.locator).message
    product.publish()
    assert _state(publisher, product) == "consumable"

    # It is shared; the consumer sees nothing before it has accepted.
    product.share_with(consumer)
    assert _offers(consumer) == []
    product.accept_as(consumer)
    (offer,) = _offers(consumer)
    assert offer["kinds"][0]["versions"][0]["crn"] == product.version["crn"]

    # It boots, and stays out of reach.
    source = {"catalog_offering": {"version": {"crn": product.version["crn"]}}}
    server = consumer.boot("borrowed", **source)
    assert server["image"]["id"] == image["id"]
    assert refused(consumer.vpc.get_image, image["id"]).status_code == 404
    assert "managed by a private catalog" in refused(publisher.vpc.delete_image, image["id"]).message

    # The next version is published, and the first deprecated: it still boots, and the catalog says what to use instead.
    better = publisher.import_image("appliance-2", b"version two")
    second = _second(product, better)
    publisher.raw("POST", f"/versions/{product.locator}/deprecate/true", DAYS)
    assert publisher.vpc.get_image(image["id"]).get_result()["status"] == "deprecated"
    hint = _version(_offers(consumer)[0], "1.0.0")
    assert hint["replacement"] == {
        "crn": second["crn"],
        "version": "2.0.0",
        "version_locator": second["version_locator"],
    }
    assert hint["deprecate_pending"]["description"] == "use 2.0.0"
    assert "replacement" not in str(publisher.vpc.get_image(image["id"]).get_result())
    consumer.boot("late", **source)

    # Thirty days later it is archived: nobody boots it any more, and what runs goes on.
    served.advance("30d")
    publisher, consumer = Account(served, "publisher"), Account(served, "consumer-a")
    assert _state(publisher, product) == "deprecated"
    assert publisher.vpc.get_image(image["id"]).get_result()["status"] == "obsolete"
    too_late = refused(consumer.boot, "too-late", **source)
    assert (too_late.status_code, too_late.http_response.json()["errors"][0]["code"]) == (404, "not_found")
    assert consumer.vpc.get_instance(server["id"]).get_result()["status"] == "running"
    by_offering = {"catalog_offering": {"offering": {"crn": product.offering["crn"]}}}
    assert consumer.boot("new", **by_offering)["image"]["id"] == better["id"]

    # Version, product and catalog are deleted, each with what it frees; the images go last.
    publisher.catalog.delete_version(product.locator)
    publisher.vpc.delete_image(image["id"])
    publisher.catalog.delete_catalog(product.catalog["id"])
    assert _offers(consumer) == []
    assert refused(publisher.vpc.delete_image, better["id"]).status_code == 409
    served.advance("7d")
    publisher, consumer = Account(served, "publisher"), Account(served, "consumer-a")
    publisher.vpc.delete_image(better["id"])
    eventually(lambda: not publisher.vpc.list_images(visibility="private").get_result()["images"], "the deletion")
    servers = consumer.vpc.list_instances().get_result()["instances"]
    assert {one["name"]: one["image"]["name"] for one in servers} == {
        "borrowed": "appliance",
        "late": "appliance",
        "new": "appliance-2",
    }
    assert {one["status"] for one in servers} == {"running"}


def _second(product: Product, image: dict[str, Any]) -> dict[str, Any]:
    """Version 2.0.0 of the product, published."""
    made = product.owner.raw("POST", f"{product.path}/version", vsi_import(image, "2.0.0")).get_result()
    version = _version(made, "2.0.0")
    first, product.locator = product.locator, version["version_locator"]
    product.publish()
    product.locator = first
    return version


def _version(offering: dict[str, Any], number: str) -> dict[str, Any]:
    return next(one for one in offering["kinds"][0]["versions"] if one["version"] == number)


def _state(owner: Account, product: Product) -> str:
    branch = owner.catalog.get_version(product.locator).get_result()
    return str(branch["kinds"][0]["versions"][0]["state"]["current"])


def _offers(account: Account) -> list[dict[str, Any]]:
    return list(account.catalog.get_consumption_offerings(select="private").get_result()["resources"])
