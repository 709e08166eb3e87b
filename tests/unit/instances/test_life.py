"""A server from its making to its end: states, disks, bytes, addresses."""

from __future__ import annotations

import pytest

from fixtures.worlds import World
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.hypervisor.overlays import DiskHeader, read_header
from kunsthalle.hypervisor.protocol import Status
from kunsthalle.networks import address_allocation, floating_ips
from kunsthalle.networks.resources import RESERVED_IP, SECURITY_GROUP_TARGET
from unit.instances.api_in_process import GIB, ZONE, Api


@pytest.fixture
def world(both: World) -> World:
    """On each engine."""
    return both


def test_a_server_boots_from_an_overlay_on_the_image(api: Api) -> None:
    image = api.image()
    body = api.home.prototype(image={"id": image.id}, name="web")
    made = api.call("POST", "/v1/instances", body, status=201)
    assert (made["status"], made["lifecycle_state"], made["startable"]) == ("pending", "pending", False)
    api.settle()
    server = api.call("GET", f"/v1/instances/{made['id']}", status=200)
    assert (server["status"], server["lifecycle_state"], server["health_state"]) == ("running", "stable", "ok")
    assert api.hypervisor.status(server["id"]) is Status.RUNNING
    boot = server["boot_volume_attachment"]
    assert boot["volume"]["name"].startswith("web-boot-")
    path = api.disks.volume(boot["volume"]["id"])
    assert read_header(path) == DiskHeader(str(api.blobs.local_path(str(image.digest))), 10 * GIB)
    assert api.holders(str(image.digest)) == {f"image:{image.id}", f"volume:{boot['volume']['id']}"}
    assert server["image"] == {
        "crn": image.crn,
        "href": f"http://here/v1/images/{image.id}",
        "id": image.id,
        "name": "mine",
        "resource_type": "image",
    }
    assert "catalog_offering" not in server


def test_the_boot_volume_says_where_it_comes_from(api: Api) -> None:
    image = api.image()
    server = api.server(image={"crn": image.crn})
    id_ = server["boot_volume_attachment"]["volume"]["id"]
    volume = api.call("GET", f"/v1/volumes/{id_}", status=200)
    assert volume["source_image"]["id"] == image.id
    assert volume["operating_system"]["name"] == "debian-12-amd64"
    assert (volume["attachment_state"], volume["active"], volume["status"]) == ("attached", True, "available")
    (attachment,) = volume["volume_attachments"]
    assert attachment["instance"] == {name: server[name] for name in ("crn", "href", "id", "name")}
    assert attachment["delete_volume_on_instance_delete"] is True
    assert attachment["id"] == server["boot_volume_attachment"]["id"]
    assert api.code("DELETE", f"/v1/volumes/{id_}", status=409) == ("volume_still_attached", None)


def test_deleting_the_image_does_not_break_the_server(api: Api) -> None:
    image = api.image()
    server = api.server(image={"id": image.id})
    api.call("DELETE", f"/v1/images/{image.id}", status=202)
    api.later(3600)
    assert api.blobs.exists(str(image.digest))
    api.act(server["id"], "stop")
    api.act(server["id"], "start")
    again = api.call("GET", f"/v1/instances/{server['id']}", status=200)
    assert (again["status"], again["image"]) == ("running", server["image"])
    assert api.code("GET", f"/v1/images/{image.id}", status=404) == ("not_found", "id")


def test_the_end_of_a_server_is_the_end_of_what_was_its_own(api: Api) -> None:
    image = api.image()
    server = api.server(image={"id": image.id})
    id_, volume = server["id"], server["boot_volume_attachment"]["volume"]["id"]
    path = api.disks.volume(volume)
    assert path.exists()
    api.call("DELETE", f"/v1/images/{image.id}", status=202)
    api.call("DELETE", f"/v1/instances/{id_}", status=204)
    api.settle()
    assert api.code("GET", f"/v1/instances/{id_}", status=404) == ("not_found", "id")
    assert api.code("GET", f"/v1/volumes/{volume}", status=404) == ("not_found", "id")
    assert api.hypervisor.servers() == []
    assert not path.exists()
    assert api.holders(str(image.digest)) == set()
    api.later(3600)
    assert not api.blobs.exists(str(image.digest))


