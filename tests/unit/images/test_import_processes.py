"""Imports whose files are taken in and inspected by a process beside the server, which is real."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.app import GIB, App
from fixtures.threads import PATIENCE
from kunsthalle.core import helper_processes
from kunsthalle.core.helper_processes import HelperProcesses
from kunsthalle.db import account_priority
from kunsthalle.disk_images import image_process
from kunsthalle.disk_images.qcow2 import EXTENSION
from kunsthalle.disk_images.writers import virtual_size_of
from kunsthalle.images import import_files, transfer_progress
from kunsthalle.images.transfer_progress import Meter, Unwanted
from unit.images.test_transfers import Reading, ask, finding, uploads, wait

CONTENT = bytes(range(256)) * 36_000
"""More than four chunks."""
ELSEWHERE, HERE = 0, 2**60


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_priority, "ALONE_SECONDS", PATIENCE)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of any size leave."""
    monkeypatch.setattr(import_files, "LARGE_BYTES", ELSEWHERE)


def pool(app: App) -> HelperProcesses:
    return app.server.drivers.image_processes


def imported(app: App, name: str = "one") -> dict[str, Any]:
    id_ = ask(app, name=name)
    wait(app)
    image: dict[str, Any] = app.do("GET", f"/v1/images/{id_}")
    return image


def called(monkeypatch: pytest.MonkeyPatch, act: Callable[[str], None]) -> list[str]:
    """The functions that processes are asked to do from now on; each is told before it is done."""
    functions: list[str] = []
    call = HelperProcesses.call

    def noted(self: HelperProcesses, function: str, *more: Any) -> Any:
        functions.append(function)
        act(function)
        return call(self, function, *more)

    monkeypatch.setattr(HelperProcesses, "call", noted)
    return functions


