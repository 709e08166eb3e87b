"""What owners ask before they act: why an image is held, who could boot, what a deletion would take along."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.images.models import Image
from unit.catalogs.shop import Shop

UNKNOWN = "0" * 32
WAYS = ("taken out", "version is deleted", "offering is deleted", "catalog is deleted")


def _hold(shop: Shop, image: Image) -> dict[str, Any]:
    return shop.api.call("GET", f"/_kunsthalle/images/{image.id}/hold", status=200)


def test_an_image_that_nobody_holds_can_be_deleted(shop: Shop) -> None:
    image = shop.api.image("debian")
    found = _hold(shop, image)
    assert (found["managed"], found["deletable"], found["servers_by_account"]) == (False, True, [])
    assert "held_by" not in found


def test_why_an_image_cannot_be_deleted_and_how_it_becomes_free(shop: Shop) -> None:
    image, product = shop.api.image("debian"), shop.product("appliance")
    edition = product.published(image)
    product.share(shop.account("consumer"))
    shop.accept()
    shop.api.server(caller="consumer", catalog_offering={"version": {"crn": edition.crn}})
    found = _hold(shop, image)
    assert (found["managed"], found["deletable"]) == (True, False)
    assert found["servers_by_account"] == [{"account": "consumer", "servers": 1}]
    held = found["held_by"]
    assert (held["version_crn"], held["version_state"], held["free_at"]) == (edition.crn, "consumable", None)
    assert (held["offering"]["name"], held["catalog"]["label"]) == ("appliance", "shop")
    assert all(any(way in said for said in held["free_when"]) for way in WAYS)
    shop.api.code("DELETE", f"/v1/images/{image.id}", status=409)


def test_the_hold_of_a_deleted_catalog_has_an_end(shop: Shop) -> None:
    image = shop.api.image("debian")
    shop.product().published(image)
    shop.api.call("DELETE", shop.path, status=200)
    held = _hold(shop, image)["held_by"]
    assert (held["free_at"], held["catalog"]["state"]) == ("2026-01-08T00:00:00.000Z", "deleted")
    reclaim = f"/v1/reclamations/{held['reclamation_id']}/actions/reclaim"
    assert shop.api.call("POST", reclaim, {}, status=200)["state"] == "RECLAIMING"
    assert _hold(shop, image)["deletable"] is True


def _audience(shop: Shop, path: str, **trial: Any) -> dict[str, Any]:
    id_ = path.rsplit("/", 1)[1]
    found = shop.api.call("POST", f"/_kunsthalle/offerings/{id_}/audience", trial, status=200)
    reasons = {one["reason"]: (one["may_boot"], one["accounts"], one["others"]) for one in found["by_reason"]}
    return {"may_boot": found["may_boot"], **reasons}


def test_a_share_is_tried_without_being_made(shop: Shop) -> None:
    product = shop.product()
    product.published(shop.api.image("debian"))
    me, consumer = shop.account("me"), shop.account("consumer")
    before = product.get()
    tried = _audience(shop, product.path, add=[consumer], enabled=True)
    assert tried == {
        "may_boot": 1,
        "it is the owner": (True, [me], 0),
        "it has not answered yet": (False, [consumer], 0),
    }
    assert product.get() == before
    product.share(consumer)
    shop.accept()
    assert _audience(shop, product.path)["it has accepted the source"] == (True, [consumer], 0)
    assert _audience(shop, product.path, enabled=False)["sharing is switched off"] == (False, [consumer], 0)
    gone = _audience(shop, product.path, remove=[consumer])
    assert gone == {"may_boot": 1, "it is the owner": (True, [me], 0)}


def test_what_an_enterprise_stands_for_is_told_in_numbers(shop: Shop) -> None:
    product = shop.product()
    product.published(shop.api.image("debian"))
    enterprise = next(one for one in shop.api.callers["me"].recipients if one.startswith("-ent-"))
    tried = _audience(shop, product.path, add=[enterprise], enabled=True)
    assert tried["it has not answered yet"] == (False, [], 2), "the consumer, and the enterprise's own account"


def test_an_unknown_account_is_told_like_one_outside(shop: Shop) -> None:
    product = shop.product()
    product.published(shop.api.image("debian"))
    stranger = shop.account("stranger")
    tried = _audience(shop, product.path, add=[stranger, UNKNOWN], enabled=True)
    assert tried["it is unknown, or outside the enterprise"] == (False, sorted([stranger, UNKNOWN]), 0)
    errors = shop.api.call("POST", f"{product.path}/access", [stranger, UNKNOWN], status=201)["errors"]
    assert errors[stranger] == errors[UNKNOWN]


def test_nothing_published_is_nothing_to_boot(shop: Shop) -> None:
    product = shop.product()
    product.version(shop.api.image("debian"))
    assert _audience(shop, product.path) == {"may_boot": 0, "nothing is published": (False, [shop.account("me")], 0)}


def test_what_a_deletion_would_take_along(shop: Shop) -> None:
    image, product = shop.api.image("debian"), shop.product("appliance")
    edition = product.published(image)
    product.share(shop.account("consumer"))
    shop.accept()
    shop.api.server(caller="consumer", catalog_offering={"version": {"crn": edition.crn}})
    free = shop.api.image("free")
    path = f"/_kunsthalle/catalogs/{shop.catalog}/deletion"
    found = shop.api.call("GET", path, status=200)
    at = "2026-01-08T00:00:00.000Z"
    assert found["offerings"] == [{"id": product.id, "name": "appliance", "shared": True}]
    assert (found["versions"], found["restorable_until"]) == (1, at)
    assert found["images"] == [{"id": image.id, "name": "debian", "version_crn": edition.crn, "free_at": at}]
    assert found["servers_by_account"] == [{"account": "consumer", "servers": 1}]
    assert free.id not in str(found)
    assert shop.api.call("GET", path, status=200) == found, "nothing is changed"
    shop.api.call("DELETE", shop.path, status=200)
    assert _hold(shop, image)["held_by"]["free_at"] == at


@pytest.mark.parametrize("caller", ["consumer", "stranger", "viewer"])
def test_others_are_told_nothing(shop: Shop, caller: str) -> None:
    product = shop.product()
    product.published(shop.api.image("debian"))
    product.share(shop.account("consumer"))
    shop.accept()
    for method, path in (
        ("POST", f"/_kunsthalle/offerings/{product.id}/audience"),
        ("GET", f"/_kunsthalle/catalogs/{shop.catalog}/deletion"),
    ):
        status = shop.api.answer(method, path, {} if method == "POST" else None, caller=caller).status_code
        seen = caller == "viewer" or (caller == "consumer" and "audience" in path)
        assert status == (403 if seen else 404)
