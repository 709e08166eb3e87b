"""Versions change: texts, images, drafts; what is published goes on serving, and images follow at once (R1, R4)."""

from __future__ import annotations

from typing import Any

from kunsthalle.images.models import Image
from unit.catalogs.shop import BASE, Edition, Shop

AT = "/kinds/0/versions/0"


def _patch(edition: Edition, status: int, *operations: dict[str, Any], path: str = "") -> dict[str, Any]:
    api = edition.shop.api
    rev = api.call("GET", edition.path, status=200)["_rev"]
    answer = api.answer("PATCH", path or edition.path, list(operations), if_match=f'"{rev}"')
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _images(*images: Image) -> dict[str, Any]:
    named = [{"id": one.id, "name": one.name, "region": "us-south"} for one in images]
    return {"op": "replace", "path": f"{AT}/metadata/images", "value": named}


def _managed(shop: Shop, image: Image) -> str | None:
    found = shop.api.call("GET", f"/v1/images/{image.id}", status=200)["catalog_offering"]
    assert found["managed"] == ("version" in found)
    return found["version"]["crn"] if found["managed"] else None


def _draft(edition: Edition) -> Edition:
    made = edition.shop.api.call("POST", f"{edition.path}/workingcopy", status=200)
    return Edition(edition.shop, made["id"], made["crn"], made["version_locator"], edition.image)


def test_texts_change_and_nothing_else(shop: Shop) -> None:
    edition = shop.product().published(shop.api.image("debian"))
    tags = {"op": "add", "path": f"{AT}/tags", "value": ["new"]}
    assert _patch(edition, 200, tags)["kinds"][0]["versions"][0]["tags"] == ["new"]
    assert (edition.state, _managed(shop, edition.image)) == ("consumable", edition.crn)
    assert shop.boots(edition.crn, "me")


def test_an_image_that_is_taken_out_is_free_at_once(shop: Shop) -> None:
    edition = shop.product().published(shop.api.image("debian"))
    _patch(edition, 200, _images())
    assert _managed(shop, edition.image) is None
    assert (edition.state, edition.get()["validation"]["state"]) == ("new", "")
    assert not shop.boots(edition.crn, "me")
    shop.api.call("DELETE", f"/v1/images/{edition.image.id}", status=202)


def test_another_image_takes_its_place_and_is_validated_anew(shop: Shop) -> None:
    edition = shop.product().published(shop.api.image("debian"))
    other = shop.api.image("other")
    _patch(edition, 200, _images(other))
    assert (_managed(shop, edition.image), _managed(shop, other)) == (None, edition.crn)
    assert edition.state == "new"
    edition.validate()
    edition.step("consume-publish")
    server = shop.api.server(catalog_offering={"version": {"crn": edition.crn}})
    assert server["image"]["id"] == other.id


def test_an_image_of_another_version_is_not_taken(shop: Shop) -> None:
    product = shop.product()
    first = product.published(shop.api.image("one"))
    second = product.published(shop.api.image("two"), "2.0.0")
    refused = _patch(second, 409, _images(first.image))
    assert first.crn in refused["errors"][0]["message"]
    assert (_managed(shop, first.image), _managed(shop, second.image)) == (first.crn, second.crn)
    assert second.state == "consumable"


def test_a_version_on_its_way_out_is_not_edited(shop: Shop) -> None:
    edition = shop.product().published(shop.api.image("debian"))
    edition.step("deprecate/true")
    tags = {"op": "add", "path": f"{AT}/tags", "value": ["new"]}
    assert "being deprecated" in _patch(edition, 400, tags)["errors"][0]["message"]


def test_a_draft_is_not_provisioned_not_published_and_not_seen(shop: Shop) -> None:
    product = shop.product()
    edition = product.published(shop.api.image("debian"))
    product.share(shop.account("consumer"))
    shop.accept()
    draft = _draft(edition)
    assert (draft.state, draft.crn != edition.crn) == ("new", True)
    assert _draft(edition).id == draft.id, "a version has one draft"
    assert not shop.boots(draft.crn, "me")
    assert not shop.boots(draft.crn)
    assert "A working copy is a draft" in draft.refused("prerelease-publish")
    draft.validate()
    assert "A working copy is a draft" in draft.refused("consume-publish")
    assert [one["id"] for one in product.get()["kinds"][0]["versions"]] == [edition.id]
    assert shop.api.answer("GET", draft.path, caller="consumer").status_code == 404
    assert shop.boots(edition.crn), "what is published goes on serving"


