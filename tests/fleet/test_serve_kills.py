"""The server is killed at random while a real cloud is at work on what it was asked for, fifty times.

Each operation is asked for through the API; at a moment that the seed draws the process is gone. The next one on the
same folder ends the operation. After each kill openstacksdk finds one machine, one volume, one snapshot and one image
for each that the product knows, the doctor finds nothing, and what somebody made by hand in the project is as it was.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crash.client import QUERY, Client, Gone
from fixtures.clients import eventually
from fixtures.fleet import Fleet
from kunsthalle.testing import Served

pytestmark = pytest.mark.fleet
KILLS = 50
PATIENCE = 400
"""Seconds for what a cloud does on two cores that others use, too."""

BY_HAND = "by-hand"


@dataclass
class Wishes:
    """What an account asks for, by name; each call may be repeated, and does nothing where it was heard already."""

    client: Client

    def call(self, method: str, path: str, body: Any = None) -> Any:
        status, document = self.client.call(method, f"{path}{'&' if '?' in path else '?'}{QUERY}", body)
        assert status < 300 or (method == "DELETE" and status in {404, 409}), (method, path, status, document)
        return document

    def all(self, kind: str) -> list[dict[str, Any]]:
        private = "?visibility=private" if kind == "images" else ""
        return list(self.call("GET", f"/v1/{kind}{private}")[kind])

    def find(self, kind: str, name: str) -> dict[str, Any]:
        """Empty where there is none."""
        return next((one for one in self.all(kind) if one["name"] == name), {})

    def make(self, kind: str, name: str, **body: Any) -> None:
        if not self.find(kind, name):
            self.call("POST", f"/v1/{kind}", {"name": name, **body})

    def remove(self, kind: str, *names: str) -> None:
        for name in names:
            if (found := self.find(kind, name)) and found.get("status") != "deleting":
                self.call("DELETE", f"/v1/{kind}/{found['id']}")

    def usable(self, kind: str, name: str) -> bool:
        return bool(self.find(kind, name)["status"] == "available")

    def absent(self, kind: str, name: str) -> bool:
        return not self.find(kind, name)

    # -- operations: what is asked for, and whether it is done

    def create(self) -> None:
        subnet = self.call("GET", "/v1/subnets")["subnets"][0]
        interface = {"subnet": {"id": subnet["id"]}}
        image = {"id": self.find("images", "bootable")["id"]}
        more = {"zone": subnet["zone"], "image": image, "user_data": "kunsthalle-stay"}
        self.make("instances", "mine", primary_network_interface=interface, **more)

    def act(self, type_: str, before: str) -> None:
        mine = self.find("instances", "mine")
        if mine["status"] == before:
            self.call("POST", f"/v1/instances/{mine['id']}/actions", {"type": type_})

    def status(self) -> Any:
        mine = self.find("instances", "mine")
        assert mine["status"] != "failed", mine["status_reasons"]
        return mine["status"]

    def attachments(self) -> list[dict[str, Any]]:
        """Those of data volumes."""
        path = f"/v1/instances/{self.find('instances', 'mine')['id']}/volume_attachments"
        return [one for one in self.call("GET", path)["volume_attachments"] if one["type"] == "data"]

    def attach(self) -> None:
        if not self.attachments():
            volume = {"name": "data", "capacity": 10, "profile": {"name": "general-purpose"}}
            self.call("POST", f"/v1/instances/{self.find('instances', 'mine')['id']}/volume_attachments", {
                "volume": volume, "delete_volume_on_instance_delete": False,
            })  # fmt: skip

    def detach(self) -> None:
        mine = self.find("instances", "mine")["id"]
        for one in self.attachments():
            self.call("DELETE", f"/v1/instances/{mine}/volume_attachments/{one['id']}")

    def grow(self) -> None:
        self.call("PATCH", f"/v1/volumes/{self.find('volumes', 'data')['id']}", {"capacity": 20})

    def grown(self) -> bool:
        volume = self.find("volumes", "data")
        return bool(volume["status"] == "available" and volume["capacity"] == 20)

    @property
    def boot_volume(self) -> dict[str, str]:
        volume = self.find("instances", "mine")["boot_volume_attachment"]["volume"]
        return {"id": volume["id"]}

    def copy(self) -> None:
        moment = {"id": self.find("snapshots", "moment")["id"]}
        zone, profile = {"name": "us-south-1"}, {"name": "general-purpose"}
        self.make("volumes", "copy", zone=zone, profile=profile, source_snapshot=moment)


@dataclass(frozen=True)
class Operation:
    """`seconds` is about how long it takes in the lab."""

    name: str
    seconds: float
    ask: Callable[[Wishes], None]
    done: Callable[[Wishes], object]


OPERATIONS = (
    Operation("creation of a server", 14, Wishes.create, lambda wish: wish.status() == "running"),
    Operation(
        "attaching", 6, Wishes.attach, lambda wish: [one["status"] for one in wish.attachments()] == ["attached"]
    ),
    Operation("growing", 2, Wishes.grow, Wishes.grown),
    Operation("detaching", 6, Wishes.detach, lambda wish: not wish.attachments()),
    Operation("reboot", 4, lambda wish: wish.act("reboot", "running"), lambda wish: wish.status() == "running"),
    Operation("stop", 5, lambda wish: wish.act("stop", "running"), lambda wish: wish.status() == "stopped"),
    Operation(
        "snapshot",
        3,
        lambda wish: wish.make("snapshots", "moment", source_volume=wish.boot_volume),
        lambda wish: wish.find("snapshots", "moment")["lifecycle_state"] == "stable",
    ),
    Operation(
        "volume of a snapshot", 3, Wishes.copy, lambda wish: wish.find("volumes", "copy")["status"] == "available"
    ),
    Operation(
        "image of a volume",
        10,
        lambda wish: wish.make("images", "captured", source_volume=wish.boot_volume),
        lambda wish: wish.usable("images", "captured"),
    ),
    Operation("start", 8, lambda wish: wish.act("start", "stopped"), lambda wish: wish.status() == "running"),
    Operation(
        "deletion of a server",
        6,
        lambda wish: wish.remove("instances", "mine"),
        lambda wish: wish.absent("instances", "mine"),
    ),
    Operation(
        "deletion of volumes",
        4,
        lambda wish: wish.remove("volumes", "copy", "data"),
        lambda wish: wish.absent("volumes", "copy") and wish.absent("volumes", "data"),
    ),
    Operation(
        "deletion of the last snapshot",
        3,
        lambda wish: wish.remove("snapshots", "moment"),
        lambda wish: wish.absent("snapshots", "moment"),
    ),
    Operation(
        "deletion of an image",
        1,
        lambda wish: wish.remove("images", "captured"),
        lambda wish: wish.absent("images", "captured"),
    ),
)
"""One after the other they leave nothing behind."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path / "data", "--hypervisor", "openstack")
    yield made
    made.kill()


