"""Sharing: by account, group and enterprise, asked for and answered, and evaluated when it is used (R5)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from kunsthalle.accounts.queries import members, recipients
from kunsthalle.catalogs.resources import OFFERING
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import some
from unit.catalogs.shop import BASE, SHARES, Product, Shop

STRANGER = "stranger"


def _sees(shop: Shop, caller: str, select: str = "all") -> list[str]:
    found = shop.api.call("GET", f"{BASE}/offerings", status=200, caller=caller, select=select)
    assert found["total_count"] == len(found["resources"])
    return [one["name"] for one in found["resources"]]


def _enterprise(shop: Shop) -> str:
    return next(one for one in shop.api.callers["me"].recipients if one.startswith("-ent-"))


@pytest.fixture
def product(shop: Shop) -> Product:
    """Something published."""
    made = shop.product()
    made.published(shop.api.image("debian"))
    return made


def _pending(shop: Shop, caller: str = "consumer") -> list[str]:
    found = shop.api.call("GET", f"{SHARES}/source/pending", status=200, caller=caller)
    return [one["target_account"] for one in found["resources"]]


def test_a_share_waits_for_its_receiver(shop: Shop, product: Product) -> None:
    (entry,) = product.share(shop.account("consumer"))["resources"]
    assert (entry["account"], entry["account_type"], entry["approval_state"]) == (
        shop.account("consumer"),
        0,
        "pending",
    )
    assert _pending(shop) == [shop.account("me")]
    assert _sees(shop, "consumer") == []
    shop.accept()
    assert (_pending(shop), _sees(shop, "consumer")) == ([], ["product"])
    assert product.share()["resources"][0]["approval_state"] == ""


@pytest.mark.parametrize("identifier", ["account", "enterprise"])
def test_nothing_is_found_by_id_before_the_receiver_accepts(shop: Shop, product: Product, identifier: str) -> None:
    product.share(shop.account("consumer") if identifier == "account" else _enterprise(shop))
    version = product.get()["kinds"][0]["versions"][0]["crn"]
    assert shop.api.answer("GET", product.path, caller="consumer").status_code == 404
    assert not shop.boots(version)
    shop.accept()
    assert shop.boots(version)


def test_the_answer_is_given_once_for_all_products(shop: Shop, product: Product) -> None:
    product.share(shop.account("consumer"))
    shop.accept()
    second = shop.product("second")
    second.published(shop.api.image("other"))
    second.share(shop.account("consumer"))
    assert _sees(shop, "consumer") == ["product", "second"]
    shop.accept(state="rejected")
    assert _sees(shop, "consumer") == []


def test_each_type_has_a_handshake_of_its_own(shop: Shop, product: Product) -> None:
    product.share(shop.account("consumer"))
    other = f"{BASE}/shareapproval/vpe/access/source/approved"
    refused = shop.api.call("POST", other, [shop.account("me")], status=400, caller="consumer")
    assert "no share request" in refused["errors"][0]["message"]
    assert _sees(shop, "consumer") == []


@pytest.mark.parametrize("how", ["switched off", "taken off", "withdrawn", "suspended"])
def test_what_is_taken_back_is_gone_at_once(shop: Shop, product: Product, how: str) -> None:
    product.share(shop.account("consumer"))
    shop.accept()
    version = product.get()["kinds"][0]["versions"][0]
    assert shop.boots(version["crn"])
    calls: dict[str, tuple[str, str, Any, int]] = {
        "switched off": ("POST", f"{product.path}/share", {"enabled": False}, 200),
        "taken off": ("DELETE", f"{product.path}/access", ["*"], 200),
        "withdrawn": ("DELETE", SHARES, ["*"], 200),
        "suspended": ("POST", f"{BASE}/versions/{version['version_locator']}/suspend", None, 202),
    }
    method, path, body, status = calls[how]
    shop.api.call(method, path, body, status=status)
    assert _sees(shop, "consumer") == []
    assert not shop.boots(version["crn"])
    assert shop.api.answer("GET", product.path, caller="consumer").status_code == 404


def _offered(shop: Shop, caller: str = "consumer") -> list[tuple[str, str, list[str]]]:
    """State, and names of what is offered, of each request that an account has received."""
    found = shop.api.call("GET", "/_kunsthalle/share-requests", status=200, caller=caller)["requests"]
    return [(one["state"], one["account"]["id"], [offering["name"] for offering in one["offerings"]]) for one in found]


def test_a_request_says_what_is_offered_and_no_more(shop: Shop, product: Product) -> None:
    me, consumer = shop.account("me"), shop.account("consumer")
    assert _offered(shop) == []
    product.share(consumer)
    shop.product("unpublished").share(consumer)
    shop.product("for others")
    assert _offered(shop) == [("pending", me, ["product"])]
    told = shop.api.answer("GET", "/_kunsthalle/share-requests", caller="consumer").text
    version = product.get()["kinds"][0]["versions"][0]
    assert not [one for one in (version["id"], version["crn"], product.get()["id"]) if one in told]
    assert "1.0.0" in told
    shop.accept()
    assert _offered(shop) == [("approved", me, ["product"])]
    shop.api.call("POST", f"{product.path}/share", {"enabled": False}, status=200)
    assert _offered(shop) == [("approved", me, [])]


def test_the_enterprise_is_addressed_as_a_whole(shop: Shop, product: Product) -> None:
    (entry,) = product.share(_enterprise(shop))["resources"]
    assert (entry["account"], entry["account_type"]) == (_enterprise(shop), 1)
    assert _sees(shop, "consumer") == []
    shop.accept()
    assert _sees(shop, "consumer") == ["product"]
    assert _sees(shop, STRANGER) == []


def test_an_account_that_leaves_the_enterprise_loses_what_it_had(shop: Shop, product: Product) -> None:
    product.share(shop.account("consumer"))
    shop.accept()
    version = product.get()["kinds"][0]["versions"][0]["crn"]
    api, id_ = shop.api, shop.account("consumer")
    kept = api.callers["consumer"]
    api.callers["consumer"] = dataclasses.replace(kept, recipients=(id_,))
    assert (_sees(shop, "consumer"), shop.boots(version)) == ([], False)
    api.callers["consumer"] = dataclasses.replace(kept, recipients=api.world.read(kept, recipients, id_))
    assert (_sees(shop, "consumer"), shop.boots(version)) == (["product"], True)


def test_outside_the_enterprise_only_what_the_operator_approved(shop: Shop, product: Product) -> None:
    stranger = shop.account(STRANGER)
    errors = product.share(stranger)["errors"]
    assert "kunsthalle approvals grant" in errors[stranger]
    world = shop.api.world
    shop.api.call("POST", f"{product.path}/publish/allow_request/true", status=200)
    world.write(world.base, access_list.decide, product.id, "granted")
    assert "errors" not in product.share(stranger)
    shop.accept(STRANGER)
    assert _sees(shop, STRANGER) == ["product"]
    world.write(world.base, access_list.decide, product.id, "revoked")
    assert _sees(shop, STRANGER) == []


def test_an_access_list_is_bounded(shop: Shop, product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on it already counts, and is no new entry when it is named again."""
    monkeypatch.setattr(access_list, "MOST", 2)
    product.share(shop.account("consumer"), _enterprise(shop))
    product.share(_enterprise(shop))
    refused = shop.api.call("POST", f"{product.path}/access", [shop.account("me")], status=400)
    assert "at most 2 entries" in refused["errors"][0]["message"]
    listed = shop.api.call("GET", f"{product.path}/access", status=200)["resources"]
    assert {one["account"] for one in listed} == {shop.account("consumer"), _enterprise(shop)}


