"""Profiles: the tables against what public ones say, what the API answers, and what fits an image of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ibm_vpc import vpc_v1 as sdk

from kunsthalle.images.compatible_profiles import Wanted
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.instances import schemas_instance_profiles
from kunsthalle.instances.bare_metal.bare_metal_profiles import BARE_METAL_PROFILES
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES
from kunsthalle.instances.profile_matching import Fitting
from kunsthalle.instances.profile_table import SHARES
from unit.instances.api_in_process import Api

SAID = [
    line.split("|")
    for line in Path(__file__).with_name("profiles.txt").read_text().splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("name", "gigabits", "disks", "interfaces"), SAID, ids=[row[0] for row in SAID])
def test_each_profile_is_as_public_tables_say(name: str, gigabits: str, disks: str, interfaces: str) -> None:
    profile = INSTANCE_PROFILES[name]
    vcpus, memory = name.split("-")[1].split("x")[:2]
    assert (profile.vcpus, profile.memory) == (int(vcpus), int(memory))
    assert profile.bandwidth == int(gigabits) * 1_000
    assert profile.volume_bandwidth * 4 == profile.bandwidth
    assert profile.disks == ((0, 0) if disks == "-" else tuple(int(one) for one in disks.split("x")))
    assert profile.interfaces == int(interfaces)


def test_what_follows_from_names() -> None:
    by_name = INSTANCE_PROFILES
    assert by_name["bz2-2x8"].architecture == by_name["mz2e-2x16"].architecture == "s390x"
    makers = {name: by_name[name].manufacturer for name in ("bz2-2x8", "bx2-2x8", "bx2a-2x8", "bxf-2x8")}
    assert makers == {"bz2-2x8": "ibm", "bx2-2x8": "intel", "bx2a-2x8": "amd", "bxf-2x8": "unassigned"}
    assert {one.name for one in by_name.values() if len(one.confidential) > 1} == {
        name for name in by_name if "x3dc-" in name
    }
    assert {name: by_name[name].status for name in ("bx2-2x8", "bx3d-2x10", "bxf-2x8", "bz2-2x8", "ox2-2x16")} == {
        "bx2-2x8": "previous",
        "bx3d-2x10": "current",
        "bxf-2x8": "current",
        "bz2-2x8": "current",
        "ox2-2x16": "current",
    }
    assert (by_name["bx3d-24x120"].numa, by_name["bx3d-32x160"].numa, by_name["bx2-2x8"].numa) == (1, 2, None)
    gpu = by_name["gx3d-160x1792x8h200"].gpu
    assert gpu is not None
    assert (gpu.count, gpu.manufacturer, gpu.model, gpu.memory) == (8, "nvidia", "H200", 8 * 141)
    assert SHARES.keys() <= by_name.keys()
    assert by_name["nxf-1x4"].percentages == (25, 50, 100)


def test_the_list_pages_and_the_sdk_reads_every_one(idle: Api) -> None:
    found: list[Any] = []
    start: dict[str, str] | None = {}
    while start is not None:
        page = idle.call("GET", "/v1/instance/profiles", status=200, limit="100", **start)
        found += [sdk.InstanceProfile.from_dict(one) for one in page["profiles"]]
        following = parse_qs(urlsplit(page["next"]["href"]).query)["start"][0] if "next" in page else None
        start = None if following is None else {"start": following}
    assert [one.name for one in found] == sorted(INSTANCE_PROFILES)
    for one in found:
        again = idle.call("GET", f"/v1/instance/profiles/{one.name}", status=200)
        assert sdk.InstanceProfile.from_dict(again) == one


def test_clients_of_older_versions_get_all_at_once(idle: Api) -> None:
    for version, expected in (("2026-04-06", len(INSTANCE_PROFILES)), ("2026-04-07", 50)):
        page = idle.call("GET", "/v1/instance/profiles", status=200, version=version)
        assert (len(page["profiles"]), page["total_count"]) == (expected, len(INSTANCE_PROFILES))
        assert ("next" in page) == (expected == 50)


def test_a_profile_is_put_into_words_once_for_each_name_of_the_server(idle: Api) -> None:
    idle.call("GET", "/v1/instance/profiles", status=200, limit="100")
    before = schemas_instance_profiles._wire.cache_info().misses
    idle.call("GET", "/v1/instance/profiles", status=200, limit="100")
    assert schemas_instance_profiles._wire.cache_info().misses == before


@pytest.mark.parametrize(
    ("system", "expression", "expected"),
    [
        ("debian-12-amd64", "true", lambda one: one.architecture == "amd64"),
        ("sles-15-s390x", "true", lambda one: one.architecture == "s390x"),
        ("debian-12-amd64", "gpu.count >= 2", lambda one: one.gpu is not None and one.gpu.count >= 2),
        ("debian-12-amd64", 'gpu.manufacturer == "amd"', lambda one: one.name == "gx3d-208x1792x8mi300x"),
        ("debian-12-amd64", 'gpu.model in ["H100", "H200"]', lambda one: one.name.endswith(("8h100", "8h200"))),
        ("debian-12-amd64", "gpu.memory > 1000", lambda one: one.gpu is not None and one.gpu.memory > 1_000),
        ("debian-12-amd64", "vcpu.count == 228", lambda one: one.name == "bx2a-228x912"),
        ("sles-15-s390x", "enable_secure_boot", lambda _one: False),
        ("debian-12-amd64", "enable_secure_boot && gpu.count > 0", lambda _one: False),
        ("esxi-7", "true", lambda _one: False),
    ],
)
def test_which_profiles_go_with_an_image(system: str, expression: str, expected: Any) -> None:
    found = Fitting().instance(Wanted(OPERATING_SYSTEMS[system], expression, managed=False))
    assert sorted(found) == sorted(one.name for one in INSTANCE_PROFILES.values() if expected(one))


def test_a_server_is_what_its_profile_says(idle: Api) -> None:
    body = idle.home.prototype(image={"id": idle.image().id}, profile={"name": "ox2-8x64"})
    made = idle.call("POST", "/v1/instances", body, status=201)
    assert (made["vcpu"]["count"], made["memory"], made["bandwidth"]) == (8, 64, 16_000)
    assert [(one["name"], one["size"], one["interface_type"]) for one in made["disks"]] == [
        ("instance-disk-1", 1_200, "virtio_blk"),
        ("instance-disk-2", 1_200, "virtio_blk"),
    ]
    assert len({one["id"] for one in made["disks"]}) == 2
    second = f"/v1/instances/{made['id']}/disks/{made['disks'][1]['id']}"
    assert idle.call("PATCH", second, {"name": "scratch"}, status=200)["name"] == "scratch"
    assert idle.call("GET", second, status=200)["name"] == "scratch"
    again = idle.call("GET", f"/v1/instances/{made['id']}", status=200)
    assert [one["name"] for one in again["disks"]] == ["instance-disk-1", "scratch"]
    assert idle.answer("PATCH", second, {"name": "instance-disk-1"}).status_code == 400


def test_confidential_servers_and_accelerators(idle: Api) -> None:
    image = {"id": idle.image().id}
    for profile, asked, status in (
        ("bx3dc-2x10", {"confidential_compute_mode": "tdx"}, 201),
        ("bx3d-2x10", {"confidential_compute_mode": "tdx"}, 400),
        ("bx3d-2x10", {"enable_secure_boot": True}, 201),
        ("gx3-16x80x1l4", {"enable_secure_boot": True}, 400),
    ):
        body = idle.home.prototype(image=image, profile={"name": profile}, **asked)
        made = idle.call("POST", "/v1/instances", body, status=status)
        if status == 201:
            assert asked.items() <= made.items()


def test_small_flexible_servers_have_one_interface(idle: Api) -> None:
    image, subnet = {"id": idle.image().id}, {"subnet": {"id": idle.home.subnet.id}}
    for profile, more, status in (("bxf-2x8", 1, 400), ("bxf-8x32", 1, 201), ("bxf-8x32", 2, 400)):
        named = {"profile": {"name": profile}, "network_interfaces": [subnet] * more}
        body = idle.home.prototype(image=image, **named)
        idle.call("POST", "/v1/instances", body, status=status)


def test_bare_metal_profiles(idle: Api) -> None:
    assert {"bx2-metal-96x384", "bx2d-metal-192x768", "mx3d-metal-128x1024", "ux3-metal-16x512"} <= set(
        BARE_METAL_PROFILES
    )
    largest, smallest = BARE_METAL_PROFILES["bx2d-metal-192x768"], BARE_METAL_PROFILES["cx3-metal-48x128"]
    assert (largest.cores, largest.sockets, largest.bandwidth) == (96, 4, 100_000)
    assert [(one.quantity, one.size, one.interface) for one in largest.disks] == [(1, 960, "sata"), (16, 3_200, "nvme")]
    assert (smallest.cores, smallest.sockets, smallest.bandwidth, smallest.family) == (24, 2, 200_000, "compute")


def test_an_unknown_profile_is_refused_with_names_that_are_close(idle: Api) -> None:
    body = idle.home.prototype(image={"id": idle.image().id}, profile={"name": "bx2-16x46"})
    for answer, status, target in (
        (idle.answer("POST", "/v1/instances", body), 400, "profile"),
        (idle.answer("GET", "/v1/instance/profiles/bx2-16x46"), 404, "name"),
    ):
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["target"]["name"]) == (status, target)
        assert "Similar names are: bx2-16x64" in error["message"]