def test_addresses_are_free_as_soon_as_the_server_is_deleted(idle: Api) -> None:
    image = idle.image()
    address = idle.home.subnet.network[9].compressed
    interface = {"subnet": {"id": idle.home.subnet.id}, "primary_ip": {"address": address, "name": "nine"}}
    body = idle.home.prototype(image={"id": image.id}, primary_network_interface=interface)
    made = idle.call("POST", "/v1/instances", body, status=201)
    assert made["primary_network_interface"]["primary_ip"]["address"] == address
    field = "primary_network_interface.primary_ip.address"
    taken = ("address_is_already_reserved", field)
    assert idle.code("POST", "/v1/instances", body, status=409) == taken
    idle.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    idle.call("POST", "/v1/instances", body, status=201)

    def left(session: Session) -> tuple[int, int]:
        ips = unscoped(session, RESERVED_IP, RESERVED_IP.table.c.target_id.is_not(None))
        return len(ips), len(unscoped(session, SECURITY_GROUP_TARGET))

    assert idle.world.read(idle.world.base, left) == (1, 1)


def test_a_volume_that_is_kept_boots_another_server(api: Api) -> None:
    image = api.image()
    keep = {"delete_volume_on_instance_delete": False, "volume": {"name": "kept", "profile": {"name": "5iops-tier"}}}
    server = api.server(image={"id": image.id}, boot_volume_attachment=keep)
    volume = server["boot_volume_attachment"]["volume"]["id"]
    api.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    api.settle()
    free = api.call("GET", f"/v1/volumes/{volume}", status=200)
    assert (free["attachment_state"], free["volume_attachments"], free["active"]) == ("unattached", [], False)
    second = api.server(boot_volume_attachment={"volume": {"id": volume}})
    assert (second["status"], second["image"]["id"]) == ("running", image.id)
    again = api.home.prototype(boot_volume_attachment={"volume": {"id": volume}})
    refused = ("invalid_state", "boot_volume_attachment.volume")
    assert api.code("POST", "/v1/instances", again, status=409) == refused


def test_a_volume_that_is_kept_before_its_server_ever_ran_gets_its_disk(idle: Api) -> None:
    image = idle.image()
    keep = {"delete_volume_on_instance_delete": False}
    body = idle.home.prototype(image={"id": image.id}, boot_volume_attachment=keep)
    made = idle.call("POST", "/v1/instances", body, status=201)
    idle.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    idle.worker.start()
    idle.settle()
    idle.worker.stop()
    id_ = made["boot_volume_attachment"]["volume"]["id"]
    volume = idle.call("GET", f"/v1/volumes/{id_}", status=200)
    assert (volume["status"], volume["attachment_state"]) == ("available", "unattached")
    assert idle.disks.volume(id_).exists()
    assert idle.hypervisor.servers() == []


def test_start_stop_reboot(api: Api) -> None:
    server = api.server(image={"id": api.image().id})
    id_, volume = server["id"], server["boot_volume_attachment"]["volume"]["id"]
    assert api.act(id_, "stop")["status"] == "pending"
    assert (api.state(id_), api.hypervisor.status(id_)) == ("stopped", Status.STOPPED)
    assert api.call("GET", f"/v1/volumes/{volume}", status=200)["active"] is False
    assert api.act(id_, "stop")["status"] == "completed"
    assert api.code("POST", f"/v1/instances/{id_}/actions", {"type": "reboot"}, status=409)[0] == "invalid_state"
    assert api.call("GET", f"/v1/instances/{id_}", status=200)["startable"] is True
    api.act(id_, "start")
    assert (api.state(id_), api.hypervisor.status(id_)) == ("running", Status.RUNNING)
    assert api.call("GET", f"/v1/volumes/{volume}", status=200)["active"] is True
    api.act(id_, "reboot", force=True)
    assert api.state(id_) == "running"
    assert b"started 3 time(s)" in api.hypervisor.console(id_, 4096)