def test_an_access_list_of_an_object_is_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_list, "MOST", 1)
    body = {"name": "endpoint", "kind": "vpe", "data": {}}
    made = shop.api.call("POST", f"{shop.path}/objects", body, status=201)
    access = f"{shop.path}/objects/{made['id']}/access"
    shop.api.call("POST", access, [shop.account("consumer")], status=201)
    refused = shop.api.call("POST", access, [_enterprise(shop)], status=400)
    assert "at most 1 entries" in refused["errors"][0]["message"]


def test_published_to_all_needs_the_operator_and_nobodys_answer(shop: Shop, product: Product) -> None:
    assert shop.api.answer("POST", f"{product.path}/share", {"public": True}).status_code == 403
    version = product.get()["kinds"][0]["versions"][0]["version_locator"]
    for old in ("ibm-publish", "public-publish"):
        refused = shop.api.answer("POST", f"{BASE}/versions/{version}/{old}")
        assert (refused.status_code, "operator's approval" in refused.text) == (403, True)
    world = shop.api.world
    world.write(world.base, access_list.decide, product.id, "granted")
    shop.api.call("POST", f"{BASE}/versions/{version}/public-publish", status=202)
    assert product.get()["share_with_all"] is True
    assert (_sees(shop, STRANGER), _sees(shop, STRANGER, "public")) == (["product"], ["product"])
    assert _sees(shop, STRANGER, "private") == []
    assert _sees(shop, "me", "private") == ["product"]
    world.write(world.base, access_list.decide, product.id, "revoked")
    assert (_sees(shop, STRANGER), product.get()["share_with_all"]) == ([], False)


