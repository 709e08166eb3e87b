"""What servers are given at their start, and what changes while they are stopped: profile, options, everything."""

from __future__ import annotations

from typing import Any

import ibm_vpc.vpc_v1 as sdk
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixtures.worlds import World
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find
from kunsthalle.iam.resources import PROFILE
from kunsthalle.iam.trusted_profiles import create_profile, links_of
from kunsthalle.networks.service import create_key
from unit.instances.cloud import Cloud

WINDOWS = "windows-2022-amd64"


@pytest.fixture
def world(both: World) -> World:
    """On each engine."""
    return both


def initialization(cloud: Cloud, server: dict[str, Any]) -> Any:
    shown = cloud.call("GET", f"/v1/instances/{server['id']}/initialization", status=200)
    return sdk.InstanceInitialization.from_dict(shown)


def make(cloud: Cloud, status: int = 201, **more: Any) -> dict[str, Any]:
    return cloud.call("POST", "/v1/instances", cloud.home.prototype(**more), status=status)


def test_the_password_of_a_windows_server_is_known_to_the_keys_owner_alone(still: Cloud) -> None:
    private = generate_private_key(65537, 2048)
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    key = still.world.write(still.home.ctx, create_key, "windows", public)
    image = {"id": still.image("windows", operating_system=WINDOWS).id}
    keys = [{"id": still.home.key.id}, {"id": key.id}]
    first, second = (initialization(still, make(still, image=image, keys=keys)) for _ in range(2))
    assert first.password.encryption_key.fingerprint == key.fingerprint
    words = [private.decrypt(one.password.encrypted_password, PKCS1v15()) for one in (first, second)]
    assert words[0] != words[1]
    assert all(len(word) >= 24 for word in words)
    assert not any(word.decode() in repr(one) for word in words for one in (first, second))
    assert still.code("POST", "/v1/instances", still.home.prototype(image=image), status=400) == ("bad_field", "keys")
    assert initialization(still, make(still, image={"id": still.image("linux").id}, keys=keys)).password is None


def profile(cloud: Cloud, caller: str = "me") -> str:
    return cloud.world.write(cloud.homes[caller].ctx, lambda session: create_profile(session, "servers").id)


def links(cloud: Cloud, id_: str) -> list[dict[str, str]]:
    def read(session: Session) -> list[dict[str, str]]:
        return [link.link for link in links_of(session, find(session, PROFILE, id_))]

    return cloud.world.read(cloud.home.ctx, read)


def test_a_trusted_profile_is_linked_to_its_server_as_long_as_that_is_there(cloud: Cloud) -> None:
    id_ = profile(cloud)
    server = cloud.server(image={"id": cloud.image().id}, default_trusted_profile={"target": {"id": id_}})
    shown = initialization(cloud, server).default_trusted_profile
    assert (shown.auto_link, shown.target.id, shown.target.resource_type) == (True, id_, "trusted_profile")
    assert [one["crn"] for one in links(cloud, id_)] == [server["crn"]]
    other = cloud.server(
        image={"id": cloud.image("other").id},
        default_trusted_profile={"target": {"crn": shown.target.crn}, "auto_link": False},
    )
    assert initialization(cloud, other).default_trusted_profile.auto_link is False
    assert len(links(cloud, id_)) == 1
    cloud.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    cloud.settle()
    assert links(cloud, id_) == []


def test_another_accounts_profile_is_none(still: Cloud) -> None:
    theirs = profile(still, "stranger")
    body = still.home.prototype(image={"id": still.image().id}, default_trusted_profile={"target": {"id": theirs}})
    for path in ("/v1/instances", "/v1/instance/templates"):
        assert still.code("POST", path, body, status=404) == ("not_found", "default_trusted_profile.target")


def stopped(cloud: Cloud, **more: Any) -> dict[str, Any]:
    server = cloud.server(image={"id": cloud.image().id}, **more)
    cloud.act(server["id"], "stop")
    return server


def test_a_stopped_server_gets_another_profile(cloud: Cloud) -> None:
    server = cloud.server(image={"id": cloud.image().id})
    path, larger = f"/v1/instances/{server['id']}", {"profile": {"name": "bx2d-4x16"}}
    assert cloud.code("PATCH", path, larger, status=409) == ("invalid_state", "profile")
    assert cloud.call("PATCH", path, {"profile": {"name": "bx2-2x8"}}, status=200) == server
    cloud.act(server["id"], "stop")
    changed = sdk.Instance.from_dict(cloud.call("PATCH", path, larger, status=200))
    assert (changed.profile.name, changed.vcpu.count, changed.memory) == ("bx2d-4x16", 4, 16)
    assert changed.disks[0].size == 150
    assert cloud.code("PATCH", path, {"profile": {"name": "bz2-2x8"}}, status=400) == ("bad_field", "profile")
    assert cloud.code("PATCH", path, {"profile": {"name": "none"}}, status=400) == ("bad_field", "profile")
    disk = f"{path}/disks/{changed.disks[0].id}"
    assert cloud.call("PATCH", disk, {"name": "scratch"}, status=200)["name"] == "scratch"
    assert cloud.call("GET", f"{path}/disks", status=200)["disks"][0]["name"] == "scratch"
    cloud.act(server["id"], "start")
    assert cloud.state(server["id"]) == "running"