def make_by_hand(fleet: Fleet) -> None:
    """A server, a volume, a snapshot and an image of somebody else's in the same project."""
    cloud = fleet.cloud
    made = {}
    for name in (BY_HAND, f"{BY_HAND}-disk"):
        made[name] = cloud.post("block-storage", "/volumes", {"volume": {"name": name, "size": 1}})["volume"]["id"]
    for path in (f"/volumes/{id_}" for id_ in made.values()):
        cloud.until(
            lambda path=path: cloud.get("block-storage", path)["volume"]["status"] == "available", "a volume", PATIENCE
        )
    snapshot = {"volume_id": made[BY_HAND], "name": BY_HAND}
    cloud.post("block-storage", "/snapshots", {"snapshot": snapshot})
    cloud.post("image", "/v2/images", {"name": BY_HAND, "disk_format": "raw", "container_format": "bare"})
    disk = made[f"{BY_HAND}-disk"]
    cloud.post("block-storage", f"/volumes/{disk}/action", {"os-set_bootable": {"bootable": True}})
    flavor = {"name": BY_HAND, "vcpus": 1, "ram": 64, "disk": 0}
    flavors = {one["name"]: one["id"] for one in cloud.every("compute", "/flavors")}
    id_ = flavors.get(BY_HAND) or cloud.post("compute", "/flavors", {"flavor": flavor})["flavor"]["id"]
    volume = {"uuid": disk, "source_type": "volume", "destination_type": "volume", "boot_index": 0}
    server = {"name": BY_HAND, "flavorRef": id_, "networks": "none", "block_device_mapping_v2": [volume]}
    cloud.post("compute", "/servers", {"server": server})


