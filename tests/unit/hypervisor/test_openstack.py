"""What goes wrong in a cloud, and what is left alone there; the rest of its engine is in the suite of all engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from keystoneauth1.session import Session

from fixtures.hand_made_cloud import HandMade, hand_made_cloud
from kunsthalle.hypervisor.disk_protocol import DiskKind
from kunsthalle.hypervisor.openstack.cloud_client import Cloud
from kunsthalle.hypervisor.openstack.cloud_images import MARK, image_id
from kunsthalle.hypervisor.protocol import (
    Channel,
    DataDisk,
    DiskError,
    DiskFull,
    HypervisorError,
    NoRoom,
    NotRunning,
    Passphrases,
    StartError,
    Status,
    Unresponsive,
)

from .conftest import GIB, CloudBench

VOLUME, SNAPSHOT = DiskKind.VOLUME, DiskKind.SNAPSHOT
SERVER = "0717_1e09281b-f177-46fb-baf1-bc152b2e391a"


def started(bench: CloudBench) -> dict[str, Any]:
    """The one instance of the cloud."""
    bench.engine.start(bench.server())
    (server,) = bench.cloud.servers.values()
    return server


def test_an_image_is_uploaded_once_for_its_digest(openstack: CloudBench) -> None:
    disks, calls = openstack.engine.disks, openstack.cloud.calls
    for name in ("a", "b"):
        disks.make(openstack.volume(name), None)
    image = image_id(openstack.digest)
    assert list(openstack.cloud.images) == [image]
    assert openstack.cloud.files[image_id(openstack.digest)] == openstack.base.read_bytes()
    assert [call for call in calls if call.startswith("PUT")] == [f"PUT /image/v2/images/{image}/file"]


def test_an_upload_that_broke_off_is_made_up_for(openstack: CloudBench) -> None:
    openstack.cloud.faults.append(("PUT", "/file", 503))
    with pytest.raises(Unresponsive):
        openstack.engine.disks.make(openstack.volume(), None)
    openstack.engine.disks.make(openstack.volume(), None)
    assert openstack.engine.disks.inventory(VOLUME) == {"boot": 10 * GIB}


@pytest.mark.parametrize("fault", ["cut", 500, 503])
@pytest.mark.parametrize("call", [("POST", "/volumes"), ("GET", "/volumes/"), ("POST", "/images"), ("GET", "/images/")])
def test_what_is_repeated_after_any_lost_answer_makes_one(
    openstack: CloudBench, call: tuple[str, str], fault: object
) -> None:
    openstack.cloud.faults.append((*call, fault))
    with pytest.raises(Unresponsive):
        openstack.engine.disks.make(openstack.volume(), None)
    openstack.engine.disks.make(openstack.volume(), None)
    assert [volume["name"] for volume in openstack.cloud.volumes.values()] == ["boot"]
    assert len(openstack.cloud.images) == 1


@pytest.mark.parametrize(
    "call", [("POST", "/servers"), ("GET", "/servers/"), ("POST", "/flavors"), ("POST", "/images")]
)
def test_a_start_whose_answer_is_lost_leaves_one_machine(openstack: CloudBench, call: tuple[str, str]) -> None:
    server = openstack.server()
    openstack.cloud.faults.append((*call, "cut"))
    with pytest.raises(Unresponsive):
        openstack.engine.start(server)
    openstack.engine.start(server)
    assert [one["name"] for one in openstack.cloud.servers.values()] == [server.id]
    assert len(openstack.cloud.flavors) == 1
    assert [image for image in openstack.cloud.images.values() if image.get(MARK) == "seed"] == []


def test_quotas_and_full_clouds_are_the_engines_words(openstack: CloudBench) -> None:
    server = openstack.server()
    openstack.cloud.full = True
    with pytest.raises(NoRoom, match="Quota exceeded for ram"):
        openstack.engine.start(server)
    with pytest.raises(DiskFull, match="exceeds allowed quota"):
        openstack.engine.disks.make(openstack.volume("more"), None)
    openstack.cloud.full = False
    openstack.cloud.faults.append(("POST", "/servers", 403))
    with pytest.raises(HypervisorError) as refused:
        openstack.engine.start(server)
    assert not isinstance(refused.value, NoRoom), "not every 403 is a quota"


@pytest.mark.parametrize(("message", "error"), [
    ("No valid host was found. There are not enough hosts available.", NoRoom),
    ("Build of instance was aborted", StartError),
])  # fmt: skip
def test_an_instance_that_comes_to_nothing_is_removed(
    openstack: CloudBench, monkeypatch: pytest.MonkeyPatch, message: str, error: type[HypervisorError]
) -> None:
    post_server = HandMade.post_server

    def broken(cloud: HandMade, body: dict[str, Any]) -> tuple[int, Any]:
        status, answer = post_server(cloud, body)
        cloud.servers[answer["server"]["id"]] |= {"status": "ERROR", "fault": {"message": message}}
        return status, answer

    from fixtures import hand_made_cloud as module

    routes = [(pattern, broken if call is post_server else call) for pattern, call in module._ROUTES]
    monkeypatch.setattr(module, "_ROUTES", routes)
    with pytest.raises(error):
        openstack.engine.start(openstack.server())
    assert openstack.cloud.servers == {}
    assert {volume["status"] for volume in openstack.cloud.volumes.values()} == {"available"}


def test_a_guest_finds_its_disks_where_it_finds_them_on_qemu(openstack: CloudBench) -> None:
    openstack.engine.disks.ensure(openstack.volume("data", base=None))
    openstack.engine.start(openstack.server(data=(DataDisk("attachment", "data"),)))
    (server,) = openstack.cloud.servers.values()
    boot, seed, data = server["block_device_mapping_v2"]
    assert (boot["boot_index"], boot["source_type"], boot["delete_on_termination"]) == (0, "volume", False)
    assert (seed["boot_index"], seed["source_type"], seed["delete_on_termination"]) == (-1, "image", True)
    assert (data["tag"], data["delete_on_termination"]) == ("attachment", False)
    assert (server["networks"], server["tags"]) == ("none", [MARK, SERVER])
    assert b"cidata" in openstack.cloud.files[seed["uuid"]].lower()
    assert seed["uuid"] not in openstack.cloud.images, "the seed is a secret, and its image is gone"
    openstack.engine.delete(SERVER)
    assert sorted(volume["name"] for volume in openstack.cloud.volumes.values()) == [SERVER, "data"]


@pytest.mark.parametrize(("state", "host", "status"), [
    ("ACTIVE", "UP", Status.RUNNING),
    ("ACTIVE", "UNKNOWN", Status.UNREACHABLE),
    ("ACTIVE", "MAINTENANCE", Status.RUNNING),
    ("SHUTOFF", "UNKNOWN", Status.STOPPED),
    ("ERROR", "UP", Status.FAILED),
    ("SOFT_DELETED", "UP", Status.ABSENT),
])  # fmt: skip
def test_a_silent_host_is_no_end_of_a_machine(openstack: CloudBench, state: str, host: str, status: Status) -> None:
    server = started(openstack)
    server |= {"status": state, "host_status": host}
    assert openstack.engine.status(SERVER) is status
    openstack.cloud.calls.clear()
    assert openstack.engine.states([SERVER, "other"], thorough=False) == {SERVER: status, "other": Status.ABSENT}
    asked = [call for call in openstack.cloud.calls if "servers" in call]
    assert asked == ["GET /compute/v2.1/servers/detail"], "one question for all"


def test_what_others_made_in_the_project_is_left_alone(openstack: CloudBench) -> None:
    cloud, disks = openstack.cloud, openstack.engine.disks
    for name in ("boot", SERVER):
        cloud.post_volume({"volume": {"name": name, "size": 1}})
    by_hand = set(cloud.volumes)
    server = started(openstack)
    cloud.servers["by-hand"] = {**server, "id": "by-hand", "tags": [], "attached": {}, "metadata": {}}
    assert openstack.engine.servers() == [SERVER]
    assert list(disks.inventory(VOLUME)) == [SERVER]
    openstack.engine.delete(SERVER)
    for name in ("boot", SERVER):
        disks.delete(VOLUME, name)
        disks.delete(SNAPSHOT, name)
    assert (set(cloud.volumes), list(cloud.servers)) == (by_hand, ["by-hand"])


def test_a_volume_in_use_is_read_out_and_nothing_is_left(openstack: CloudBench) -> None:
    started(openstack)
    disk = openstack.volume(SERVER)
    with openstack.engine.disks.read_out(disk) as stream:
        assert stream is not None
        assert stream.read(4) == b"QFI\xfb"
    assert [volume["name"] for volume in openstack.cloud.volumes.values()] != []
    assert openstack.cloud.snapshots == {}
    assert len(openstack.cloud.volumes) == 2, "the boot volume and the seed"
    assert list(openstack.cloud.images) == [image_id(openstack.digest)]


def test_content_that_breaks_off_is_no_image_and_what_a_crash_left_is_found(openstack: CloudBench) -> None:
    disks, disk = openstack.engine.disks, openstack.volume()
    disks.make(disk, None)
    openstack.cloud.faults.append(("GET", "/file", "cut"))
    with pytest.raises(Unresponsive), disks.read_out(disk):
        pytest.fail("half of it is not the whole")
    assert list(disks.leftovers()) == []
    openstack.cloud.faults += [("DELETE", "/volumes/", 500), ("GET", "/file", "cut")]
    with pytest.raises(Unresponsive), disks.read_out(disk):
        pytest.fail("half of it is not the whole")
    names = {leftover.name for leftover in disks.leftovers()}
    assert names == {f"{MARK}-read-boot"}
    disks.remove_leftover(names.pop())
    assert list(disks.leftovers()) == []
    assert list(disks.inventory(VOLUME)) == ["boot"]


def test_what_came_to_nothing_is_made_anew(openstack: CloudBench) -> None:
    disks = openstack.engine.disks
    disks.make(openstack.volume(), None)
    (broken,) = openstack.cloud.volumes.values()
    broken["status"] = "error"
    disks.make(openstack.volume(), None)
    (made,) = openstack.cloud.volumes.values()
    assert (made["status"], made["id"] != broken["id"]) == ("available", True)


def test_a_volume_with_a_key_of_its_owners_is_refused(openstack: CloudBench) -> None:
    opened = Passphrases(b"the data key")
    for call in (openstack.engine.disks.ensure, lambda disk: openstack.engine.disks.make(disk, None)):
        with pytest.raises(DiskError, match="encrypted"):
            call(openstack.volume(passphrases=opened))
    assert openstack.cloud.volumes == {}
    assert b"data key" not in b"".join(call.encode() for call in openstack.cloud.calls)


def test_a_guest_that_does_not_go_is_waited_for_and_not_cut_before_its_time(openstack: CloudBench) -> None:
    server = started(openstack)
    server["deaf"] = True
    assert openstack.engine.stop(SERVER, 1, cut=False) is False
    assert openstack.engine.status(SERVER) is Status.RUNNING
    server["deaf"] = False
    assert openstack.engine.stop(SERVER, 1, cut=False) is True
    assert openstack.engine.stop(SERVER, 0) is True


def test_a_disk_that_a_guest_holds_on_to_is_named(openstack: CloudBench) -> None:
    openstack.engine.disks.ensure(openstack.volume("data", base=None))
    server = started(openstack)
    assert openstack.engine.set_disks(SERVER, (DataDisk("attachment", "data"),)) == set()
    openstack.cloud.faults.append(("DELETE", "/os-volume_attachments/", 409))
    assert openstack.engine.set_disks(SERVER, ()) == {"attachment"}
    assert openstack.engine.set_disks(SERVER, ()) == set()
    assert len(server["attached"]) == 2, "the disk it boots from and the seed stay"


def test_a_cloud_that_is_not_there_is_unresponsive(openstack: CloudBench) -> None:
    with hand_made_cloud() as (_, client):
        pass
    gone = replace(openstack.engine._engine._cloud, session=client.session)
    with pytest.raises(Unresponsive):
        gone.get("compute", "/flavors")
    assert isinstance(gone, Cloud)


def test_a_volume_that_has_snapshots_goes_with_the_last_of_them(openstack: CloudBench) -> None:
    """Cinder refuses to remove it before."""
    disks, disk = openstack.engine.disks, openstack.volume()
    disks.make(disk, None)
    for name in ("first", "last"):
        disks.snapshot(disk, name)
    disks.delete(VOLUME, "boot")
    assert (disks.exists(VOLUME, "boot"), disks.inventory(VOLUME)) == (False, {})
    disks.make(disk, None)
    assert len(openstack.cloud.volumes) == 2, "the id may be taken again"
    disks.delete(SNAPSHOT, "first")
    assert (len(openstack.cloud.volumes), list(disks.leftovers())) == (2, [])
    (retired,) = [one["id"] for one in openstack.cloud.volumes.values() if one["name"] != "boot"]
    openstack.cloud.snapshots = {}  # as of two that were the last at once
    assert retired in openstack.cloud.volumes
    (leftover,) = disks.leftovers()
    disks.remove_leftover(leftover.name)
    assert [volume["name"] for volume in openstack.cloud.volumes.values()] == ["boot"]
    openstack.cloud.volumes[next(iter(openstack.cloud.volumes))]["status"] = "in-use"
    with pytest.raises(HypervisorError, match="Volume status must be available"):
        disks.delete(VOLUME, "boot")


def test_an_image_goes_with_its_blob_and_comes_back_under_another_id(openstack: CloudBench) -> None:
    """Glance takes no id again that a deleted image had."""
    disks, digest, cloud = openstack.engine.disks, openstack.digest, openstack.cloud
    for generation in range(3):
        disks.make(openstack.volume(f"boot-{generation}"), None)
        assert list(cloud.images) == [image_id(digest, generation)]
        disks.forget_base(digest)
        assert cloud.images == {}
    disks.make(openstack.volume("boot"), None)
    cloud.faults.append(("DELETE", "/images/", 409))
    disks.forget_base(digest)
    assert list(disks.leftovers()) == [], "its bytes are there"
    openstack.engine.disks.images.blobs.delete(digest)
    (leftover,) = disks.leftovers()
    disks.remove_leftover(leftover.name)
    assert cloud.images == {}


def test_the_seed_of_a_start_that_was_killed_is_found_and_goes_with_the_next(openstack: CloudBench) -> None:
    server, cloud = openstack.server(), openstack.cloud
    cloud.faults += [("POST", "/servers", 500), ("DELETE", "/images/", 500)]
    with pytest.raises(Unresponsive):
        openstack.engine.start(server)
    (leftover,) = openstack.engine.disks.leftovers()
    assert (leftover.name, leftover.disk_id) == (f"{MARK}-seed-{SERVER}", None)
    openstack.engine.start(server)
    assert list(openstack.engine.disks.leftovers()) == []


def test_the_image_of_a_seed_goes_while_its_machine_is_being_started(
    openstack: CloudBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nova has made the disk of it by then, and Glance takes half a second for a removal."""
    boot, server, seen = HandMade._boot, openstack.server(), list[tuple[str | None, bool]]()
    later: list[tuple[str, str | None]] = [("BUILD", "spawning"), ("BUILD", "spawning"), ("ACTIVE", None)]

    def begun(cloud: HandMade, row: dict[str, Any]) -> None:
        boot(cloud, row)
        row |= {"status": "BUILD", "task_state": "block_device_mapping"}

    def wait(_seconds: float) -> None:
        (row,) = openstack.cloud.servers.values()
        seen.append((row["task_state"], any(image.get(MARK) == "seed" for image in openstack.cloud.images.values())))
        row["status"], row["task_state"] = later.pop(0)

    monkeypatch.setattr(HandMade, "_boot", begun)
    engine = openstack.engine._engine
    monkeypatch.setattr(engine, "_cloud", replace(engine._cloud, wait=wait))
    engine.start(server)
    assert seen == [("block_device_mapping", True), ("spawning", False), ("spawning", False)]


