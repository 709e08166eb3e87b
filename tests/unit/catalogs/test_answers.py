"""Answers of Catalog Management as clients of other people need them: the Terraform provider, and the SDKs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fixtures.worlds import holding
from kunsthalle.authz.permissions import Attribute, Grants
from kunsthalle.authz.roles import EDITOR, VIEWER
from unit.catalogs.shop import BASE, Edition, Product, Shop
from unit.instances.api_in_process import Api

SYSTEM = {"name": "debian-12-amd64", "architecture": "amd64", "vendor": "Debian"}
AT = "/kinds/0/versions/0"
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def product(shop: Shop) -> Product:
    return shop.product()


def _import(product: Product, metadata: dict[str, Any]) -> dict[str, Any]:
    body = {"target_kinds": ["vpc-x86"], "version": "1.0.0", "metadata": metadata}
    made = product.shop.api.call("POST", f"{product.path}/version", body, status=201)
    version: dict[str, Any] = made["kinds"][0]["versions"][0]
    return version


def _images(api: Api) -> list[dict[str, Any]]:
    return [{"id": api.image("debian").id, "name": "debian", "region": "us-south"}]


def test_metadata_nests_what_the_import_sent_and_shows_nothing_that_terraform_cannot_read(product: Product) -> None:
    images = _images(product.shop.api)
    sent = {
        "operating_system": {**SYSTEM, "colour": "red"},
        "file": {"size": 1},
        "minimum_provisioned_size": 1,
        "images": images,
        "usage": "web",
        "colour": "red",
    }
    shown = _import(product, sent)["metadata"]
    nested = {"operating_system": SYSTEM, "file": {"size": 1}, "minimum_provisioned_size": 1, "images": images}
    assert shown == {"usage": "web", "vsi_vpc": nested}


def test_an_import_may_send_the_nested_form(product: Product) -> None:
    images = _images(product.shop.api)
    assert _import(product, {"vsi_vpc": {"images": images}})["metadata"] == {"vsi_vpc": {"images": images}}
    assert product.shop.api.call("GET", f"/v1/images/{images[0]['id']}", status=200)["catalog_offering"]["managed"]


@pytest.mark.parametrize("where", ["metadata", "metadata/vsi_vpc"])
def test_a_patch_may_name_both_forms(product: Product, where: str) -> None:
    api = product.shop.api
    edition = product.version(api.image("debian"))
    other = {"id": api.image("other").id, "name": "other", "region": "us-south"}
    operations = [
        {"op": "replace", "path": f"{AT}/{where}/images", "value": [other]},
        {"op": "add", "path": f"{AT}/{where}/minimum_provisioned_size", "value": 2},
        {"op": "add", "path": f"{AT}/metadata/usage", "value": "web"},
    ]
    shown = _patch(edition, product, operations)
    assert shown == {"usage": "web", "vsi_vpc": {"images": [other], "minimum_provisioned_size": 2}}
    assert edition.image_now["catalog_offering"]["managed"] is False


@pytest.mark.parametrize("nested", [False, True])
def test_a_patch_may_put_metadata_in_both_forms(product: Product, nested: bool) -> None:
    api = product.shop.api
    edition = product.version(api.image("debian"))
    other = [{"id": api.image("other").id, "name": "other", "region": "us-south"}]
    value = {"vsi_vpc": {"images": other}} if nested else {"images": other}
    operations = [{"op": "replace", "path": f"{AT}/metadata", "value": {**value, "usage": "web"}}]
    assert _patch(edition, product, operations) == {"usage": "web", "vsi_vpc": {"images": other}}


def _patch(edition: Edition, product: Product, operations: list[dict[str, Any]]) -> Any:
    rev = product.get()["_rev"]
    answer = product.shop.api.answer("PATCH", edition.path, operations, if_match=f'"{rev}"')
    assert answer.status_code == 200, answer.text
    return answer.json()["kinds"][0]["versions"][0]["metadata"]


def test_computed_blocks_are_always_answered(product: Product) -> None:
    edition = product.version(product.shop.api.image("debian"))
    assert all(isinstance(product.get()[name], dict) for name in ("rating", "provider_info", "repo_info", "support"))
    assert all(isinstance(edition.get()[name], dict) for name in ("entitlement", "solution_info"))
    assert product.shop.api.call("GET", product.shop.path, status=200)["catalog_filters"] == {}
    assert product.shop.api.call("GET", f"{BASE}/catalogaccount", status=200)["terraform_engines"] == []


def test_an_offering_may_be_shared_from_its_creation_on_by_those_who_may_share(shop: Shop) -> None:
    api, path = shop.api, f"{shop.path}/offerings"
    made = api.call("POST", path, {"name": "shared", "share_enabled": True}, status=201)
    assert (made["share_enabled"], api.call("GET", path, status=200)["resources"][0]["share_enabled"]) == (True, True)
    api.callers["editor"] = holding(api.callers["me"], EDITOR, [])
    api.call("POST", path, {"name": "other", "share_enabled": True}, status=403, caller="editor")
    assert api.call("POST", path, {"name": "other"}, status=201, caller="editor")["share_enabled"] is False


@pytest.mark.parametrize(("kind", "shown"), [(None, None), ("offering", "offering"), ("vpe", "vpe")])
def test_a_catalog_shows_its_kind_where_it_was_sent(api: Api, kind: str | None, shown: str | None) -> None:
    body = {"label": "shop"} if kind is None else {"label": "shop", "kind": kind}
    made = api.call("POST", f"{BASE}/catalogs", body, status=201)
    got = api.call("GET", f"{BASE}/catalogs/{made['id']}", status=200)
    assert (made.get("kind"), got.get("kind")) == (shown, shown)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/versions/bogus"),
        ("GET", f"/versions/{NOWHERE}.{NOWHERE}"),
        ("DELETE", "/versions/bogus"),
        ("POST", "/versions/bogus/suspend"),
        ("GET", "/plans/bogus"),
    ],
)
def test_what_is_no_locator_is_not_found(shop: Shop, method: str, path: str) -> None:
    assert shop.api.code(method, f"{BASE}{path}", status=404)[0] == "not_found"


@pytest.mark.parametrize("tail", ["audit", "audits", "access", "accessv1"])
def test_what_is_told_of_an_absent_object_is_empty(shop: Shop, tail: str) -> None:
    path = f"{shop.path}/objects/{NOWHERE}/{tail}"
    answer = shop.api.call("GET", path, status=200)
    assert [value for value in answer.values() if isinstance(value, list)] == [[]]
    shop.api.call("GET", path, status=404, caller="consumer")
    shop.api.call("GET", path, status=403, caller="viewer")


def test_a_body_that_is_wrong_is_refused_before_its_revision(product: Product) -> None:
    api = product.shop.api
    edition = product.version(api.image("debian"))
    wrong = {"kinds": [{"versions": [{"tags": "not a list"}]}]}
    for rev in ({}, {"_rev": "1-stale"}):
        api.call("PUT", edition.path, {**wrong, **rev}, status=400)
        api.call("PUT", product.path, {"name": "", **rev}, status=400)
        api.call("PUT", product.shop.path, {"label": "", **rev}, status=400)
        api.call("PUT", f"{BASE}/catalogaccount", {"region_filter": 3, **rev}, status=400)
    api.call("PUT", edition.path, {"kinds": [{"versions": [{}]}]}, status=409)


def test_an_offering_instance_shows_the_cluster_that_was_sent(product: Product) -> None:
    """The provider of Terraform demands one, and plans a change for ever where it is not answered."""
    api, path = product.shop.api, f"{BASE}/instances/offerings"
    product.published(api.image("debian"))
    cluster = {
        "cluster_id": "none",
        "cluster_region": "us-south",
        "cluster_namespaces": ["default"],
        "cluster_all_namespaces": False,
        "schematics_workspace_id": "workspace",
    }
    made = api.call("POST", path, {"offering_id": product.id, **cluster}, status=201)
    shown = api.call("GET", f"{path}/{made['id']}", status=200)
    assert {name: shown.get(name) for name in cluster} == cluster
    api.call("PUT", f"{path}/{made['id']}", {"label": "other"}, status=200)
    replaced = api.call("GET", f"{path}/{made['id']}", status=200)
    assert [name for name in cluster if name in replaced] == []
    assert api.code("POST", path, {"offering_id": product.id, "cluster_id": 1}, status=400)[1] == "cluster_id"


def test_a_version_without_a_text_is_told_of_by_its_number(product: Product) -> None:
    edition = product.version(product.shop.api.image("debian"), "3.1.4")
    answer = product.shop.api.answer("GET", f"{edition.path}/about")
    assert (answer.status_code, answer.text) == (200, "Version 3.1.4\n")


def test_without_a_role_the_own_account_is_refused_and_others_see_nothing(product: Product) -> None:
    api, shop = product.shop.api, product.shop
    edition = product.version(api.image("debian"))
    preset = api.call("POST", f"{shop.path}/objects", {"name": "preset"}, status=201)["id"]
    me = api.callers["me"]
    api.callers["nobody"] = dataclasses.replace(me, grants=Grants(me.account_id, ()))
    paths = (
        shop.path,
        product.path,
        edition.path,
        f"{shop.path}/objects/{preset}",
        f"{shop.path}/objects/{preset}/access",
        f"{shop.path}/offerings",
        f"{shop.path}/audits",
    )
    for path in paths:
        assert api.code("GET", path, status=403, caller="nobody")[0] == "forbidden", path
        assert api.code("GET", path, status=404, caller="consumer")[0] == "not_found", path
    assert api.code("GET", f"{BASE}/catalogs/{NOWHERE}", status=404, caller="nobody")[0] == "not_found"
    elsewhere = product.path.replace(shop.catalog, NOWHERE)
    for path in (elsewhere, f"{elsewhere}/access", f"{elsewhere}/stats"):
        assert api.code("GET", path, status=404, caller="nobody")[0] == "not_found", path
    api.call("POST", f"{BASE}/catalogs", {"label": "x"}, status=403, caller="nobody")
    assert api.call("GET", f"{BASE}/catalogs", status=200, caller="nobody")["resources"] == []


def test_a_role_on_another_catalog_is_no_role_on_this_one(product: Product) -> None:
    api = product.shop.api
    other = api.call("POST", f"{BASE}/catalogs", {"label": "other"}, status=201)["id"]
    for role in (VIEWER, EDITOR):
        api.callers["narrow"] = holding(api.callers["me"], role, [Attribute("serviceInstance", other)])
        api.call("GET", f"{BASE}/catalogs/{other}", status=200, caller="narrow")
        api.call("GET", product.path, status=403, caller="narrow")


def test_a_deleted_catalog_is_gone_for_those_without_a_role_too(product: Product) -> None:
    api = product.shop.api
    me = api.callers["me"]
    api.callers["nobody"] = dataclasses.replace(me, grants=Grants(me.account_id, ()))
    api.call("DELETE", product.shop.path, status=200)
    assert api.code("GET", product.path, status=404, caller="nobody")[0] == "not_found"


def test_answers_have_what_the_sdks_have_room_for(product: Product) -> None:
    api, shop = product.shop.api, product.shop
    edition = product.version(api.image("debian"), "2.0.0")
    notice = {"update": [{"title": "new kernel"}], "rumour": []}
    rev = api.call("GET", edition.path, status=200)["_rev"]
    patch = [{"op": "add", "path": f"{AT}/change_notices", "value": notice}]
    assert api.answer("PATCH", edition.path, patch, if_match=f'"{rev}"').status_code == 200
    shown = api.call("GET", f"{product.path}/changeNotices", status=200, kind="vsi-image")
    known = {"version_locator": edition.path.rsplit("/", 1)[1], "version": "2.0.0", "update": notice["update"]}
    assert (shown["has_update"], shown["change_notices"]) == (True, [known])
    dependant = api.call("GET", f"{edition.path}/dependencies", status=200)["version"]
    assert set(dependant) == {"account_id", "catalog_id", "offering_id", "version_id", "version"}
    assert set(api.call("GET", f"{product.path}/stats", status=200)) == {"target_type", "id", "stats"}
    asked = api.call("POST", f"{BASE}/shareapproval/offering/access", [shop.account("consumer")], status=201)
    answered = f"{BASE}/shareapproval/offering/access/source/approved"
    assert asked == {"errors": {}}
    assert api.call("POST", answered, [shop.account("me")], status=201, caller="consumer") == asked
