"""Instance groups of a catalog's image: whether they may is asked at the creation and at every growth (R9)."""

from __future__ import annotations

import pytest

from unit.instances.group_caller import BASE, GROUPS, Caller, Offer

pytestmark = pytest.mark.by_turns(3)

DENIED = (403, "not_authorized", None)


@pytest.fixture
def offer(caller: Caller) -> Offer:
    return caller.offer()


def _template(caller: Caller, offer: Offer) -> dict[str, object]:
    return caller.template(catalog_offering={"version": {"crn": offer.version}})


def _reasons(group: dict[str, object]) -> tuple[object, list[str]]:
    return group["status"], [one["code"] for one in group["lifecycle_reasons"]]  # type: ignore[attr-defined]  # a list


@pytest.mark.parametrize("which", ["that catalog", "all catalogs"])
def test_without_the_policy_there_is_no_group(caller: Caller, offer: Offer, which: str) -> None:
    template = _template(caller, offer)
    for count in (0, 1):
        assert caller.refused("POST", GROUPS, caller.body(template, count)) == DENIED
    assert caller.servers() == {}
    policy = caller.authorize("11111111-1111-4111-8111-111111111111")
    assert caller.refused("POST", GROUPS, caller.body(template, 1)) == DENIED, "of another catalog"
    caller.do("DELETE", policy)
    caller.authorize(offer.catalog if which == "that catalog" else None)
    group = caller.group(2, template)
    assert _reasons(group) == ("healthy", [])
    servers = caller.do("GET", "/v1/instances")["instances"]
    assert {one["catalog_offering"]["version"]["crn"] for one in servers} == {offer.version}
    assert {one["image"]["id"] for one in servers} == {offer.image}
    assert caller.refused("GET", f"/v1/images/{offer.image}") == (404, "not_found", "id")
    assert offer.image not in str(caller.now(group))


def test_a_policy_that_is_removed_stops_growth_and_nothing_else(caller: Caller, offer: Offer) -> None:
    policy = caller.authorize(offer.catalog)
    group = caller.group(2, _template(caller, offer))
    caller.do("DELETE", policy)
    assert caller.now(group)["status"] == "healthy"
    group = caller.change(group, membership_count=3)
    assert _reasons(group) == ("unhealthy", ["not_authorized"])
    assert "globalcatalog-collection.instance.retrieve" in group["lifecycle_reasons"][0]["message"]
    assert list(caller.servers().values()) == ["running"] * 2
    group = caller.change(group, membership_count=1)
    assert (_reasons(group), len(caller.servers())) == (("healthy", []), 1)
    caller.change(group, membership_count=2)
    caller.authorize(offer.catalog)
    caller.app.travel(60)
    assert (_reasons(caller.now(group)), len(caller.servers())) == (("healthy", []), 2)


def test_a_lost_member_is_not_made_anew_without_the_policy(caller: Caller, offer: Offer) -> None:
    policy = caller.authorize(offer.catalog)
    group = caller.group(2, _template(caller, offer))
    caller.do("DELETE", policy)
    caller.do("DELETE", f"/v1/instances/{caller.members(group)[0]['instance']['id']}")
    caller.app.settle()
    assert (_reasons(caller.now(group)), len(caller.servers())) == (("unhealthy", ["not_authorized"]), 1)


def test_the_images_life_is_asked_at_each_growth(caller: Caller, offer: Offer) -> None:
    caller.authorize(offer.catalog)
    group = caller.group(1, _template(caller, offer))
    caller.app.do("POST", f"{offer.locator}/deprecate/true", {})
    assert caller.app.do("GET", f"/v1/images/{offer.image}")["status"] == "deprecated"
    assert _reasons(caller.change(group, membership_count=2)) == ("healthy", [])
    caller.app.travel(91 * 86_400)
    assert caller.app.do("GET", f"/v1/images/{offer.image}")["status"] == "obsolete"
    group = caller.change(group, membership_count=3)
    assert _reasons(group) == ("unhealthy", ["not_found"])
    assert list(caller.servers().values()) == ["running"] * 2


def test_sharing_that_is_withdrawn_ends_growth(caller: Caller, offer: Offer) -> None:
    caller.authorize(offer.catalog)
    group = caller.group(1, _template(caller, offer))
    caller.app.ok("owner", "DELETE", f"{offer.path}/access", [caller.app.accounts["consumer"]])
    group = caller.change(group, membership_count=2)
    assert _reasons(group) == ("unhealthy", ["not_found"])
    assert (list(caller.servers().values()), offer.image in str(group)) == (["running"], False)
    caller.app.do("POST", f"{offer.path}/access", [caller.app.accounts["consumer"]])
    approve = f"{BASE}/shareapproval/offering/access/source/approved"
    caller.do("POST", approve, [caller.app.accounts["owner"]])
    caller.app.travel(60)
    assert _reasons(caller.now(group)) == ("healthy", [])


def test_the_owner_needs_the_policy_as_anybody_does(caller: Caller, offer: Offer) -> None:
    caller.who = "owner"
    template = _template(caller, offer)
    assert caller.refused("POST", GROUPS, caller.body(template, 1)) == DENIED
    by_id = caller.template(image={"id": offer.image})
    assert caller.group(1, by_id)["status"] == "healthy", "its own image, by its own word"
    caller.authorize(offer.catalog)
    assert caller.group(1, template)["status"] == "healthy"


def test_a_group_does_not_turn_to_a_catalog_without_the_policy(caller: Caller, offer: Offer) -> None:
    caller.who = "owner"
    group = caller.group(1, caller.template(image={"id": offer.image}))
    body = {"instance_template": {"id": _template(caller, offer)["id"]}}
    assert caller.refused("PATCH", f"{GROUPS}/{group['id']}", body) == DENIED
