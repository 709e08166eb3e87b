"""Uploads in parts, what is in buckets, and the conversion of disks that are not imported as they are."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.app import App
from kunsthalle.core.disk_formats import CONVERTED_SUFFIXES, UPLOADED_SUFFIXES
from kunsthalle.disk_images import system_hints
from kunsthalle.disk_images.writers import virtual_size_of
from kunsthalle.images.bucket_service import LARGEST_PIECE, MOST_UPLOADS, ticket_of
from kunsthalle.object_storage.uploads import SMALLEST_PART

_UPLOADS = "/_kunsthalle/uploads"
MIB = 2**20


def begin(app: App, name: str, size: int, bucket: str = "images") -> dict[str, Any]:
    made: dict[str, Any] = app.do("POST", _UPLOADS, {"bucket": bucket, "object": name, "size": size})
    return made


def send(app: App, upload: dict[str, Any], content: bytes) -> dict[str, Any]:
    """Every part, and the end; what has become of it."""
    for number in range(1, upload["parts"] + 1):
        start = (number - 1) * upload["part_size"]
        part = content[start : start + upload["part_size"]]
        app.do("PUT", f"{_UPLOADS}/{upload['id']}/parts/{number}", part)
    ended: dict[str, Any] = app.do("POST", f"{_UPLOADS}/{upload['id']}/complete")
    return ended


def conversion(app: App, ended: dict[str, Any]) -> dict[str, Any]:
    app.exhaust()
    found: dict[str, Any] = app.do("GET", f"/_kunsthalle/conversions/{ended['conversion']}")
    return found


def names(app: App, bucket: str = "images") -> list[str]:
    return [one["name"] for one in app.do("GET", f"/_kunsthalle/buckets/{bucket}/objects")["objects"]]


def test_an_upload_goes_on_where_it_broke_off_and_is_imported(app: App) -> None:
    app.put("made.qcow2", b"uploaded")
    content = (app.folders["owner"] / "images" / "made.qcow2").read_bytes().ljust(SMALLEST_PART + 5, b"\0")
    upload = begin(app, "golden.qcow2", len(content))
    assert (upload["parts"], upload["received"], upload["becomes"]) == (2, [], "golden.qcow2")
    place = f"{_UPLOADS}/{upload['id']}"
    app.do("PUT", f"{place}/parts/2", content[SMALLEST_PART:])
    (pending,) = app.do("GET", _UPLOADS)["uploads"]
    assert (pending["bucket"], pending["object"]) == ("images", "golden.qcow2")
    assert (found := app.do("GET", place))["received"] == [2]
    assert found["received_bytes"] == 5
    assert app.refused("POST", f"{place}/complete")[:2] == (409, "conflict")
    app.do("PUT", f"{place}/parts/1", content[:SMALLEST_PART])
    ended = app.do("POST", f"{place}/complete")
    assert ended == {
        "bucket": "images",
        "object": "golden.qcow2",
        "href": "cos://us-south/images/golden.qcow2",
        "conversion": "",
    }
    assert (app.folders["owner"] / "images" / "golden.qcow2").read_bytes() == content
    assert app.refused("GET", place)[0] == 404
    assert app.do("GET", _UPLOADS) == {"uploads": []}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"object": "x.iso"}, (400, "bad_request", "object")),
        ({"object": "x"}, (400, "bad_request", "object")),
        ({"object": "../x.qcow2"}, (400, "bad_request", "object")),
        ({"size": 0}, (400, "bad_request", "size")),
        ({"size": 2**40}, (400, "bad_request", "size")),
        ({"bucket": "nothing"}, (404, "not_found", "bucket")),
        ({"object": "there.vmdk"}, (409, "conflict", "object")),
    ],
)
def test_what_is_not_taken(app: App, body: dict[str, Any], expected: tuple[Any, ...]) -> None:
    app.put("there.qcow2")
    assert app.refused("POST", _UPLOADS, {"bucket": "images", "object": "x.qcow2", "size": 5, **body}) == expected


def test_parts_have_the_length_and_the_number_they_must_have(app: App) -> None:
    upload = begin(app, "golden.qcow2", 10)
    for number, content in ((1, b"short"), (1, b"longer than that"), (2, b"x"), ("x", b"0123456789"), (0, b"")):
        place = f"{_UPLOADS}/{upload['id']}/parts/{number}"
        assert app.refused("PUT", place, content) == (400, "bad_request", "number")
    for wrong in ("x", "W10", "e30", upload["id"][:-3]):
        assert app.refused("PUT", f"{_UPLOADS}/{wrong}/parts/1", b"0123456789")[0] == 404
    too_large = app.refused("PUT", f"{_UPLOADS}/{upload['id']}/parts/1", bytes(32 * MIB + 1))
    assert too_large[0] == 413


def test_a_size_that_the_upload_did_not_begin_with_is_of_no_upload(app: App) -> None:
    """What an id says is written by whoever sends it; room and bounds were asked for the bytes that it began with."""
    ticket = ticket_of(begin(app, "small.qcow2", 10)["id"])
    for size in (9, 11, SMALLEST_PART, 2**50):
        forged = f"{_UPLOADS}/{msgspec.structs.replace(ticket, size=size).text}"
        part = b"x" * min(size, SMALLEST_PART)
        assert app.refused("PUT", f"{forged}/parts/1", part)[:2] == (404, "not_found"), size
        assert app.refused("POST", f"{forged}/complete")[0] in {404, 409}, size
    app.do("PUT", f"{_UPLOADS}/{ticket.text}/parts/1", b"x" * 10)
    for size in (5, 11):
        forged = f"{_UPLOADS}/{msgspec.structs.replace(ticket, size=size).text}"
        assert app.refused("POST", f"{forged}/complete")[0] in {404, 409}, size
    assert names(app) == []


def test_an_account_has_few_uploads_at_a_time_and_cancels_them(app: App) -> None:
    uploads = [begin(app, f"{number}.qcow2", 10) for number in range(MOST_UPLOADS)]
    one_more = {"bucket": "images", "object": "more.qcow2", "size": 10}
    assert app.refused("POST", _UPLOADS, one_more) == (400, "bad_request", "bucket")
    app.do("DELETE", f"{_UPLOADS}/{uploads[0]['id']}")
    app.do("DELETE", f"{_UPLOADS}/{uploads[0]['id']}")
    app.do("POST", _UPLOADS, one_more)
    for pending in app.do("GET", _UPLOADS)["uploads"]:
        app.do("DELETE", f"{_UPLOADS}/{pending['id']}")
    assert app.do("GET", _UPLOADS) == {"uploads": []}


def test_buckets_are_those_of_the_account_and_are_made(app: App) -> None:
    app.put("made.qcow2")
    before = {one["name"] for one in app.do("GET", "/_kunsthalle/buckets")["buckets"]}
    app.do("POST", "/_kunsthalle/buckets", {"name": "more-images"})
    after = {one["name"] for one in app.do("GET", "/_kunsthalle/buckets")["buckets"]}
    assert after - before == {"more-images"}
    assert app.refused("POST", "/_kunsthalle/buckets", {"name": "more-images"})[:2] == (409, "conflict")
    assert app.refused("POST", "/_kunsthalle/buckets", {"name": "No Name"}) == (400, "bad_request", "name")
    (shown,) = app.do("GET", "/_kunsthalle/buckets/images/objects")["objects"]
    size = (app.folders["owner"] / "images" / "made.qcow2").stat().st_size
    assert (shown["name"], shown["size"], shown["href"]) == ("made.qcow2", size, "cos://us-south/images/made.qcow2")
    others = app.ok("outsider", "GET", "/_kunsthalle/buckets")["buckets"]
    assert "more-images" not in {one["name"] for one in others}


def test_the_bytes_say_what_a_file_is(app: App) -> None:
    app.put("made.qcow2")
    folder = app.folders["owner"] / "images"
    release = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n'
    (folder / "bare.img").write_bytes(bytes(MIB) + release.ljust(MIB, b"\0"))
    (folder / "page.qcow2").write_bytes(b"<html>not found</html>")

    def look(name: str) -> tuple[Any, ...]:
        found = app.do("GET", f"/_kunsthalle/buckets/images/inspection?object={name}")
        return found["format"], found["importable"], found["operating_system"]

    assert look("made.qcow2") == ("qcow2", True, "")
    assert look("bare.img") == ("raw", True, "debian-12-amd64")
    assert look("page.qcow2") == ("raw", False, "")
    assert app.refused("GET", "/_kunsthalle/buckets/images/inspection?object=nothing")[0] == 404


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'NAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n', {("ubuntu", "24.04")}),
        (b'ID="rhel"\nVERSION_ID="9.4"\n', {("rhel", "9.4")}),
        (b'VERSION_ID="12"\n\0ID=debian\n', set()),
        (b"nothing of the kind", set()),
    ],
)
def test_a_release_is_found_wherever_chunks_end(content: bytes, expected: set[tuple[str, str]]) -> None:
    whole = bytes(4_000) + b"\0" + content + bytes(4_000)
    for step in (1_000, 4_010, 9_000):
        chunks = [whole[at : at + step] for at in range(0, len(whole), step)]
        assert system_hints.releases(chunks) == expected, step


def test_every_format_that_is_converted_has_a_suffix() -> None:
    assert CONVERTED_SUFFIXES == {"vmdk": "vmdk", "vhdx": "vhdx", "raw": "raw", "img": "raw"}
    assert UPLOADED_SUFFIXES == {"qcow2": "qcow2", "vhd": "vhd", **CONVERTED_SUFFIXES}


@pytest.mark.needs_qemu_img
@pytest.mark.parametrize(("suffix", "engine"), [("vmdk", "vmdk"), ("img", "raw")])
def test_a_disk_in_another_format_becomes_an_image(app: App, tmp_path: Path, suffix: str, engine: str) -> None:
    disk, made = tmp_path / "disk", tmp_path / f"made.{suffix}"
    disk.write_bytes(b"bytes of a disk".ljust(4 * MIB, b"\0"))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", engine, disk, made], check=True)
    content = made.read_bytes()
    upload = begin(app, f"golden.{suffix}", len(content))
    assert upload["becomes"] == "golden.qcow2"
    ended = send(app, upload, content)
    assert (found := conversion(app, ended))["phase"] == "done", found
    assert (found["percent"], names(app)) == (100, ["golden.qcow2"])
    written = app.folders["owner"] / "images" / "golden.qcow2"
    assert virtual_size_of(written, "qcow2") == 4 * MIB
    body = {"file": {"href": ended["href"]}, "operating_system": {"name": "debian-12-amd64"}, "name": "golden"}
    image = app.do("POST", "/v1/images", body)
    app.exhaust()
    assert app.do("GET", f"/v1/images/{image['id']}")["status"] == "available"


@pytest.mark.needs_qemu_img
def test_a_hostile_disk_is_refused_with_the_reason_and_stays(app: App) -> None:
    content = b'# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/passwd" 0\n'
    ended = send(app, begin(app, "golden.vmdk", len(content)), content)
    found = conversion(app, ended)
    assert (found["phase"], bool(found["reason"]), names(app)) == ("failed", True, ["golden.vmdk"])
    scratch = app.server.drivers.disks / "scratch"
    assert not list(scratch.glob("*"))
    outsider = app.call("outsider", "GET", f"/_kunsthalle/conversions/{ended['conversion']}")
    absent = app.call("outsider", "GET", "/_kunsthalle/conversions/none")
    assert (outsider.status, outsider.body) == (absent.status, absent.body)


@pytest.mark.needs_qemu_img
def test_without_qemu_img_the_reason_is_said(app: App) -> None:
    converter = app.server.worker._handlers()["object.convert"].run.__self__
    object.__setattr__(converter, "tools", None)
    ended = send(app, begin(app, "golden.raw", 512), bytes(512))
    assert "qemu-img" in conversion(app, ended)["reason"]


def objects(app: App, **query: object) -> dict[str, Any]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    told: dict[str, Any] = app.do("GET", f"/_kunsthalle/buckets/images/objects?{asked}")
    return told


def test_a_bucket_is_listed_page_by_page_to_its_end(app: App) -> None:
    for number in range(5):
        app.put(f"one-{number}.qcow2")
    names, after = list[str](), ""
    while True:
        page = objects(app, limit=2, after=after)
        names += [one["name"] for one in page["objects"]]
        assert (len(page["objects"]) == 2) or page["complete"]
        if page["complete"]:
            break
        after = page["next"]
    assert names == [f"one-{number}.qcow2" for number in range(5)]
    assert (page["next"], objects(app, limit=5)["complete"], objects(app, limit=4)["next"]) == ("", True, names[3])
    assert app.refused("GET", "/_kunsthalle/buckets/images/objects?limit=1001")[0] == 400


def test_an_object_is_read_in_pieces_and_never_mixed_with_another(app: App) -> None:
    path = app.folders["owner"] / "images" / "large.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = bytes(range(256)) * (LARGEST_PIECE // 256) + b"and the end"
    path.write_bytes(content)
    where = "/_kunsthalle/buckets/images/content?object=large.bin"
    first = app.call("owner", "GET", where)
    told = dict(first.headers)
    assert (first.body, told[b"x-object-size"]) == (content[:LARGEST_PIECE], str(len(content)).encode())
    assert told[b"content-type"] == b"application/octet-stream"
    rest = f"{where}&offset={LARGEST_PIECE}&tag={told[b'x-object-tag'].decode()}"
    assert app.call("owner", "GET", rest).body == b"and the end"
    assert app.call("owner", "GET", f"{where}&offset={len(content) + 5}").body == b""
    path.write_bytes(b"another one")
    assert app.refused("GET", rest)[:2] == (409, "conflict")
    assert app.call("consumer", "GET", where).status == 404
    assert app.refused("GET", f"{where}&offset=-1")[0] == 400
    assert app.refused("GET", "/_kunsthalle/buckets/images/content?object=../x")[0] == 400


def test_an_object_is_deleted_by_whoever_may(app: App) -> None:
    app.put("gone.qcow2")
    where = "/_kunsthalle/buckets/images/objects?object=gone.qcow2"
    assert app.call("consumer", "DELETE", where).status == 404
    app.do("DELETE", where)
    assert objects(app)["objects"] == []
    assert app.call("owner", "DELETE", where).status == 404
    app.put("kept.qcow2")
    assert app.call("viewer", "DELETE", where.replace("gone", "kept")).status == 403
    assert [one["name"] for one in objects(app)["objects"]] == ["kept.qcow2"]
