"""The doctor: healthy where all is well, one finding for each damage, and healthy again after a repair."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, update

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR
from kunsthalle.app import build
from kunsthalle.block_storage.tables import snapshots, volumes
from kunsthalle.cli.doctor_verb import examine
from kunsthalle.db.rows import delete
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.disk_images.backing_files import backing_of
from kunsthalle.hypervisor.protocol import ServerSpec
from kunsthalle.iam.tables import api_keys
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.tables import blob_refs, blobs
from kunsthalle.jobs import queue
from kunsthalle.local import folder
from kunsthalle.operator.doctor.findings import Progress

pytestmark = pytest.mark.by_turns(3)

LOST = "f" * 64


@dataclass
class CheckContext:
    """An application with an image, a stopped server on it, and a snapshot of its disk."""

    app: App
    image: dict[str, Any]
    volume: str
    snapshot: str

    @property
    def digest(self) -> str:
        return str(self.image["file"]["checksums"]["sha256"])

    @property
    def folder(self) -> Path:
        return self.app.server.settings.data.resolve()

    def blob(self) -> Path:
        return self.app.server.drivers.blobs.local_path(self.digest)

    def disk(self, kind: str, id_: str) -> Path:
        return self.folder / "disks" / kind / f"{id_}.qcow2"

    def write(self, function: Callable[[Session], Any]) -> None:
        self.app.server.store.write(self.app.server.base, function)

    def examine(self, **how: bool) -> Any:
        answer = self.app.call(OPERATOR, "POST", "/_kunsthalle/doctor", how)
        assert answer.status == 200, answer.body
        return answer.json

    def found(self, **how: bool) -> set[tuple[str, str]]:
        return {(one["check"], one["subject"]) for one in self.examine(**how)["findings"]}


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[CheckContext]:
    app = open_app(tmp_path / "data")
    app.server.watching.stop()  # else it is quicker than the doctor
    image = app.image("golden")
    server = app.server_of(image["id"])
    app.act(server["id"], "stop")
    volume = server["boot_volume_attachment"]["volume"]["id"]
    taken = app.do("POST", "/v1/snapshots", {"source_volume": {"id": volume}})
    app.settle()
    app.travel(61)  # what the import foresaw has come to nothing
    yield CheckContext(app, image, volume, taken["id"])
    app.close()


def test_all_is_well(ward: CheckContext) -> None:
    report = ward.app.call(OPERATOR, "GET", "/_kunsthalle/doctor").json
    assert report["healthy"] is True
    assert report["findings"] == []
    assert {name: report["examined"][name] for name in ("blobs", "references", "volumes", "snapshots")} == {
        "blobs": 1,
        "references": 3,
        "volumes": 1,
        "snapshots": 1,
    }
    assert ward.found(deep=True) == set()


def _unreferenced(ward: CheckContext) -> str:
    with ward.app.server.drivers.blobs.begin(3) as upload:
        upload.write(b"abc")
        upload.commit("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    return "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def _wrong_length(ward: CheckContext) -> str:
    ward.write(lambda session: session.execute(update(blobs).values(size=1)))
    return ward.digest


def _stray_row(ward: CheckContext) -> str:
    ward.write(lambda session: session.execute(insert(blobs).values(digest=LOST, size=1, revision=1)))
    return LOST


def _stray_reference(ward: CheckContext) -> str:
    ward.write(lambda session: session.execute(insert(blob_refs).values(digest=ward.digest, holder="image:gone")))
    return "image:gone"


def _lost_reference(ward: CheckContext) -> str:
    holder = f"volume:{ward.volume}"
    ward.write(lambda session: remove_rows(session, blob_refs, blob_refs.c.holder == holder))
    return holder


def _leftover_upload(ward: CheckContext) -> str:
    (ward.folder / "blobs" / "tmp" / "import-gone").write_bytes(b"half")
    return "import-gone"


def _disk_without_volume(ward: CheckContext) -> str:
    shutil.copy(ward.disk("volumes", ward.volume), ward.disk("volumes", "r006-gone"))
    return "r006-gone"


def _disk_without_snapshot(ward: CheckContext) -> str:
    shutil.copy(ward.disk("volumes", ward.volume), ward.disk("snapshots", "r006-gone"))
    return "r006-gone"


def _leftover_file(ward: CheckContext) -> str:
    path = ward.disk("volumes", "r006-gone").with_name(".r006-gone.qcow2.partial")
    path.write_bytes(b"half")
    return path.name


def _scratch(ward: CheckContext) -> str:
    (ward.folder / "disks" / "scratch").mkdir(exist_ok=True)
    (ward.folder / "disks" / "scratch" / "r006-gone.copy").write_bytes(b"half")
    return "r006-gone.copy"


def _wrong_backing(ward: CheckContext) -> str:
    path = ward.disk("snapshots", ward.snapshot)
    raw = path.read_bytes()
    name = bytes(ward.blob())
    assert raw.count(name) == 1
    path.write_bytes(raw.replace(name, name[:-3] + b"aaa"))
    return ward.snapshot


def _stuck(ward: CheckContext) -> str:
    ward.app.pause()
    made = ward.app.image("waits", settle=False)
    ward.write(lambda session: queue.cancel(session, "image.import", made["id"]))
    return str(made["id"])


def _server(ward: CheckContext) -> str:
    (server,) = ward.app.do("GET", "/v1/instances")["instances"]
    return str(server["id"])


def _machine_without_server(ward: CheckContext) -> str:
    ward.app.server.drivers.hypervisor.start(ServerSpec("0717_x", "x", ward.volume, 1, 64, None, "02:00:00:00:00:01"))
    return "0717_x"


def _machine_of_stopped_server(ward: CheckContext) -> str:
    id_ = _server(ward)
    ward.app.server.drivers.hypervisor.start(ServerSpec(id_, "x", ward.volume, 1, 64, None, "02:00:00:00:00:01"))
    return id_


def _server_without_machine(ward: CheckContext) -> str:
    id_ = _server(ward)
    ward.app.act(id_, "start")
    ward.app.server.drivers.hypervisor.stop(id_, 0)
    return id_


def _stuck_server(ward: CheckContext) -> str:
    ward.app.pause()
    id_ = _server(ward)
    ward.app.do("POST", f"/v1/instances/{id_}/actions", {"type": "start"})
    ward.write(lambda session: queue.cancel(session, "instance.boot", id_))
    return id_


def _key_by_another(ward: CheckContext) -> str:
    taken = update(api_keys).where(api_keys.c.account_id == ward.app.accounts["owner"], api_keys.c.name == "viewer")
    ward.write(lambda session: session.execute(taken.values(created_by="IBMid-ANOTHER001", id="ApiKey-of-another")))
    return "ApiKey-of-another"


REPAIRABLE: dict[str, Callable[[CheckContext], str]] = {
    "unreferenced_blob": _unreferenced,
    "wrong_length": _wrong_length,
    "stray_row": _stray_row,
    "stray_reference": _stray_reference,
    "lost_reference": _lost_reference,
    "leftover_upload": _leftover_upload,
    "disk_without_volume": _disk_without_volume,
    "disk_without_snapshot": _disk_without_snapshot,
    "leftover_file": _leftover_file,
    "leftover_file ": _scratch,
    "wrong_backing": _wrong_backing,
    "stuck": _stuck,
    "stuck ": _stuck_server,
    "machine_without_server": _machine_without_server,
    "machine_of_stopped_server": _machine_of_stopped_server,
    "server_without_machine": _server_without_machine,
    "key_made_by_another": _key_by_another,
}


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("check", REPAIRABLE)
def test_a_damage_is_found_and_mended(ward: CheckContext, check: str) -> None:
    expected = {(check.strip(), REPAIRABLE[check](ward))}
    assert ward.found() == expected
    assert ward.found() == expected, "looking changes nothing"
    report = ward.examine(repair=True)
    assert [(one["repairable"], one["repaired"]) for one in report["findings"]] == [(True, True)]
    assert report["healthy"] is True
    assert ward.found() == set()


def test_what_was_mended_is_as_it_was(ward: CheckContext) -> None:
    _wrong_backing(ward)
    _lost_reference(ward)
    _unreferenced(ward)
    ward.examine(repair=True)
    assert backing_of(ward.disk("snapshots", ward.snapshot)) == ward.blob()
    ward.app.travel(61)
    assert list(ward.app.server.drivers.blobs.digests()) == [ward.digest]
    restored = ward.app.do("POST", "/v1/volumes", _from(ward.snapshot))
    ward.app.settle()
    assert ward.app.do("GET", f"/v1/volumes/{restored['id']}")["status"] == "available"


def _from(snapshot: str) -> dict[str, Any]:
    return {"zone": {"name": "us-south-1"}, "profile": {"name": "general-purpose"}, "source_snapshot": {"id": snapshot}}


def _missing(ward: CheckContext) -> None:
    ward.blob().unlink()


def _flipped(ward: CheckContext) -> None:
    path = ward.blob()
    path.chmod(0o600)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


@pytest.mark.by_turns(3)
@pytest.mark.parametrize(("check", "damage"), [("missing_blob", _missing), ("wrong_digest", _flipped)])
def test_images_of_lost_bytes_fail_and_what_stands_on_them_is_told_again(
    ward: CheckContext, check: str, damage: Callable[[CheckContext], None]
) -> None:
    damage(ward)
    report = ward.examine(deep=True, repair=True)
    assert [(one["check"], one["subject"], one["repaired"]) for one in report["findings"]] == [
        (check, ward.digest, False)
    ]
    assert report["healthy"] is False
    image = ward.app.do("GET", f"/v1/images/{ward.image['id']}")
    assert (image["status"], image["status_reasons"][0]["code"]) == ("failed", "image_data_corrupted")
    assert ward.found(deep=True) == {(check, ward.digest)}, "the server's disk cannot be helped"


def test_bytes_of_an_image_alone_are_given_up_wholly(ward: CheckContext) -> None:
    alone = ward.app.image("alone")
    ward.app.travel(61)
    digest = alone["file"]["checksums"]["sha256"]
    ward.app.server.drivers.blobs.local_path(digest).unlink()
    assert ward.examine(repair=True)["healthy"] is True
    assert ward.app.do("GET", f"/v1/images/{alone['id']}")["status"] == "failed"
    ward.app.travel(61)
    assert ward.found() == set()


def test_a_disk_that_is_gone_or_broken_is_for_a_person(ward: CheckContext) -> None:
    ward.disk("volumes", ward.volume).unlink()
    ward.disk("snapshots", ward.snapshot).write_bytes(b"not a disk")
    report = ward.examine(repair=True)
    assert {(one["check"], one["subject"], one["repairable"]) for one in report["findings"]} == {
        ("volume_without_disk", ward.volume, False),
        ("broken_disk", ward.snapshot, False),
    }
    assert report["healthy"] is False


def test_what_is_under_way_is_no_finding(ward: CheckContext) -> None:
    ward.app.pause()
    made = ward.app.image("waits", settle=False)
    (ward.folder / "blobs" / "tmp" / f"import-{made['id']}").write_bytes(b"half")
    spare = ward.app.do("POST", "/v1/volumes", _from(ward.snapshot))
    assert spare["status"] == "pending"
    ward.write(lambda session: remove_rows(session, blob_refs, blob_refs.c.holder == f"image:{ward.image['id']}"))
    ward.write(lambda session: delete(session, IMAGE, ward.image["id"], ward.app.accounts["owner"]))
    for table in (volumes, snapshots):
        ward.write(lambda session, table=table: remove_rows(session, table))
    for id_ in (ward.volume, ward.snapshot, spare["id"]):
        ward.write(lambda session, id_=id_: remove_rows(session, blob_refs, blob_refs.c.holder.like(f"%{id_}")))
        ward.write(lambda session, id_=id_: queue.enqueue(session, "volume.delete", "other", volume=id_))
    ward.write(lambda session: queue.enqueue(session, "blob.sweep", ward.digest, due_at=session.ctx.now() + 1))
    assert ward.found() == set()


def test_it_says_how_far_it_is(ward: CheckContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked at each piece that a deep examination reads; afterwards none is under way."""
    server, seen = ward.app.server, list[dict[str, Any]]()
    store, read, path = server.drivers.blobs, server.drivers.blobs.read, "/_kunsthalle/doctor/progress"
    (asking,) = [one.without_transaction for one in server.pipeline.router if one.path == path]
    assert asking is not None

    def watched(digest: str) -> Iterator[bytes]:
        for chunk in read(digest):  # within the examination's own call, so that it is asked past HTTP
            seen.append(msgspec.to_builtins(asking(server.base, None)))
            yield chunk

    monkeypatch.setattr(store, "read", watched)
    none = {"phase": "none", "percent": 0, "done_bytes": 0, "total_bytes": 0, "seconds": 0}
    assert ward.app.call(OPERATOR, "GET", path).json == none
    ward.examine(deep=True)
    total = sum(size for _, size in store.inventory())
    assert seen[0] == {"phase": "reading", "percent": 0, "done_bytes": 0, "total_bytes": total, "seconds": 0}
    assert [one["done_bytes"] for one in seen] == sorted(one["done_bytes"] for one in seen)
    assert ward.app.call(OPERATOR, "GET", path).json == none


