"""Export jobs: their states, what they write, what they leave (reference/vpc-api.md C2)."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest
from ibm_vpc import vpc_v1 as sdk

from fixtures.app import ABSENT, GIB, App
from fixtures.frozen_app import product
from hostile_images import builders_vhd as v
from hostile_images.builders_qcow2 import Qcow2
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools, convert, find_tools
from kunsthalle.disk_images.writers import virtual_size_of
from kunsthalle.images.export_service import MOST, MOST_ACTIVE
from kunsthalle.images.states import EXPORT_STATES

TO = {"storage_bucket": {"name": "images"}}


def start(app: App, image_id: str, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = app.do("POST", f"/v1/images/{image_id}/export_jobs", {**TO, **body})
    sdk.ImageExportJob.from_dict(made)
    return made


def look(app: App, image_id: str, id_: str) -> dict[str, Any]:
    shown: dict[str, Any] = app.do("GET", f"/v1/images/{image_id}/export_jobs/{id_}")
    sdk.ImageExportJob.from_dict(shown)
    return shown


def written(app: App, job: dict[str, Any]) -> Path:
    return Path(app.folders["owner"] / "images" / job["storage_object"]["name"])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def without_tools(app: App) -> None:
    """As on a host without qemu-img."""
    exporter = app.server.worker._handlers()["image.export"].run.__self__
    object.__setattr__(exporter, "tools", None)


def test_the_states() -> None:
    assert {old: set(new) for old, new in EXPORT_STATES.moves.items()} == {
        "queued": {"running", "failed", "deleting"},
        "running": {"succeeded", "failed", "deleting"},
        "succeeded": {"deleting"},
        "failed": {"deleting"},
        "deleting": set(),
    }


def test_a_copy_of_the_file_and_its_way_back(app: App) -> None:
    image = app.image("one")
    made = start(app, image["id"], name="out")
    assert (made["status"], made["format"], made["resource_type"]) == ("queued", "qcow2", "image_export_job")
    assert "started_at" not in made
    app.settle()
    done = look(app, image["id"], made["id"])
    assert (done["status"], done["status_reasons"]) == ("succeeded", [])
    assert done["created_at"] <= done["started_at"] <= done["completed_at"]
    name = done["storage_object"]["name"]
    assert name.startswith("out-")
    assert done["storage_href"] == f"cos://us-south/images/{name}"
    assert sha256(written(app, done)) == image["file"]["checksums"]["sha256"]
    back = {"file": {"href": done["storage_href"]}, "operating_system": {"name": "debian-12-amd64"}, "name": "back"}
    again = app.do("POST", "/v1/images", back)
    app.settle()
    again = app.do("GET", f"/v1/images/{again['id']}")
    assert (again["status"], again["file"]) == ("available", image["file"])
    path = f"/v1/images/{image['id']}/export_jobs"
    renamed = app.do("PATCH", f"{path}/{made['id']}", {"name": "other"})
    assert (renamed["name"], renamed["storage_object"]["name"]) == ("other", name)
    (only,) = sdk.ImageExportJobUnpaginatedCollection.from_dict(app.do("GET", f"{path}?name=other")).export_jobs
    assert only.storage_bucket.crn == done["storage_bucket"]["crn"]
    assert app.do("GET", f"{path}?name=out")["export_jobs"] == []
    assert app.call("owner", "DELETE", f"{path}/{made['id']}").status == 202
    assert app.refused("GET", f"{path}/{made['id']}") == (404, "not_found", "id")
    assert written(app, done).exists(), "the object stays"


def test_by_the_crn_of_a_bucket_and_with_a_name_of_its_own(app: App) -> None:
    image = app.image("a-rather-long-name-of-an-image")
    first = start(app, image["id"])
    assert first["name"].startswith("a-rather-long-na-")
    crn = first["storage_bucket"]["crn"]
    assert start(app, image["id"], storage_bucket={"crn": crn})["storage_bucket"] == first["storage_bucket"]
    foreign = crn.replace(app.accounts["owner"], app.accounts["outsider"])
    refusals = [
        ({"crn": foreign}, (403, "cos_not_authorized", "storage_bucket")),
        ({"name": "nothing-here"}, (403, "cos_not_authorized", "storage_bucket")),
        ({"name": "../images"}, (403, "cos_not_authorized", "storage_bucket")),
        ({"crn": "crn"}, (400, "bad_field", "storage_bucket.crn")),
        ({}, (400, "validation_only_one", "storage_bucket")),
        ({"name": "images", "crn": crn}, (400, "validation_only_one", "storage_bucket")),
    ]
    where = f"/v1/images/{image['id']}/export_jobs"
    for bucket, refusal in refusals:
        assert app.refused("POST", where, {"storage_bucket": bucket}) == refusal
    assert app.refused("POST", where, {})[1:] == ("validation_required_field", "storage_bucket")
    assert app.refused("POST", where, {**TO, "format": "raw"})[1:] == ("validation_enum", "format")
    assert app.refused("POST", where, {**TO, "name": first["name"]})[1:] == ("validation_unique_failed", "name")
    assert app.refused("POST", where, {**TO, "name": "A"})[1:] == ("validation_invalid_name", "name")


@pytest.mark.skipif(find_tools() is None, reason="needs qemu-img")
def test_as_vhd(app: App) -> None:
    image = app.image("one")
    made = start(app, image["id"], format="vhd")
    app.settle()
    done = look(app, image["id"], made["id"])
    assert done["status"] == "succeeded", done
    assert virtual_size_of(written(app, done), "vhd") == GIB
    assert not list((app.server.drivers.disks / "scratch").iterdir())


@pytest.mark.by_turns(3)
@pytest.mark.needs_qemu_img
@pytest.mark.parametrize("creator", [b"vbox", b"wa\0\0", b"go  "], ids=["vbox", "azure", "go"])
@pytest.mark.parametrize("kind", [v.FIXED, v.DYNAMIC], ids=["fixed", "dynamic"])
def test_the_end_of_a_vhd_reaches_servers_snapshots_and_exports(app: App, kind: int, creator: bytes) -> None:
    """The geometry that goes with 64 MiB describes 53,248 bytes fewer."""
    size, end = 64 * v.MIB, b"the last sector".ljust(512, b".")
    file = v.ending(kind, end, size, creator=creator, geometry=(963, 8, 17))
    (app.folders["owner"] / "images" / "whole.vhd").write_bytes(file)
    body = {"file": {"href": "cos://us-south/images/whole.vhd"}, "operating_system": {"name": "debian-12-amd64"}}
    made = app.do("POST", "/v1/images", {"name": "whole", **body})
    app.settle()
    image = app.do("GET", f"/v1/images/{made['id']}")
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", hashlib.sha256(file).hexdigest())
    volume = app.server_of(image["id"])["boot_volume_attachment"]["volume"]["id"]
    snapshot = app.do("POST", "/v1/snapshots", {"source_volume": {"id": volume}})["id"]
    jobs = [start(app, image["id"], format=form) for form in ("qcow2", "vhd")]
    app.settle()
    folder = app.server.drivers.disks
    found = {folder / "volumes" / f"{volume}.qcow2": "qcow2", folder / "snapshots" / f"{snapshot}.qcow2": "qcow2"}
    found |= {written(app, job): job["format"] for job in jobs}
    for path, form in found.items():
        raw = folder / "content"
        convert(one_of_the_host(), path, form, raw, "raw", quota_bytes=20 * GIB, limits=Limits(), backing_allowed=True)
        with raw.open("rb") as whole:
            whole.seek(size - 512)
            assert whole.read(512) == end, path.name
        raw.unlink()


def one_of_the_host() -> Tools:
    tools = find_tools()
    assert tools is not None
    return tools


def test_without_qemu_img_a_plain_image_becomes_a_vhd_and_another_fails_and_leaves_nothing(app: App) -> None:
    image = app.image("one")
    (app.folders["owner"] / "images" / "packed.qcow2").write_bytes(Qcow2(data=b"a" * 65536, compression="zlib").build())
    body = {"file": {"href": "cos://us-south/images/packed.qcow2"}, "operating_system": {"name": "debian-12-amd64"}}
    packed = app.do("POST", "/v1/images", {"name": "packed", **body})
    app.settle()
    without_tools(app)
    made, plain, whole = (
        start(app, packed["id"], format="vhd"),
        start(app, packed["id"]),
        start(app, image["id"], format="vhd"),
    )
    app.settle()
    failed = look(app, packed["id"], made["id"])
    (reason,) = failed["status_reasons"]
    assert (failed["status"], reason["code"]) == ("failed", "internal_error")
    assert "qemu-img" in reason["message"]
    assert not written(app, made).exists()
    assert look(app, packed["id"], plain["id"])["status"] == "succeeded"
    assert look(app, image["id"], whole["id"])["status"] == "succeeded"
    assert virtual_size_of(written(app, whole), "vhd") == GIB


def test_a_bucket_that_went(app: App) -> None:
    image = app.image("one")
    app.pause()
    made = start(app, image["id"])
    (app.folders["owner"] / "images").rename(app.folders["owner"] / "elsewhere")
    app.restart()
    app.settle()
    failed = look(app, image["id"], made["id"])
    assert failed["status"] == "failed"
    assert [reason["code"] for reason in failed["status_reasons"]] == ["cannot_access_storage_bucket"]
    assert "completed_at" in failed


def test_quotas(app: App) -> None:
    image = app.image("one")
    where = f"/v1/images/{image['id']}/export_jobs"
    app.pause()
    for _ in range(MOST_ACTIVE):
        start(app, image["id"])
    assert app.refused("POST", where, TO)[:2] == (400, "over_quota")
    app.restart()
    app.settle()
    for _ in range(MOST - MOST_ACTIVE):
        start(app, image["id"])
        app.settle()
    assert app.refused("POST", where, TO)[:2] == (400, "over_quota")
    jobs = app.do("GET", where)["export_jobs"]
    assert [job["status"] for job in jobs] == ["succeeded"] * MOST
    app.do("DELETE", f"{where}/{jobs[0]['id']}")
    start(app, image["id"])


def test_cancelled_before_it_began(app: App) -> None:
    image = app.image("one")
    app.pause()
    made = start(app, image["id"])
    path = f"/v1/images/{image['id']}/export_jobs/{made['id']}"
    assert app.call("owner", "DELETE", path).status == 202
    assert app.refused("GET", path)[0] == 404
    app.restart()
    app.settle()
    assert not written(app, made).exists()


def test_cancelled_while_it_runs(app: App) -> None:
    image = app.image("one")
    exporter = app.server.worker._handlers()["image.export"].run.__self__
    path = f"/v1/images/{image['id']}/export_jobs"
    seen: list[Any] = []
    beside = dataclasses.replace(app, loop=asyncio.new_event_loop())

    class Buckets(type(exporter.buckets)):  # type: ignore[misc]  # the class is the driver's own
        def of(self, account_id: str) -> Any:
            if not seen:
                (job,) = beside.do("GET", path)["export_jobs"]
                seen.extend((job["status"], beside.call("owner", "DELETE", f"{path}/{job['id']}").status))
                seen.append(beside.do("GET", f"{path}/{job['id']}")["status"])
                seen.append(beside.refused("DELETE", f"{path}/{job['id']}")[:2])
            return super().of(account_id)

    object.__setattr__(exporter, "buckets", Buckets(exporter.buckets._root))
    made = start(app, image["id"])
    app.settle()
    beside.loop.close()
    assert seen == ["running", 202, "deleting", (409, "invalid_state")]
    assert app.do("GET", path)["export_jobs"] == []
    assert not written(app, made).exists()
    assert app.do("GET", f"/v1/images/{image['id']}")["status"] == "available"


def test_an_image_waits_for_its_exports(app: App) -> None:
    image = app.image("one")
    path = f"/v1/images/{image['id']}"
    start(app, image["id"], name="done")
    app.settle()
    app.pause()
    made = start(app, image["id"])
    assert app.call("owner", "DELETE", path).status == 202
    shown = sdk.Image.from_dict(app.do("GET", path))
    assert (shown.status, shown.zones) == ("deleting", [])
    refusals = [("DELETE", path, None), ("PATCH", path, {"name": "two"}), ("POST", f"{path}/export_jobs", TO)]
    refusals += [("POST", f"{path}/deprecate", None), ("POST", f"{path}/obsolete", None)]
    for method, where, body in refusals:
        assert app.refused(method, where, body)[:2] == (409, "invalid_state"), (method, where)
    app.restart()
    app.settle()
    assert app.refused("GET", path) == (404, "not_found", "id")
    assert app.refused("GET", f"{path}/export_jobs") == (404, "not_found", "image_id")
    assert sha256(written(app, made)) == image["file"]["checksums"]["sha256"], "it finished first"
    app.travel(3_600)
    assert list(app.server.drivers.blobs.digests()) == [], "and nothing keeps the bytes"


STATES = {"available": 201, "deprecated": 201, "obsolete": 201, "failed": 409, "pending": 409}


@pytest.mark.by_turns(3)
@pytest.mark.parametrize(("status", "answer"), STATES.items())
def test_which_images_are_exported(app: App, status: str, answer: int) -> None:
    moves = {"deprecated": ["deprecate"], "obsolete": ["obsolete"]}
    if status == "failed":
        app.image("one")
        (app.folders["owner"] / "images" / "two.qcow2").write_bytes(bytes(1_000))
        file = {"href": "cos://us-south/images/two.qcow2"}
        image = app.do("POST", "/v1/images", {"file": file, "operating_system": {"name": "debian-12-amd64"}})
        app.settle()
    elif status == "pending":
        app.pause()
        image = app.image("one", settle=False)
    else:
        image = app.image("one")
    for verb in moves.get(status, ()):
        app.do("POST", f"/v1/images/{image['id']}/{verb}")
    assert app.do("GET", f"/v1/images/{image['id']}")["status"] == status
    assert app.call("owner", "POST", f"/v1/images/{image['id']}/export_jobs", TO).status == answer


def test_a_managed_image_may_be_exported(app: App) -> None:
    image = app.image("one")
    base = "/api/v1-beta"
    catalog = app.do("POST", f"{base}/catalogs", {"label": "mine"})["id"]
    offering = app.do("POST", f"{base}/catalogs/{catalog}/offerings", {"name": "appliance"})["id"]
    app.do("POST", f"{base}/catalogs/{catalog}/offerings/{offering}/version", product(image["id"]))
    made = start(app, image["id"])
    app.settle()
    assert look(app, image["id"], made["id"])["status"] == "succeeded"


def test_whose_exports_they_are(app: App) -> None:
    image, other = app.image("one"), app.image("two")
    made = start(app, image["id"])
    where = f"/v1/images/{image['id']}/export_jobs"
    one, beside = f"{where}/{made['id']}", f"/v1/images/{other['id']}/export_jobs/{made['id']}"
    for who in ("outsider", "consumer"):
        assert app.refused("GET", where, who=who) == (404, "not_found", "image_id")
        assert app.refused("POST", where, TO, who=who) == (404, "not_found", "image_id")
        for method in ("GET", "PATCH", "DELETE"):
            body = {"name": "x"} if method == "PATCH" else None
            assert app.refused(method, one, body, who=who) == (404, "not_found", "id")
    assert app.call("viewer", "GET", one).status == 200
    assert app.refused("POST", where, TO, who="viewer")[:2] == (403, "not_authorized")
    assert app.refused("DELETE", one, who="viewer")[:2] == (403, "not_authorized")
    for path in (beside, f"{where}/{ABSENT}"):
        assert app.refused("GET", path) == (404, "not_found", "id")
