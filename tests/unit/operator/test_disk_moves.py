"""Disks of an account on their way from this host's folder to a cloud: with their content, once, whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from keystoneauth1.identity.v3 import Password
from sqlalchemy import update

from fixtures.app import App, open_app, reopened
from fixtures.frozen_app import OPERATOR
from fixtures.hand_made_cloud import HandMade, hand_made_cloud
from fixtures.killed_calls import killed_after
from fixtures.walks import some_of
from kunsthalle.app import Server, build
from kunsthalle.block_storage.tables import snapshots, volumes
from kunsthalle.cli.main import cli
from kunsthalle.cli.serve import Refusal, _guard_disks_left
from kunsthalle.hypervisor.folder_disks import LocalDisks
from kunsthalle.instances.tables import instances
from kunsthalle.local import folder
from kunsthalle.operator.disk_moves.account_moves import prepare
from kunsthalle.operator.disk_moves.move_notes import FILE, MoveNotes

pytestmark = [pytest.mark.needs_qemu_img, pytest.mark.by_turns(3)]
MEGABYTE = 1 << 20
CLUSTER = 65536
STEPS = 68
"""That a move of two disks has at least: requests to the cloud, and both ends of notes and removals."""


@dataclass
class Site:
    """An account with a stopped instance, its boot and data volumes and two snapshots, in the folder of a server that
    was stopped; and a cloud. `written` is what guests have put where, by the ids of volumes and snapshots.
    """

    app: App
    cloud: HandMade
    server: str
    written: dict[str, dict[int, int]]
    variables: dict[str, str]

    @property
    def data(self) -> Path:
        return self.app.server.settings.data

    @property
    def disks(self) -> Path:
        return self.data / "disks"

    def move(self, *more: str, account: str = "publisher", engine: str = "openstack") -> Result:
        words = ("disks", "move", "--data", str(self.data), "--account", account, "--hypervisor", engine, *more)
        return CliRunner().invoke(cli, words, env=self.variables)

    def moved(self, *more: str) -> Any:
        ended = self.move("--output", "json", *more)
        assert ended.exit_code == 0, ended.output
        return json.loads(ended.stdout)

    def refused(self, *more: str, code: int = 2, **how: str) -> str:
        ended = self.move(*more, **how)
        assert ended.exit_code == code, ended.output
        assert ended.stderr.count("\n") == 1, ended.stderr
        return ended.stderr

    def in_cloud(self, id_: str) -> dict[int, bytes]:
        (item,) = [one for one in self.every() if one["name"] == id_]
        return self.cloud.content[item["id"]]

    def every(self) -> list[dict[str, Any]]:
        return [*self.cloud.volumes.values(), *self.cloud.snapshots.values()]

    def names(self) -> list[str]:
        return sorted(one["name"] for one in self.every())

    def holds_all(self) -> None:
        """Each disk is in the cloud once, with what guests have written, on the image or on nothing."""
        snapshots = {one["name"] for one in self.cloud.snapshots.values()}
        assert self.names() == sorted([*self.written, *(f"kunsthalle-retired-{id_}" for id_ in snapshots)])
        for id_, pieces in self.written.items():
            content = self.in_cloud(id_)
            for place, byte in pieces.items():
                assert content[place * MEGABYTE] == bytes([byte]) * CLUSTER
            others = set(content) - {place * MEGABYTE for place in pieces}
            assert all(content[place][:6] == b"golden" for place in others)

    def write(self, kind: str, id_: str, byte: int, place: int = 8) -> None:
        """What a guest writes, as long as nothing runs."""
        path = self.disks / kind / f"{id_}.qcow2"
        command = ["qemu-io", "-f", "qcow2", "-c", f"write -P {byte} {place}M 64k", str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The first snapshot is of a disk that nobody had written to; between the two somebody has."""
    app = open_app(tmp_path / "data")
    server = app.server_of(app.image("golden")["id"])
    app.act(server["id"], "stop")
    boot = server["boot_volume_attachment"]["volume"]["id"]
    wish = {"name": "data", "profile": {"name": "general-purpose"}, "capacity": 10, "zone": server["zone"]}
    data = app.do("POST", "/v1/volumes", wish)["id"]
    app.settle()
    app.do("POST", f"/v1/instances/{server['id']}/volume_attachments", {"volume": {"id": data}})
    for verb in ("start", "stop"):  # so that the volume has its disk
        app.act(server["id"], verb)
    with hand_made_cloud() as (cloud, client):
        auth = client.session.auth
        assert isinstance(auth, Password)
        variables = {"OS_AUTH_URL": auth.auth_url, "OS_USERNAME": "u", "OS_PASSWORD": "p", "OS_PROJECT_NAME": "p"}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        made = Site(app, cloud, server["id"], {}, variables)
        taken = [_snapshot(app, boot)]
        made.write("volumes", boot, 0x41)
        made.write("volumes", data, 0x42, place=32)
        taken.append(_snapshot(app, boot))
        made.write("volumes", boot, 0x43, place=9)
        made.written = {boot: {8: 0x41, 9: 0x43}, data: {32: 0x42}, taken[0]: {}, taken[1]: {8: 0x41}}
        folder.write(made.data, folder.CREDENTIALS, {"operator_token": OPERATOR})
        app.close()
        yield made


