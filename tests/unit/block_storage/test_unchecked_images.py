"""A host without qemu-img accepts what qemu-img would refuse: it says so, and checks again once it has qemu-img."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.hall import Hall, opened
from fixtures.realm import OPERATOR
from hostile_images import builders_qcow2 as q
from kunsthalle import drivers
from kunsthalle.block_storage import checking
from kunsthalle.cli import status
from kunsthalle.db.tables import jobs as job_table
from kunsthalle.db.unscoped import number_of

ODD = q.good(refcounts={5: 0})
"""A file that our own rules pass and `qemu-img check` does not."""


@pytest.fixture
def hall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    """On a host without qemu-img."""
    monkeypatch.setattr(drivers, "_tools", lambda: None)
    made = opened(tmp_path / "data")
    yield made
    monkeypatch.undo()
    made.close()


def bring(hall: Hall, name: str, content: bytes) -> str:
    (hall.folders["owner"] / "images" / f"{name}.qcow2").write_bytes(content)
    body = {
        "name": name,
        "file": {"href": f"cos://us-south/images/{name}.qcow2"},
        "operating_system": {"name": "debian-12-amd64"},
    }
    made: str = hall.do("POST", "/v1/images", body)["id"]
    hall.settle()
    return made


def unchecked(hall: Hall) -> int:
    return int(hall.call(OPERATOR, "GET", "/_kunsthalle/status").json["unchecked_images"])


def checked(hall: Hall, image: str) -> Any:
    return hall.do("GET", f"/_kunsthalle/images/{image}/progress").get("checked")


def look(hall: Hall, image: str) -> dict[str, Any]:
    return dict(hall.do("GET", f"/v1/images/{image}"))


def test_that_images_are_unchecked_is_said(hall: Hall) -> None:
    assert unchecked(hall) == 0
    image = bring(hall, "odd", ODD)
    assert (look(hall, image)["status"], checked(hall, image), unchecked(hall)) == ("available", False, 1)
    assert "checked" not in look(hall, image), "clients of the contract are told nothing that it does not have"
    failed = bring(hall, "broken", b"nothing")
    assert (look(hall, failed)["status"], checked(hall, failed), unchecked(hall)) == ("failed", None, 1)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"qemu_img": False, "unchecked_images": 3}, "3: install qemu-img and restart the server"),
        ({"qemu_img": True, "unchecked_images": 3}, "3: qemu-img examines them now"),
        ({"qemu_img": True, "unchecked_images": 0}, "0"),
    ],
)
def test_what_status_says(found: dict[str, Any], told: str) -> None:
    assert status._unchecked(found) == told


@pytest.mark.needs_qemu_img
def test_once_there_is_qemu_img_they_are_checked_without_a_boot(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    good, twin, odd = (bring(hall, name, content) for name, content in _FILES)
    assert unchecked(hall) == 3
    monkeypatch.undo()
    hall.restart()
    hall.settle()
    assert (look(hall, good)["status"], checked(hall, good), checked(hall, twin)) == ("available", True, True)
    refused = look(hall, odd)
    assert (refused["status"], refused["status_reasons"][0]["code"]) == ("failed", "image_data_corrupted")
    assert unchecked(hall) == 0
    entries = hall.call(OPERATOR, "GET", "/_kunsthalle/audit?limit=200").json["entries"]
    assert [one["outcome"] for one in entries if one["action"] == "is.image.image.failed"] == [422]


_FILES: list[tuple[str, bytes]] = [("good", q.good()), ("twin", q.good()), ("odd", ODD)]


@pytest.mark.needs_qemu_img
def test_equal_bytes_are_checked_once_and_not_twice_at_once(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in _FILES:
        bring(hall, name, content)
    hall.pause()
    server = hall.server
    for _ in range(2):
        checking.schedule(server.store, server.base)
    waiting = (job_table.c.kind == checking.CHECK, job_table.c.state == "queued")
    assert server.store.read(server.base, lambda session: number_of(session, job_table, *waiting)) == 2


@pytest.mark.needs_qemu_img
def test_bytes_that_are_gone_are_left_to_the_doctor(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    image = bring(hall, "good", q.good())
    digest = look(hall, image)["file"]["checksums"]["sha256"]
    hall.server.drivers.blobs.local_path(digest).unlink()
    monkeypatch.undo()
    hall.restart()
    hall.settle()
    assert (look(hall, image)["status"], unchecked(hall)) == ("available", 1)
