"""Instance groups of a catalog's image: whether they may is asked at the creation and at every growth (R9)."""

from __future__ import annotations

import pytest

from unit.instances.crowd import BASE, GROUPS, Crowd, Offer

DENIED = (403, "not_authorized", None)


@pytest.fixture
def offer(crowd: Crowd) -> Offer:
    return crowd.offer()


def _template(crowd: Crowd, offer: Offer) -> dict[str, object]:
    return crowd.template(catalog_offering={"version": {"crn": offer.version}})


def _reasons(group: dict[str, object]) -> tuple[object, list[str]]:
    return group["status"], [one["code"] for one in group["lifecycle_reasons"]]  # type: ignore[attr-defined]  # a list


@pytest.mark.parametrize("which", ["that catalog", "all catalogs"])
def test_without_the_policy_there_is_no_group(crowd: Crowd, offer: Offer, which: str) -> None:
    template = _template(crowd, offer)
    for count in (0, 1):
        assert crowd.refused("POST", GROUPS, crowd.body(template, count)) == DENIED
    assert crowd.servers() == {}
    policy = crowd.authorize("11111111-1111-4111-8111-111111111111")
    assert crowd.refused("POST", GROUPS, crowd.body(template, 1)) == DENIED, "of another catalog"
    crowd.do("DELETE", policy)
    crowd.authorize(offer.catalog if which == "that catalog" else None)
    group = crowd.group(2, template)
    assert _reasons(group) == ("healthy", [])
    servers = crowd.do("GET", "/v1/instances")["instances"]
    assert {one["catalog_offering"]["version"]["crn"] for one in servers} == {offer.version}
    assert {one["image"]["id"] for one in servers} == {offer.image}
    assert crowd.refused("GET", f"/v1/images/{offer.image}") == (404, "not_found", "id")
    assert offer.image not in str(crowd.now(group))


def test_a_policy_that_is_removed_stops_growth_and_nothing_else(crowd: Crowd, offer: Offer) -> None:
    policy = crowd.authorize(offer.catalog)
    group = crowd.group(2, _template(crowd, offer))
    crowd.do("DELETE", policy)
    assert crowd.now(group)["status"] == "healthy"
    group = crowd.change(group, membership_count=3)
    assert _reasons(group) == ("unhealthy", ["not_authorized"])
    assert "globalcatalog-collection.instance.retrieve" in group["lifecycle_reasons"][0]["message"]
    assert list(crowd.servers().values()) == ["running"] * 2
    group = crowd.change(group, membership_count=1)
    assert (_reasons(group), len(crowd.servers())) == (("healthy", []), 1)
    crowd.change(group, membership_count=2)
    crowd.authorize(offer.catalog)
    crowd.app.travel(60)
    assert (_reasons(crowd.now(group)), len(crowd.servers())) == (("healthy", []), 2)


def test_a_lost_member_is_not_made_anew_without_the_policy(crowd: Crowd, offer: Offer) -> None:
    policy = crowd.authorize(offer.catalog)
    group = crowd.group(2, _template(crowd, offer))
    crowd.do("DELETE", policy)
    crowd.do("DELETE", f"/v1/instances/{crowd.members(group)[0]['instance']['id']}")
    crowd.app.settle()
    assert (_reasons(crowd.now(group)), len(crowd.servers())) == (("unhealthy", ["not_authorized"]), 1)


def test_the_images_life_is_asked_at_each_growth(crowd: Crowd, offer: Offer) -> None:
    crowd.authorize(offer.catalog)
    group = crowd.group(1, _template(crowd, offer))
    crowd.app.do("POST", f"{offer.locator}/deprecate/true", {})
    assert crowd.app.do("GET", f"/v1/images/{offer.image}")["status"] == "deprecated"
    assert _reasons(crowd.change(group, membership_count=2)) == ("healthy", [])
    crowd.app.travel(91 * 86_400)
    assert crowd.app.do("GET", f"/v1/images/{offer.image}")["status"] == "obsolete"
    group = crowd.change(group, membership_count=3)
    assert _reasons(group) == ("unhealthy", ["not_found"])
    assert list(crowd.servers().values()) == ["running"] * 2


def test_sharing_that_is_withdrawn_ends_growth(crowd: Crowd, offer: Offer) -> None:
    crowd.authorize(offer.catalog)
    group = crowd.group(1, _template(crowd, offer))
    crowd.app.ok("owner", "DELETE", f"{offer.path}/access", [crowd.app.accounts["consumer"]])
    group = crowd.change(group, membership_count=2)
    assert _reasons(group) == ("unhealthy", ["not_found"])
    assert (list(crowd.servers().values()), offer.image in str(group)) == (["running"], False)
    crowd.app.do("POST", f"{offer.path}/access", [crowd.app.accounts["consumer"]])
    approve = f"{BASE}/shareapproval/offering/access/source/approved"
    crowd.do("POST", approve, [crowd.app.accounts["owner"]])
    crowd.app.travel(60)
    assert _reasons(crowd.now(group)) == ("healthy", [])


def test_the_owner_needs_the_policy_as_anybody_does(crowd: Crowd, offer: Offer) -> None:
    crowd.who = "owner"
    template = _template(crowd, offer)
    assert crowd.refused("POST", GROUPS, crowd.body(template, 1)) == DENIED
    by_id = crowd.template(image={"id": offer.image})
    assert crowd.group(1, by_id)["status"] == "healthy", "its own image, by its own word"
    crowd.authorize(offer.catalog)
    assert crowd.group(1, template)["status"] == "healthy"


def test_a_group_does_not_turn_to_a_catalog_without_the_policy(crowd: Crowd, offer: Offer) -> None:
    crowd.who = "owner"
    group = crowd.group(1, crowd.template(image={"id": offer.image}))
    body = {"instance_template": {"id": _template(crowd, offer)["id"]}}
    assert crowd.refused("PATCH", f"{GROUPS}/{group['id']}", body) == DENIED
