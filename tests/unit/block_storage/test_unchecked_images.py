"""A host without qemu-img accepts what qemu-img would refuse: it says so, and checks again once it has qemu-img."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR
from fixtures.vault import Vault, asking, authorize, encrypted_with, put_encrypted
from hostile_images import builders_qcow2 as q
from kunsthalle import chosen_drivers
from kunsthalle.block_storage import unchecked_images
from kunsthalle.cli import status_verb
from kunsthalle.db.tables import jobs as job_table
from kunsthalle.db.unscoped import number_of

ODD = q.good(refcounts={5: 0})
"""A file that our own rules pass and `qemu-img check` does not."""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """On a host without qemu-img."""
    monkeypatch.setattr(chosen_drivers, "find_image_tools", lambda: None)
    made = open_app(tmp_path / "data")
    yield made
    monkeypatch.undo()
    made.close()


def bring(app: App, name: str, content: bytes) -> str:
    (app.folders["owner"] / "images" / f"{name}.qcow2").write_bytes(content)
    body = {
        "name": name,
        "file": {"href": f"cos://us-south/images/{name}.qcow2"},
        "operating_system": {"name": "debian-12-amd64"},
    }
    made: str = app.do("POST", "/v1/images", body)["id"]
    app.settle()
    return made


def unchecked(app: App) -> int:
    return int(app.call(OPERATOR, "GET", "/_kunsthalle/status").json["unchecked_images"])


def checked(app: App, image: str) -> Any:
    return app.do("GET", f"/_kunsthalle/images/{image}/progress").get("checked")


def look(app: App, image: str) -> dict[str, Any]:
    return dict(app.do("GET", f"/v1/images/{image}"))


def test_that_images_are_unchecked_is_said(app: App) -> None:
    assert unchecked(app) == 0
    image = bring(app, "odd", ODD)
    assert (look(app, image)["status"], checked(app, image), unchecked(app)) == ("available", False, 1)
    assert "checked" not in look(app, image), "clients of the contract are told nothing that it does not have"
    failed = bring(app, "broken", b"nothing")
    assert (look(app, failed)["status"], checked(app, failed), unchecked(app)) == ("failed", None, 1)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"qemu_img": False, "unchecked_images": 3}, "3: install qemu-img and restart the server"),
        ({"qemu_img": True, "unchecked_images": 3}, "3: qemu-img examines them now"),
        ({"qemu_img": True, "unchecked_images": 0}, "0"),
    ],
)
def test_what_status_says(found: dict[str, Any], told: str) -> None:
    assert status_verb._unchecked(found) == told


@pytest.mark.needs_qemu_img
def test_once_there_is_qemu_img_they_are_checked_without_a_boot(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    good, twin, odd = (bring(app, name, content) for name, content in _FILES)
    assert unchecked(app) == 3
    monkeypatch.undo()
    app.restart()
    app.settle()
    assert (look(app, good)["status"], checked(app, good), checked(app, twin)) == ("available", True, True)
    refused = look(app, odd)
    assert (refused["status"], refused["status_reasons"][0]["code"]) == ("failed", "image_data_corrupted")
    assert unchecked(app) == 0
    entries = app.call(OPERATOR, "GET", "/_kunsthalle/audit?limit=200").json["entries"]
    assert [one["outcome"] for one in entries if one["action"] == "is.image.image.failed"] == [422]


_FILES: list[tuple[str, bytes]] = [("good", q.good()), ("twin", q.good()), ("odd", ODD)]


@pytest.mark.needs_qemu_img
def test_equal_bytes_are_checked_once_and_not_twice_at_once(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in _FILES:
        bring(app, name, content)
    app.pause()
    server = app.server
    for _ in range(2):
        unchecked_images.schedule(server.store, server.base)
    waiting = (job_table.c.kind == unchecked_images.CHECK, job_table.c.state == "queued")
    assert server.store.read(server.base, lambda session: number_of(session, job_table, *waiting)) == 2


@pytest.mark.needs_qemu_img
@pytest.mark.parametrize("disabled", [0, 1])
def test_encrypted_bytes_are_checked_with_whichever_key_can_be_used(
    app: App, monkeypatch: pytest.MonkeyPatch, disabled: int
) -> None:
    authorize(app)
    vault = Vault(app)
    keys = [vault.key("one"), vault.key("other")]
    put_encrypted(app, "secret")
    images = [
        app.do(
            "POST",
            "/v1/images",
            {**asking("secret"), "name": f"secret-{number}", **encrypted_with(key, vault.wrap(key))},
        )
        for number, key in enumerate(keys)
    ]
    app.settle()
    assert unchecked(app) == 2
    vault.act(keys[disabled], "disable")
    monkeypatch.undo()
    app.restart()
    app.settle()
    assert unchecked(app) == 0
    assert [checked(app, image["id"]) for image in images] == [True, True]


@pytest.mark.needs_qemu_img
def test_bytes_that_are_gone_are_left_to_the_doctor(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    image = bring(app, "good", q.good())
    digest = look(app, image)["file"]["checksums"]["sha256"]
    app.server.drivers.blobs.local_path(digest).unlink()
    monkeypatch.undo()
    app.restart()
    app.settle()
    assert (look(app, image)["status"], unchecked(app)) == ("available", 1)
