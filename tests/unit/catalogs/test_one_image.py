"""A version has one image for each region, and a server has one region."""

from __future__ import annotations

from unit.catalogs.shop import Product, Shop


def _refusal(product: Product, images: list[dict[str, str]]) -> tuple[str, str]:
    body = {"name": "p", "target_kinds": ["vpc-x86"], "version": "1.0.0", "metadata": {"images": images}}
    (error,) = product.shop.api.call("POST", f"{product.path}/version", body, status=400)["errors"]
    return error["message"], error["target"]["name"]


def test_a_version_has_one_image(shop: Shop) -> None:
    first, second = ({"id": shop.api.image(name).id, "region": "us-south"} for name in ("first", "second"))
    product = shop.product()
    assert _refusal(product, []) == ("The version needs at least one image.", "metadata.images")
    for named in ([first, second], [first, first]):
        message, target = _refusal(product, named)
        assert (message, target) == (
            "A version has one image for each region, and this server has one region; 2 are named.",
            "metadata.images",
        )
