"""A deleted catalog keeps its images for seven days; time travel shows it (R4)."""

from __future__ import annotations

import pytest

from fixtures.clients import Account, Product
from kunsthalle.testing import Served
from stories.api.test_catalog import refused

pytestmark = pytest.mark.served("--clock", "manual")


def managed(account: Account, image: str) -> bool:
    return bool(account.vpc.get_image(image).get_result()["catalog_offering"]["managed"])


def test_the_image_is_free_seven_days_after_its_catalog_went(served: Served, publisher: Account) -> None:
    image = publisher.import_image("kept", b"kept")
    product = Product(publisher, image, "kept")
    publisher.catalog.delete_catalog(product.catalog["id"])

    assert refused(publisher.catalog.get_catalog, product.catalog["id"]).status_code == 404
    assert refused(publisher.catalog.get_version, product.locator).status_code == 404
    records = publisher.controller.list_reclamations(resource_instance_id=product.catalog["id"]).get_result()
    assert [one["state"] for one in records["resources"]] == ["SCHEDULED"]
    assert refused(publisher.vpc.delete_image, image["id"]).status_code == 409

    served.advance("P6D")
    assert managed(Account(served, "publisher"), image["id"])
    served.advance("1d")
    later = Account(served, "publisher")
    assert not managed(later, image["id"])
    assert later.controller.list_reclamations().get_result()["resources"] == []
    later.vpc.delete_image(image["id"])


def test_a_restored_catalog_is_as_it_was(served: Served) -> None:
    publisher, consumer = Account(served, "publisher"), Account(served, "consumer-a")
    product = Product(publisher, publisher.import_image("restored", b"restored"), "restored")
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)
    before = publisher.catalog.get_offering(product.catalog["id"], product.offering["id"]).get_result()

    publisher.catalog.delete_catalog(product.catalog["id"])
    assert consumer.catalog.get_consumption_offerings().get_result()["resources"] == []
    record = publisher.controller.list_reclamations().get_result()["resources"][0]
    publisher.controller.run_reclamation_action(record["id"], "restore")

    assert publisher.catalog.get_offering(product.catalog["id"], product.offering["id"]).get_result() == before
    assert consumer.catalog.get_consumption_offerings().get_result()["resource_count"] == 1
    served.advance("8d")
    assert managed(Account(served, "publisher"), product.version["metadata"]["vsi_vpc"]["images"][0]["id"])


def test_a_reclamation_can_be_ended_at_once(served: Served) -> None:
    publisher = Account(served, "publisher")
    image = publisher.import_image("reclaimed", b"reclaimed")
    product = Product(publisher, image, "reclaimed")
    publisher.catalog.delete_catalog(product.catalog["id"])
    record = publisher.controller.list_reclamations().get_result()["resources"][0]
    publisher.controller.run_reclamation_action(record["id"], "reclaim")
    assert not managed(publisher, image["id"])


def test_a_restart_finds_the_clock_where_it_was(served: Served) -> None:
    served.advance("1s")
    before = served.operate("GET", "/_kunsthalle/clock")["now"]
    served.stop()
    served.start()
    assert served.operate("GET", "/_kunsthalle/clock")["now"] == before
