"""Who still runs a version: numbers for the owner of the offering, nothing for anybody else."""

from __future__ import annotations

from typing import Any

import pytest

from unit.catalogs.shop import Product, Shop

ABSENT = "6f6f9e0c-0b4e-4c43-9c86-3d1f4a1e5f10"


def _path(product: Product) -> str:
    return f"/_kunsthalle/offerings/{product.id}/usage"


def _used(product: Product, version: str = "") -> dict[str, Any]:
    return product.shop.api.call("GET", _path(product), status=200, version=version)


def _run(shop: Shop, crn: str, caller: str = "consumer") -> str:
    made = shop.api.server(caller=caller, catalog_offering={"version": {"crn": crn}})
    return str(made["id"])


@pytest.fixture
def product(shop: Shop) -> Product:
    """An offering with the versions 1.1.0, 1.2.0, 1.2.1 and 1.20.0, shared with the consumer, who has accepted."""
    made = shop.product("appliance")
    for number in ("1.1.0", "1.2.0", "1.2.1", "1.20.0"):
        made.published(shop.api.image(f"image-{number.replace('.', '-')}"), number)
    made.share(shop.account("consumer"))
    shop.accept()
    return made


def _crn(product: Product, number: str) -> str:
    versions = product.get()["kinds"][0]["versions"]
    return str(next(one["crn"] for one in versions if one["version"] == number))


def test_each_version_is_told_with_who_runs_it(shop: Shop, product: Product) -> None:
    servers = [_run(shop, _crn(product, "1.2.0")) for _ in range(2)]
    _run(shop, _crn(product, "1.1.0"), caller="me")
    shop.api.call("POST", f"/v1/instances/{servers[0]}/actions", {"type": "stop"}, status=201, caller="consumer")
    shop.api.settle()

    found = _used(product)
    assert [one["version"] for one in found["versions"]] == ["1.20.0", "1.2.1", "1.2.0", "1.1.0"]
    by_version = {one["version"]: one for one in found["versions"]}
    old = by_version["1.2.0"]
    assert (old["state"], old["accounts"], old["uses"]["servers"], old["uses"]["running_servers"]) == (
        "consumable",
        1,
        2,
        1,
    )
    (theirs,) = old["by_account"]
    assert (theirs["name"], theirs["owner"], theirs["uses"]) == ("consumer", False, old["uses"])
    assert [one["owner"] for one in by_version["1.1.0"]["by_account"]] == [True]
    assert by_version["1.2.1"]["by_account"] == []
    assert (found["totals"]["servers"], found["totals"]["running_servers"]) == (3, 2)
    assert shop.account("consumer") not in str(found)
    assert not [one for one in servers if one in str(found)]


@pytest.mark.parametrize(
    ("wanted", "versions"),
    [
        ("1.2", ["1.2.1", "1.2.0"]),
        ("1.2.0", ["1.2.0"]),
        ("1", ["1.20.0", "1.2.1", "1.2.0", "1.1.0"]),
        ("1.3", []),
        ("1.2.", []),
    ],
)
def test_a_version_or_its_beginning_narrows(product: Product, wanted: str, versions: list[str]) -> None:
    assert [one["version"] for one in _used(product, wanted)["versions"]] == versions


def test_templates_are_counted_by_the_version_that_they_would_boot(shop: Shop, product: Product) -> None:
    for source in ({"version": {"crn": _crn(product, "1.1.0")}}, {"offering": {"crn": product.crn}}):
        body = shop.api.homes["consumer"].prototype(catalog_offering=source)
        shop.api.call("POST", "/v1/instance/templates", body, status=201, caller="consumer")
    counted = {one["version"]: one["uses"]["templates"] for one in _used(product)["versions"]}
    assert counted == {"1.20.0": 1, "1.2.1": 0, "1.2.0": 0, "1.1.0": 1}


@pytest.mark.parametrize("caller", ["consumer", "stranger", "viewer"])
def test_nobody_else_is_told(shop: Shop, product: Product, caller: str) -> None:
    hidden = shop.api.answer("GET", _path(product), caller=caller)
    absent = shop.api.answer("GET", f"/_kunsthalle/offerings/{ABSENT}/usage", caller=caller)
    assert absent.status_code == 404
    assert hidden.status_code == (404 if caller == "stranger" else 403)
    assert "uses" not in hidden.text