def by_hand(judged: dict[str, list[dict[str, Any]]]) -> list[tuple[str, str, str]]:
    """Kind, id and state of what was made by hand."""
    return sorted(
        (kind, item["id"], item["status"])
        for kind, items in judged.items()
        for item in items
        if str(item["name"]).startswith(BY_HAND)
    )


def wrong(fleet: Fleet, wish: Wishes, before: list[tuple[str, str, str]]) -> list[Any]:
    """What there is in the cloud and what there should be, where that is not the same."""
    found = fleet.judged()
    judged: dict[str, Any] = {
        kind: sorted(str(item["name"] or "") for item in items if not str(item["name"]).startswith(BY_HAND))
        for kind, items in found.items()
    }
    servers = [one["id"] for one in wish.all("instances")]
    volumes = [one["id"] for one in wish.all("volumes")]
    snapshots = wish.all("snapshots")
    retired = {f"kunsthalle-retired-{one['source_volume']['id']}" for one in snapshots}
    retired = {name for name in retired if name.removeprefix("kunsthalle-retired-") not in volumes}
    base = wish.find("images", "bootable")["file"]["checksums"]["sha256"]
    judged["by hand"] = by_hand(found)
    expected = {
        "by hand": before,
        "servers": sorted(servers),
        "volumes": sorted([*volumes, *retired, *("" for _ in servers)]),
        "snapshots": sorted(one["id"] for one in snapshots),
        "images": [f"kunsthalle-base-{base}"],
    }
    return [] if judged == expected else [judged, expected]


def judge(served: Served, fleet: Fleet, wish: Wishes, before: list[tuple[str, str, str]], told: str) -> None:
    """One of each is in the cloud, what was made by hand is as it was, and the doctor finds nothing."""
    found: list[Any] = []

    def right() -> bool:
        found[:] = wrong(fleet, wish, before)
        return not found

    with contextlib.suppress(AssertionError):
        eventually(right, told, 60)
    assert found == [], told
    doctor = served.operate("POST", "/_kunsthalle/doctor", {"deep": False, "repair": False})
    assert doctor["findings"] == [], told


def killed(served: Served, wish: Wishes, operation: Operation, after: float) -> bool:
    """Whether the process died in the middle of the operation, or after its end."""
    killer = threading.Timer(after, served.kill)
    killer.start()
    try:
        operation.ask(wish)
        eventually(lambda: operation.done(wish), operation.name, PATIENCE)
        middle = False
    except Gone:
        middle = True
    killer.join()
    return middle


def test_fifty_deaths_leave_one_of_each(
    served: Served, fleet: Fleet, boot_image: Path, walk_seed: int, record_property: Callable[[str, object], None]
) -> None:
    make_by_hand(fleet)
    calm = {"ACTIVE", "in-use", "available", "queued"}
    eventually(lambda: {state for *_, state in by_hand(fleet.judged())} <= calm, "what is made by hand", PATIENCE)
    before = by_hand(fleet.judged())
    served.start()
    wish = Wishes(Client(served))
    wish.client.sign_in()
    shutil.copy(boot_image, served.bucket("publisher") / "bootable.qcow2")
    file, system = {"href": "cos://us-south/images/bootable.qcow2"}, {"name": "debian-12-amd64"}
    wish.make("images", "bootable", file=file, operating_system=system)
    eventually(lambda: wish.usable("images", "bootable"), "the import", PATIENCE)

    dice, kills, middle = random.Random(walk_seed), 0, 0
    while kills < KILLS:
        for operation in OPERATIONS:
            told = f"seed {walk_seed}, kill {kills}, {operation.name}"
            if kills < KILLS:
                middle += killed(served, wish, operation, dice.uniform(0, operation.seconds))
                kills += 1
                served.start()
                wish.client.sign_in()
            operation.ask(wish)
            eventually(lambda of=operation: of.done(wish), told, PATIENCE)
            judge(served, fleet, wish, before, told)
    record_property("kills", kills)
    record_property("in the middle", middle)
    assert middle > KILLS // 2, "most of them while the cloud was at work"
    wish.remove("images", "bootable")
    eventually(lambda: wish.absent("images", "bootable"), "the end of the image", PATIENCE)
