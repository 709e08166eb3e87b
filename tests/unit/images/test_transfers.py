"""Imports on their way: taken up again after a crash, called off, seen, and out of package."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.app import App
from fixtures.frozen_app import OPERATOR
from kunsthalle.disk_images import image_process
from kunsthalle.images import transfer_progress
from kunsthalle.jobs import queue
from kunsthalle.object_storage import folder_buckets
from kunsthalle.object_storage.folder_buckets import BucketObject
from kunsthalle.object_storage.protocol import BucketUnavailable

CONTENT = bytes(range(256)) * 2_400
CHUNK = 64 * 1024


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chunk is small, and noted."""
    monkeypatch.setattr(image_process, "CHUNK", CHUNK)
    monkeypatch.setattr(transfer_progress, "EVERY", 0)


def ask(app: App, who: str = "owner", name: str = "one") -> str:
    """An import, asked for; the image's id."""
    file, system = {"href": f"cos://us-south/images/{name}.qcow2"}, {"name": "debian-12-amd64"}
    body = {"name": name, "file": file, "operating_system": system}
    return str(app.ok(who, "POST", "/v1/images", body)["id"])


def finding(app: App) -> list[Any]:
    return list(app.call(OPERATOR, "POST", "/_kunsthalle/doctor", {"deep": True}).json["findings"])


