"""A publisher shares an image with an account, which reads it; then it is deleted. On Kunsthalle, a clean world each.

An image is shared by way of a catalog: beside the calls of the same test on moto, a catalog and its offering are made,
the version is validated and published, and the consumer accepts what is shared.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException

from kunsthalle.testing import World
from kunsthalle.testing.persona import Persona

_COUNT = int(os.environ["BENCH_TESTS"])
_NOT_FOUND = 404


def _import(publisher: Persona, world: World) -> dict[str, Any]:
    file = {"href": publisher.bucket.put_image()}
    prototype = {"name": "golden", "file": file, "operating_system": {"name": "debian-12-amd64"}}
    image = publisher.vpc.create_image(prototype).get_result()
    world.settle()
    return dict(publisher.vpc.get_image(image["id"]).get_result())


def _send(persona: Persona, method: str, path: str, body: Any = None) -> Any:
    """What the SDK has no method for, or one that cannot say which image is meant."""
    client = persona.catalog_management
    more = {} if body is None else {"data": json.dumps(body)}
    request = client.prepare_request(method, path, headers={"Content-Type": "application/json"}, **more)
    return client.send(request).get_result()


def _share(publisher: Persona, consumer: Persona, world: World, image: dict[str, Any]) -> tuple[str, str]:
    catalogs = publisher.catalog_management
    catalog = catalogs.create_catalog(label="golden images").get_result()["id"]
    offering = catalogs.create_offering(catalog, name="golden", label="Golden").get_result()["id"]
    body = {
        "name": "golden",
        "label": "Golden",
        "version": "1.0.0",
        "install_kind": "instance",
        "target_kinds": ["vpc-x86"],
        "format_kind": "vsi-image",
        "sha": image["file"]["checksums"]["sha256"],
        "metadata": {
            "operating_system": image["operating_system"],
            "file": {"size": image["file"]["size"]},
            "minimum_provisioned_size": image["minimum_provisioned_size"],
            "images": [{"id": image["id"], "name": image["name"], "region": "us-south"}],
        },
    }
    path = f"/catalogs/{catalog}/offerings/{offering}"
    [version] = _send(publisher, "POST", f"{path}/version", body)["kinds"][0]["versions"]
    catalogs.validate_install(version["version_locator"], x_auth_refresh_token="unused")  # noqa: S106  not looked at
    world.settle()
    _send(publisher, "POST", f"/versions/{version['version_locator']}/consume-publish")
    _send(publisher, "POST", f"{path}/access", [f"-acct-{consumer.account_id}"])
    _send(publisher, "POST", f"{path}/share", {"enabled": True})
    _send(consumer, "POST", "/shareapproval/offering/access/source/approved", [f"-acct-{publisher.account_id}"])
    return catalog, offering


@pytest.mark.parametrize("number", range(_COUNT))
def test_share(
    number: int, kunsthalle_world: World, kunsthalle_publisher: Persona, kunsthalle_consumer: Persona
) -> None:
    publisher, consumer = kunsthalle_publisher, kunsthalle_consumer
    image = _import(publisher, kunsthalle_world)
    catalog, offering = _share(publisher, consumer, kunsthalle_world, image)
    found = consumer.catalog_management.get_consumption_offerings(select="private").get_result()["resources"]
    assert [one["id"] for one in found] == [offering]
    with pytest.raises(ApiException) as masked:
        consumer.vpc.get_image(image["id"])
    assert masked.value.status_code == _NOT_FOUND
    publisher.catalog_management.delete_offering(catalog, offering)
    publisher.vpc.delete_image(image["id"])
    assert consumer.catalog_management.get_consumption_offerings(select="private").get_result()["resources"] == []
