"""The plan that an instance names must be a published one of the offering that boots."""

from __future__ import annotations

from typing import Any

import pytest

from unit.catalogs.shop import BASE, Edition, Product, Shop

PLAN = "catalog_offering.plan.crn"


@pytest.fixture
def product(shop: Shop) -> Product:
    return shop.product()


@pytest.fixture
def edition(shop: Shop, product: Product) -> Edition:
    """A published version, shared with and accepted by `consumer`."""
    edition = product.published(shop.api.image("debian"))
    product.share(shop.account("consumer"))
    shop.accept()
    return edition


def _plan(product: Product, name: str = "hourly", *, published: bool = True) -> str:
    """Add a plan through the offering's document and return its CRN."""
    api = product.shop.api
    answer = api.answer("PUT", product.path, {**product.get(), "plans": [{"name": name}]})
    assert answer.status_code == 200, answer.text
    plan = next(plan for plan in answer.json()["plans"] if plan["name"] == name)
    if published:
        locator = plan["crn"].rsplit(":", 1)[-1]
        api.call("POST", f"{BASE}/plans/{locator}/consume-publish", status=202)
    return str(plan["crn"])


def _source(edition: Edition, plan: str) -> dict[str, Any]:
    return {"version": {"crn": edition.crn}, "plan": {"crn": plan}}


def _refusal(edition: Edition, plan: str, status: int, path: str = "/v1/instances") -> tuple[str, str | None]:
    api = edition.shop.api
    body = api.homes["consumer"].prototype(catalog_offering=_source(edition, plan))
    return api.code("POST", path, body, status=status, caller="consumer")


@pytest.mark.parametrize("by", ["version", "offering"])
def test_a_published_plan_of_the_offering_is_kept(shop: Shop, product: Product, edition: Edition, by: str) -> None:
    plan = _plan(product)
    crn = edition.crn if by == "version" else product.crn
    source = {by: {"crn": crn}, "plan": {"crn": plan}}
    instance = shop.api.server(caller="consumer", catalog_offering=source)
    assert instance["catalog_offering"] == {"version": {"crn": edition.crn}, "plan": {"crn": plan}}


def test_what_is_no_plan_is_refused(edition: Edition) -> None:
    for crn in ("nonsense", edition.image.crn, edition.crn):
        assert _refusal(edition, crn, 400) == ("bad_field", PLAN)


def test_a_plan_that_is_unknown_unpublished_or_hidden_is_not_found(
    shop: Shop, product: Product, edition: Edition
) -> None:
    plan, other = _plan(product), shop.product("other")
    unknown = plan[:-12] + "0" * 12
    account = plan.replace(shop.account("me"), shop.account("consumer"))
    for crn in (unknown, account, _plan(product, "new", published=False), _plan(other)):
        assert _refusal(edition, crn, 404) == ("not_found", PLAN)


def test_a_plan_of_another_offering_is_refused(shop: Shop, edition: Edition) -> None:
    other = shop.product("other")
    other.published(shop.api.image("other"))
    other.share(shop.account("consumer"))
    plan = _plan(other)
    for path in ("/v1/instances", "/v1/instance/templates"):
        assert _refusal(edition, plan, 400, path) == ("bad_field", PLAN)


def test_a_template_keeps_no_plan_that_is_unknown(product: Product, edition: Edition) -> None:
    unknown = _plan(product)[:-12] + "0" * 12
    assert _refusal(edition, unknown, 404, "/v1/instance/templates") == ("not_found", PLAN)
