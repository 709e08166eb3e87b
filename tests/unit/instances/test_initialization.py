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
from unit.instances.api_in_process import Api

WINDOWS = "windows-2022-amd64"


@pytest.fixture
def world(both: World) -> World:
    """On each engine."""
    return both


def initialization(api: Api, server: dict[str, Any]) -> Any:
    shown = api.call("GET", f"/v1/instances/{server['id']}/initialization", status=200)
    return sdk.InstanceInitialization.from_dict(shown)


def make(api: Api, status: int = 201, **more: Any) -> dict[str, Any]:
    return api.call("POST", "/v1/instances", api.home.prototype(**more), status=status)


def test_the_password_of_a_windows_server_is_known_to_the_keys_owner_alone(idle: Api) -> None:
    private = generate_private_key(65537, 2048)
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    key = idle.world.write(idle.home.ctx, create_key, "windows", public)
    image = {"id": idle.image("windows", operating_system=WINDOWS).id}
    keys = [{"id": idle.home.key.id}, {"id": key.id}]
    first, second = (initialization(idle, make(idle, image=image, keys=keys)) for _ in range(2))
    assert first.password.encryption_key.fingerprint == key.fingerprint
    words = [private.decrypt(one.password.encrypted_password, PKCS1v15()) for one in (first, second)]
    assert words[0] != words[1]
    assert all(len(word) >= 24 for word in words)
    assert not any(word.decode() in repr(one) for word in words for one in (first, second))
    assert idle.code("POST", "/v1/instances", idle.home.prototype(image=image), status=400) == ("bad_field", "keys")
    assert initialization(idle, make(idle, image={"id": idle.image("linux").id}, keys=keys)).password is None


def profile(api: Api, caller: str = "me") -> str:
    return api.world.write(api.homes[caller].ctx, lambda session: create_profile(session, "servers").id)


def links(api: Api, id_: str) -> list[dict[str, str]]:
    def read(session: Session) -> list[dict[str, str]]:
        return [link.link for link in links_of(session, find(session, PROFILE, id_))]

    return api.world.read(api.home.ctx, read)


def test_a_trusted_profile_is_linked_to_its_server_as_long_as_that_is_there(api: Api) -> None:
    id_ = profile(api)
    server = api.server(image={"id": api.image().id}, default_trusted_profile={"target": {"id": id_}})
    shown = initialization(api, server).default_trusted_profile
    assert (shown.auto_link, shown.target.id, shown.target.resource_type) == (True, id_, "trusted_profile")
    assert [one["crn"] for one in links(api, id_)] == [server["crn"]]
    other = api.server(
        image={"id": api.image("other").id},
        default_trusted_profile={"target": {"crn": shown.target.crn}, "auto_link": False},
    )
    assert initialization(api, other).default_trusted_profile.auto_link is False
    assert len(links(api, id_)) == 1
    api.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    api.settle()
    assert links(api, id_) == []


def test_another_accounts_profile_is_none(idle: Api) -> None:
    theirs = profile(idle, "stranger")
    body = idle.home.prototype(image={"id": idle.image().id}, default_trusted_profile={"target": {"id": theirs}})
    for path in ("/v1/instances", "/v1/instance/templates"):
        assert idle.code("POST", path, body, status=404) == ("not_found", "default_trusted_profile.target")


def stopped(api: Api, **more: Any) -> dict[str, Any]:
    server = api.server(image={"id": api.image().id}, **more)
    api.act(server["id"], "stop")
    return server


def test_a_stopped_server_gets_another_profile(api: Api) -> None:
    server = api.server(image={"id": api.image().id})
    path, larger = f"/v1/instances/{server['id']}", {"profile": {"name": "bx2d-4x16"}}
    assert api.code("PATCH", path, larger, status=409) == ("invalid_state", "profile")
    assert api.call("PATCH", path, {"profile": {"name": "bx2-2x8"}}, status=200) == server
    api.act(server["id"], "stop")
    changed = sdk.Instance.from_dict(api.call("PATCH", path, larger, status=200))
    assert (changed.profile.name, changed.vcpu.count, changed.memory) == ("bx2d-4x16", 4, 16)
    assert changed.disks[0].size == 150
    assert api.code("PATCH", path, {"profile": {"name": "bz2-2x8"}}, status=400) == ("bad_field", "profile")
    assert api.code("PATCH", path, {"profile": {"name": "none"}}, status=400) == ("bad_field", "profile")
    disk = f"{path}/disks/{changed.disks[0].id}"
    assert api.call("PATCH", disk, {"name": "scratch"}, status=200)["name"] == "scratch"
    assert api.call("GET", f"{path}/disks", status=200)["disks"][0]["name"] == "scratch"
    api.act(server["id"], "start")
    assert api.state(server["id"]) == "running"


