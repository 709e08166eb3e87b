"""What every object storage of an account does, folders and a real S3 server alike."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.s3 import ENVIRONMENT, S3Server, s3_setting
from kunsthalle.blobs.s3 import PART
from kunsthalle.blobs.s3_address import S3Address, parse
from kunsthalle.blobs.s3_uploads import unfinished
from kunsthalle.core.disk_space import Space
from kunsthalle.core.sizes import GIB
from kunsthalle.object_storage.folder_buckets import Buckets
from kunsthalle.object_storage.folder_uploads import FolderUploads
from kunsthalle.object_storage.protocol import (
    BadBucketName,
    BadObjectName,
    BucketError,
    BucketFull,
    BucketNotFound,
    BucketUnavailable,
    ObjectChanged,
    ObjectNotFound,
    ObjectStorage,
)
from kunsthalle.object_storage.s3_buckets import S3Buckets, checked
from kunsthalle.object_storage.uploads import (
    LONGEST_SECONDS,
    MOST_PARTS,
    SMALLEST_PART,
    PartsMissing,
    StoredObject,
    UploadNotFound,
    missing_parts,
    part_lengths,
    part_size,
)

pytestmark = pytest.mark.by_turns(3)

Storages = Callable[[str], ObjectStorage]
"""The storage of an account."""


def _shared(request: pytest.FixtureRequest) -> Storages:
    template = checked(parse(*s3_setting(request, "tenants/{account}", "BUCKETS")))
    return lambda account: S3Buckets(template, account)


def _apart(request: pytest.FixtureRequest) -> Storages:
    """A bucket of the server's for each: this server makes them with their first object."""
    server: S3Server = request.getfixturevalue("s3")
    run = server.bucket()
    url = server.address(f"{run}-{{account}}-{{bucket}}")
    template = checked(parse(url, ENVIRONMENT, "KUNSTHALLE_BUCKETS"))
    for account in ("one", "two"):
        server.store(f"{run}-{account}-images").put(".made", b"")
    return lambda account: S3Buckets(template, account)


def _folders(request: pytest.FixtureRequest) -> Storages:
    root: Path = request.getfixturevalue("tmp_path") / "buckets"
    return lambda account: Buckets(root / account)


@pytest.fixture(params=[_folders, _shared, _apart])
def storages(request: pytest.FixtureRequest) -> Storages:
    made: Storages = request.param(request)
    for account in ("one", "two"):
        made(account).create_bucket("images")
    return made


@pytest.fixture
def mine(storages: Storages) -> ObjectStorage:
    return storages("one")


ID = "0" * 32


def objects(storage: ObjectStorage) -> list[StoredObject]:
    """All but what made the bucket, where the server's buckets are made by what is in them."""
    return [one for one in storage.objects("images", 10) if one.key != ".made"]


def file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(content)
    return path


def read(storage: ObjectStorage, key: str, *, start: int = 0, at_once: int = 1_000_000) -> bytes:
    with storage.open("images", key) as found:
        found.skip(start)
        return b"".join(iter(lambda: found.read(at_once), b""))


def test_what_is_put_is_read(mine: ObjectStorage, tmp_path: Path) -> None:
    content, seen = os.urandom(PART * 2 + 777), []
    mine.put("images", "some/where/golden image+1.qcow2", file(tmp_path, content), seen.append)
    assert seen[-1] == len(content)
    key = "some/where/golden image+1.qcow2"
    assert read(mine, key) == content
    assert read(mine, key, start=PART + 5) == content[PART + 5 :]
    assert read(mine, key, start=len(content)) == b""
    with mine.open("images", key) as found:
        assert (found.size, bool(found.tag)) == (len(content), True)
    mine.put("images", key, file(tmp_path, b"short"))
    assert read(mine, key) == b"short"
    mine.put("images", "empty", file(tmp_path, b""))
    assert read(mine, "empty") == b""


def test_an_object_has_another_tag_when_it_is_another(mine: ObjectStorage, tmp_path: Path) -> None:
    tags = []
    for content in (b"one", b"two"):
        mine.put("images", "x", file(tmp_path, content))
        with mine.open("images", "x") as found, mine.open("images", "x") as again:
            assert found.tag == again.tag
            tags.append(found.tag)
    assert tags[0] != tags[1]


