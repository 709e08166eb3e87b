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
from unit.instances.cloud import GIB, ZONE, Cloud


@pytest.fixture
def world(both: World) -> World:
    """On each engine."""
    return both


def test_a_server_boots_from_an_overlay_on_the_image(cloud: Cloud) -> None:
    image = cloud.image()
    body = cloud.home.prototype(image={"id": image.id}, name="web")
    made = cloud.call("POST", "/v1/instances", body, status=201)
    assert (made["status"], made["lifecycle_state"], made["startable"]) == ("pending", "pending", False)
    cloud.settle()
    server = cloud.call("GET", f"/v1/instances/{made['id']}", status=200)
    assert (server["status"], server["lifecycle_state"], server["health_state"]) == ("running", "stable", "ok")
    assert cloud.hypervisor.status(server["id"]) is Status.RUNNING
    boot = server["boot_volume_attachment"]
    assert boot["volume"]["name"].startswith("web-boot-")
    path = cloud.disks.volume(boot["volume"]["id"])
    assert read_header(path) == DiskHeader(str(cloud.blobs.local_path(str(image.digest))), 10 * GIB)
    assert cloud.holders(str(image.digest)) == {f"image:{image.id}", f"volume:{boot['volume']['id']}"}
    assert server["image"] == {
        "crn": image.crn,
        "href": f"http://here/v1/images/{image.id}",
        "id": image.id,
        "name": "mine",
        "resource_type": "image",
    }
    assert "catalog_offering" not in server


def test_the_boot_volume_says_where_it_comes_from(cloud: Cloud) -> None:
    image = cloud.image()
    server = cloud.server(image={"crn": image.crn})
    id_ = server["boot_volume_attachment"]["volume"]["id"]
    volume = cloud.call("GET", f"/v1/volumes/{id_}", status=200)
    assert volume["source_image"]["id"] == image.id
    assert volume["operating_system"]["name"] == "debian-12-amd64"
    assert (volume["attachment_state"], volume["active"], volume["status"]) == ("attached", True, "available")
    (attachment,) = volume["volume_attachments"]
    assert attachment["instance"] == {name: server[name] for name in ("crn", "href", "id", "name")}
    assert attachment["delete_volume_on_instance_delete"] is True
    assert attachment["id"] == server["boot_volume_attachment"]["id"]
    assert cloud.code("DELETE", f"/v1/volumes/{id_}", status=409) == ("volume_still_attached", None)


def test_deleting_the_image_does_not_break_the_server(cloud: Cloud) -> None:
    image = cloud.image()
    server = cloud.server(image={"id": image.id})
    cloud.call("DELETE", f"/v1/images/{image.id}", status=202)
    cloud.later(3600)
    assert cloud.blobs.exists(str(image.digest))
    cloud.act(server["id"], "stop")
    cloud.act(server["id"], "start")
    again = cloud.call("GET", f"/v1/instances/{server['id']}", status=200)
    assert (again["status"], again["image"]) == ("running", server["image"])
    assert cloud.code("GET", f"/v1/images/{image.id}", status=404) == ("not_found", "id")


def test_the_end_of_a_server_is_the_end_of_what_was_its_own(cloud: Cloud) -> None:
    image = cloud.image()
    server = cloud.server(image={"id": image.id})
    id_, volume = server["id"], server["boot_volume_attachment"]["volume"]["id"]
    path = cloud.disks.volume(volume)
    assert path.exists()
    cloud.call("DELETE", f"/v1/images/{image.id}", status=202)
    cloud.call("DELETE", f"/v1/instances/{id_}", status=204)
    cloud.settle()
    assert cloud.code("GET", f"/v1/instances/{id_}", status=404) == ("not_found", "id")
    assert cloud.code("GET", f"/v1/volumes/{volume}", status=404) == ("not_found", "id")
    assert cloud.hypervisor.servers() == []
    assert not path.exists()
    assert cloud.holders(str(image.digest)) == set()
    cloud.later(3600)
    assert not cloud.blobs.exists(str(image.digest))


def test_addresses_are_free_as_soon_as_the_server_is_deleted(still: Cloud) -> None:
    image = still.image()
    address = still.home.subnet.network[9].compressed
    interface = {"subnet": {"id": still.home.subnet.id}, "primary_ip": {"address": address, "name": "nine"}}
    body = still.home.prototype(image={"id": image.id}, primary_network_interface=interface)
    made = still.call("POST", "/v1/instances", body, status=201)
    assert made["primary_network_interface"]["primary_ip"]["address"] == address
    field = "primary_network_interface.primary_ip.address"
    taken = ("address_is_already_reserved", field)
    assert still.code("POST", "/v1/instances", body, status=409) == taken
    still.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    still.call("POST", "/v1/instances", body, status=201)

    def left(session: Session) -> tuple[int, int]:
        ips = unscoped(session, RESERVED_IP, RESERVED_IP.table.c.target_id.is_not(None))
        return len(ips), len(unscoped(session, SECURITY_GROUP_TARGET))

    assert still.world.read(still.world.base, left) == (1, 1)


def test_a_volume_that_is_kept_boots_another_server(cloud: Cloud) -> None:
    image = cloud.image()
    keep = {"delete_volume_on_instance_delete": False, "volume": {"name": "kept", "profile": {"name": "5iops-tier"}}}
    server = cloud.server(image={"id": image.id}, boot_volume_attachment=keep)
    volume = server["boot_volume_attachment"]["volume"]["id"]
    cloud.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    cloud.settle()
    free = cloud.call("GET", f"/v1/volumes/{volume}", status=200)
    assert (free["attachment_state"], free["volume_attachments"], free["active"]) == ("unattached", [], False)
    second = cloud.server(boot_volume_attachment={"volume": {"id": volume}})
    assert (second["status"], second["image"]["id"]) == ("running", image.id)
    again = cloud.home.prototype(boot_volume_attachment={"volume": {"id": volume}})
    refused = ("invalid_state", "boot_volume_attachment.volume")
    assert cloud.code("POST", "/v1/instances", again, status=409) == refused