def test_some_options_change_while_the_server_is_stopped(api: Api) -> None:
    server = api.server(image={"id": api.image().id}, profile={"name": "bxf-2x8"}, vcpu={"percentage": 50})
    assert (server["vcpu"]["percentage"], server["reservation_affinity"]["policy"]) == (50, "disabled")
    path, whole = f"/v1/instances/{server['id']}", {"vcpu": {"percentage": 100}}
    assert api.code("PATCH", path, whole, status=409) == ("invalid_state", "vcpu")
    policy = {"availability_policy": {"host_failure": "stop"}, "total_volume_bandwidth": 2000}
    changed = api.call("PATCH", path, policy, status=200)
    assert changed["availability_policy"] == {"host_failure": "stop", "preemption": "stop"}
    assert (changed["total_volume_bandwidth"], changed["total_network_bandwidth"]) == (2000, 2000)
    too_much = {"total_volume_bandwidth": 4000}
    assert api.code("PATCH", path, too_much, status=400) == ("validation_max_value", "total_volume_bandwidth")
    api.act(server["id"], "stop")
    assert api.call("PATCH", path, whole, status=200)["vcpu"]["percentage"] == 100
    assert api.code("PATCH", path, {"placement_target": {"id": "x"}}, status=400) == ("bad_field", "placement_target")


def test_filters_on_options(idle: Api) -> None:
    image = {"id": idle.image().id}
    spot = make(idle, image=image, name="spot", availability={"class": "spot"})
    usual = make(idle, image=image, name="usual")

    def listed(**query: str) -> list[str]:
        return [one["id"] for one in idle.call("GET", "/v1/instances", status=200, **query)["instances"]]

    assert listed(**{"availability.class": "spot"}) == [spot["id"]]
    assert listed(**{"availability.class": "standard"}) == [usual["id"]]
    assert listed(**{"reservation_affinity.policy": "disabled"}) == [spot["id"]]
    assert listed(**{"reservation_affinity.policy": "automatic"}) == [usual["id"]]
    assert listed(**{"dedicated_host.id": "any"}) == []
    idle.call("GET", "/v1/instances", status=400, **{"availability.class": "*"})


def test_a_stopped_server_begins_anew(api: Api) -> None:
    data = {"volume": {"profile": {"name": "custom"}, "capacity": 10}}
    server = stopped(api, user_data="old", volume_attachments=[data])
    old = server["boot_volume_attachment"]
    other, path = api.image("other"), f"/v1/instances/{server['id']}"
    body = {"image": {"id": other.id}, "keys": [{"id": api.home.rsa.id}]}
    api.call("POST", f"{path}/reinitialize", body, status=204)
    api.settle()
    again = api.call("GET", path, status=200)
    assert (again["status"], again["image"]["id"], again["name"]) == ("running", other.id, server["name"])
    assert again["boot_volume_attachment"]["id"] != old["id"]
    assert [one.id for one in initialization(api, again).keys] == [api.home.rsa.id]
    assert api.code("GET", f"/v1/volumes/{old['volume']['id']}", status=404) == ("not_found", "id")
    assert not api.disks.volume(old["volume"]["id"]).exists()
    assert again["volume_attachments"][1] == server["volume_attachments"][1]


def test_a_server_begins_anew_from_a_snapshot_and_from_a_volume(api: Api) -> None:
    server = stopped(api)
    path, source = f"/v1/instances/{server['id']}", server["boot_volume_attachment"]["volume"]["id"]
    snapshot = api.call("POST", "/v1/snapshots", {"source_volume": {"id": source}}, status=201)
    api.settle()
    volume = {"profile": {"name": "general-purpose"}, "source_snapshot": {"id": snapshot["id"]}}
    loose = api.call("POST", "/v1/volumes", {**volume, "zone": server["zone"]}, status=201)
    api.settle()
    for wish in (volume, {"id": loose["id"]}):
        api.call("POST", f"{path}/reinitialize", {"boot_volume_attachment": {"volume": wish}}, status=204)
        api.settle()
        assert api.state(server["id"]) == "running"
        api.act(server["id"], "stop")
    assert api.call("GET", path, status=200)["boot_volume_attachment"]["volume"]["id"] == loose["id"]


def test_what_cannot_begin_anew(api: Api) -> None:
    server = api.server(image={"id": api.image().id})
    path, image = f"/v1/instances/{server['id']}/reinitialize", {"image": {"id": api.image("other").id}}
    assert api.code("POST", path, image, status=409) == ("invalid_state", None)
    api.act(server["id"], "stop")
    assert api.code("POST", path, {}, status=400) == ("validation_required_field", "image")
    theirs = api.image("theirs", caller="stranger").id
    assert api.code("POST", path, {"image": {"id": theirs}}, status=404) == ("not_found", "image")
    windows = api.image("windows", operating_system=WINDOWS).id
    assert api.code("POST", path, {"image": {"id": windows}}, status=400) == ("bad_field", "image")
    both = {**image, "boot_volume_attachment": {"volume": {"id": "any"}}}
    assert api.code("POST", path, both, status=400)[0] == "validation_only_one"
    assert api.code("POST", path, image, status=404, caller="stranger") == ("not_found", "id")
    after = api.call("GET", f"/v1/instances/{server['id']}", status=200)
    assert after["boot_volume_attachment"] == server["boot_volume_attachment"]
