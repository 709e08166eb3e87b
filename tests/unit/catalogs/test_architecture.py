"""Only x86 images enter a catalog (R1), whatever system an image of s390x is of."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.images.models import Image
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from unit.catalogs.shop import Product, Shop


def _import(product: Product, image: Image, status: int) -> dict[str, Any]:
    images = [{"id": image.id, "name": image.name, "region": "us-south"}]
    body = {"name": "p", "target_kinds": ["vpc-x86"], "version": "1.0.0", "metadata": {"images": images}}
    return product.shop.api.call("POST", f"{product.path}/version", body, status=status)


@pytest.mark.parametrize("name", ["red-8-s390x-byol", "sles-15-s390x", "hyper-protect-1-0-s390x", "zos-3-1-s390x"])
def test_an_image_of_s390x_is_refused_and_stays_free(shop: Shop, name: str) -> None:
    assert OPERATING_SYSTEMS[name].architecture == "s390x"
    product, image = shop.product(), shop.api.image("mainframe", operating_system=name)
    (error,) = _import(product, image, 400)["errors"]
    assert error["message"] == "The image must be an x86 image."
    assert not shop.api.call("GET", f"/v1/images/{image.id}", status=200)["catalog_offering"]["managed"]
    assert product.get()["kinds"] == []


def test_the_systems_of_openshift_and_windows_enter(shop: Shop) -> None:
    for name in ("rhel-coreos-stable-amd64", "windows-2022-amd64-byol"):
        image = shop.api.image(name, operating_system=name)
        _import(shop.product(name), image, 201)
        assert shop.api.call("GET", f"/v1/images/{image.id}", status=200)["catalog_offering"]["managed"]