def _snapshot(app: App, volume: str) -> str:
    taken = app.do("POST", "/v1/snapshots", {"source_volume": {"id": volume}})
    app.settle()
    return str(taken["id"])


def test_disks_are_moved_with_their_content_and_instances_start_on_them(site: Site) -> None:
    told = site.moved("--dry-run")
    assert (told["volumes"], told["snapshots"], told["instances"]) == (2, 2, 1)
    assert told["capacity_bytes"] == 40 << 30
    assert site.every() == [], "nothing was done"
    moved = site.moved()
    assert {disk["done"] for disk in moved["disks"]} == {"moved"}
    assert len({disk["sha256"] for disk in moved["disks"]}) == len(site.written) == len(moved["disks"])
    site.holds_all()
    images = [image["name"] for image in site.cloud.images.values()]
    assert len(images) == 1, "the image that the first snapshot is of; all else was there for minutes"
    assert images[0].startswith("kunsthalle-base-")
    again = reopened(site.app, hypervisor="openstack")
    try:
        again.act(site.server, "start")
        assert again.do("GET", f"/v1/instances/{site.server}")["status"] == "running"
        assert len(site.cloud.guests) == 1
        for one in [*again.do("GET", "/v1/snapshots")["snapshots"]]:
            again.do("DELETE", f"/v1/snapshots/{one['id']}")
        again.settle()
    finally:
        again.close()
    of_guests = {id_ for id_, pieces in site.written.items() if id_ not in moved_snapshots(moved)}
    assert {one["name"] for one in site.every() if one["name"]} == of_guests, "a snapshot leaves nothing behind"


def moved_snapshots(moved: Any) -> set[str]:
    return {disk["id"] for disk in moved["disks"] if disk["kind"] == "snapshot"}


def test_what_is_moved_is_known_and_what_has_changed_meanwhile_is_moved_anew(site: Site) -> None:
    first = site.moved()
    site.cloud.calls.clear()
    assert {disk["done"] for disk in site.moved()["disks"]} == {"moved before"}
    assert not [call for call in site.cloud.calls if call.startswith(("POST /volume", "POST /image"))]
    boot = next(id_ for id_, pieces in site.written.items() if 9 in pieces)
    site.write("volumes", boot, 0x44)
    site.written[boot][8] = 0x44
    again = {disk["id"]: disk for disk in site.moved()["disks"]}
    assert (again.pop(boot)["done"], {disk["done"] for disk in again.values()}) == ("moved", {"moved before"})
    assert len({disk["sha256"] for disk in first["disks"]} - {disk["sha256"] for disk in again.values()}) == 1
    site.holds_all()


def test_what_was_written_to_on_the_engine_is_never_replaced(site: Site) -> None:
    site.moved()
    boot = next(id_ for id_, pieces in site.written.items() if 9 in pieces)
    site.write("volumes", boot, 0x44)
    site.cloud.write(boot, 0x55, 20 * MEGABYTE)
    said = site.refused()
    assert boot in said
    assert "written to there since" in said
    assert site.in_cloud(boot)[20 * MEGABYTE][:1] == b"\x55"


def test_a_disk_that_is_there_already_is_compared(site: Site) -> None:
    """As where the notes were lost."""
    site.moved()
    (site.disks / FILE).unlink()
    assert {disk["done"] for disk in site.moved()["disks"]} == {"compared"}
    site.holds_all()
    (site.disks / FILE).unlink()
    data = next(id_ for id_, pieces in site.written.items() if 32 in pieces)
    site.cloud.write(data, 0x55, MEGABYTE)
    assert "is there, with another content" in site.refused()


def test_what_the_engine_makes_something_else_of_stays_here_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    put_file = HandMade.put_file

    def garbled(cloud: HandMade, id_: str, body: bytes) -> Any:
        return put_file(cloud, id_, body.replace(bytes([0x43]) * CLUSTER, bytes([0x46]) * CLUSTER))

    monkeypatch.setattr(HandMade, "put_file", garbled)
    monkeypatch.setattr("fixtures.hand_made_cloud._ROUTES", _with(put_file, garbled))
    assert "is not what was sent to it" in site.refused(code=1)
    boot = next(id_ for id_, pieces in site.written.items() if 9 in pieces)
    assert not [name for name in site.names() if boot in name], "nor is it kept for later"
    monkeypatch.undo()
    for name, value in site.variables.items():
        monkeypatch.setenv(name, value)
    site.moved("--remove-source")
    site.holds_all()


