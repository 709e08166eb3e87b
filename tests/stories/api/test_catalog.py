"""Catalogs through the official SDK: product, version, validation, publication, sharing, removal."""

from __future__ import annotations

import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_platform_services.catalog_management_v1 import (
    Catalog,
    CatalogSearchResult,
    Offering,
    OfferingSearchResult,
)

from fixtures.clients import Account, Product, vsi_import


def refused(call: object, *arguments: object, **named: object) -> ApiException:
    """The exception that a call ends with."""
    with pytest.raises(ApiException) as caught:
        call(*arguments, **named)
    return caught.value


def test_an_image_becomes_a_product_and_is_managed(publisher: Account) -> None:
    image = publisher.import_image("managed-1", b"one")
    product = Product(publisher, image, "managed-1")

    assert product.version["state"]["current"] == "new"
    managed = publisher.vpc.get_image(image["id"]).get_result()["catalog_offering"]
    assert managed == {"managed": True, "version": {"crn": product.version["crn"]}}
    assert Catalog.from_dict(publisher.catalog.get_catalog(product.catalog["id"]).get_result())
    assert CatalogSearchResult.from_dict(publisher.catalog.list_catalogs().get_result()).total_count
    branch = publisher.catalog.get_version(product.locator).get_result()
    assert Offering.from_dict(branch).kinds[0].versions[0].version_locator == product.locator


def test_a_managed_image_refuses_everything_that_would_take_it_away(publisher: Account) -> None:
    image = publisher.import_image("managed-2", b"two")
    product = Product(publisher, image, "managed-2")
    before = publisher.vpc.get_image(image["id"]).get_result()

    for call in (publisher.vpc.delete_image, publisher.vpc.deprecate_image, publisher.vpc.obsolete_image):
        error = refused(call, image["id"])
        assert (error.status_code, "managed by a private catalog" in error.message) == (409, True)
    error = refused(publisher.raw, "POST", f"{product.path}/version", vsi_import(image, "2.0.0"))
    assert error.status_code == 409
    other = publisher.catalog.create_offering(product.catalog["id"], name="other", label="Other").get_result()
    path = f"/catalogs/{product.catalog['id']}/offerings/{other['id']}/version"
    assert refused(publisher.raw, "POST", path, vsi_import(image)).status_code == 409

    assert publisher.vpc.get_image(image["id"]).get_result() == before
    assert publisher.catalog.get_offering(product.catalog["id"], other["id"]).get_result()["kinds"] == []


def test_a_version_is_published_only_after_its_validation(publisher: Account) -> None:
    product = Product(publisher, publisher.import_image("published", b"three"), "published")

    early = refused(publisher.raw, "POST", f"/versions/{product.locator}/consume-publish")
    assert (early.status_code, "not consumable" in early.message) == (400, True)
    product.validate()
    publisher.catalog.account_publish_version(product.locator)
    again = refused(publisher.raw, "POST", f"/versions/{product.locator}/consume-publish")
    assert "current state consumable" in again.message
    version = publisher.catalog.get_version(product.locator).get_result()["kinds"][0]["versions"][0]
    assert (version["state"]["current"], version["is_consumable"]) == ("consumable", True)


def test_sharing_is_a_handshake_and_stays_inside_the_enterprise(
    publisher: Account, consumer: Account, sibling: Account, outsider: Account
) -> None:
    product = Product(publisher, publisher.import_image("shared", b"four"), "shared")
    product.publish()
    find = f"/offerings?select=private&catalog={product.catalog['id']}"

    assert consumer.raw("GET", find).get_result()["resources"] == []
    answer = publisher.raw("POST", f"{product.path}/access", [f"-acct-{consumer.id}", outsider.id]).get_result()
    assert list(answer["errors"]) == [outsider.id]
    assert [one["approval_state"] for one in answer["resources"]] == ["pending"]
    publisher.raw("POST", f"{product.path}/share", {"enabled": True})
    assert consumer.raw("GET", find).get_result()["resources"] == []

    pending = consumer.raw("GET", "/shareapproval/offering/access/source/pending").get_result()["resources"]
    assert publisher.id in {one["target_account"] for one in pending}
    product.accept_as(consumer)

    found = consumer.catalog.get_consumption_offerings(catalog=product.catalog["id"], select="private").get_result()
    assert OfferingSearchResult.from_dict(found).total_count == 1
    version = found["resources"][0]["kinds"][0]["versions"][0]
    assert version["crn"] == product.version["crn"]
    assert version["metadata"]["vsi_vpc"]["images"] == [{"region": "us-south"}]
    for stranger in (sibling, outsider):
        assert stranger.raw("GET", find).get_result()["resources"] == []
        assert refused(stranger.catalog.get_offering, product.catalog["id"], product.offering["id"]).status_code == 404
    assert refused(consumer.catalog.get_catalog, product.catalog["id"]).status_code == 404


def test_revisions_guard_changes(publisher: Account) -> None:
    catalog = publisher.catalog.create_catalog(label="revisions").get_result()
    offering = publisher.catalog.create_offering(catalog["id"], name="revisions", label="Old").get_result()
    where = (catalog["id"], offering["id"])

    patch = [{"op": "replace", "path": "/label", "value": "New"}]
    renamed = publisher.catalog.update_offering(*where, if_match=f'"{offering["_rev"]}"', updates=patch).get_result()
    assert (renamed["label"], renamed["_rev"] != offering["_rev"]) == ("New", True)
    stale = refused(publisher.catalog.update_offering, *where, if_match=f'"{offering["_rev"]}"', updates=patch)
    assert stale.status_code == 412
    body = {"id": offering["id"], "rev": offering["_rev"], "name": "revisions", "label": "Newer"}
    assert refused(publisher.catalog.replace_offering, *where, **body).status_code == 409
    body["rev"] = renamed["_rev"]
    assert publisher.catalog.replace_offering(*where, **body).get_result()["label"] == "Newer"
    stale_catalog = {"id": catalog["id"], "rev": "1-stale", "label": "other"}
    assert refused(publisher.catalog.replace_catalog, catalog["id"], **stale_catalog).status_code == 409


@pytest.mark.parametrize("gone", ["version", "offering"])
def test_an_image_is_free_at_once_when_its_version_or_offering_goes(publisher: Account, gone: str) -> None:
    image = publisher.import_image(f"freed-by-{gone}", gone.encode())
    product = Product(publisher, image, f"freed-by-{gone}")
    if gone == "version":
        publisher.catalog.delete_version(product.locator)
    else:
        publisher.catalog.delete_offering(product.catalog["id"], product.offering["id"])

    assert publisher.vpc.get_image(image["id"]).get_result()["catalog_offering"] == {"managed": False}
    publisher.vpc.delete_image(image["id"])
    assert refused(publisher.vpc.get_image, image["id"]).status_code == 404


def test_the_last_published_version_stays(publisher: Account) -> None:
    product = Product(publisher, publisher.import_image("last", b"last"), "last")
    product.publish()

    error = refused(publisher.catalog.delete_version, product.locator)
    assert error.message.startswith("Cannot delete the last published version.")