def chunks(app: App) -> int:
    """How many there are of the object."""
    return -(-(app.folders["owner"] / "images" / "one.qcow2").stat().st_size // CHUNK)


def uploads(app: App) -> list[str]:
    return [path.name for path in (app.server.settings.data / "blobs" / "tmp").iterdir()]


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


def test_a_second_try_fetches_only_what_is_missing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = app.put("one.qcow2", CONTENT)
    whole = chunks(app)
    reading = Reading(monkeypatch, 6, _break)
    id_ = ask(app)
    wait(app)
    image = app.do("GET", f"/v1/images/{id_}")
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", digest)
    assert whole + 1 < reading.chunks < whole + 5, "up to two chunks were not noted yet"
    assert (finding(app), uploads(app)) == ([], [])
    assert app.ok("owner", "GET", f"/_kunsthalle/images/{id_}/progress")["phase"] == "done"


def test_an_import_gives_way_after_each_chunk(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the requests of accounts that have used less of the processor (`db/account_priority.py`)."""
    app.put("one.qcow2", CONTENT)
    ways: list[str] = []
    rest_in_job = app.server.store.priority.rest_in_job

    def resting(account_id: str) -> None:
        ways.append(account_id)
        rest_in_job(account_id)

    monkeypatch.setattr(app.server.store.priority, "rest_in_job", resting)
    monkeypatch.setattr(transfer_progress, "EVERY", 3_600_000_000)
    ask(app)
    wait(app)
    assert len(ways) >= chunks(app)


def test_an_import_outlives_its_server(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = app.put("one.qcow2", CONTENT)
    whole = chunks(app)
    monkeypatch.setattr(queue, "retry", lambda *_args: _stay())
    Reading(monkeypatch, 6, _break)
    id_ = ask(app)
    until(lambda: progress(app, id_).get("done_bytes", 0) >= CHUNK * 3)
    until(lambda: app.server.drivers.blobs.leftovers() == [f"import-{id_}"])
    monkeypatch.undo()
    monkeypatch.setattr(image_process, "CHUNK", CHUNK)
    reading = Reading(monkeypatch, 0, _break)
    app.restart()
    wait(app)
    image = app.do("GET", f"/v1/images/{id_}")
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", digest)
    assert reading.chunks <= whole + 1 - 3, "three chunks and more were there"
    assert (finding(app), uploads(app)) == ([], [])


def _stay() -> None:
    raise queue.LeaseLost("as if nobody were left to say so")


def test_another_object_of_the_name_is_another_import(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app.put("one.qcow2", CONTENT)
    other: list[str] = []

    def replace() -> None:
        (app.folders["owner"] / "images" / "one.qcow2").unlink()
        other.append(app.put("one.qcow2", CONTENT[::-1]))
        _break()

    Reading(monkeypatch, 6, replace)
    id_ = ask(app)
    wait(app)
    image = app.do("GET", f"/v1/images/{id_}")
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", other[0])
    assert finding(app) == []


def test_a_deleted_image_ends_its_import(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app.put("one.qcow2", CONTENT)
    there, gone = threading.Event(), threading.Event()

    def hold() -> None:
        there.set()
        assert gone.wait(20)

    reading = Reading(monkeypatch, 5, hold)
    id_ = ask(app)
    assert there.wait(20)
    said = progress(app, id_)
    assert (said["status"], said["phase"]) == ("pending", "receiving")
    assert 0 < said["done_bytes"] < said["total_bytes"]
    assert 0 < said["percent"] < 100
    assert uploads(app) == [f"import-{id_}"]
    app.do("DELETE", f"/v1/images/{id_}")
    gone.set()
    wait(app)
    assert reading.chunks <= 7, "it ended soon"
    assert (uploads(app), list(app.server.drivers.blobs.digests()), finding(app)) == ([], [], [])
    for who in ("owner", "outsider"):
        assert app.call(who, "GET", f"/_kunsthalle/images/{id_}/progress").status == 404


def test_a_deleted_image_leaves_nothing_between_two_tries(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app.put("one.qcow2", CONTENT)
    deleted: list[str] = []

    def delete() -> None:
        deleted.append("")
        _break()

    Reading(monkeypatch, 4, delete)
    id_ = ask(app)
    until(lambda: bool(deleted) and app.server.drivers.blobs.leftovers() == [f"import-{id_}"])
    app.do("DELETE", f"/v1/images/{id_}")
    wait(app)
    assert (uploads(app), finding(app)) == ([], [])


def test_an_export_that_is_deleted_ends(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app.put("one.qcow2", bytes(range(256)) * 100_000)
    id_ = ask(app)
    wait(app)
    there, gone, whole = threading.Event(), threading.Event(), folder_buckets.os.copy_file_range

    def hold(*given: Any) -> int:
        there.set()
        assert gone.wait(20)
        return int(whole(*given))

    monkeypatch.setattr(folder_buckets.os, "copy_file_range", hold)
    where = f"/v1/images/{id_}/export_jobs"
    export = app.do("POST", where, {"storage_bucket": {"name": "images"}})
    assert there.wait(20)
    app.do("DELETE", f"{where}/{export['id']}")
    gone.set()
    wait(app)
    assert app.refused("GET", f"{where}/{export['id']}")[0] == 404
    assert [path.name for path in (app.folders["owner"] / "images").iterdir()] == ["one.qcow2"]
    assert finding(app) == []


def test_what_a_killed_export_left_is_swept_at_the_next_start(app: App) -> None:
    left = app.folders["owner"] / ".incoming" / "1-1"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half")
    app.restart()
    app.do("GET", "/v1/images")
    assert not left.exists()


def test_two_accounts_with_the_same_image_cannot_tell(app: App) -> None:
    digest = app.put("one.qcow2", CONTENT)
    source = app.folders["owner"] / "images" / "one.qcow2"
    (app.folders["outsider"] / "images" / "one.qcow2").write_bytes(source.read_bytes())
    shown = {}
    for who in ("owner", "outsider"):
        id_ = ask(app, who)
        wait(app)
        image = app.ok(who, "GET", f"/v1/images/{id_}")
        said = app.ok(who, "GET", f"/_kunsthalle/images/{id_}/progress")
        shown[who] = (id_, {name: image[name] for name in ("status", "file", "status_reasons")}, said.keys())
    assert shown["owner"][1:] == shown["outsider"][1:]
    blobs = app.server.drivers.blobs
    assert list(blobs.digests()) == [digest]
    app.do("DELETE", f"/v1/images/{shown['owner'][0]}")
    app.travel(61)
    assert app.ok("outsider", "GET", f"/v1/images/{shown['outsider'][0]}")["file"]["checksums"]["sha256"] == digest
    assert (list(blobs.digests()), finding(app)) == ([digest], [])
    app.ok("outsider", "DELETE", f"/v1/images/{shown['outsider'][0]}")
    app.travel(61)
    assert (list(blobs.digests()), finding(app)) == ([], [])


@pytest.mark.parametrize("who", ["outsider", "no token"])
def test_progress_is_for_those_who_see_the_image(app: App, who: str) -> None:
    app.put("one.qcow2", CONTENT)
    id_ = ask(app)
    wait(app)
    hidden = app.call(who, "GET", f"/_kunsthalle/images/{id_}/progress")
    absent = app.call(who, "GET", f"/_kunsthalle/images/{id_[:-4]}0000/progress")
    assert (hidden.status, hidden.body) == (absent.status, absent.body)
    assert hidden.status in {401, 404}


def progress(app: App, id_: str) -> Any:
    return app.ok("owner", "GET", f"/_kunsthalle/images/{id_}/progress")


def until(done: Callable[[], bool]) -> None:
    """Waits for other threads."""
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline, "it never came to that"


def wait(app: App) -> None:
    """Until nothing runs, is due, or is to be tried again."""
    app.exhaust()
