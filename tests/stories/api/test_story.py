"""The main job through the official SDKs: a publisher's image on a stranger's server, masked."""

from __future__ import annotations

from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_vpc import vpc_v1
from ibm_vpc.vpc_v1 import Image, Instance, Snapshot, Volume

from fixtures.clients import Account, Product, eventually
from stories.api.test_catalog import refused

_BY_OFFERING = "InstanceTemplateInstanceByCatalogOfferingInstanceTemplateContext"
ByOffering = getattr(vpc_v1, f"{_BY_OFFERING}{_BY_OFFERING.removeprefix('InstanceTemplate')}InstanceByNetworkInterface")
"""The model of a template by catalog offering with classic interfaces; the SDK's base class reads nothing."""
REFERENCE = ("crn", "href", "id", "name")


@pytest.fixture(scope="module")
def image(served: Any) -> dict[str, Any]:
    return Account(served, "publisher").import_image("masterpiece", b"masterpiece")


@pytest.fixture(scope="module")
def product(served: Any, image: dict[str, Any]) -> Product:
    """Published, shared with consumer-a, and accepted by it."""
    publisher, consumer = Account(served, "publisher"), Account(served, "consumer-a")
    made = Product(publisher, image, "masterpiece")
    made.publish()
    made.share_with(consumer)
    made.accept_as(consumer)
    return made


def offer(product: Product) -> dict[str, Any]:
    return {"catalog_offering": {"version": {"crn": product.version["crn"]}}}


@pytest.fixture(scope="module")
def borrowed(served: Any, product: Product) -> dict[str, Any]:
    """consumer-a's server from the version's CRN."""
    return Account(served, "consumer-a").boot("borrowed", **offer(product))


def assert_refers(reference: dict[str, Any], image: dict[str, Any]) -> None:
    """The reference is whole, and names the image as its owner does."""
    assert {key: reference[key] for key in REFERENCE} == {key: image[key] for key in REFERENCE}
    assert reference["resource_type"] == "image"


def test_the_consumers_server_shows_the_reference(
    consumer: Account, image: dict[str, Any], product: Product, borrowed: dict[str, Any]
) -> None:
    assert Instance.from_dict(borrowed).status == "running"
    assert_refers(borrowed["image"], image)
    assert borrowed["catalog_offering"] == {"version": {"crn": product.version["crn"]}}
    assert borrowed["id"] in {one["id"] for one in consumer.vpc.list_instances().get_result()["instances"]}


def test_so_do_its_volume_and_the_snapshots_of_it(
    consumer: Account, image: dict[str, Any], borrowed: dict[str, Any]
) -> None:
    volume = consumer.vpc.get_volume(borrowed["boot_volume_attachment"]["volume"]["id"]).get_result()
    assert Volume.from_dict(volume).operating_system.name == "debian-12-amd64"
    assert_refers(volume["source_image"], image)

    made = consumer.vpc.create_snapshot({"name": "of-borrowed", "source_volume": {"id": volume["id"]}}).get_result()

    def stable() -> Any:
        found = consumer.vpc.get_snapshot(made["id"]).get_result()
        return found if found["lifecycle_state"] == "stable" else None

    snapshot = eventually(stable, "the snapshot")
    assert Snapshot.from_dict(snapshot).bootable
    assert_refers(snapshot["source_image"], image)
    assert "catalog_offering" not in snapshot
    listed = consumer.vpc.list_snapshots(source_image_id=image["id"]).get_result()["snapshots"]
    assert [one["id"] for one in listed] == [made["id"]]


def test_and_a_template_made_of_the_offering(consumer: Account, product: Product) -> None:
    prototype = {"name": "from-offering", **consumer.network(), **offer(product)}
    template = consumer.vpc.create_instance_template(prototype).get_result()
    assert ByOffering.from_dict(template).zone
    assert template["catalog_offering"] == {"version": {"crn": product.version["crn"]}}
    made = consumer.vpc.create_instance({"name": "by-template", "source_template": {"id": template["id"]}}).get_result()
    assert consumer.running(made["id"])["catalog_offering"] == template["catalog_offering"]