def test_a_draft_with_another_image_is_validated_and_put_in_place(shop: Shop) -> None:
    edition = shop.product().published(shop.api.image("debian"))
    draft, other = _draft(edition), shop.api.image("other")
    _patch(draft, 200, _images(other))
    assert (_managed(shop, edition.image), _managed(shop, other)) == (edition.crn, draft.crn)
    assert "must be validated first" in draft.refused("commit")
    draft.validate()
    shop.api.call("POST", f"{draft.path}/commit", status=200)
    assert (_managed(shop, edition.image), _managed(shop, other)) == (None, edition.crn)
    assert edition.state == "consumable"
    server = shop.api.server(catalog_offering={"version": {"crn": edition.crn}})
    assert server["image"]["id"] == other.id
    assert shop.api.answer("GET", draft.path).status_code == 404


def test_a_version_goes_with_its_draft(shop: Shop) -> None:
    product = shop.product()
    edition = product.published(shop.api.image("debian"))
    product.published(shop.api.image("second"), "2.0.0")
    draft, other = _draft(edition), shop.api.image("other")
    _patch(draft, 200, _images(other))
    shop.api.call("DELETE", edition.path, status=200)
    assert (_managed(shop, edition.image), _managed(shop, other)) == (None, None)


def test_reload_asks_for_another_validation(shop: Shop) -> None:
    product = shop.product()
    edition = product.published(shop.api.image("debian"))
    shop.api.call("PUT", f"{product.path}/reload", {}, status=201, targetVersion="1.0.0")
    assert (edition.state, _managed(shop, edition.image)) == ("new", edition.crn)
    shop.api.call("PUT", f"{product.path}/reload", {}, status=400, targetVersion="9.9.9")


def test_a_restored_catalog_is_exactly_what_it_was(shop: Shop) -> None:
    product = shop.product("appliance")
    one = product.published(shop.api.image("one"))
    two = product.published(shop.api.image("two"), "2.0.0")
    one.step("deprecate/true", {"days_until_deprecate": 30})
    product.share(shop.account("consumer"))
    shop.accept()
    listed = f"{product.path}/access"
    seen = ("me", "consumer")

    def picture() -> list[Any]:
        calls = [("GET", product.path), ("GET", listed), ("GET", shop.path)]
        shown: list[Any] = [shop.api.call(*call, status=200) for call in calls]
        del shown[-1]["_rev"]  # the catalog itself went, and came back
        shown += [shop.api.call("GET", f"{BASE}/offerings", status=200, caller=caller) for caller in seen]
        return [*shown, one.image_now, two.image_now]

    before = picture()
    shop.api.call("DELETE", shop.path, status=200)
    for caller in seen:
        assert shop.api.call("GET", f"{BASE}/offerings", status=200, caller=caller)["total_count"] == 0
    assert not shop.boots(two.crn)
    assert (_managed(shop, one.image), _managed(shop, two.image)) == (one.crn, two.crn)
    shop.api.later(6 * 86_400)
    (waiting,) = shop.api.call("GET", "/v1/reclamations", status=200)["resources"]
    assert (waiting["resource_instance_id"], waiting["state"]) == (shop.catalog, "SCHEDULED")
    shop.api.call("POST", f"/v1/reclamations/{waiting['id']}/actions/restore", {}, status=200)
    assert picture() == before
    assert shop.boots(two.crn)
    shop.api.later(2 * 86_400)
    assert shop.api.call("GET", shop.path, status=200)["id"] == shop.catalog, "the seven days are forgotten"
    shop.api.later(30 * 86_400)
    assert (one.state, two.state) == ("deprecated", "consumable"), "the period of the version is not"


def test_a_reclaimed_catalog_frees_everything(shop: Shop) -> None:
    edition = shop.product().published(shop.api.image("debian"))
    shop.api.call("DELETE", shop.path, status=200)
    shop.api.later(7 * 86_400 - 1)
    assert _managed(shop, edition.image) == edition.crn
    shop.api.later(1)
    assert _managed(shop, edition.image) is None
    assert shop.api.call("GET", "/v1/reclamations", status=200)["resources"] == []
    again = Shop(shop.api).product().published(edition.image)
    assert _managed(shop, edition.image) == again.crn