def test_a_volume_that_is_kept_before_its_server_ever_ran_gets_its_disk(still: Cloud) -> None:
    image = still.image()
    keep = {"delete_volume_on_instance_delete": False}
    body = still.home.prototype(image={"id": image.id}, boot_volume_attachment=keep)
    made = still.call("POST", "/v1/instances", body, status=201)
    still.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    still.worker.start()
    still.settle()
    still.worker.stop()
    id_ = made["boot_volume_attachment"]["volume"]["id"]
    volume = still.call("GET", f"/v1/volumes/{id_}", status=200)
    assert (volume["status"], volume["attachment_state"]) == ("available", "unattached")
    assert still.disks.volume(id_).exists()
    assert still.hypervisor.servers() == []


def test_start_stop_reboot(cloud: Cloud) -> None:
    server = cloud.server(image={"id": cloud.image().id})
    id_, volume = server["id"], server["boot_volume_attachment"]["volume"]["id"]
    assert cloud.act(id_, "stop")["status"] == "pending"
    assert (cloud.state(id_), cloud.hypervisor.status(id_)) == ("stopped", Status.STOPPED)
    assert cloud.call("GET", f"/v1/volumes/{volume}", status=200)["active"] is False
    assert cloud.act(id_, "stop")["status"] == "completed"
    assert cloud.code("POST", f"/v1/instances/{id_}/actions", {"type": "reboot"}, status=409)[0] == "invalid_state"
    assert cloud.call("GET", f"/v1/instances/{id_}", status=200)["startable"] is True
    cloud.act(id_, "start")
    assert (cloud.state(id_), cloud.hypervisor.status(id_)) == ("running", Status.RUNNING)
    assert cloud.call("GET", f"/v1/volumes/{volume}", status=200)["active"] is True
    cloud.act(id_, "reboot", force=True)
    assert cloud.state(id_) == "running"
    assert b"started 3 time(s)" in cloud.hypervisor.console(id_, 4096)


def test_what_is_being_made_or_deleted_takes_no_actions(still: Cloud) -> None:
    made = still.call("POST", "/v1/instances", still.home.prototype(image={"id": still.image().id}), status=201)
    path = f"/v1/instances/{made['id']}"
    assert still.code("POST", f"{path}/actions", {"type": "stop"}, status=409) == ("invalid_state", None)
    still.call("DELETE", path, status=204)
    assert still.code("POST", f"{path}/actions", {"type": "start"}, status=409) == ("invalid_state", None)
    assert still.code("DELETE", path, status=409) == ("instance_delete_conflict", None)
    assert still.call("GET", path, status=200)["lifecycle_state"] == "deleting"


def test_names_follow(cloud: Cloud) -> None:
    image = cloud.image()
    first = cloud.server(image={"id": image.id}, name="first")
    second = cloud.server(image={"id": image.id}, name="second")
    path = f"/v1/instances/{first['id']}"
    assert cloud.code("PATCH", path, {"name": "second"}, status=400) == ("validation_unique_failed", "name")
    assert cloud.call("PATCH", path, {}, status=200)["name"] == "first"
    assert cloud.call("PATCH", path, {"name": "third"}, status=200)["name"] == "third"
    volume = cloud.call("GET", f"/v1/volumes/{first['boot_volume_attachment']['volume']['id']}", status=200)
    assert volume["volume_attachments"][0]["instance"]["name"] == "third"
    listed = cloud.call("GET", "/v1/instances", status=200, name="second")
    assert ([one["id"] for one in listed["instances"]], listed["total_count"]) == ([second["id"]], 1)
    everywhere = {"vpc.id": cloud.home.vpc.id}
    assert cloud.call("GET", "/v1/instances", status=200, **everywhere)["total_count"] == 2
    assert cloud.call("GET", "/v1/instances", status=200, **{"vpc.id": "r006-none"})["instances"] == []


def test_an_address_that_is_kept_outlives_the_server(still: Cloud) -> None:
    def keep(session: Session) -> str:
        return address_allocation.reserve(
            session, still.home.subnet, None, name="kept", target=None, auto_delete=False
        ).id

    kept = still.world.write(still.home.ctx, keep)
    interface = {"subnet": {"id": still.home.subnet.id}, "primary_ip": {"id": kept}}
    body = still.home.prototype(image={"id": still.image().id}, primary_network_interface=interface)
    for _ in range(2):
        made = still.call("POST", "/v1/instances", body, status=201)
        assert made["primary_network_interface"]["primary_ip"]["id"] == kept
        in_use = ("reserved_ip_in_use", "primary_network_interface.primary_ip")
        assert still.code("POST", "/v1/instances", body, status=409) == in_use
        still.call("DELETE", f"/v1/instances/{made['id']}", status=204)


def test_a_floating_ip_is_shown_and_let_go(still: Cloud) -> None:
    made = still.call("POST", "/v1/instances", still.home.prototype(image={"id": still.image().id}), status=201)
    interface = made["primary_network_interface"]["id"]

    def bind(session: Session) -> str:
        ip = floating_ips.reserve(session, ZONE)
        return floating_ips.bind_to_interface(session, ip, interface, "target").id

    id_ = still.world.write(still.home.ctx, bind)
    path = f"/v1/instances/{made['id']}/network_interfaces/{interface}"
    shown = still.call("GET", path, status=200)
    assert [one["id"] for one in shown["floating_ips"]] == [id_]
    still.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    assert still.world.read(still.home.ctx, floating_ips.of_target, interface) == []
