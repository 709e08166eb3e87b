"""A CRN means a resource only if it is that resource's CRN to the letter (R6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kunsthalle.core.crn import Crn, parse
from unit.catalogs.shop import Product, Shop

CHANGES = {
    "account": lambda crn, other: Crn(crn.service, crn.location, other, crn.instance, crn.type, crn.resource),
    "region": lambda crn, _other: Crn(crn.service, "eu-de", crn.account, crn.instance, crn.type, crn.resource),
    "instance": lambda crn, other: Crn(crn.service, crn.location, crn.account, other, crn.type, crn.resource),
    "service": lambda crn, _other: Crn("kms", crn.location, crn.account, crn.instance, crn.type, crn.resource),
    "type": lambda crn, _other: Crn(crn.service, crn.location, crn.account, crn.instance, "key", crn.resource),
}


@pytest.fixture
def product(shop: Shop) -> Product:
    """A published offering, shared with and accepted by `consumer`."""
    product = shop.product()
    product.published(shop.api.image("debian"))
    product.share(shop.account("consumer"))
    shop.accept()
    return product


def _changed(shop: Shop, crn: str, part: str) -> str:
    change: Callable[[Crn, str], Crn] = CHANGES[part]
    return str(change(parse(crn), shop.account("consumer")))


def test_an_image_is_not_found_by_the_crn_of_another_place(shop: Shop) -> None:
    image = shop.api.image("mine")
    assert shop.api.server(image={"crn": image.crn})["image"]["id"] == image.id
    for part in sorted(CHANGES):
        body = shop.api.home.prototype(image={"crn": _changed(shop, image.crn, part)})
        assert shop.api.code("POST", "/v1/instances", body, status=404) == ("not_found", "image"), part


@pytest.mark.parametrize("by", ["version", "offering"])
def test_nothing_boots_by_the_crn_of_another_place(shop: Shop, product: Product, by: str) -> None:
    crn = product.get()["kinds"][0]["versions"][0]["crn"] if by == "version" else product.crn
    assert shop.boots(crn, by=by)
    for part in sorted(CHANGES):
        body = shop.api.homes["consumer"].prototype(catalog_offering={by: {"crn": _changed(shop, crn, part)}})
        answer = shop.api.answer("POST", "/v1/instances", body, caller="consumer")
        assert answer.status_code == (400 if part in {"service", "type"} else 404), (part, answer.text)
