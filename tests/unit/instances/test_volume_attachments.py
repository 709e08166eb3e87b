"""Data volumes of servers: at their making, while they run, while they stand still; and what a guest may hold on to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibm_vpc.vpc_v1 as sdk
import pytest

from fixtures.engines import storage_at
from fixtures.worlds import World
from kunsthalle.hypervisor.overlays import read_header
from kunsthalle.hypervisor.protocol import DataDisk, DiskError, ServerSpec, Status
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from unit.instances.api_in_process import GIB, ZONE, Api

NEW = {"profile": {"name": "general-purpose"}, "capacity": 20}


@pytest.fixture
def world(both: World) -> World:
    """On each engine."""
    return both


class Clinging(Simulated):
    """An engine whose guest lets go of disks only as often as it is told to, and which knows what each machine has."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, storage_at(root.parent))
        self.had: dict[str, set[str]] = {}
        self.lets_go = True
        self.fault: DiskError | None = None

    def start(self, spec: ServerSpec) -> None:
        if self.status(spec.id) is not Status.RUNNING:
            self.had[spec.id] = {disk.id for disk in spec.data}
        super().start(spec)

    def set_disks(self, server_id: str, data: tuple[DataDisk, ...]) -> set[str]:
        super().set_disks(server_id, data)
        if self.fault is not None:
            raise self.fault
        wanted = {disk.id for disk in data}
        held = set() if self.lets_go else self.had[server_id] - wanted
        self.had[server_id] = wanted | held
        return held


@pytest.fixture
def engine(tmp_path: Path) -> Clinging:
    return Clinging(tmp_path / "machines")


@pytest.fixture
def told(world: World, tmp_path: Path, engine: Clinging) -> Api:
    """The API, whose jobs are done when the test says so."""
    return Api(world, tmp_path, engine)


def work(api: Api) -> None:
    """Works off what is due now; what is to be tried again later is left."""
    while api.worker._one("test.0"):
        pass


def server(api: Api, **more: Any) -> dict[str, Any]:
    body = api.home.prototype(image={"id": api.image().id}, **more)
    made = api.call("POST", "/v1/instances", body, status=201)
    work(api)
    return api.call("GET", f"/v1/instances/{made['id']}", status=200)


def path(server: dict[str, Any]) -> str:
    return f"/v1/instances/{server['id']}/volume_attachments"


def volume(api: Api, attachment: dict[str, Any]) -> dict[str, Any]:
    return api.call("GET", f"/v1/volumes/{attachment['volume']['id']}", status=200)


def loose(api: Api, zone: str = ZONE, **more: Any) -> str:
    made = api.call("POST", "/v1/volumes", {**NEW, "zone": {"name": zone}, **more}, status=201)
    work(api)
    return str(made["id"])


def test_a_server_is_made_with_its_data_volumes(told: Api, engine: Clinging) -> None:
    kept = loose(told, name="kept")
    wishes = [
        {"volume": {**NEW, "name": "new", "user_tags": ["env:test"]}, "delete_volume_on_instance_delete": True},
        {"volume": {"id": kept}, "name": "second"},
    ]
    made = server(told, volume_attachments=wishes)
    assert made["status"] == "running"
    boot, first, second = made["volume_attachments"]
    assert boot["id"] == made["boot_volume_attachment"]["id"]
    assert (first["volume"]["name"], second["name"], second["volume"]["id"]) == ("new", "second", kept)
    assert engine.had[made["id"]] == {first["id"], second["id"]}
    disk = read_header(told.disks.volume(first["volume"]["id"]))
    assert disk is not None
    assert (disk.base, disk.size_bytes) == (None, 20 * GIB)
    shown = volume(told, first)
    assert (shown["status"], shown["active"], shown["user_tags"]) == ("available", True, ["env:test"])
    assert shown["resource_group"] == made["resource_group"]
    listed = told.call("GET", path(made), status=200)
    read = sdk.VolumeAttachmentCollection.from_dict(listed).volume_attachments
    assert [one.status for one in read] == ["attached"] * 3
    told.call("DELETE", f"/v1/instances/{made['id']}", status=204)
    work(told)
    assert told.code("GET", f"/v1/volumes/{first['volume']['id']}", status=404) == ("not_found", "id")
    assert not told.disks.volume(first["volume"]["id"]).exists()
    assert told.call("GET", f"/v1/volumes/{kept}", status=200)["attachment_state"] == "unattached"
    assert told.disks.volume(kept).exists()


