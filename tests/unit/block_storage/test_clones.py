"""What hangs below snapshots and volumes: clones, fitting profiles, deletion by volume, filters and order."""

from __future__ import annotations

from typing import Any

import pytest
from ibm_vpc import vpc_v1 as sdk

from fixtures.app import ABSENT, App

ZONES = ["us-south-1", "us-south-2", "us-south-3"]


@pytest.fixture
def boot_volume(app: App) -> str:
    return str(app.server_of(app.image("one")["id"])["boot_volume_attachment"]["volume"]["id"])


def data_volume(app: App) -> str:
    body = {"profile": {"name": "general-purpose"}, "zone": {"name": ZONES[0]}, "capacity": 10}
    made = app.do("POST", "/v1/volumes", body)
    app.settle()
    return str(made["id"])


def snapshot(app: App, volume_id: str, **fields: Any) -> dict[str, Any]:
    made = app.do("POST", "/v1/snapshots", {"source_volume": {"id": volume_id}, **fields})
    assert (made["lifecycle_state"], made["progress"]) == ("pending", 0)
    assert "captured_at" not in made
    app.settle()
    return look(app, made["id"])


def look(app: App, id_: str) -> dict[str, Any]:
    shown: dict[str, Any] = app.do("GET", f"/v1/snapshots/{id_}")
    sdk.Snapshot.from_dict(shown)
    return shown


def test_clones_come_and_go(app: App, boot_volume: str) -> None:
    made = snapshot(app, boot_volume, clones=[{"zone": {"name": ZONES[0]}}, {"zone": {"name": ZONES[0]}}])
    assert (made["progress"], made["lifecycle_state"]) == (100, "stable")
    assert made["captured_at"] >= made["created_at"]
    path = f"/v1/snapshots/{made['id']}/clones"
    first = sdk.SnapshotClone.from_dict(app.do("PUT", f"{path}/{ZONES[1]}"))
    assert (first.available, first.zone.name) == (True, ZONES[1])
    app.travel(60)
    again = sdk.SnapshotClone.from_dict(app.do("PUT", f"{path}/{ZONES[1]}", {"ignored": True}))
    assert again.created_at == first.created_at
    assert [one["zone"]["name"] for one in app.do("GET", path)["clones"]] == ZONES[:2]
    assert [one["zone"]["name"] for one in look(app, made["id"])["clones"]] == ZONES[:2]
    assert app.do("GET", f"{path}/{ZONES[0]}")["zone"]["name"] == ZONES[0]
    for zone, count in ((ZONES[1], 1), (ZONES[2], 0), ("*", 0)):
        assert app.do("GET", f"/v1/snapshots?clones[].zone.name={zone}")["total_count"] == count
    assert app.call("owner", "DELETE", f"{path}/{ZONES[0]}").status == 202
    for method in ("GET", "DELETE"):
        assert app.refused(method, f"{path}/{ZONES[0]}") == (404, "not_found", "zone_name")
    assert app.refused("PUT", f"{path}/eu-de-1") == (404, "not_found", "zone_name")
    body = {"source_volume": {"id": boot_volume}, "clones": [{"zone": {"name": "eu-de-1"}}]}
    assert app.refused("POST", "/v1/snapshots", body) == (400, "invalid_zone", "clones.zone")
    assert app.refused("PUT", f"{path}/{ZONES[2]}", who="viewer")[0] == 403
    assert app.refused("PUT", f"{path}/{ZONES[2]}", who="outsider")[0] == 404


def test_all_snapshots_of_a_volume_go(app: App, boot_volume: str) -> None:
    other = data_volume(app)
    for name in ("one", "two"):
        snapshot(app, boot_volume, name=name)
    kept = snapshot(app, other, name="three")
    path = f"/v1/snapshots?source_volume.id={boot_volume}"
    assert app.refused("DELETE", "/v1/snapshots")[1:] == ("validation_required_field", "source_volume.id")
    assert app.refused("DELETE", path, who="viewer")[:2] == (403, "not_authorized")
    assert app.call("outsider", "DELETE", path).status == 202, "of another account nothing is there to go"
    assert app.do("GET", path)["total_count"] == 2
    assert app.call("owner", "DELETE", path).status == 202
    app.settle()
    assert [one["id"] for one in app.do("GET", "/v1/snapshots")["snapshots"]] == [kept["id"]]
    assert app.call("owner", "DELETE", path).status == 202


def test_all_or_none(app: App, boot_volume: str) -> None:
    made = [snapshot(app, boot_volume, name=name) for name in ("one", "two")]
    app.pause()
    body = {"source_snapshot": {"id": made[0]["id"]}, "profile": {"name": "general-purpose"}}
    app.do("POST", "/v1/volumes", {**body, "zone": {"name": ZONES[0]}})
    assert app.refused("DELETE", f"/v1/snapshots?source_volume.id={boot_volume}")[:2] == (409, "invalid_state")
    assert [look(app, one["id"])["lifecycle_state"] for one in made] == ["stable", "stable"]


