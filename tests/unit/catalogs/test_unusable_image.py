"""A version whose image cannot be used any more boots nothing, and says so."""

from __future__ import annotations

import pytest

from kunsthalle.db.transitions import transition
from kunsthalle.images.resources import IMAGE
from unit.catalogs.shop import Shop


@pytest.mark.parametrize("by", ["version", "offering"])
def test_a_version_whose_image_is_not_usable_is_a_conflict(shop: Shop, by: str) -> None:
    product = shop.product()
    edition = product.published(shop.api.image("debian"))
    product.share(shop.account("consumer"))
    shop.accept()
    world = shop.api.world
    crn = edition.crn if by == "version" else product.crn
    assert shop.boots(crn, by=by)
    world.write(world.base, transition, IMAGE, edition.image.id, "unusable")
    body = shop.api.homes["consumer"].prototype(catalog_offering={by: {"crn": crn}})
    refused = shop.api.code("POST", "/v1/instances", body, status=409, caller="consumer")
    assert refused == ("invalid_state", "catalog_offering")