@pytest.mark.usefixtures("elsewhere")
def test_a_file_is_taken_in_and_inspected_there(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = app.put("one.qcow2", CONTENT)
    functions = called(monkeypatch, lambda _function: None)
    image = imported(app)
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", digest)
    assert functions == ["take_in", "examine"]
    assert (finding(app), uploads(app)) == ([], [])


@pytest.mark.usefixtures("elsewhere")
def test_the_vhd_of_an_export_is_measured_and_written_there(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    image = app.image("one")
    functions = called(monkeypatch, lambda _function: None)
    where = f"/v1/images/{image['id']}/export_jobs"
    export = app.do("POST", where, {"storage_bucket": {"name": "images"}, "format": "vhd"})
    wait(app)
    assert app.do("GET", f"{where}/{export['id']}")["status"] == "succeeded"
    assert functions == ["vhd_size", "write_vhd"]
    object_ = app.folders["owner"] / "images" / export["storage_object"]["name"]
    assert virtual_size_of(object_, "vhd") == GIB
    assert not list(app.server.drivers.scratch.iterdir())


def test_a_small_file_and_one_of_a_light_account_stay_here(app: App) -> None:
    app.put("one.qcow2", b"small")
    app.put("two.qcow2", CONTENT)
    assert [imported(app, name)["status"] for name in ("one", "two")] == ["available"] * 2
    assert pool(app).pids == []


def test_a_file_of_an_account_that_uses_much_leaves_while_others_ask(app: App) -> None:
    app.put("one.qcow2", b"small")
    app.put("two.qcow2", CONTENT)
    for _ in range(2):  # it is recognised at the second time
        app.ok("outsider", "GET", "/v1/vpcs")
    app.server.store.priority.add(app.accounts["owner"], 1_000.0)
    assert imported(app)["status"] == "available"
    assert pool(app).pids == []
    before = app.server.store.priority.used(app.accounts["owner"])
    assert imported(app, "two")["status"] == "available"
    assert len(pool(app).pids) == 1
    assert app.server.store.priority.used(app.accounts["owner"]) != before


def _no_image(content: bytes) -> bytes:
    return b"This is a text.\n" * (len(content) // 16)


def _extensions(content: bytes) -> bytes:
    return content[:20] + (21).to_bytes(4, "big") + content[24:112] + EXTENSION.pack(1, 0) * 65 + content[640:]


def _backed(content: bytes) -> bytes:
    return content[:8] + (512).to_bytes(8, "big") + (8).to_bytes(4, "big") + content[20:]


def _cut_short(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _damaged(content: bytes) -> bytes:
    """Its L1 table names a cluster behind the end."""
    at = int.from_bytes(content[40:48], "big")
    return content[:at] + ((1 << 63) | (1 << 50)).to_bytes(8, "big") + content[at + 8 :]


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("spoil", [_no_image, _extensions, _backed, _cut_short, _damaged])
def test_a_file_is_refused_alike_here_and_there(
    app: App, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[bytes], bytes]
) -> None:
    path = app.folders["owner"] / "images" / "one.qcow2"
    app.put("one.qcow2", CONTENT)
    path.write_bytes(spoil(path.read_bytes()))
    reasons = []
    for large in (HERE, ELSEWHERE):
        monkeypatch.setattr(import_files, "LARGE_BYTES", large)
        image = imported(app)
        reasons.append((image["status"], image["status_reasons"]))
        app.do("DELETE", f"/v1/images/{image['id']}")
        wait(app)
    assert reasons[0] == reasons[1]
    if app.server.drivers.tools is not None or spoil is not _damaged:
        assert reasons[0][0] == "failed"
    assert uploads(app) == []


@pytest.mark.usefixtures("elsewhere")
def test_a_file_that_shows_at_once_that_it_may_not_enter_starts_no_process(app: App) -> None:
    app.put("one.qcow2", CONTENT)
    path = app.folders["owner"] / "images" / "one.qcow2"
    path.write_bytes(_extensions(path.read_bytes()))
    assert imported(app)["status"] == "failed"
    assert pool(app).pids == []


@pytest.mark.by_turns(3)
@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("function", ["take_in", "examine"])
def test_an_import_whose_process_is_killed_is_tried_again(
    app: App, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """The process is stopped before it is asked, and killed once the call is on its way."""
    app.put("zero.qcow2", CONTENT)
    digest = app.put("one.qcow2", CONTENT)
    assert imported(app, "zero")["status"] == "available"
    (pid,) = pool(app).pids
    begun, times = threading.Event(), []

    def stop(asked: str) -> None:
        if asked == function and not times:
            times.append(asked)
            os.kill(pid, signal.SIGSTOP)
            begun.set()

    functions = called(monkeypatch, stop)
    id_ = ask(app)
    assert begun.wait(PATIENCE)
    os.kill(pid, signal.SIGKILL)
    wait(app)
    image = app.do("GET", f"/v1/images/{id_}")
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", digest)
    assert functions.count(function) == 2
    assert (finding(app), uploads(app)) == ([], [])
    assert pid not in pool(app).pids


def test_what_had_come_is_taken_up_there(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first try breaks off here; the second one, elsewhere, hashes what is kept and fetches the rest."""
    monkeypatch.setattr(transfer_progress, "EVERY", 0)
    monkeypatch.setattr(image_process, "CHUNK", 64 * 1024)
    digest = app.put("one.qcow2", CONTENT)
    kept: list[int] = []

    def break_off() -> None:
        monkeypatch.setattr(import_files, "LARGE_BYTES", ELSEWHERE)
        raise import_files_unavailable()

    Reading(monkeypatch, 20, break_off)
    call = HelperProcesses.call

    def noted(self: HelperProcesses, function: str, argument: Any, *more: Any) -> Any:
        kept.extend([argument.kept] if function == "take_in" else [])
        return call(self, function, argument, *more)

    monkeypatch.setattr(HelperProcesses, "call", noted)
    image = imported(app)
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", digest)
    assert len(kept) == 1
    assert kept[0] >= 16 * 64 * 1024
    assert (finding(app), uploads(app)) == ([], [])


def import_files_unavailable() -> Exception:
    from kunsthalle.object_storage.protocol import BucketUnavailable

    return BucketUnavailable("The object storage broke off.", "images", "one.qcow2")


@pytest.mark.usefixtures("elsewhere")
def test_how_far_it_is_is_noted_and_an_import_that_is_called_off_leaves_nothing(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.put("one.qcow2", CONTENT)
    monkeypatch.setattr(import_files, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(transfer_progress, "EVERY", 0)
    noted: list[int] = []

    def note(meter: Meter, done: int) -> None:
        noted.append(done)
        if done:
            raise Unwanted(str(meter))

    monkeypatch.setattr(Meter, "note", note)
    ask(app)
    wait(app)
    assert 0 < noted[-1] < len(CONTENT)
    assert uploads(app) == []
    assert pool(app).pids == []


@pytest.mark.usefixtures("elsewhere")
def test_where_the_disk_becomes_full_there_the_import_waits(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = app.put("one.qcow2", CONTENT)
    full: list[str] = []

    def fill(function: str) -> None:
        if not full:
            full.append(function)
            raise OSError(errno.ENOSPC, "No space left on device")

    called(monkeypatch, fill)
    image = imported(app)
    assert full == ["take_in"]
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", digest)


@pytest.mark.usefixtures("elsewhere")
def test_where_no_process_can_be_started_the_file_is_taken_in_here(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper_processes.sys, "executable", "/nowhere/python")
    digest = app.put("one.qcow2", CONTENT)
    image = imported(app)
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", digest)
    assert pool(app).pids == []


@pytest.mark.usefixtures("elsewhere")
def test_no_process_is_left_when_the_server_stops(app: App) -> None:
    app.put("one.qcow2", CONTENT)
    imported(app)
    (pid,) = pool(app).pids
    app.restart()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
