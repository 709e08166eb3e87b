"""Imports on their way: taken up again after a crash, called off, seen, and out of room."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kunsthalle.blobs import buckets, filesystem
from kunsthalle.blobs.buckets import BucketObject, BucketUnavailable
from kunsthalle.core import space
from kunsthalle.images import imports, transfers
from kunsthalle.store import jobs
from support.hall import Hall, opened
from support.realm import OPERATOR

CONTENT = bytes(range(256)) * 2_400
CHUNK = 64 * 1024


@pytest.fixture
def hall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    """Every chunk is small, and noted."""
    monkeypatch.setattr(imports, "CHUNK", CHUNK)
    monkeypatch.setattr(transfers, "EVERY", 0)
    made = opened(tmp_path / "data")
    yield made
    made.close()


def ask(hall: Hall, who: str = "owner", name: str = "one") -> str:
    """An import, asked for; the image's id."""
    file, system = {"href": f"cos://us-south/images/{name}.qcow2"}, {"name": "debian-12-amd64"}
    body = {"name": name, "file": file, "operating_system": system}
    return str(hall.ok(who, "POST", "/v1/images", body)["id"])


def finding(hall: Hall) -> list[Any]:
    return list(hall.call(OPERATOR, "POST", "/_kunsthalle/doctor", {"deep": True}).json["findings"])


