"""No encrypted image enters a catalog (R1), by whatever way, and a refused attempt changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kunsthalle.db.rows import update
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE
from unit.catalogs.shop import BASE, Edition, Shop

KEY = "crn:v1:bluemix:public:kms:us-south:a/1:2:key:3"
TEXT = "The image is encrypted: a private catalog cannot use encrypted images."


def _images(image: Image) -> dict[str, Any]:
    return {"images": [{"id": image.id, "name": image.name, "region": "us-south"}]}


def _body(image: Image, **more: Any) -> dict[str, Any]:
    return {"name": "p", "target_kinds": ["vpc-x86"], "version": "2.0.0", "metadata": _images(image), **more}


Call = tuple[str, str, Any, dict[str, str]]


def _rev(shop: Shop, path: str) -> dict[str, str]:
    return {"if_match": f'"{shop.api.call("GET", path, status=200)["_rev"]}"'}


def _patch(shop: Shop, path: str, image: Image) -> Call:
    value = _images(image)["images"]
    operations = [{"op": "replace", "path": "/kinds/0/versions/0/metadata/images", "value": value}]
    return "PATCH", path, operations, _rev(shop, path)


def _put(shop: Shop, path: str, image: Image) -> Call:
    branch = shop.api.call("GET", path, status=200)
    (version,) = branch["kinds"][0]["versions"]
    version["metadata"]["vsi_vpc"] = {**version["metadata"]["vsi_vpc"], **_images(image)}
    return "PUT", path, branch, _rev(shop, path)


def _working_copy(shop: Shop, edition: Edition) -> str:
    draft = shop.api.call("POST", f"{edition.path}/workingcopy", status=200)
    return f"{BASE}/versions/{draft['version_locator']}"


WAYS: dict[str, Callable[[Shop, Edition, str, Image], Call]] = {
    "new version": lambda _shop, _edition, product, image: ("POST", f"{product}/version", _body(image), {}),
    "import of an offering": lambda shop, _edition, _product, image: (
        "POST",
        f"{shop.path}/import/offerings",
        _body(image, name="another"),
        {},
    ),
    "put of a version": lambda shop, edition, _product, image: _put(shop, edition.path, image),
    "patch of a version": lambda shop, edition, _product, image: _patch(shop, edition.path, image),
    "put of its working copy": lambda shop, edition, _product, image: _put(shop, _working_copy(shop, edition), image),
    "patch of its working copy": lambda shop, edition, _product, image: _patch(
        shop, _working_copy(shop, edition), image
    ),
}


def _everything(shop: Shop, product: str, edition: Edition, image: Image) -> Any:
    return [
        shop.api.call("GET", product, status=200),
        shop.api.call("GET", edition.path, status=200),
        shop.api.call("GET", f"/v1/images/{image.id}", status=200),
        shop.api.call("GET", f"/v1/images/{edition.image.id}", status=200),
        shop.api.call("GET", f"{shop.path}/offerings", status=200),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_an_encrypted_image_is_refused_by_every_way_into_a_catalog(shop: Shop, way: str) -> None:
    product = shop.product()
    edition = product.published(shop.api.image("debian"))
    image = shop.api.image("secret", encryption_key=KEY, encrypted_data_key="QUJD")
    method, path, body, headers = WAYS[way](shop, edition, product.path, image)
    before = _everything(shop, product.path, edition, image)
    answer = shop.api.answer(method, path, body, **headers)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["message"]) == (400, TEXT), answer.text
    assert error["target"]["name"] == "metadata.images[0].id"
    assert _everything(shop, product.path, edition, image) == before
    assert before[2]["catalog_offering"] == {"managed": False}


def test_a_version_whose_image_turns_out_to_be_encrypted_is_neither_copied_nor_put_in_place(shop: Shop) -> None:
    """Nothing encrypts an image later; but for a store that something else has written into, the rule holds too."""
    product = shop.product()
    edition = product.published(shop.api.image("debian"))
    draft = _working_copy(shop, edition)
    other = shop.api.image("other")
    method, path, body, headers = _patch(shop, draft, other)
    assert shop.api.answer(method, path, body, **headers).status_code == 200
    shop.api.call("POST", f"{draft}/validation/install", {}, status=202)
    shop.api.settle()
    shop.api.world.store.write(
        shop.api.world.base, lambda session: update(session, IMAGE, other.id, encryption_key=KEY)
    )
    refused = shop.api.call("POST", f"{draft}/commit", status=400)
    assert refused["errors"][0]["message"] == TEXT
    assert edition.image_now["catalog_offering"]["version"]["crn"] == edition.crn
    shop.api.call("POST", f"{edition.path}/copy", {}, status=200)
    copies = [one for one in product.get()["kinds"][0]["versions"] if one["version"] == "1.0.1"]
    assert copies[0]["metadata"]["vsi_vpc"]["images"] == [], "a copy takes no image along"
