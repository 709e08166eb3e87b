"""Export jobs: their states, what they write, what they leave (reference/vpc-api.md C2)."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest
from ibm_vpc import vpc_v1 as sdk

from fixtures.hall import ABSENT, GIB, Hall
from fixtures.realm import product
from hostile_images import builders_vhd as v
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools, convert, find_tools
from kunsthalle.disk_images.writers import virtual_size_of
from kunsthalle.images.export_service import MOST, MOST_ACTIVE
from kunsthalle.images.states import EXPORT_STATES

TO = {"storage_bucket": {"name": "images"}}


def start(hall: Hall, image_id: str, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = hall.do("POST", f"/v1/images/{image_id}/export_jobs", {**TO, **body})
    sdk.ImageExportJob.from_dict(made)
    return made


def look(hall: Hall, image_id: str, id_: str) -> dict[str, Any]:
    shown: dict[str, Any] = hall.do("GET", f"/v1/images/{image_id}/export_jobs/{id_}")
    sdk.ImageExportJob.from_dict(shown)
    return shown


def written(hall: Hall, job: dict[str, Any]) -> Path:
    return Path(hall.folders["owner"] / "images" / job["storage_object"]["name"])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def without_tools(hall: Hall) -> None:
    """As on a host without qemu-img."""
    exporter = hall.server.worker._handlers()["image.export"].run.__self__
    object.__setattr__(exporter, "tools", None)


def test_the_states() -> None:
    assert {old: set(new) for old, new in EXPORT_STATES.moves.items()} == {
        "queued": {"running", "failed", "deleting"},
        "running": {"succeeded", "failed", "deleting"},
        "succeeded": {"deleting"},
        "failed": {"deleting"},
        "deleting": set(),
    }


def test_a_copy_of_the_file_and_its_way_back(hall: Hall) -> None:
    image = hall.image("one")
    made = start(hall, image["id"], name="out")
    assert (made["status"], made["format"], made["resource_type"]) == ("queued", "qcow2", "image_export_job")
    assert "started_at" not in made
    hall.settle()
    done = look(hall, image["id"], made["id"])
    assert (done["status"], done["status_reasons"]) == ("succeeded", [])
    assert done["created_at"] <= done["started_at"] <= done["completed_at"]
    name = done["storage_object"]["name"]
    assert name.startswith("out-")
    assert done["storage_href"] == f"cos://us-south/images/{name}"
    assert sha256(written(hall, done)) == image["file"]["checksums"]["sha256"]
    back = {"file": {"href": done["storage_href"]}, "operating_system": {"name": "debian-12-amd64"}, "name": "back"}
    again = hall.do("POST", "/v1/images", back)
    hall.settle()
    again = hall.do("GET", f"/v1/images/{again['id']}")
    assert (again["status"], again["file"]) == ("available", image["file"])
    path = f"/v1/images/{image['id']}/export_jobs"
    renamed = hall.do("PATCH", f"{path}/{made['id']}", {"name": "other"})
    assert (renamed["name"], renamed["storage_object"]["name"]) == ("other", name)
    (only,) = sdk.ImageExportJobUnpaginatedCollection.from_dict(hall.do("GET", f"{path}?name=other")).export_jobs
    assert only.storage_bucket.crn == done["storage_bucket"]["crn"]
    assert hall.do("GET", f"{path}?name=out")["export_jobs"] == []
    assert hall.call("owner", "DELETE", f"{path}/{made['id']}").status == 202
    assert hall.refused("GET", f"{path}/{made['id']}") == (404, "not_found", "id")
    assert written(hall, done).exists(), "the object stays"


def test_by_the_crn_of_a_bucket_and_with_a_name_of_its_own(hall: Hall) -> None:
    image = hall.image("a-rather-long-name-of-an-image")
    first = start(hall, image["id"])
    assert first["name"].startswith("a-rather-long-na-")
    crn = first["storage_bucket"]["crn"]
    assert start(hall, image["id"], storage_bucket={"crn": crn})["storage_bucket"] == first["storage_bucket"]
    foreign = crn.replace(hall.accounts["owner"], hall.accounts["outsider"])
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
        assert hall.refused("POST", where, {"storage_bucket": bucket}) == refusal
    assert hall.refused("POST", where, {})[1:] == ("validation_required_field", "storage_bucket")
    assert hall.refused("POST", where, {**TO, "format": "raw"})[1:] == ("validation_enum", "format")
    assert hall.refused("POST", where, {**TO, "name": first["name"]})[1:] == ("validation_unique_failed", "name")
    assert hall.refused("POST", where, {**TO, "name": "A"})[1:] == ("validation_invalid_name", "name")


@pytest.mark.skipif(find_tools() is None, reason="needs qemu-img")
def test_as_vhd(hall: Hall) -> None:
    image = hall.image("one")
    made = start(hall, image["id"], format="vhd")
    hall.settle()
    done = look(hall, image["id"], made["id"])
    assert done["status"] == "succeeded", done
    assert virtual_size_of(written(hall, done), "vhd") == GIB
    assert not list((hall.server.drivers.disks / "scratch").iterdir())


@pytest.mark.needs_qemu_img
@pytest.mark.parametrize("creator", [b"vbox", b"wa\0\0", b"go  "], ids=["vbox", "azure", "go"])
@pytest.mark.parametrize("kind", [v.FIXED, v.DYNAMIC], ids=["fixed", "dynamic"])
def test_the_end_of_a_vhd_reaches_servers_snapshots_and_exports(hall: Hall, kind: int, creator: bytes) -> None:
    """The geometry that goes with 64 MiB describes 53,248 bytes fewer."""
    size, end = 64 * v.MIB, b"the last sector".ljust(512, b".")
    file = v.ending(kind, end, size, creator=creator, geometry=(963, 8, 17))
    (hall.folders["owner"] / "images" / "whole.vhd").write_bytes(file)
    body = {"file": {"href": "cos://us-south/images/whole.vhd"}, "operating_system": {"name": "debian-12-amd64"}}
    made = hall.do("POST", "/v1/images", {"name": "whole", **body})
    hall.settle()
    image = hall.do("GET", f"/v1/images/{made['id']}")
    assert (image["status"], image["file"]["checksums"]["sha256"]) == ("available", hashlib.sha256(file).hexdigest())
    volume = hall.server_of(image["id"])["boot_volume_attachment"]["volume"]["id"]
    snapshot = hall.do("POST", "/v1/snapshots", {"source_volume": {"id": volume}})["id"]
    jobs = [start(hall, image["id"], format=form) for form in ("qcow2", "vhd")]
    hall.settle()
    folder = hall.server.drivers.disks
    found = {folder / "volumes" / f"{volume}.qcow2": "qcow2", folder / "snapshots" / f"{snapshot}.qcow2": "qcow2"}
    found |= {written(hall, job): job["format"] for job in jobs}
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


def test_without_qemu_img_another_format_fails_and_leaves_nothing(hall: Hall) -> None:
    image = hall.image("one")
    without_tools(hall)
    made, plain = start(hall, image["id"], format="vhd"), start(hall, image["id"])
    hall.settle()
    failed = look(hall, image["id"], made["id"])
    (reason,) = failed["status_reasons"]
    assert (failed["status"], reason["code"]) == ("failed", "internal_error")
    assert "qemu-img" in reason["message"]
    assert not written(hall, made).exists()
    assert look(hall, image["id"], plain["id"])["status"] == "succeeded"


def test_a_bucket_that_went(hall: Hall) -> None:
    image = hall.image("one")
    hall.pause()
    made = start(hall, image["id"])
    (hall.folders["owner"] / "images").rename(hall.folders["owner"] / "elsewhere")
    hall.restart()
    hall.settle()
    failed = look(hall, image["id"], made["id"])
    assert failed["status"] == "failed"
    assert [reason["code"] for reason in failed["status_reasons"]] == ["cannot_access_storage_bucket"]
    assert "completed_at" in failed


def test_quotas(hall: Hall) -> None:
    image = hall.image("one")
    where = f"/v1/images/{image['id']}/export_jobs"
    hall.pause()
    for _ in range(MOST_ACTIVE):
        start(hall, image["id"])
    assert hall.refused("POST", where, TO)[:2] == (400, "over_quota")
    hall.restart()
    hall.settle()
    for _ in range(MOST - MOST_ACTIVE):
        start(hall, image["id"])
        hall.settle()
    assert hall.refused("POST", where, TO)[:2] == (400, "over_quota")
    jobs = hall.do("GET", where)["export_jobs"]
    assert [job["status"] for job in jobs] == ["succeeded"] * MOST
    hall.do("DELETE", f"{where}/{jobs[0]['id']}")
    start(hall, image["id"])


def test_cancelled_before_it_began(hall: Hall) -> None:
    image = hall.image("one")
    hall.pause()
    made = start(hall, image["id"])
    path = f"/v1/images/{image['id']}/export_jobs/{made['id']}"
    assert hall.call("owner", "DELETE", path).status == 202
    assert hall.refused("GET", path)[0] == 404
    hall.restart()
    hall.settle()
    assert not written(hall, made).exists()


def test_cancelled_while_it_runs(hall: Hall) -> None:
    image = hall.image("one")
    exporter = hall.server.worker._handlers()["image.export"].run.__self__
    path = f"/v1/images/{image['id']}/export_jobs"
    seen: list[Any] = []
    beside = dataclasses.replace(hall, loop=asyncio.new_event_loop())

    class Buckets(type(exporter.buckets)):  # type: ignore[misc]  # the class is the driver's own
        def of(self, account_id: str) -> Any:
            if not seen:
                (job,) = beside.do("GET", path)["export_jobs"]
                seen.extend((job["status"], beside.call("owner", "DELETE", f"{path}/{job['id']}").status))
                seen.append(beside.do("GET", f"{path}/{job['id']}")["status"])
                seen.append(beside.refused("DELETE", f"{path}/{job['id']}")[:2])
            return super().of(account_id)

    object.__setattr__(exporter, "buckets", Buckets(exporter.buckets._root))
    made = start(hall, image["id"])
    hall.settle()
    beside.loop.close()
    assert seen == ["running", 202, "deleting", (409, "invalid_state")]
    assert hall.do("GET", path)["export_jobs"] == []
    assert not written(hall, made).exists()
    assert hall.do("GET", f"/v1/images/{image['id']}")["status"] == "available"


def test_an_image_waits_for_its_exports(hall: Hall) -> None:
    image = hall.image("one")
    path = f"/v1/images/{image['id']}"
    start(hall, image["id"], name="done")
    hall.settle()
    hall.pause()
    made = start(hall, image["id"])
    assert hall.call("owner", "DELETE", path).status == 202
    shown = sdk.Image.from_dict(hall.do("GET", path))
    assert (shown.status, shown.zones) == ("deleting", [])
    refusals = [("DELETE", path, None), ("PATCH", path, {"name": "two"}), ("POST", f"{path}/export_jobs", TO)]
    refusals += [("POST", f"{path}/deprecate", None), ("POST", f"{path}/obsolete", None)]
    for method, where, body in refusals:
        assert hall.refused(method, where, body)[:2] == (409, "invalid_state"), (method, where)
    hall.restart()
    hall.settle()
    assert hall.refused("GET", path) == (404, "not_found", "id")
    assert hall.refused("GET", f"{path}/export_jobs") == (404, "not_found", "image_id")
    assert sha256(written(hall, made)) == image["file"]["checksums"]["sha256"], "it finished first"
    hall.travel(3_600)
    assert list(hall.server.drivers.blobs.digests()) == [], "and nothing keeps the bytes"


STATES = {"available": 201, "deprecated": 201, "obsolete": 201, "failed": 409, "pending": 409}


@pytest.mark.parametrize(("status", "answer"), STATES.items())
def test_which_images_are_exported(hall: Hall, status: str, answer: int) -> None:
    moves = {"deprecated": ["deprecate"], "obsolete": ["obsolete"]}
    if status == "failed":
        hall.image("one")
        (hall.folders["owner"] / "images" / "two.qcow2").write_bytes(bytes(1_000))
        file = {"href": "cos://us-south/images/two.qcow2"}
        image = hall.do("POST", "/v1/images", {"file": file, "operating_system": {"name": "debian-12-amd64"}})
        hall.settle()
    elif status == "pending":
        hall.pause()
        image = hall.image("one", settle=False)
    else:
        image = hall.image("one")
    for verb in moves.get(status, ()):
        hall.do("POST", f"/v1/images/{image['id']}/{verb}")
    assert hall.do("GET", f"/v1/images/{image['id']}")["status"] == status
    assert hall.call("owner", "POST", f"/v1/images/{image['id']}/export_jobs", TO).status == answer


def test_a_managed_image_may_be_exported(hall: Hall) -> None:
    image = hall.image("one")
    base = "/api/v1-beta"
    catalog = hall.do("POST", f"{base}/catalogs", {"label": "mine"})["id"]
    offering = hall.do("POST", f"{base}/catalogs/{catalog}/offerings", {"name": "appliance"})["id"]
    hall.do("POST", f"{base}/catalogs/{catalog}/offerings/{offering}/version", product(image["id"]))
    made = start(hall, image["id"])
    hall.settle()
    assert look(hall, image["id"], made["id"])["status"] == "succeeded"


def test_whose_exports_they_are(hall: Hall) -> None:
    image, other = hall.image("one"), hall.image("two")
    made = start(hall, image["id"])
    where = f"/v1/images/{image['id']}/export_jobs"
    one, beside = f"{where}/{made['id']}", f"/v1/images/{other['id']}/export_jobs/{made['id']}"
    for who in ("outsider", "consumer"):
        assert hall.refused("GET", where, who=who) == (404, "not_found", "image_id")
        assert hall.refused("POST", where, TO, who=who) == (404, "not_found", "image_id")
        for method in ("GET", "PATCH", "DELETE"):
            body = {"name": "x"} if method == "PATCH" else None
            assert hall.refused(method, one, body, who=who) == (404, "not_found", "id")
    assert hall.call("viewer", "GET", one).status == 200
    assert hall.refused("POST", where, TO, who="viewer")[:2] == (403, "not_authorized")
    assert hall.refused("DELETE", one, who="viewer")[:2] == (403, "not_authorized")
    for path in (beside, f"{where}/{ABSENT}"):
        assert hall.refused("GET", path) == (404, "not_found", "id")