def test_accounts_do_not_meet(storages: Storages, tmp_path: Path) -> None:
    one, two = storages("one"), storages("two")
    one.put("images", "mine", file(tmp_path, b"secret"))
    with pytest.raises(ObjectNotFound):
        two.open("images", "mine")
    two.put("images", "mine", file(tmp_path, b"of two"))
    assert (read(one, "mine"), read(two, "mine")) == (b"secret", b"of two")
    for bucket, key in (("images", "../../one/images/mine"), ("..", "one/images/mine"), ("images/../..", "one")):
        with pytest.raises(BucketError):
            two.open(bucket, key)


def test_what_is_not_there(mine: ObjectStorage, tmp_path: Path) -> None:
    assert mine.has_bucket("images")
    for name in ("nothing", "..", "IMAGES", "", "a" * 64):
        assert not mine.has_bucket(name)
    with pytest.raises(ObjectNotFound):
        mine.open("images", "nothing")
    for key in ("", "a//b", "../a", "a\0b", "a" * 300):
        with pytest.raises(BadObjectName):
            mine.open("images", key)
    with pytest.raises((BucketNotFound, ObjectNotFound)):
        mine.open("nothing", "x")
    with pytest.raises(BadBucketName):
        mine.create_bucket("..")
    mine.put("images", "gone", file(tmp_path, b"x"))
    mine.delete("images", "gone")
    mine.delete("images", "gone")
    with pytest.raises(ObjectNotFound):
        mine.open("images", "gone")


def test_objects_are_listed_on_from_a_name_in_the_order_of_whole_names(mine: ObjectStorage, tmp_path: Path) -> None:
    """`a.b` comes before what is in the folder `a`, and `a0` after it: `.`, `/`, `0` follow each other."""
    names = ["a.b", "a/b", "a/c/d", "a/c.d", "a0", "b/1", "\u00e9", "z"]
    for name in names:
        mine.put("images", name, file(tmp_path, b"x"))
    expected, found, after = sorted(names, key=str.encode), list[str](), ""
    while page := [one.key for one in mine.objects("images", 3, after) if one.key != ".made"]:
        found, after = [*found, *page], page[-1]
    assert sorted(found) == expected
    if isinstance(mine, Buckets):  # a server may have an order of its own
        assert found == expected
        assert [one.key for one in mine.objects("images", 10, "a/c")][:2] == ["a/c.d", "a/c/d"]
    assert mine.objects("images", 10, "\u00e9") == []


def test_a_piece_is_read_and_nothing_behind_it(mine: ObjectStorage, tmp_path: Path) -> None:
    content = os.urandom(PART * 2 + 777)
    mine.put("images", "x", file(tmp_path, content))
    for start, count in ((0, 10), (5, PART), (PART * 2, PART), (len(content), 10)):
        with mine.open("images", "x") as found:
            found.narrow(start, count)
            assert b"".join(iter(lambda opened=found: opened.read(100_000), b"")) == content[start : start + count]


class Stopped(Exception):
    """Whoever watches wants no more."""