def test_what_is_being_made_or_deleted_takes_no_actions(idle: Api) -> None:
    made = idle.call("POST", "/v1/instances", idle.home.prototype(image={"id": idle.image().id}), status=201)
    path = f"/v1/instances/{made['id']}"
    assert idle.code("POST", f"{path}/actions", {"type": "stop"}, status=409) == ("invalid_state", None)
    idle.call("DELETE", path, status=204)
    assert idle.code("POST", f"{path}/actions", {"type": "start"}, status=409) == ("invalid_state", None)
    assert idle.code("DELETE", path, status=409) == ("instance_delete_conflict", None)
    assert idle.call("GET", path, status=200)["lifecycle_state"] == "deleting"


def test_names_follow(api: Api) -> None:
    image = api.image()
    first = api.server(image={"id": image.id}, name="first")
    second = api.server(image={"id": image.id}, name="second")
    path = f"/v1/instances/{first['id']}"
    assert api.code("PATCH", path, {"name": "second"}, status=400) == ("validation_unique_failed", "name")
    assert api.call("PATCH", path, {}, status=200)["name"] == "first"
    assert api.call("PATCH", path, {"name": "third"}, status=200)["name"] == "third"
    volume = api.call("GET", f"/v1/volumes/{first['boot_volume_attachment']['volume']['id']}", status=200)
    assert volume["volume_attachments"][0]["instance"]["name"] == "third"
    listed = api.call("GET", "/v1/instances", status=200, name="second")
    assert ([one["id"] for one in listed["instances"]], listed["total_count"]) == ([second["id"]], 1)
    everywhere = {"vpc.id": api.home.vpc.id}
    assert api.call("GET", "/v1/instances", status=200, **everywhere)["total_count"] == 2
    assert api.call("GET", "/v1/instances", status=200, **{"vpc.id": "r006-none"})["instances"] == []


def test_an_address_that_is_kept_outlives_the_server(idle: Api) -> None:
    def keep(session: Session) -> str:
        return address_allocation.reserve(
            session, idle.home.subnet, None, name="kept", target=None, auto_delete=False
        ).id

    kept = idle.world.write(idle.home.ctx, keep)
    interface = {"subnet": {"id": idle.home.subnet.id}, "primary_ip": {"id": kept}}
    body = idle.home.prototype(image={"id": idle.image().id}, primary_network_interface=interface)
    for _ in range(2):
        made = idle.call("POST", "/v1/instances", body, status=201)
        assert made["primary_network_interface"]["primary_ip"]["id"] == kept
        in_use = ("reserved_ip_in_use", "primary_network_interface.primary_ip")
        assert idle.code("POST", "/v1/instances", body, status=409) == in_use
        idle.call("DELETE", f"/v1/instances/{made['id']}", status=204)


def test_a_floating_ip_is_shown_and_let_go(idle: Api) -> None:
    made = idle.call("POST", "/v1/instances", idle.home.prototype(image={"id": idle.image().id}), status=201)
    interface = made["primary_network_interface"]["id"]

    def bind(session: Session) -> str:
        ip = floating_ips.reserve(session, ZONE)
        return floating_ips.bind_to_interface(session, ip, interface, "target").id

    id_ = idle.world.write(idle.home.ctx, bind)
    path = f"/v1/instances/{made['id']}/network_interfaces/{interface}"
    shown = idle.call("GET", path, status=200)
    assert [one["id"] for one in shown["floating_ips"]] == [id_]
    idle.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    assert idle.world.read(idle.home.ctx, floating_ips.of_target, interface) == []