def test_it_says_how_long_it_has_been_reading() -> None:
    moments = iter([5_000_000, 5_500_000, 9_000_000])
    progress = Progress(now=lambda: next(moments))
    assert progress.seconds == 0
    progress.reads(100)
    assert (progress.seconds, progress.seconds) == (0, 4)


@pytest.mark.parametrize("who", ["owner", "outsider", "no token"])
def test_it_is_for_the_operator(ward: CheckContext, who: str) -> None:
    for method in ("GET", "POST"):
        assert ward.app.call(who, method, "/_kunsthalle/doctor", {} if method == "POST" else None).status == 401


def test_a_data_folder_that_was_moved(ward: CheckContext, tmp_path: Path) -> None:
    """Offline: the folder stands elsewhere, and every disk follows."""
    ward.app.server.stop()
    moved = tmp_path / "elsewhere"
    shutil.move(ward.folder, moved)
    folder.write(moved, folder.CREDENTIALS, {"operator_token": OPERATOR})
    report = examine(moved, "", "", Progress(), deep=True, repair=False)
    assert {(one["check"], one["subject"]) for one in report["findings"]} == {
        ("wrong_backing", ward.volume),
        ("wrong_backing", ward.snapshot),
    }
    assert examine(moved, "", "", Progress(), deep=False, repair=True)["healthy"] is True
    assert examine(moved, "", "", Progress(), deep=True, repair=False)["findings"] == []
    assert backing_of(moved / "disks" / "volumes" / f"{ward.volume}.qcow2") == (
        moved / "blobs" / "sha256" / ward.digest[:2] / ward.digest
    )


def test_servers_start_again_in_a_folder_that_was_moved(ward: CheckContext, tmp_path: Path) -> None:
    """Nothing is said to anybody: each disk finds its bytes before it is used."""
    app = ward.app
    app.server.stop()
    moved = tmp_path / "elsewhere"
    shutil.move(ward.folder, moved)
    moment = app.server.clock.now()
    app.server = build(replace(app.server.settings, data=moved), OPERATOR)
    app.server.clock.set(moment)
    app.server.start()
    app.log_in()
    (server,) = app.do("GET", "/v1/instances")["instances"]
    app.act(server["id"], "start")
    assert app.do("GET", f"/v1/instances/{server['id']}")["status"] == "running"
    assert backing_of(moved / "disks" / "volumes" / f"{ward.volume}.qcow2") == ward.blob()
    restored = app.do("POST", "/v1/volumes", _from(ward.snapshot))
    app.settle()
    assert app.do("GET", f"/v1/volumes/{restored['id']}")["status"] == "available"
    assert backing_of(moved / "disks" / "volumes" / f"{restored['id']}.qcow2") == ward.blob()
    app.act(server["id"], "stop")
    assert ward.found(deep=True) == set()
