"""The lineage of an image: its owner sees where it went, nobody else sees that it exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.app import open_app
from kunsthalle.images.models import Image
from unit.catalogs.shop import Shop
from unit.instances.group_caller import Caller

ABSENT = "r006-00000000-0000-4000-8000-000000000000"
NOTHING = {
    "servers": 0,
    "running_servers": 0,
    "bare_metal_servers": 0,
    "templates": 0,
    "instance_groups": 0,
    "volumes": 0,
    "snapshots": 0,
}


def _lineage(shop: Shop, image: Image, caller: str = "me") -> dict[str, Any]:
    return shop.api.call("GET", f"/_kunsthalle/images/{image.id}/lineage", status=200, caller=caller)


def _borrow(shop: Shop, crn: str) -> dict[str, Any]:
    return shop.api.server(caller="consumer", catalog_offering={"version": {"crn": crn}})


def test_from_image_to_what_runs(shop: Shop) -> None:
    api, image = shop.api, shop.api.image("debian")
    product = shop.product("appliance")
    edition = product.published(image)
    product.share(shop.account("consumer"))
    shop.accept()
    server = _borrow(shop, edition.crn)
    _borrow(shop, edition.crn)
    stop = {"type": "stop"}
    api.call("POST", f"/v1/instances/{server['id']}/actions", stop, status=201, caller="consumer")
    volume = server["boot_volume_attachment"]["volume"]["id"]
    api.settle()
    api.call("POST", "/v1/snapshots", {"source_volume": {"id": volume}}, status=201, caller="consumer")
    for source in ({"version": {"crn": edition.crn}}, {"offering": {"crn": product.crn}}):
        body = api.homes["consumer"].prototype(catalog_offering=source)
        api.call("POST", "/v1/instance/templates", body, status=201, caller="consumer")
    api.server(image={"id": image.id})
    api.settle()

    found = _lineage(shop, image)
    assert found["image"]["id"] == image.id
    assert found["version"]["crn"] == edition.crn
    assert (found["version"]["version"], found["version"]["state"]) == ("1.0.0", "consumable")
    assert found["version"]["successor"] is None
    assert found["offering"]["name"] == "appliance"
    assert found["offering"]["catalog"] == {
        "id": shop.catalog,
        "label": "shop",
        "state": "live",
        "reclaimed_at": None,
    }
    consumer = shop.account("consumer")
    entry = {"identifier": consumer, "type": "account", "name": "consumer", "approval": "approved"}
    assert found["sharing"] == {"enabled": True, "public": False, "outside_approved": False, "entries": [entry]}
    theirs, mine = found["accounts"]
    assert theirs == {
        "name": "consumer",
        "id": consumer,
        "owner": False,
        "may_boot": True,
        "reason": "it has accepted the source",
        "through": [consumer],
        "uses": {
            "servers": 2,
            "running_servers": 1,
            "bare_metal_servers": 0,
            "templates": 2,
            "instance_groups": 0,
            "volumes": 2,
            "snapshots": 1,
        },
    }
    assert (mine["name"], mine["owner"], mine["reason"]) == ("me", True, "it is the owner")
    assert mine["uses"] == {**NOTHING, "servers": 1, "running_servers": 1, "volumes": 1}
    assert found["totals"] == {
        "servers": 3,
        "running_servers": 2,
        "bare_metal_servers": 0,
        "templates": 2,
        "instance_groups": 0,
        "volumes": 3,
        "snapshots": 1,
        "accounts": 2,
    }
    assert found["warnings"] == []
    assert server["id"] not in str(found)
    assert volume not in str(found)


def test_a_successor_is_pointed_out(shop: Shop) -> None:
    product = shop.product()
    old = product.published(shop.api.image("old"))
    product.share(shop.account("consumer"))
    shop.accept()
    _borrow(shop, old.crn)
    assert _lineage(shop, old.image)["warnings"] == []
    new = product.published(shop.api.image("new"), "1.1.0")
    found = _lineage(shop, old.image)
    named = {"crn": new.crn, "version": "1.1.0", "version_locator": new.locator}
    text = "Version 1.1.0 is published; servers made from 1.0.0: 1."
    assert found["warnings"] == [{"code": "successor_exists", "message": text, "successor": named}]
    assert found["version"]["successor"] == named
    assert _lineage(shop, new.image)["warnings"] == []
    old.step("deprecate/true", {"days_until_deprecate": 30})
    codes = [one["code"] for one in _lineage(shop, old.image)["warnings"]]
    assert codes == ["successor_exists", "deprecation_pending"]


def test_what_was_made_is_told_after_the_offering_is_gone(shop: Shop) -> None:
    image = shop.api.image("debian")
    product = shop.product()
    edition = product.published(image)
    product.share(shop.account("consumer"))
    shop.accept()
    _borrow(shop, edition.crn)
    shop.api.call("DELETE", product.path, status=200)
    found = _lineage(shop, image)
    assert (found["version"], found["offering"], found["sharing"]) == (None, None, None)
    (theirs,) = found["accounts"]
    assert (theirs["name"], theirs["may_boot"], theirs["reason"]) == ("consumer", False, "the image is in no catalog")
    assert "id" not in theirs


def test_an_account_reached_by_its_enterprise_is_told_by_name_and_not_by_id(shop: Shop) -> None:
    image = shop.api.image("debian")
    product = shop.product()
    edition = product.published(image)
    enterprise = next(one for one in shop.api.callers["me"].recipients if one.startswith("-ent-"))
    product.share(enterprise)
    before = _lineage(shop, image)
    assert before["accounts"] == []
    assert [one["approval"] for one in before["sharing"]["entries"]] == ["pending"]
    shop.accept()
    _borrow(shop, edition.crn)
    (theirs,) = _lineage(shop, image)["accounts"]
    assert (theirs["name"], theirs["through"]) == ("consumer", [enterprise])
    assert shop.account("consumer") not in str(_lineage(shop, image))


def test_an_image_of_a_deleted_catalog_says_when_that_ends(shop: Shop) -> None:
    image = shop.api.image("debian")
    shop.product().published(image)
    shop.api.call("DELETE", shop.path, status=200)
    found = _lineage(shop, image)
    assert found["offering"]["catalog"]["state"] == "deleted"
    assert found["offering"]["catalog"]["reclaimed_at"] == "2026-01-08T00:00:00.000Z"
    assert [one["code"] for one in found["warnings"]] == ["catalog_deleted"]


def test_a_name_that_looks_like_an_id_counts_for_nothing(shop: Shop) -> None:
    image = shop.api.image("debian")
    other = shop.api.image(image.id)
    shop.api.server(image={"id": other.id})
    assert _lineage(shop, image)["accounts"] == []
    assert _lineage(shop, other)["totals"]["servers"] == 1


@pytest.mark.parametrize("caller", ["consumer", "stranger"])
def test_for_everybody_else_the_image_does_not_exist(shop: Shop, caller: str) -> None:
    image = shop.api.image("debian")
    product = shop.product()
    edition = product.published(image)
    product.share(shop.account("consumer"))
    shop.accept()
    _borrow(shop, edition.crn)
    for tail in ("lineage", "hold"):
        hidden, absent = (
            shop.api.answer("GET", f"/_kunsthalle/images/{id_}/{tail}", caller=caller) for id_ in (image.id, ABSENT)
        )
        assert hidden.status_code == absent.status_code == 404
        assert hidden.content.replace(_trace(hidden), b"") == absent.content.replace(_trace(absent), b"")


def _trace(answer: Any) -> bytes:
    return str(answer.json().get("trace", "-")).encode()


def test_whoever_may_only_look_learns_nothing_of_other_accounts(shop: Shop) -> None:
    image = shop.api.image("debian")
    answer = shop.api.answer("GET", f"/_kunsthalle/images/{image.id}/lineage", caller="viewer")
    assert answer.status_code == 403


def test_groups_are_counted_by_their_templates(tmp_path: Path) -> None:
    app = open_app(tmp_path / "data")
    try:
        caller = Caller(app)
        offer = caller.offer()
        caller.who = "consumer"
        caller.authorize(offer.catalog)
        caller.group(2, caller.template(catalog_offering={"version": {"crn": offer.version}}))
        found = app.ok("owner", "GET", f"/_kunsthalle/images/{offer.image}/lineage")
        (theirs,) = [one for one in found["accounts"] if not one["owner"]]
        assert theirs["uses"] == {
            "servers": 2,
            "running_servers": 2,
            "bare_metal_servers": 0,
            "templates": 1,
            "instance_groups": 1,
            "volumes": 2,
            "snapshots": 0,
        }
    finally:
        app.close()