def test_a_volume_comes_to_a_running_server_and_leaves_it(told: Api, engine: Clinging) -> None:
    on = server(told)
    made = told.call("POST", path(on), {"volume": NEW, "name": "data"}, status=201)
    assert (made["status"], made["type"], engine.had[on["id"]]) == ("attaching", "data", set())
    work(told)
    one = f"{path(on)}/{made['id']}"
    assert told.call("GET", one, status=200)["status"] == "attached"
    assert engine.had[on["id"]] == {made["id"]}
    changed = told.call("PATCH", one, {"name": "other", "delete_volume_on_instance_delete": True}, status=200)
    assert (changed["name"], changed["delete_volume_on_instance_delete"]) == ("other", True)
    assert told.code("DELETE", f"/v1/volumes/{made['volume']['id']}", status=409)[0] == "volume_still_attached"
    told.call("DELETE", one, status=204)
    assert told.call("GET", one, status=200)["status"] == "detaching"
    work(told)
    assert told.code("GET", one, status=404) == ("not_found", "id")
    assert engine.had[on["id"]] == set()
    assert volume(told, made)["attachment_state"] == "unattached"
    told.call("DELETE", f"/v1/volumes/{made['volume']['id']}", status=204)


def test_what_a_guest_holds_on_to_leaves_with_the_next_stop(told: Api, engine: Clinging) -> None:
    on = server(told, volume_attachments=[{"volume": NEW, "name": "data"}])
    one = f"{path(on)}/{on['volume_attachments'][1]['id']}"
    engine.lets_go = False
    told.call("DELETE", one, status=204)
    work(told)
    assert told.call("GET", one, status=200)["status"] == "detaching"
    assert told.code("POST", path(on), {"volume": {"id": on["volume_attachments"][1]["volume"]["id"]}}, status=409)[0]
    told.call("POST", f"/v1/instances/{on['id']}/actions", {"type": "stop"}, status=201)
    work(told)
    assert told.code("GET", one, status=404) == ("not_found", "id")
    assert told.state(on["id"]) == "stopped"


def test_a_reset_makes_the_guest_let_go(told: Api, engine: Clinging) -> None:
    on = server(told, volume_attachments=[{"volume": NEW, "name": "data"}])
    one = f"{path(on)}/{on['volume_attachments'][1]['id']}"
    engine.lets_go = False
    told.call("DELETE", one, status=204)
    work(told)
    engine.lets_go = True
    told.call("POST", f"/v1/instances/{on['id']}/actions", {"type": "reboot"}, status=201)
    work(told)
    assert told.code("GET", one, status=404) == ("not_found", "id")


def test_a_disk_that_the_engine_refuses_does_not_harm_the_server(told: Api, engine: Clinging) -> None:
    on = server(told)
    engine.fault = DiskError("no slot is free")
    made = told.call("POST", path(on), {"volume": NEW}, status=201)
    work(told)
    assert told.call("GET", f"{path(on)}/{made['id']}", status=200)["status"] == "attaching"
    assert told.state(on["id"]) == "running"
    engine.fault = None
    for action in ("stop", "start"):
        told.call("POST", f"/v1/instances/{on['id']}/actions", {"type": action}, status=201)
        work(told)
    assert told.call("GET", f"{path(on)}/{made['id']}", status=200)["status"] == "attached"
    assert engine.had[on["id"]] == {made["id"]}


