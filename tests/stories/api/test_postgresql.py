"""The same server on PostgreSQL: the main job, and a second process that finds it all."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures import postgres
from fixtures.clients import Account, Product
from fixtures.forked_served import ForkedServed
from stories.api.test_catalog import refused

pytestmark = pytest.mark.needs_postgres


def test_the_main_job_on_postgresql(cluster: postgres.Cluster, tmp_path: Path) -> None:
    database = cluster.url(cluster.create())
    served = ForkedServed(tmp_path / "data", "--hypervisor", "simulated", "--database", database)
    with served:
        publisher, consumer = Account(served, "publisher"), Account(served, "consumer-a")
        image = publisher.import_image("golden", b"golden")
        product = Product(publisher, image)
        product.publish()
        product.share_with(consumer)
        product.accept_as(consumer)
        server = consumer.boot("borrowed", catalog_offering={"version": {"crn": product.version["crn"]}})
        assert server["image"]["id"] == image["id"]
        assert refused(consumer.vpc.get_image, image["id"]).status_code == 404
        assert refused(publisher.vpc.delete_image, image["id"]).status_code == 409
        assert served.operate("GET", "/_kunsthalle/status")["store"] == "postgresql"
    with served:
        again = Account(served, "consumer-a").vpc.get_instance(server["id"]).get_result()
        assert (again["id"], again["image"]) == (server["id"], {**server["image"], "href": again["image"]["href"]})
        assert not list((tmp_path / "data").glob("*.sqlite"))