def test_what_a_guest_said_outlasts_its_instance(openstack: CloudBench) -> None:
    engine, first = openstack.engine, started(openstack)
    first["output"] = "first boot\n"
    engine.keep_consoles([SERVER, "other"])
    engine.stop(SERVER, 0)
    first["output"] += "down\n"
    engine.start(openstack.server())
    (second,) = openstack.cloud.servers.values()
    second["output"] = "second boot\n"
    whole = b"first boot\r\ndown\r\nsecond boot\r\n"
    assert engine.console(SERVER, 1000) == whole
    excerpt = engine.read_console(SERVER, 6, 4)
    assert (excerpt.start, excerpt.end, excerpt.text) == (6, 10, b"boot")
    openstack.cloud.faults.append(("GET", "/servers/detail", 503))
    assert engine.console(SERVER, 1000) == whole, "of a cloud that is away, what was fetched"
    second["host_status"] = "UNKNOWN"
    calls = len(openstack.cloud.calls)
    assert engine.console(SERVER, 5) == b"oot\r\n"
    assert len(openstack.cloud.calls) == calls + 1, "a silent host is not asked: it keeps Nova waiting"


def test_lines_are_those_that_the_site_has(openstack: CloudBench) -> None:
    engine, server = openstack.engine, started(openstack)
    line = engine.connect(SERVER, Channel.SERIAL)
    assert (line is not None and line.tells_all, engine.connect(SERVER, Channel.SCREEN)) == (True, None)
    server["status"] = "SHUTOFF"
    with pytest.raises(NotRunning):
        engine.connect(SERVER, Channel.SERIAL)