def test_by_offering_the_latest_version_is_booted(consumer: Account, product: Product) -> None:
    server = consumer.boot("by-offering", catalog_offering={"offering": {"crn": product.offering["crn"]}})
    assert server["catalog_offering"] == {"version": {"crn": product.version["crn"]}}


@pytest.mark.parametrize("call", ["get_image", "delete_image", "deprecate_image", "obsolete_image"])
def test_the_image_itself_does_not_open(consumer: Account, product: Product, image: dict[str, Any], call: str) -> None:
    error = refused(getattr(consumer.vpc, call), image["id"])
    found = error.http_response.json()["errors"]
    assert error.status_code == 404
    assert found == [
        {
            "code": "not_found",
            "message": "The requested resource does not exist, or cannot be accessed.",
            "target": {"name": "id", "type": "parameter"},
        }
    ]


@pytest.mark.parametrize("key", ["id", "crn", "href"])
def test_nor_boot_by_itself(consumer: Account, product: Product, image: dict[str, Any], key: str) -> None:
    prototype = {"name": "direct", **consumer.network(), "image": {key: image[key]}}
    assert refused(consumer.vpc.create_instance, prototype).status_code == 404
    assert refused(consumer.vpc.create_instance_template, {**prototype, "name": "direct-template"}).status_code == 404


def test_names_and_lists_mean_the_callers_own_images(consumer: Account, image: dict[str, Any]) -> None:
    assert consumer.vpc.list_images(name=image["name"]).get_result()["total_count"] == 0
    own = consumer.import_image(image["name"], b"another image of the same name")
    found = consumer.vpc.list_images(name=image["name"]).get_result()["images"]
    assert [one["id"] for one in found] == [own["id"]]
    assert Image.from_dict(own).visibility == "private"


def test_others_cannot_boot_it(sibling: Account, outsider: Account, product: Product) -> None:
    for stranger in (sibling, outsider):
        for source in (offer(product), {"catalog_offering": {"offering": {"crn": product.offering["crn"]}}}):
            prototype = {"name": "stolen", **stranger.network(), **source}
            error = refused(stranger.vpc.create_instance, prototype)
            assert (error.status_code, error.http_response.json()["errors"][0]["code"]) == (404, "not_found")


def test_an_image_from_the_borrowed_volume_is_the_consumers_own(
    consumer: Account, image: dict[str, Any], borrowed: dict[str, Any]
) -> None:
    volume = borrowed["boot_volume_attachment"]["volume"]["id"]
    prototype = {"name": "of-my-own", "source_volume": {"id": volume}}
    assert refused(consumer.vpc.create_image, prototype).status_code == 409  # the server runs
    consumer.vpc.create_instance_action(borrowed["id"], type="stop")
    eventually(lambda: consumer.vpc.get_instance(borrowed["id"]).get_result()["status"] == "stopped", "the stop")

    made = consumer.settled_image(consumer.vpc.create_image(prototype).get_result()["id"])
    assert (made["status"], made["catalog_offering"]) == ("available", {"managed": False})
    assert made["operating_system"]["name"] == "debian-12-amd64"
    assert made["source_volume"]["id"] == volume
    assert "source_image" not in made
    consumer.vpc.create_instance_action(borrowed["id"], type="start")
    consumer.running(borrowed["id"])


def test_deleting_a_server_takes_its_boot_volume_along(consumer: Account, product: Product) -> None:
    server = consumer.boot("short-lived", **offer(product))
    volume = server["boot_volume_attachment"]["volume"]["id"]
    consumer.vpc.delete_instance(server["id"])

    def gone() -> bool:
        try:
            consumer.vpc.get_instance(server["id"])
        except ApiException as error:
            return bool(error.status_code == 404)
        return False

    eventually(gone, "the deletion")
    assert refused(consumer.vpc.get_volume, volume).status_code == 404


def test_own_images_boot_without_a_catalog(publisher: Account) -> None:
    image = publisher.import_image("plain", b"plain")
    server = publisher.boot("plain", image={"id": image["id"]})
    assert "catalog_offering" not in server
    publisher.vpc.delete_image(image["id"])
    assert publisher.vpc.get_instance(server["id"]).get_result()["status"] == "running"