def _with(put_file: Any, garbled: Any) -> list[tuple[str, Any]]:
    from fixtures.hand_made_cloud import _ROUTES

    return [(pattern, garbled if call is put_file else call) for pattern, call in _ROUTES]


def test_the_source_is_removed_when_all_of_it_is_there(site: Site) -> None:
    site.moved()
    assert len(list(site.disks.glob("*/*.qcow2"))) == len(site.written)
    moved = site.moved("--remove-source")
    assert (moved["removed"], {disk["done"] for disk in moved["disks"]}) == (len(site.written), {"moved before"})
    assert list(site.disks.glob("*/*.qcow2")) == []
    assert site.moved()["disks"] == [], "nothing is left to be moved"
    site.holds_all()


def test_a_server_with_disks_here_does_not_start_on_the_engine_before_they_are_moved(site: Site) -> None:
    def start() -> None:
        settings = site.app.server.settings
        server = build(replace(settings, hypervisor="openstack"), OPERATOR)
        try:
            _guard_disks_left(server)
        finally:
            server.store.close()

    with pytest.raises(Refusal, match=r"publisher \(4\)\. Move them: kunsthalle disks move"):
        start()
    site.cloud.full = True
    site.refused(code=1)
    with pytest.raises(Refusal, match=r"publisher \(\d\)"):
        start()
    site.cloud.full = False
    site.moved()
    start()


def test_what_keeps_disks_from_being_moved_is_one_line(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Choose the engine to move them to: --hypervisor openstack." in site.refused(engine="simulated")
    assert "Unknown account: 'nobody'" in site.refused(account="nobody")
    site.cloud.away = True
    assert "block-storage cannot be asked" in site.refused(code=1)
    site.cloud.away = False
    site.cloud.full = True
    assert "There is no more room" in site.refused(code=1)
    site.cloud.full = False
    lock = folder.lock(site.data)
    assert "A server uses" in site.refused()
    os.close(lock)
    monkeypatch.setattr("kunsthalle.chosen_drivers.find_image_tools", lambda: None)
    assert "apt-get install qemu-utils" in site.refused()


STATES: list[tuple[Any, dict[str, Any], str]] = [
    (instances, {"status": "running"}, "Instances run"),
    (volumes, {"status": "updating"}, "Work on disks is under way: "),
    (snapshots, {"lifecycle_state": "pending"}, "Work on disks is under way: "),
    (volumes, {"encryption_key": "crn:v1:root-key"}, "encrypted with keys"),
]


@pytest.mark.parametrize(("table", "values", "words"), STATES, ids=lambda case: str(case)[:20])
def test_what_is_at_work_or_encrypted_is_not_moved(site: Site, table: Any, values: dict[str, Any], words: str) -> None:
    server = build(site.app.server.settings, OPERATOR)
    server.store.write(server.base, lambda session: session.execute(update(table).values(**values)))
    server.store.close()
    assert words in site.refused("--dry-run")
    assert site.every() == []


def test_a_disk_that_is_nowhere_is_missed(site: Site) -> None:
    next((site.disks / "volumes").glob("*.qcow2")).unlink()
    next((site.disks / "snapshots").glob("*.qcow2")).unlink()
    assert "is neither here nor on the engine" in site.refused()


def test_a_move_that_is_killed_anywhere_goes_on_where_it_was(site: Site) -> None:
    """After each request to the cloud, and at both ends of each note and each removal of a file."""
    server = build(replace(site.app.server.settings, hypervisor="openstack"), OPERATOR)
    few = {id_ for id_, pieces in site.written.items() if pieces in ({32: 0x42}, {8: 0x41})}
    site.written = {id_: pieces for id_, pieces in site.written.items() if id_ in few}
    files = {path: path.read_bytes() for path in site.disks.glob("*/*.qcow2")}
    try:
        for number in (*some_of(range(1, STEPS), 5), 2 * STEPS):
            site.cloud.volumes.clear()
            site.cloud.snapshots.clear()
            site.cloud.images.clear()
            (site.disks / FILE).unlink(missing_ok=True)
            for path, content in files.items():
                path.write_bytes(content)
            steps = (MoveNotes, "add"), (LocalDisks, "delete")
            ended = killed_after(number, lambda: whole_move(server, few), *steps)
            assert ended == (number > STEPS), f"it was killed after {number} steps: {not ended}"
            whole_move(server, few)
            site.holds_all()
            assert site.cloud.images == {}, f"killed after step {number}"
            left = {path.name.removesuffix(".qcow2") for path in site.disks.glob("*/*.qcow2")}
            assert not left & few
    finally:
        server.store.close()


def whole_move(server: Server, few: set[str]) -> None:
    """As the verb does it, for some of the disks."""
    made = prepare(server.store, server.base, server.drivers, "publisher")
    for step in (made.move.move, made.move.remove_source):
        for disk in made.disks:
            if disk.spec.id in few:
                step(disk)