def test_a_put_that_is_ended_leaves_what_was_there(mine: ObjectStorage, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done >= PART:
            raise Stopped

    mine.put("images", "x", file(tmp_path, b"before"))
    with pytest.raises(Stopped):
        mine.put("images", "x", file(tmp_path, bytes(PART * 6)), stop)
    assert read(mine, "x") == b"before"


def test_an_upload_is_interrupted_and_goes_on(storages: Storages) -> None:
    size, mine = SMALLEST_PART + 777, storages("one")
    content = os.urandom(size)
    upload = mine.uploads.begin("images", "some/where/golden image+1.qcow2", size, ID)
    mine.uploads.write(upload, 2, size, content[SMALLEST_PART:])
    later = storages("one").uploads
    assert later.received(upload) == {2: 777}
    with pytest.raises(PartsMissing) as refused:
        later.end(upload, size)
    assert refused.value.missing == [1]
    later.write(upload, 1, size, bytes(SMALLEST_PART))
    later.write(upload, 1, size, content[:SMALLEST_PART])
    assert objects(mine) == []
    later.end(upload, size)
    assert read(mine, upload.key) == content
    (found,) = objects(mine)
    assert (found.key, found.size, found.modified > 1_700_000_000) == (upload.key, size, True)
    for ask in (later.received, lambda gone: later.write(gone, 1, size, b"x"), lambda gone: later.end(gone, size)):
        with pytest.raises(UploadNotFound):
            ask(upload)


def test_an_upload_that_is_cancelled_leaves_nothing(storages: Storages) -> None:
    mine, other = storages("one"), storages("two")
    upload = mine.uploads.begin("images", "x", 10, ID)
    mine.uploads.write(upload, 1, 10, b"0123456789")
    with pytest.raises(UploadNotFound):
        other.uploads.received(upload)
    other.uploads.abort(upload)
    assert mine.uploads.received(upload) == {1: 10}
    mine.uploads.abort(upload)
    mine.uploads.abort(upload)
    assert (mine.uploads.pending(), objects(mine)) == ([], [])
    with pytest.raises(UploadNotFound):
        mine.uploads.received(upload)
    with pytest.raises(BadObjectName):
        mine.uploads.begin("images", "../x", 10, ID)


def test_uploads_are_listed_where_buckets_are(request: pytest.FixtureRequest) -> None:
    for make in (_folders, _shared):
        mine, other = make(request)("one"), make(request)("two")
        mine.create_bucket("images")
        upload = mine.uploads.begin("images", "a/b", 10, ID)
        assert (mine.uploads.pending(), other.uploads.pending()) == ([upload], [])


def test_a_folder_forgets_old_uploads_and_keeps_room_for_those_under_way(tmp_path: Path) -> None:
    def place(_bucket: str, _key: str, _path: Path) -> None:
        raise AssertionError

    (tmp_path / "images").mkdir()
    old = FolderUploads(tmp_path, Space(), place).begin("images", "x", 10, ID)
    later = FolderUploads(tmp_path, Space(), place, lambda: time.time() + LONGEST_SECONDS + 60)
    assert later.pending() == [old]
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(BucketFull):
        later.begin("images", "y", free * 2, ID)
    assert later.pending() == []
    tight = FolderUploads(tmp_path, Space(free // 2), place)
    kept = tight.begin("images", "y", free // 3, ID)
    with pytest.raises(BucketFull):
        tight.begin("images", "z", free // 3, "1" * 32)
    assert tight.pending() == [kept]


def test_parts_are_so_large_that_there_are_few() -> None:
    for size in (1, SMALLEST_PART, SMALLEST_PART + 1, 250 * GIB):
        lengths = part_lengths(size)
        assert (sum(lengths.values()), min(lengths)) == (size, 1)
        assert len(lengths) <= MOST_PARTS
        assert all(length == part_size(size) for length in list(lengths.values())[:-1])
        assert missing_parts(size, lengths) == []


def test_buckets_are_listed_where_they_can_be(request: pytest.FixtureRequest) -> None:
    for make, expected in ((_folders, ["images", "more"]), (_shared, ["images", "more"]), (_apart, [])):
        storage = make(request)("one")
        for name in ("more", "images"):
            storage.create_bucket(name)
        assert storage.list_buckets() == expected


def test_on_s3_an_ended_put_leaves_no_parts(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    def stop(_done: int) -> None:
        raise Stopped

    template = checked(parse(*s3_setting(request, "t/{account}", "BUCKETS")))
    with pytest.raises(Stopped):
        S3Buckets(template, "one").put("images", "x", file(tmp_path, bytes(PART * 3)), stop)
    place = S3Address(**{**{name: getattr(template, name) for name in S3Address.__slots__}, "prefix": ""})
    assert unfinished(place) == []


def test_on_s3_an_object_that_is_replaced_is_not_mixed(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    storage = _shared(request)("one")
    storage.put("images", "x", file(tmp_path, b"a" * PART * 6))
    with storage.open("images", "x") as found:
        assert found.read(10) == b"a" * 10
        storage.put("images", "x", file(tmp_path, b"b" * PART * 6))
        with pytest.raises(ObjectChanged):
            while found.read(PART):
                pass


def test_on_s3_nobody_may_be_there(request: pytest.FixtureRequest) -> None:
    template = checked(parse("s3://tenants/{account}?endpoint=http://127.0.0.1:9", ENVIRONMENT, "KUNSTHALLE_BUCKETS"))
    storage = S3Buckets(template, "one")
    for ask in (
        lambda: storage.open("images", "x"),
        lambda: storage.has_bucket("images"),
        lambda: storage.delete("images", "x"),
        lambda: storage.create_bucket("images"),
    ):
        with pytest.raises(BucketUnavailable, match="cannot be reached"):
            ask()
