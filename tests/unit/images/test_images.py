"""Images over the API: what may be said of a new one, changed later, and asked for in a list."""

from __future__ import annotations

from typing import Any

import pytest
from ibm_vpc import vpc_v1 as sdk

from fixtures.app import ABSENT, GIB, App
from fixtures.frozen_app import FrozenApp
from kunsthalle.images.states import IMAGE_STATES


def test_the_states() -> None:
    gone = {"failed", "deleting"}
    assert {old: set(new) for old, new in IMAGE_STATES.moves.items()} == {
        "pending": {"available"} | gone,
        "available": {"deprecated", "obsolete", "unusable"} | gone,
        "deprecated": {"available", "obsolete", "unusable"} | gone,
        "obsolete": {"available", "deprecated", "unusable"} | gone,
        "unusable": {"available", "deleting"},
        "failed": {"deleting"},
        "deleting": set(),
    }


def test_what_an_image_says_of_itself(app: App) -> None:
    image = sdk.Image.from_dict(app.image("one", size=11 * 2**30 + 512))
    assert (image.minimum_provisioned_size, image.file.size, image.user_data_format) == (12, 1, "cloud_init")
    assert (image.encryption, image.visibility, image.catalog_offering.managed) == ("none", "private", False)
    assert [zone.name for zone in image.zones] == ["us-south-1", "us-south-2", "us-south-3"]
    use = image.allowed_use
    assert (use.instance, use.bare_metal_server, use.api_version) == ("true", "true", "2026-10-06")


def test_the_smallest_volume_is_counted_in_whole_gb_and_has_ten(app: App) -> None:
    sizes = (2**20, 10 * GIB, 10 * GIB + 512, 250 * 10**9, 250 * GIB)
    images = [app.image(f"of-{size}", size=size) for size in sizes]
    assert [image["minimum_provisioned_size"] for image in images] == [10, 10, 11, 233, 250]


def test_what_it_may_be_used_for(app: App) -> None:
    use = {"instance": "vcpu.count >= 2 && gpu.count == 0", "api_version": "2024-02-29"}
    path = f"/v1/images/{app.image('one', allowed_use=use)['id']}"
    assert app.do("GET", path)["allowed_use"] == {**use, "bare_metal_server": "true"}
    changed = app.do("PATCH", path, {"allowed_use": {"bare_metal_server": "enable_secure_boot"}})["allowed_use"]
    assert changed == {**use, "bare_metal_server": "enable_secure_boot"}
    assert app.do("PATCH", path, {"allowed_use": {}})["allowed_use"] == changed
    assert app.do("PATCH", path, {})["allowed_use"] == changed
    for given, code, field in (
        ({"instance": "vcpu.count"}, "bad_field", "instance"),
        ({"instance": "size(vcpu)"}, "bad_field", "instance"),
        ({"bare_metal_server": "vcpu.count > 2"}, "bad_field", "bare_metal_server"),
        ({"instance": ""}, "validation_min_value", "instance"),
        ({"instance": "x" * 1_001}, "validation_max_value", "instance"),
        ({"api_version": "2018-12-31"}, "bad_field", "api_version"),
        ({"api_version": "2100-01-01"}, "bad_field", "api_version"),
        ({"api_version": "2024-2-1"}, "bad_field", "api_version"),
        ({"api_version": "20240201"}, "bad_field", "api_version"),
        ({"instance": None}, "validation_not_null", "instance"),
    ):
        assert app.refused("PATCH", path, {"allowed_use": given}) == (400, code, f"allowed_use.{field}"), given
    assert app.refused("PATCH", path, {"allowed_use": None})[1:] == ("validation_not_null", "allowed_use")
    assert app.refused("PATCH", path, {"name": None})[1:] == ("validation_not_null", "name")
    assert app.do("GET", path)["allowed_use"] == changed