def test_what_each_operation_asks_of_the_cloud(openstack: CloudBench) -> None:
    """Requests where nothing is waited for; each wait adds one for each look, and looks become rare."""
    engine, disks, disk = openstack.engine, openstack.engine.disks, openstack.volume(SERVER)
    disks.make(openstack.volume("warm"), None)
    server = openstack.server()
    disks.delete(VOLUME, SERVER)

    moment = replace(disk, kind=SNAPSHOT, id="moment")

    def removed() -> None:
        engine.delete(SERVER)
        disks.delete(VOLUME, SERVER)

    story: list[tuple[str, int, Callable[[], object]]] = [
        ("volume of an image that is there", 4, lambda: disks.make(disk, None)),
        ("start of a new server", 10, lambda: engine.start(server)),
        ("start of a running server", 2, lambda: engine.start(server)),
        ("disks of a server that are as they should be", 2, lambda: engine.set_disks(SERVER, ())),
        ("states of all servers", 1, lambda: engine.states([SERVER], thorough=True)),
        ("console", 2, lambda: engine.console(SERVER, 1000)),
        ("snapshot", 4, lambda: disks.snapshot(disk, "moment")),
        ("volume of a snapshot", 4, lambda: disks.make(openstack.volume("copy"), moment)),
        ("stop", 3, lambda: engine.stop(SERVER, 0)),
        ("growing", 3, lambda: disks.grow(openstack.volume(SERVER, 20 * GIB))),
        ("image of a volume", 20, lambda: disks.read_out(disk).__enter__()),
        ("deletion of a snapshot", 4, lambda: disks.delete(SNAPSHOT, "moment")),
        ("deletion of a server and its volume", 6, removed),
    ]  # fmt: skip
    counted: dict[str, tuple[int, int]] = {}
    for name, asked, call in story:
        before = len(openstack.cloud.calls)
        call()
        counted[name] = (len(openstack.cloud.calls) - before, asked)
    assert {name: count for name, (count, _) in counted.items()} == {
        name: asked for name, (_, asked) in counted.items()
    }


@pytest.mark.parametrize(("takes", "later", "looks"), [(0.5, 0.06, 12), (1, 0.08, 20), (4, 0.19, 48), (60, 2.01, 84)])
def test_what_ends_soon_is_noticed_at_once_and_what_takes_long_is_not_asked_for_often(
    takes: float, later: float, looks: int
) -> None:
    passed: list[float] = []
    asked: list[float] = []

    def done() -> bool:
        asked.append(sum(passed))
        return sum(passed) >= takes

    Cloud(Session(), passed.append).until(done, "work", 600)
    assert (sum(passed) - takes <= later, len(asked) <= looks) == (True, True), (sum(passed), len(asked))


def test_what_is_near_its_end_is_asked_for_often_again() -> None:
    passed: list[float] = []
    Cloud(Session(), passed.append).until(lambda: sum(passed) >= 63, "work", 600, lambda: sum(passed) >= 60)
    assert max(passed) == 2.0
    assert sum(passed) - 63 <= 0.14