def test_a_server_that_stands_still(told: Api, engine: Clinging) -> None:
    on = server(told)
    told.call("POST", f"/v1/instances/{on['id']}/actions", {"type": "stop"}, status=201)
    work(told)
    first, second = (told.call("POST", path(on), {"volume": NEW}, status=201) for _ in range(2))
    told.call("DELETE", f"{path(on)}/{first['id']}", status=204)
    assert told.code("GET", f"{path(on)}/{first['id']}", status=404) == ("not_found", "id")
    work(told)
    shown = told.call("GET", f"{path(on)}/{second['id']}", status=200)
    assert (shown["status"], volume(told, second)["active"]) == ("attached", False)
    told.call("POST", f"/v1/instances/{on['id']}/actions", {"type": "start"}, status=201)
    work(told)
    assert engine.had[on["id"]] == {second["id"]}
    assert volume(told, second)["active"] is True


def test_a_snapshot_of_a_data_volume_is_restored(told: Api) -> None:
    on = server(told, volume_attachments=[{"volume": NEW}])
    data = on["volume_attachments"][1]["volume"]["id"]
    disk = told.disks.volume(data)
    disk.write_bytes(disk.read_bytes() + b"written by the guest")
    taken = told.call("POST", "/v1/snapshots", {"source_volume": {"id": data}}, status=201)
    work(told)
    restored = {"profile": {"name": "general-purpose"}, "source_snapshot": {"id": taken["id"]}, "capacity": 40}
    made = told.call("POST", path(on), {"volume": restored}, status=201)
    work(told)
    copy = told.disks.volume(made["volume"]["id"])
    assert copy.read_bytes().endswith(b"written by the guest")
    header = read_header(copy)
    assert header is not None
    assert header.size_bytes == 40 * GIB
    assert volume(told, made)["source_snapshot"]["id"] == taken["id"]


def test_a_template_carries_data_volumes(told: Api, engine: Clinging) -> None:
    href = {"href": "http://here/v1/volume/profiles/5iops-tier"}
    wish = {"volume": {"profile": href, "capacity": 30}, "name": "data", "delete_volume_on_instance_delete": True}
    body = told.home.prototype(image={"id": told.image().id}, volume_attachments=[wish])
    template = told.call("POST", "/v1/instance/templates", body, status=201)
    kept = {"profile": {"name": "5iops-tier"}, "capacity": 30}
    assert template["volume_attachments"] == [{**wish, "volume": kept}]
    for _ in range(2):
        made = told.call("POST", "/v1/instances", {"source_template": {"id": template["id"]}}, status=201)
        work(told)
        (_, data) = told.call("GET", path(made), status=200)["volume_attachments"]
        assert (data["name"], volume(told, data)["profile"]["name"]) == ("data", "5iops-tier")
        assert engine.had[made["id"]] == {data["id"]}


def test_what_is_refused_leaves_nothing(told: Api) -> None:
    on = server(told)
    elsewhere = loose(told, "us-south-2")
    boot = on["boot_volume_attachment"]
    assert told.code("POST", path(on), {"volume": {"id": elsewhere}}, status=400) == ("zone_inconsistency", "volume")
    taken = {"volume": {"id": boot["volume"]["id"]}}
    assert told.code("POST", path(on), taken, status=409) == ("invalid_state", "volume")
    refused = ("volume_attachment_delete_invalid_request", None)
    assert told.code("DELETE", f"{path(on)}/{boot['id']}", status=409) == refused
    wish = {"volume": {**NEW, "name": "one"}}
    body = told.home.prototype(image={"id": told.image("other").id}, volume_attachments=[wish, wish])
    assert told.code("POST", "/v1/instances", body, status=400) == ("validation_unique_failed", "name")
    assert told.call("GET", "/v1/volumes", status=200, name="one")["volumes"] == []
    assert told.call("GET", "/v1/instances", status=200)["total_count"] == 1


@pytest.mark.parametrize("caller", ["stranger", "consumer"])
def test_another_accounts_volume_is_none(told: Api, caller: str) -> None:
    mine, on = loose(told), server(told)
    assert told.code("POST", path(on), {"volume": NEW}, status=404, caller=caller) == ("not_found", "instance_id")
    home = told.homes[caller]
    image = {"id": told.image("theirs", caller=caller).id}
    body = home.prototype(image=image, volume_attachments=[{"volume": {"id": mine}}])
    refused = ("not_found", "volume_attachments.0.volume")
    assert told.code("POST", "/v1/instances", body, status=404, caller=caller) == refused