def test_a_change_is_whole_or_not_at_all(app: App) -> None:
    path = f"/v1/images/{app.image('one')['id']}"
    app.image("two")
    before = app.do("GET", path)
    body = {"allowed_use": {"instance": "false"}, "deprecation_at": "2090-01-01T00:00:00Z", "name": "two"}
    assert app.refused("PATCH", path, body) == (400, "validation_unique_failed", "name")
    assert app.refused("PATCH", path, {**body, "name": "ibm-x"}) == (400, "validation_invalid_name", "name")
    assert app.do("GET", path) == before
    changed = app.do("PATCH", path, {**body, "name": "three"})
    assert (changed["name"], changed["deprecation_at"]) == ("three", "2090-01-01T00:00:00.000Z")


def test_the_tag_of_an_image(app: App) -> None:
    path = f"/v1/images/{app.image('one')['id']}"

    def tag() -> str:
        return dict(app.call("owner", "GET", path).headers)[b"etag"].decode()

    first = tag()
    app.do("PATCH", path, {"deprecation_at": "2090-01-01T00:00:00Z"}, if_match=first)
    assert tag() != first
    assert app.call("owner", "PATCH", path, {"name": "two"}, if_match=first).status == 412


def names(app: App, query: str, who: str = "owner") -> list[str]:
    page = app.ok(who, "GET", f"/v1/images?{query}")
    assert page["total_count"] == len(page["images"])
    return [image.name for image in sdk.ImageCollection.from_dict(page).images]


@pytest.fixture
def several(app: App) -> dict[str, Any]:
    made = {name: app.image(name) for name in ("one", "two", "three")}
    app.do("POST", f"/v1/images/{made['two']['id']}/deprecate")
    app.do("POST", f"/v1/images/{made['three']['id']}/obsolete")
    return made


def test_lists(app: App, several: dict[str, Any]) -> None:
    group = several["one"]["resource_group"]["id"]
    every = ["one", "three", "two"]
    for query, found in {
        "limit=50": every,
        "name=one": ["one"],
        "name=on": [],
        "status=deprecated": ["two"],
        "status=deprecated,obsolete": ["three", "two"],
        "status=deprecated&status=available": ["one", "two"],
        "status=failed": [],
        f"resource_group.id={group}": every,
        f"resource_group.id={ABSENT}": [],
        "visibility=private": every,
        "visibility=public": [],
        "user_data_format=cloud_init,ipxe": every,
        "user_data_format=ipxe": [],
        "remote.account.id=null": every,
        "remote.account.id=not:null": [],
        f"remote.account.id={app.accounts['owner']}": [],
        "owner_type=user": every,
        "owner_type=provider": [],
        "status=available&name=two": [],
        "name=one%27%20OR%201=1": [],
        "nonsense=1": every,
    }.items():
        assert sorted(names(app, query)) == found, query
    assert names(app, "limit=50", "outsider") == []


def test_pages_repeat_their_filters(app: App, several: dict[str, Any]) -> None:
    assert len(several) == 3
    first = app.do("GET", "/v1/images?limit=1&status=available,obsolete")
    assert first["total_count"] == 2
    path = first["next"]["href"].removeprefix("http://kunsthalle.test")
    answer = FrozenApp.call(app, "owner", "GET", path)  # as it stands, with its own query
    second = answer.json
    assert {image["name"] for page in (first, second) for image in page["images"]} == {"one", "three"}
    assert "next" not in second


@pytest.mark.parametrize("suffix", ["vmdk", "vhdx", "img", "ova"])
def test_a_disk_of_another_format_is_told_the_way(app: App, suffix: str) -> None:
    body = {"file": {"href": f"cos://us-south/images/disk.{suffix}"}, "operating_system": {"name": "debian-12-amd64"}}
    answer = app.call("owner", "POST", "/v1/images", body)
    (error,) = answer.json["errors"]
    assert (answer.status, error["code"]) == (400, "cos_invalid_file_extension")
    assert ".qcow2 or .vhd" in error["message"]
    assert "kunsthalle images convert" in error["message"]
