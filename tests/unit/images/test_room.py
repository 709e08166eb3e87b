"""Imports and exports on a disk that is full, becomes full, or is too small."""

from __future__ import annotations

import errno
import time
from typing import Any

import pytest

from fixtures.app import App
from kunsthalle.blobs import filesystem
from kunsthalle.core import disk_space
from kunsthalle.disk_images import image_process
from kunsthalle.images import transfer_progress
from kunsthalle.object_storage import folder_buckets
from unit.images.test_transfers import CHUNK, CONTENT, Reading, ask, finding, uploads, wait


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chunk is small, and noted."""
    monkeypatch.setattr(image_process, "CHUNK", CHUNK)
    monkeypatch.setattr(transfer_progress, "EVERY", 0)


def _break() -> None:
    raise AssertionError("nothing was to be read")


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
        monkeypatch.setattr(disk_space, "disk_room", lambda _folder: (self.total, self.free))


def until_it_waits(app: App, path: str, reasons: list[Any]) -> None:
    deadline = time.monotonic() + 60
    while app.do("GET", path)["status_reasons"] != reasons:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_import_whose_disk_fills_on_the_way_is_tried_again(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    made, tries = filesystem._writer, []

    def writer(*given: Any) -> Any:
        tries.append(uploads(app))
        return Full(made(*given), 4 * CHUNK) if len(tries) < 3 else made(*given)

    monkeypatch.setattr(filesystem, "_writer", writer)
    app.put("one.qcow2", CONTENT)
    id_ = ask(app)
    wait(app)
    assert app.do("GET", f"/v1/images/{id_}")["status"] == "available"
    assert len(tries) == 3
    assert (uploads(app), finding(app)) == ([], [])


def test_an_import_that_does_not_fit_waits_and_comes_in_once_there_is_room(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = app.server.drivers.space.reserve
    disk = Disk(monkeypatch, free=reserve + 1_000)
    reading = Reading(monkeypatch, 0, _break)
    app.put("one.qcow2", CONTENT)
    id_ = ask(app)
    until_it_waits(app, f"/v1/images/{id_}", [WAITING])
    assert (reading.chunks, uploads(app)) == (0, [])
    assert app.do("GET", f"/v1/images/{id_}")["status"] == "pending"
    disk.free = TOTAL
    monkeypatch.undo()
    wait(app)
    assert app.do("GET", f"/v1/images/{id_}")["status"] == "available"


def test_an_import_larger_than_the_disk_fails_before_a_byte(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    Disk(monkeypatch, free=1_000, total=app.server.drivers.space.reserve + 1_000)
    reading = Reading(monkeypatch, 0, _break)
    app.put("one.qcow2", CONTENT)
    id_ = ask(app)
    wait(app)
    (reason,) = app.do("GET", f"/v1/images/{id_}")["status_reasons"]
    assert reason == {"code": "image_data_corrupted", "message": "The disk of the server is too small."}
    assert reading.chunks == 0


def test_imports_at_the_same_time_share_the_room(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one may still write is not there for another, though none of it is on the disk yet."""
    room = app.server.drivers.space
    Disk(monkeypatch, free=room.reserve + 3_000)
    first = room.hold(app.server.settings.data, 2_000)
    with pytest.raises(disk_space.NoSpace) as refused:
        room.hold(app.server.settings.data, 2_000)
    assert (refused.value.needed, refused.value.free, refused.value.never) == (2_000, 1_000, False)
    first.spend(1_500)  # written: the disk itself has so much less
    room.hold(app.server.settings.data, 2_000).end()
    first.end()
    first.end()
    room.hold(app.server.settings.data, 3_000).end()


FORMATS = ("qcow2", "vhd")


def export_of(app: App, image: Any, format_: str) -> str:
    where = f"/v1/images/{image['id']}/export_jobs"
    made = app.do("POST", where, {"storage_bucket": {"name": "images"}, "format": format_})
    return f"{where}/{made['id']}"


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_that_finds_no_room_is_tried_again(app: App, monkeypatch: pytest.MonkeyPatch, format_: str) -> None:
    image = app.image("one")
    Disk(monkeypatch, free=app.server.drivers.space.reserve + 1_000)
    path = export_of(app, image, format_)
    assert app.server.worker.settle(60)
    assert app.do("GET", path)["status"] == "running"
    assert [path.name for path in (app.folders["owner"] / "images").iterdir()] == ["one.qcow2"]
    monkeypatch.undo()
    wait(app)
    assert app.do("GET", path)["status"] == "succeeded"


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_larger_than_the_disk_fails_with_a_reason(
    app: App, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    image = app.image("one")
    Disk(monkeypatch, free=1_000, total=app.server.drivers.space.reserve + 1_000)
    path = export_of(app, image, format_)
    wait(app)
    (reason,) = app.do("GET", path)["status_reasons"]
    assert reason == {"code": "internal_error", "message": "The disk of the server is too small for the export."}
    assert list((app.server.settings.data / "disks" / "scratch").glob("*")) == []


def test_an_account_whose_buckets_are_full_exports_nothing_more(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    image = app.image("one")
    exporter = app.server.worker._handlers()["image.export"].run.__self__
    object.__setattr__(exporter, "most", exporter.buckets.of(app.accounts["owner"]).used() + 1_000)
    path = export_of(app, image, "qcow2")
    wait(app)
    (reason,) = app.do("GET", path)["status_reasons"]
    assert reason["code"] == "cannot_access_storage_bucket"
    assert "the buckets of the account would take" in reason["message"]
    object.__setattr__(exporter, "most", 0)
    path = export_of(app, image, "qcow2")
    wait(app)
    assert app.do("GET", path)["status"] == "succeeded"


def test_a_bucket_that_fills_on_the_way_leaves_nothing_behind(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: Any) -> int:
        tries.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    image, tries = app.image("one"), []
    monkeypatch.setattr(folder_buckets.os, "copy_file_range", full)
    path = export_of(app, image, "qcow2")
    assert app.server.worker.settle(60)
    assert tries
    assert [path.name for path in (app.folders["owner"] / "images").iterdir()] == ["one.qcow2"]
    assert list((app.folders["owner"] / ".incoming").iterdir()) == []
    monkeypatch.undo()
    wait(app)
    assert app.do("GET", path)["status"] == "succeeded"