def test_a_list_shows_each_offering_once_and_in_order(shop: Shop) -> None:
    for name in ("cherry", "apple", "banana"):
        made = shop.product(name)
        made.published(shop.api.image(name))
        made.share(shop.account("consumer"), _enterprise(shop))
    shop.product("draft")
    shop.accept()
    assert _sees(shop, "consumer") == ["apple", "banana", "cherry"]
    page = shop.api.call("GET", f"{BASE}/offerings", status=200, caller="consumer", limit="2", offset="1")
    assert [one["name"] for one in page["resources"]] == ["banana", "cherry"]
    assert (page["total_count"], page["resource_count"]) == (3, 2)
    assert _sees(shop, "me") == ["apple", "banana", "cherry", "draft"]


def test_a_foreign_image_is_not_in_the_offer(shop: Shop, product: Product) -> None:
    product.share(shop.account("consumer"))
    shop.accept()
    shown = product.get("consumer")
    assert shown["kinds"][0]["versions"][0]["metadata"]["vsi_vpc"]["images"] == [{"region": "us-south"}]
    assert shown["catalog_id"] == shop.catalog
    assert shop.api.answer("GET", shop.path, caller="consumer").status_code == 404


def _accept_for_enterprise(shop: Shop) -> None:
    """The answer of the enterprise's own account, for all of its accounts."""
    world, source = shop.api.world, shop.account("me")
    enterprise = _enterprise(shop)

    def owner(session: Session) -> str:
        ours = members(session, enterprise.removeprefix("-ent-"))
        return next(account.id for account in ours if account.is_enterprise)

    system = world.base.as_system(world.read(world.base, owner))
    world.write(system, access_list.answer, "offering", "approved", [source], enterprise)


def test_an_accounts_own_rejection_goes_before_the_acceptance_of_its_enterprise(shop: Shop, product: Product) -> None:
    """In the lists, by id, in what the owner is told, and when an instance is made."""
    product.share(_enterprise(shop))
    version = product.get()["kinds"][0]["versions"][0]["crn"]
    _accept_for_enterprise(shop)
    assert (_sees(shop, "consumer"), shop.boots(version)) == (["product"], True)
    shop.accept(state="rejected")
    assert (_sees(shop, "consumer"), shop.boots(version)) == ([], False)
    assert shop.api.answer("GET", product.path, caller="consumer").status_code == 404
    consumer = shop.api.callers["consumer"]
    assert shop.api.world.read(consumer, some, OFFERING) == []
    told = shop.api.call("POST", f"/_kunsthalle/offerings/{product.id}/audience", {}, status=200)
    rejected = next(entry for entry in told["by_reason"] if entry["reason"] == "it has rejected the source")
    assert (rejected["may_boot"], rejected["others"]) == (False, 1)


def test_who_an_offering_is_shared_with_is_told_whose_it_is(shop: Shop) -> None:
    """No role of theirs would do: the refusal names none."""
    product = shop.product()
    product.published(shop.api.image("debian"))
    product.share(shop.account("consumer"))
    shop.accept()
    answer = shop.api.answer("DELETE", product.path, caller="consumer")
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["message"].endswith(
        "The resource belongs to another account, which alone changes it."
    )
