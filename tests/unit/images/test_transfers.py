"""Imports on their way: taken up again after a crash, called off, seen, and out of package."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.hall import Hall, opened
from fixtures.realm import OPERATOR
from kunsthalle.images import import_job, transfer_progress
from kunsthalle.jobs import queue
from kunsthalle.object_storage import folder_buckets
from kunsthalle.object_storage.folder_buckets import BucketObject, BucketUnavailable

CONTENT = bytes(range(256)) * 2_400
CHUNK = 64 * 1024


@pytest.fixture
def hall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    """Every chunk is small, and noted."""
    monkeypatch.setattr(import_job, "CHUNK", CHUNK)
    monkeypatch.setattr(transfer_progress, "EVERY", 0)
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
    monkeypatch.setattr(queue, "retry", lambda *_args: _stay())
    Reading(monkeypatch, 6, _break)
    id_ = ask(hall)
    until(lambda: progress(hall, id_).get("done_bytes", 0) >= CHUNK * 3)
    until(lambda: hall.server.drivers.blobs.leftovers() == [f"import-{id_}"])
    monkeypatch.undo()
    monkeypatch.setattr(import_job, "CHUNK", CHUNK)
    reading = Reading(monkeypatch, 0, _break)
    hall.restart()
    wait(hall)
    image = hall.do("GET", f"/v1/images/{id_}")
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", digest)
    assert reading.chunks <= whole + 1 - 3, "three chunks and more were there"
    assert (finding(hall), uploads(hall)) == ([], [])


def _stay() -> None:
    raise queue.LeaseLost("as if nobody were left to say so")


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


def test_an_export_that_is_deleted_ends(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    hall.put("one.qcow2", bytes(range(256)) * 100_000)
    id_ = ask(hall)
    wait(hall)
    there, gone, whole = threading.Event(), threading.Event(), folder_buckets.os.sendfile

    def hold(*given: Any) -> int:
        there.set()
        assert gone.wait(20)
        return int(whole(*given))

    monkeypatch.setattr(folder_buckets.os, "sendfile", hold)
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