def chunks(hall: Hall) -> int:
    """How many there are of the object."""
    return -(-(hall.folders["owner"] / "images" / "one.qcow2").stat().st_size // CHUNK)


def uploads(hall: Hall) -> list[str]:
    return [path.name for path in (hall.server.settings.data / "blobs" / "tmp").iterdir()]


class Reading:
    """Counts what is read of objects, and does something at a certain chunk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, act: Callable[[], None]) -> None:
        self.chunks = 0
        whole = BucketObject.read

        def read(one: BucketObject, count: int) -> bytes:
            self.chunks += 1
            if self.chunks == at:
                act()
            return whole(one, count)

        monkeypatch.setattr(BucketObject, "read", read)


def _break() -> None:
    raise BucketUnavailable("The object storage broke off.", "images", "one.qcow2")


def test_a_second_try_fetches_only_what_is_missing(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hall.put("one.qcow2", CONTENT)
    whole = chunks(hall)
    reading = Reading(monkeypatch, 6, _break)
    id_ = ask(hall)
    wait(hall)
    image = hall.do("GET", f"/v1/images/{id_}")
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", digest)
    assert whole + 1 < reading.chunks < whole + 5, "up to two chunks were not noted yet"
    assert (finding(hall), uploads(hall)) == ([], [])
    assert hall.ok("owner", "GET", f"/_kunsthalle/images/{id_}/progress")["phase"] == "done"


def test_an_import_outlives_its_server(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hall.put("one.qcow2", CONTENT)
    whole = chunks(hall)
    monkeypatch.setattr(jobs, "retry", lambda *_args: _stay())
    Reading(monkeypatch, 6, _break)
    id_ = ask(hall)
    until(lambda: progress(hall, id_).get("done_bytes", 0) >= CHUNK * 3)
    until(lambda: hall.server.drivers.blobs.leftovers() == [f"import-{id_}"])
    monkeypatch.undo()
    monkeypatch.setattr(imports, "CHUNK", CHUNK)
    reading = Reading(monkeypatch, 0, _break)
    hall.restart()
    wait(hall)
    image = hall.do("GET", f"/v1/images/{id_}")
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", digest)
    assert reading.chunks <= whole + 1 - 3, "three chunks and more were there"
    assert (finding(hall), uploads(hall)) == ([], [])


def _stay() -> None:
    raise jobs.LeaseLost("as if nobody were left to say so")


def test_another_object_of_the_name_is_another_import(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    hall.put("one.qcow2", CONTENT)
    other: list[str] = []

    def replace() -> None:
        (hall.folders["owner"] / "images" / "one.qcow2").unlink()
        other.append(hall.put("one.qcow2", CONTENT[::-1]))
        _break()

    Reading(monkeypatch, 6, replace)
    id_ = ask(hall)
    wait(hall)
    image = hall.do("GET", f"/v1/images/{id_}")
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", other[0])
    assert finding(hall) == []


def test_a_deleted_image_ends_its_import(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    hall.put("one.qcow2", CONTENT)
    there, gone = threading.Event(), threading.Event()

    def hold() -> None:
        there.set()
        assert gone.wait(20)

    reading = Reading(monkeypatch, 5, hold)
    id_ = ask(hall)
    assert there.wait(20)
    said = progress(hall, id_)
    assert (said["status"], said["phase"]) == ("pending", "receiving")
    assert 0 < said["done_bytes"] < said["total_bytes"]
    assert 0 < said["percent"] < 100
    assert uploads(hall) == [f"import-{id_}"]
    hall.do("DELETE", f"/v1/images/{id_}")
    gone.set()
    wait(hall)
    assert reading.chunks <= 7, "it ended soon"
    assert (uploads(hall), list(hall.server.drivers.blobs.digests()), finding(hall)) == ([], [], [])
    for who in ("owner", "outsider"):
        assert hall.call(who, "GET", f"/_kunsthalle/images/{id_}/progress").status == 404


def test_a_deleted_image_leaves_nothing_between_two_tries(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    hall.put("one.qcow2", CONTENT)
    deleted: list[str] = []

    def delete() -> None:
        deleted.append("")
        _break()

    Reading(monkeypatch, 4, delete)
    id_ = ask(hall)
    until(lambda: bool(deleted) and hall.server.drivers.blobs.leftovers() == [f"import-{id_}"])
    hall.do("DELETE", f"/v1/images/{id_}")
    wait(hall)
    assert (uploads(hall), finding(hall)) == ([], [])


class Full:
    """A disk with room for so many bytes."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room

    def write(self, view: memoryview) -> int:
        self.room -= len(view)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return int(self.file.write(view))

    def fileno(self) -> int:
        return int(self.file.fileno())

    def close(self) -> None:
        self.file.close()


TOTAL = 2**40
WAITING = {
    "code": "image_request_queued",
    "message": "The server has no room for the image at present; the import is tried again.",
}


class Disk:
    """A disk whose free room is set by the test; the rules ask it as they ask a real one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int, total: int = TOTAL) -> None:
        self.free, self.total = free, total
        monkeypatch.setattr(space, "disk_room", lambda _folder: (self.total, self.free))


def until_it_waits(hall: Hall, path: str, reasons: list[Any]) -> None:
    deadline = time.monotonic() + 60
    while hall.do("GET", path)["status_reasons"] != reasons:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_import_whose_disk_fills_on_the_way_is_tried_again(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    made, tries = filesystem._writer, []

    def writer(*given: Any) -> Any:
        tries.append(uploads(hall))
        return Full(made(*given), 4 * CHUNK) if len(tries) < 3 else made(*given)

    monkeypatch.setattr(filesystem, "_writer", writer)
    hall.put("one.qcow2", CONTENT)
    id_ = ask(hall)
    wait(hall)
    assert hall.do("GET", f"/v1/images/{id_}")["status"] == "available"
    assert len(tries) == 3
    assert (uploads(hall), finding(hall)) == ([], [])


def test_an_import_that_does_not_fit_waits_and_comes_in_once_there_is_room(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = hall.server.drivers.space.reserve
    disk = Disk(monkeypatch, free=reserve + 1_000)
    reading = Reading(monkeypatch, 0, _break)
    hall.put("one.qcow2", CONTENT)
    id_ = ask(hall)
    until_it_waits(hall, f"/v1/images/{id_}", [WAITING])
    assert (reading.chunks, uploads(hall)) == (0, [])
    assert hall.do("GET", f"/v1/images/{id_}")["status"] == "pending"
    disk.free = TOTAL
    monkeypatch.undo()
    wait(hall)
    assert hall.do("GET", f"/v1/images/{id_}")["status"] == "available"


def test_an_import_larger_than_the_disk_fails_before_a_byte(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    Disk(monkeypatch, free=1_000, total=hall.server.drivers.space.reserve + 1_000)
    reading = Reading(monkeypatch, 0, _break)
    hall.put("one.qcow2", CONTENT)
    id_ = ask(hall)
    wait(hall)
    (reason,) = hall.do("GET", f"/v1/images/{id_}")["status_reasons"]
    assert reason == {"code": "image_data_corrupted", "message": "The disk of the server is too small."}
    assert reading.chunks == 0


def test_imports_at_the_same_time_share_the_room(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one may still write is not there for another, though none of it is on the disk yet."""
    room = hall.server.drivers.space
    Disk(monkeypatch, free=room.reserve + 3_000)
    first = room.hold(hall.server.settings.data, 2_000)
    with pytest.raises(space.NoSpace) as refused:
        room.hold(hall.server.settings.data, 2_000)
    assert (refused.value.needed, refused.value.free, refused.value.never) == (2_000, 1_000, False)
    first.spend(1_500)  # written: the disk itself has so much less
    room.hold(hall.server.settings.data, 2_000).end()
    first.end()
    first.end()
    room.hold(hall.server.settings.data, 3_000).end()


FORMATS = ("qcow2", "vhd")


def export_of(hall: Hall, image: Any, format_: str) -> str:
    where = f"/v1/images/{image['id']}/export_jobs"
    made = hall.do("POST", where, {"storage_bucket": {"name": "images"}, "format": format_})
    return f"{where}/{made['id']}"


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_that_finds_no_room_is_tried_again(hall: Hall, monkeypatch: pytest.MonkeyPatch, format_: str) -> None:
    image = hall.image("one")
    Disk(monkeypatch, free=hall.server.drivers.space.reserve + 1_000)
    path = export_of(hall, image, format_)
    assert hall.server.worker.settle(60)
    assert hall.do("GET", path)["status"] == "running"
    assert [path.name for path in (hall.folders["owner"] / "images").iterdir()] == ["one.qcow2"]
    monkeypatch.undo()
    wait(hall)
    assert hall.do("GET", path)["status"] == "succeeded"


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_larger_than_the_disk_fails_with_a_reason(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    image = hall.image("one")
    Disk(monkeypatch, free=1_000, total=hall.server.drivers.space.reserve + 1_000)
    path = export_of(hall, image, format_)
    wait(hall)
    (reason,) = hall.do("GET", path)["status_reasons"]
    assert reason == {"code": "internal_error", "message": "The disk of the server is too small for the export."}
    assert list((hall.server.settings.data / "disks" / "scratch").glob("*")) == []


def test_an_account_whose_buckets_are_full_exports_nothing_more(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    image = hall.image("one")
    exporter = hall.server.worker._handlers()["image.export"].run.__self__
    object.__setattr__(exporter, "most", exporter.buckets.of(hall.accounts["owner"]).used() + 1_000)
    path = export_of(hall, image, "qcow2")
    wait(hall)
    (reason,) = hall.do("GET", path)["status_reasons"]
    assert reason["code"] == "cannot_access_storage_bucket"
    assert "the buckets of the account would take" in reason["message"]
    object.__setattr__(exporter, "most", 0)
    path = export_of(hall, image, "qcow2")
    wait(hall)
    assert hall.do("GET", path)["status"] == "succeeded"


def test_a_bucket_that_fills_on_the_way_leaves_nothing_behind(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: Any) -> int:
        tries.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    image, tries = hall.image("one"), []
    monkeypatch.setattr(buckets.os, "sendfile", full)
    path = export_of(hall, image, "qcow2")
    assert hall.server.worker.settle(60)
    assert tries
    assert [path.name for path in (hall.folders["owner"] / "images").iterdir()] == ["one.qcow2"]
    assert list((hall.folders["owner"] / ".incoming").iterdir()) == []
    monkeypatch.undo()
    wait(hall)
    assert hall.do("GET", path)["status"] == "succeeded"


def test_an_export_that_is_deleted_ends(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    hall.put("one.qcow2", bytes(range(256)) * 100_000)
    id_ = ask(hall)
    wait(hall)
    there, gone, whole = threading.Event(), threading.Event(), buckets.os.sendfile

    def hold(*given: Any) -> int:
        there.set()
        assert gone.wait(20)
        return int(whole(*given))

    monkeypatch.setattr(buckets.os, "sendfile", hold)
    where = f"/v1/images/{id_}/export_jobs"
    export = hall.do("POST", where, {"storage_bucket": {"name": "images"}})
    assert there.wait(20)
    hall.do("DELETE", f"{where}/{export['id']}")
    gone.set()
    wait(hall)
    assert hall.refused("GET", f"{where}/{export['id']}")[0] == 404
    assert [path.name for path in (hall.folders["owner"] / "images").iterdir()] == ["one.qcow2"]
    assert finding(hall) == []


def test_what_a_killed_export_left_is_swept_at_the_next_start(hall: Hall) -> None:
    left = hall.folders["owner"] / ".incoming" / "1-1"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half")
    hall.restart()
    hall.do("GET", "/v1/images")
    assert not left.exists()


def test_two_accounts_with_the_same_image_cannot_tell(hall: Hall) -> None:
    digest = hall.put("one.qcow2", CONTENT)
    source = hall.folders["owner"] / "images" / "one.qcow2"
    (hall.folders["outsider"] / "images" / "one.qcow2").write_bytes(source.read_bytes())
    shown = {}
    for who in ("owner", "outsider"):
        id_ = ask(hall, who)
        wait(hall)
        image = hall.ok(who, "GET", f"/v1/images/{id_}")
        said = hall.ok(who, "GET", f"/_kunsthalle/images/{id_}/progress")
        shown[who] = (id_, {name: image[name] for name in ("status", "file", "status_reasons")}, said.keys())
    assert shown["owner"][1:] == shown["outsider"][1:]
    blobs = hall.server.drivers.blobs
    assert list(blobs.digests()) == [digest]
    hall.do("DELETE", f"/v1/images/{shown['owner'][0]}")
    hall.travel(61)
    assert hall.ok("outsider", "GET", f"/v1/images/{shown['outsider'][0]}")["file"]["checksums"]["sha256"] == digest
    assert (list(blobs.digests()), finding(hall)) == ([digest], [])
    hall.ok("outsider", "DELETE", f"/v1/images/{shown['outsider'][0]}")
    hall.travel(61)
    assert (list(blobs.digests()), finding(hall)) == ([], [])


@pytest.mark.parametrize("who", ["outsider", "no token"])
def test_progress_is_for_those_who_see_the_image(hall: Hall, who: str) -> None:
    hall.put("one.qcow2", CONTENT)
    id_ = ask(hall)
    wait(hall)
    hidden = hall.call(who, "GET", f"/_kunsthalle/images/{id_}/progress")
    absent = hall.call(who, "GET", f"/_kunsthalle/images/{id_[:-4]}0000/progress")
    assert (hidden.status, hidden.body) == (absent.status, absent.body)
    assert hidden.status in {401, 404}


def progress(hall: Hall, id_: str) -> Any:
    return hall.ok("owner", "GET", f"/_kunsthalle/images/{id_}/progress")


def until(done: Callable[[], bool]) -> None:
    """Waits for other threads."""
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline, "it never came to that"


def wait(hall: Hall) -> None:
    """Until nothing runs, is due, or is to be tried again."""
    hall.exhaust()