def test_some_options_change_while_the_server_is_stopped(cloud: Cloud) -> None:
    server = cloud.server(image={"id": cloud.image().id}, profile={"name": "bxf-2x8"}, vcpu={"percentage": 50})
    assert (server["vcpu"]["percentage"], server["reservation_affinity"]["policy"]) == (50, "disabled")
    path, whole = f"/v1/instances/{server['id']}", {"vcpu": {"percentage": 100}}
    assert cloud.code("PATCH", path, whole, status=409) == ("invalid_state", "vcpu")
    policy = {"availability_policy": {"host_failure": "stop"}, "total_volume_bandwidth": 2000}
    changed = cloud.call("PATCH", path, policy, status=200)
    assert changed["availability_policy"] == {"host_failure": "stop", "preemption": "stop"}
    assert (changed["total_volume_bandwidth"], changed["total_network_bandwidth"]) == (2000, 2000)
    too_much = {"total_volume_bandwidth": 4000}
    assert cloud.code("PATCH", path, too_much, status=400) == ("validation_max_value", "total_volume_bandwidth")
    cloud.act(server["id"], "stop")
    assert cloud.call("PATCH", path, whole, status=200)["vcpu"]["percentage"] == 100
    assert cloud.code("PATCH", path, {"placement_target": {"id": "x"}}, status=400) == ("bad_field", "placement_target")


def test_filters_on_options(still: Cloud) -> None:
    image = {"id": still.image().id}
    spot = make(still, image=image, name="spot", availability={"class": "spot"})
    usual = make(still, image=image, name="usual")

    def listed(**query: str) -> list[str]:
        return [one["id"] for one in still.call("GET", "/v1/instances", status=200, **query)["instances"]]

    assert listed(**{"availability.class": "spot"}) == [spot["id"]]
    assert listed(**{"availability.class": "standard"}) == [usual["id"]]
    assert listed(**{"reservation_affinity.policy": "disabled"}) == [spot["id"]]
    assert listed(**{"reservation_affinity.policy": "automatic"}) == [usual["id"]]
    assert listed(**{"dedicated_host.id": "any"}) == []
    still.call("GET", "/v1/instances", status=400, **{"availability.class": "*"})


def test_a_stopped_server_begins_anew(cloud: Cloud) -> None:
    data = {"volume": {"profile": {"name": "custom"}, "capacity": 10}}
    server = stopped(cloud, user_data="old", volume_attachments=[data])
    old = server["boot_volume_attachment"]
    other, path = cloud.image("other"), f"/v1/instances/{server['id']}"
    body = {"image": {"id": other.id}, "keys": [{"id": cloud.home.rsa.id}]}
    cloud.call("POST", f"{path}/reinitialize", body, status=204)
    cloud.settle()
    again = cloud.call("GET", path, status=200)
    assert (again["status"], again["image"]["id"], again["name"]) == ("running", other.id, server["name"])
    assert again["boot_volume_attachment"]["id"] != old["id"]
    assert [one.id for one in initialization(cloud, again).keys] == [cloud.home.rsa.id]
    assert cloud.code("GET", f"/v1/volumes/{old['volume']['id']}", status=404) == ("not_found", "id")
    assert not cloud.disks.volume(old["volume"]["id"]).exists()
    assert again["volume_attachments"][1] == server["volume_attachments"][1]


def test_a_server_begins_anew_from_a_snapshot_and_from_a_volume(cloud: Cloud) -> None:
    server = stopped(cloud)
    path, source = f"/v1/instances/{server['id']}", server["boot_volume_attachment"]["volume"]["id"]
    snapshot = cloud.call("POST", "/v1/snapshots", {"source_volume": {"id": source}}, status=201)
    cloud.settle()
    volume = {"profile": {"name": "general-purpose"}, "source_snapshot": {"id": snapshot["id"]}}
    loose = cloud.call("POST", "/v1/volumes", {**volume, "zone": server["zone"]}, status=201)
    cloud.settle()
    for wish in (volume, {"id": loose["id"]}):
        cloud.call("POST", f"{path}/reinitialize", {"boot_volume_attachment": {"volume": wish}}, status=204)
        cloud.settle()
        assert cloud.state(server["id"]) == "running"
        cloud.act(server["id"], "stop")
    assert cloud.call("GET", path, status=200)["boot_volume_attachment"]["volume"]["id"] == loose["id"]


def test_what_cannot_begin_anew(cloud: Cloud) -> None:
    server = cloud.server(image={"id": cloud.image().id})
    path, image = f"/v1/instances/{server['id']}/reinitialize", {"image": {"id": cloud.image("other").id}}
    assert cloud.code("POST", path, image, status=409) == ("invalid_state", None)
    cloud.act(server["id"], "stop")
    assert cloud.code("POST", path, {}, status=400) == ("validation_required_field", "image")
    theirs = cloud.image("theirs", caller="stranger").id
    assert cloud.code("POST", path, {"image": {"id": theirs}}, status=404) == ("not_found", "image")
    windows = cloud.image("windows", operating_system=WINDOWS).id
    assert cloud.code("POST", path, {"image": {"id": windows}}, status=400) == ("bad_field", "image")
    both = {**image, "boot_volume_attachment": {"volume": {"id": "any"}}}
    assert cloud.code("POST", path, both, status=400)[0] == "validation_only_one"
    assert cloud.code("POST", path, image, status=404, caller="stranger") == ("not_found", "id")
    after = cloud.call("GET", f"/v1/instances/{server['id']}", status=200)
    assert after["boot_volume_attachment"] == server["boot_volume_attachment"]