def test_filters_and_order(app: App, boot_volume: str) -> None:
    other = data_volume(app)
    made = {}
    for name, volume_id in (("b", boot_volume), ("c", other), ("a", boot_volume)):
        made[name] = snapshot(app, volume_id, name=name, user_tags=[f"tag:{name}", "all"])
        app.travel(1)
    image = made["a"]["source_image"]
    crn = made["c"]["source_volume"]["crn"]
    for query, found in {
        "limit=50": "acb",
        "sort=name": "abc",
        "sort=-name": "cba",
        "sort=created_at": "bca",
        "sort=-created_at": "acb",
        "tag=tag:b": "b",
        "tag=all": "acb",
        "tag=al": "",
        "name=c": "c",
        f"source_volume.id={other}": "c",
        f"source_volume.crn={crn}": "c",
        f"source_volume.crn={crn}x": "",
        "source_volume.crn=*": "",
        f"source_image.id={image['id']}": "ab",
        f"source_image.crn={image['crn']}&sort=-name": "ba",
        f"source_image.id={ABSENT}": "",
        "source_image.id=null": "c",
        "source_image.id=not:null": "ab",
        "source_image.crn=null": "c",
        "backup_policy_plan.id=x": "",
        "copies[].remote.region.name=null": "acb",
        "copies[].name=x": "",
        "source_snapshot.id=x": "",
        "snapshot_consistency_group.id=x": "",
    }.items():
        page = sdk.SnapshotCollection.from_dict(app.do("GET", f"/v1/snapshots?{query}"))
        assert "".join(one.name for one in page.snapshots) == found, query
        assert page.total_count == len(found)
    assert app.refused("GET", "/v1/snapshots?sort=size") == (400, "validation_enum", "sort")
    seen, path = "", "/v1/snapshots?sort=name&limit=1"
    while path:
        page = app.do("GET", path)
        seen += page["snapshots"][0]["name"]
        start = page.get("next", {}).get("href", "").partition("start=")[2]
        path = f"/v1/snapshots?sort=name&limit=1&start={start}" if start else ""
    assert seen == "abc"


def test_a_snapshot_says_nothing_of_a_catalog_and_keeps_its_tags(app: App, boot_volume: str) -> None:
    made = snapshot(app, boot_volume, user_tags=["one"])
    path = f"/v1/snapshots/{made['id']}"
    assert "catalog_offering" not in made
    assert app.refused("PATCH", path, {"user_tags": ["two"]}) == (400, "missing_if_match", "If-Match")
    tag = dict(app.call("owner", "GET", path).headers)[b"etag"].decode()
    assert app.do("PATCH", path, {"user_tags": ["two", "two"]}, if_match=tag)["user_tags"] == ["two"]
    assert app.call("owner", "DELETE", path, if_match=tag).status == 412
    assert app.do("PATCH", path, {"name": "renamed"})["name"] == "renamed"


def names(app: App, path: str, key: str = "instance_profiles") -> list[str]:
    page = app.do("GET", path)
    total, found = page["total_count"], [one["name"] for one in page[key]]
    while "next" in page:
        page = app.do("GET", page["next"]["href"].removeprefix("http://kunsthalle.test"))
        found += [one["name"] for one in page[key]]
    assert total == len(found)
    return found


def test_profiles_that_fit(app: App, boot_volume: str) -> None:
    made = snapshot(app, boot_volume)
    of_volume = names(app, f"/v1/volumes/{boot_volume}/instance_profiles")
    assert of_volume == names(app, f"/v1/snapshots/{made['id']}/instance_profiles") == sorted(of_volume)
    assert {"bx2-2x8", "gx3-16x80x1l4"} <= set(of_volume)
    assert "bz2-2x8" not in of_volume
    for model, path in (
        (sdk.VolumeInstanceProfileCollection, f"/v1/volumes/{boot_volume}/instance_profiles"),
        (sdk.SnapshotInstanceProfileCollection, f"/v1/snapshots/{made['id']}/instance_profiles"),
    ):
        first = model.from_dict(app.do("GET", f"{path}?limit=1"))
        assert (first.limit, first.instance_profiles[0].resource_type) == (1, "instance_profile")
        assert app.do("GET", first.instance_profiles[0].href.removeprefix("http://kunsthalle.test"))
    assert app.refused("GET", f"/v1/volumes/{data_volume(app)}/instance_profiles")[:2] == (400, "bad_field")


@pytest.mark.parametrize(
    ("expression", "fits", "not_"),
    [
        ("vcpu.count >= 8", {"bx2-8x32", "gx3-16x80x1l4"}, {"bx2-2x8"}),
        ("gpu.count > 0 && gpu.model == 'L4'", {"gx3-16x80x1l4"}, {"bx2-8x32"}),
        ("enable_secure_boot && metadata_service.protocol == 'https'", {"bx2-2x8"}, {"bz2-2x8"}),
        ("false", set(), {"bx2-2x8"}),
    ],
)
def test_profiles_that_an_image_allows(app: App, expression: str, fits: set[str], not_: set[str]) -> None:
    path = f"/v1/images/{app.image('one', allowed_use={'instance': expression})['id']}"
    found = set(names(app, f"{path}/instance_profiles"))
    assert fits <= found
    assert not not_ & found
    sdk.ImageInstanceProfileCollection.from_dict(app.do("GET", f"{path}/instance_profiles"))


def test_bare_metal_profiles_of_an_image(app: App) -> None:
    path = f"/v1/images/{app.image('one')['id']}"
    where, key = f"{path}/bare_metal_server_profiles", "bare_metal_server_profiles"
    assert "bx2-metal-96x384" in names(app, where, key)
    sdk.ImageBareMetalServerProfileCollection.from_dict(app.do("GET", where))
    app.do("PATCH", path, {"allowed_use": {"bare_metal_server": "enable_secure_boot && !enable_secure_boot"}})
    assert names(app, where, key) == []


def test_what_is_never_there(app: App, boot_volume: str) -> None:
    made = snapshot(app, boot_volume)
    for path in (f"/v1/volumes/{boot_volume}", f"/v1/snapshots/{made['id']}"):
        assert app.do("GET", f"{path}/software_attachments") == {"software_attachments": []}
        assert app.refused("GET", f"{path}/software_attachments/{ABSENT}") == (404, "not_found", "id")
    jobs = sdk.VolumeJobCollection.from_dict(app.do("GET", f"/v1/volumes/{boot_volume}/jobs"))
    assert (jobs.jobs, jobs.total_count) == ([], 0)
