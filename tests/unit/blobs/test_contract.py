"""What every implementation of Blobs must do. A new one adds its factory to IMPLEMENTATIONS."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.s3 import s3_setting
from kunsthalle.blobs.blob_cache import BlobCache
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.blobs.protocol import BadDigest, BlobError, BlobNotFound, Blobs, OutOfSpace, WrongLength
from kunsthalle.blobs.s3 import S3Bucket
from kunsthalle.blobs.s3_address import S3Address, parse
from kunsthalle.blobs.s3_blobs import S3Blobs

pytestmark = pytest.mark.by_turns(3)

Place = Callable[[], S3Address]
"""A new bucket of a real S3 server, which is started with the first."""

IMPLEMENTATIONS: dict[str, Callable[[Path, Place], Blobs]] = {
    "filesystem": lambda folder, _place: FilesystemBlobs(folder / "blobs"),
    "s3": lambda folder, place: S3Blobs(S3Bucket(place()), BlobCache(folder / "cache", 2**30)),
}


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    return lambda: parse(*s3_setting(request, "some/prefix"))


@pytest.fixture(params=IMPLEMENTATIONS)
def blobs(request: pytest.FixtureRequest, tmp_path: Path, place: Place) -> Blobs:
    return IMPLEMENTATIONS[request.param](tmp_path, place)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def store(blobs: Blobs, content: bytes) -> str:
    with blobs.begin(len(content)) as upload:
        upload.write(content)
        upload.commit(digest(content))
    return digest(content)


def test_what_was_written_is_read_back(blobs: Blobs) -> None:
    chunks = [b"first", bytearray(b"-second"), memoryview(b"-third"), b""]
    content = b"first-second-third"
    with blobs.begin(len(content)) as upload:
        assert [upload.write(chunk) for chunk in chunks] == [5, 7, 6, 0]
        assert upload.written == len(content)
        assert not blobs.exists(digest(content))
        upload.commit(digest(content))
    sha256 = digest(content)
    assert blobs.exists(sha256)
    assert blobs.size(sha256) == len(content)
    with blobs.open(sha256) as stored:
        assert stored.read() == content
        stored.seek(6)
        assert stored.read(6) == b"second"


def test_tools_see_the_bytes_before_the_commit(blobs: Blobs) -> None:
    with blobs.begin(None) as upload:
        upload.write(b"QFI\xfb")
        assert upload.path.is_absolute()
        assert upload.path.read_bytes() == b"QFI\xfb"
        path = upload.path
    assert not path.exists()


def test_the_bytes_are_read_from_where_they_are_kept(blobs: Blobs) -> None:
    content = bytes(range(256)) * 80_000  # more than one range of any store
    assert b"".join(blobs.read(store(blobs, content))) == content
    with pytest.raises(BlobNotFound):
        next(iter(blobs.read("0" * 64)))


def test_the_inventory_names_every_blob_with_its_length(blobs: Blobs) -> None:
    expected = {store(blobs, content): len(content) for content in (b"", b"one", b"twenty-one bytes of it")}
    assert dict(blobs.inventory()) == expected


def test_where_a_blob_would_be_is_where_it_is(blobs: Blobs) -> None:
    expected = blobs.place(digest(b"later"))
    assert not expected.exists()
    assert blobs.local_path(store(blobs, b"later")) == expected


def test_a_named_upload_is_taken_up_again_where_it_was_durable(blobs: Blobs) -> None:
    upload = blobs.begin(9, "import-one")
    upload.write(b"abcdef")
    assert upload.sync() == 6
    upload.write(b"lost")
    upload.suspend()
    assert (blobs.leftovers(), blobs.sweep(0)) == (["import-one"], 0)
    with blobs.begin(9, "import-one", 6) as again:
        assert (again.written, again.path.read_bytes()) == (6, b"abcdef")
        again.write(b"ghi")
        again.commit(digest(b"abcdefghi"))
    with blobs.open(digest(b"abcdefghi")) as stored:
        assert stored.read() == b"abcdefghi"
    assert blobs.leftovers() == []


def test_a_named_upload_that_has_less_than_it_should_begins_anew(blobs: Blobs) -> None:
    with blobs.begin(None, "import-one") as upload:
        upload.write(b"abc")
        upload.suspend()
    with blobs.begin(None, "import-one", 4) as again:
        assert (again.written, again.path.read_bytes()) == (0, b"")


def test_a_named_upload_has_one_writer(blobs: Blobs) -> None:
    with blobs.begin(None, "import-one"):
        with pytest.raises(BlobError):
            blobs.begin(None, "import-one")
        blobs.discard("import-one")
        assert blobs.leftovers() == []
    for name in ("../x", "", "a/b", ".x", "a" * 101):
        with pytest.raises(BlobError):
            blobs.begin(None, name)


def test_a_named_upload_is_kept_for_a_day_and_may_be_discarded(blobs: Blobs) -> None:
    for name in ("import-one", "import-two"):
        with blobs.begin(None, name) as upload:
            upload.write(b"abc")
            modified = upload.path.stat().st_mtime
            upload.suspend()
    assert blobs.sweep(0, now=modified + 86_000) == 0
    blobs.discard("import-one")
    blobs.discard("import-one")
    assert blobs.leftovers() == ["import-two"]
    assert blobs.sweep(0, now=modified + 87_000) == 1


def test_whoever_watches_a_commit_sees_it_through(blobs: Blobs) -> None:
    content, seen = bytes(20_000_000), []
    with blobs.begin(None) as upload:
        upload.write(content)
        upload.commit(digest(content), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == len(content)


def test_the_local_path_is_absolute_and_read_only(blobs: Blobs) -> None:
    path = blobs.local_path(store(blobs, b"disk"))
    assert path.is_absolute()
    assert path.read_bytes() == b"disk"
    assert path.stat().st_mode & 0o777 == 0o444


def test_an_upload_that_is_not_committed_leaves_nothing(blobs: Blobs) -> None:
    with pytest.raises(ZeroDivisionError), blobs.begin(3) as upload:
        upload.write(b"abc")
        raise ZeroDivisionError
    assert not blobs.exists(digest(b"abc"))
    assert list(blobs.digests()) == []
    assert blobs.sweep(-3600) == 0


def test_an_upload_ends_once(blobs: Blobs) -> None:
    upload = blobs.begin(None)
    upload.write(b"abc")
    upload.commit(digest(b"abc"))
    upload.abort()
    assert blobs.exists(digest(b"abc"))
    with pytest.raises(BlobError):
        upload.write(b"more")
    with pytest.raises(BlobError):
        upload.commit(digest(b"abc"))


def test_an_aborted_upload_cannot_be_committed(blobs: Blobs) -> None:
    upload = blobs.begin(None)
    upload.write(b"abc")
    upload.abort()
    upload.abort()
    with pytest.raises(BlobError):
        upload.commit(digest(b"abc"))
    assert not blobs.exists(digest(b"abc"))


def test_the_same_content_twice_is_one_blob(blobs: Blobs) -> None:
    first = blobs.local_path(store(blobs, b"twice")).stat()
    second = blobs.local_path(store(blobs, b"twice")).stat()
    assert (first.st_ino, first.st_mtime_ns) == (second.st_ino, second.st_mtime_ns)
    assert list(blobs.digests()) == [digest(b"twice")]
    assert blobs.sweep(-3600) == 0


def test_uploads_at_the_same_time_do_not_mix(blobs: Blobs) -> None:
    contents = [bytes([number]) * 70_000 for number in range(8)] * 2
    barrier = threading.Barrier(len(contents))
    done: list[str] = []

    def upload_one(content: bytes) -> None:
        barrier.wait(30)
        done.append(store(blobs, content))

    threads = [threading.Thread(target=upload_one, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == sorted(digest(content) for content in contents)
    assert sorted(blobs.digests()) == sorted({digest(content) for content in contents})
    for content in contents:
        with blobs.open(digest(content)) as stored:
            assert stored.read() == content


@pytest.mark.parametrize("announced", [2, 4])
def test_the_announced_length_is_held_to(blobs: Blobs, announced: int) -> None:
    with blobs.begin(announced) as upload:
        upload.write(b"abc")
        with pytest.raises(WrongLength) as refused:
            upload.commit(digest(b"abc"))
    assert (refused.value.expected, refused.value.received) == (announced, 3)
    assert not blobs.exists(digest(b"abc"))


def test_what_cannot_fit_is_refused_before_a_byte(blobs: Blobs) -> None:
    with pytest.raises(OutOfSpace) as refused:
        blobs.begin(1 << 60)
    assert refused.value.needed > 1 << 60
    assert 0 < refused.value.free < 1 << 60
    assert blobs.sweep(-3600) == 0


def test_a_finished_file_is_adopted(blobs: Blobs, tmp_path: Path) -> None:
    for _ in range(2):
        path = tmp_path / "converted.qcow2"
        path.write_bytes(b"converted")
        blobs.adopt(path, digest(b"converted"))
        assert not path.exists()
    assert blobs.local_path(digest(b"converted")).stat().st_mode & 0o777 == 0o444
    with blobs.open(digest(b"converted")) as stored:
        assert stored.read() == b"converted"


def test_only_a_regular_file_is_adopted(blobs: Blobs, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/etc/passwd")
    for path in (link, tmp_path, tmp_path / "absent"):
        with pytest.raises((OSError, BlobError)):
            blobs.adopt(path, digest(b"x"))
    assert link.is_symlink()
    assert list(blobs.digests()) == []


def test_delete_frees_and_may_be_repeated(blobs: Blobs) -> None:
    sha256 = store(blobs, b"short-lived")
    with blobs.open(sha256) as reader:
        blobs.delete(sha256)
        blobs.delete(sha256)
        assert reader.read() == b"short-lived"
    assert not blobs.exists(sha256)
    assert list(blobs.digests()) == []
    assert store(blobs, b"short-lived") == sha256
    assert blobs.exists(sha256)


def test_an_absent_blob_is_named(blobs: Blobs) -> None:
    for method in (blobs.size, blobs.open, blobs.local_path):
        with pytest.raises(BlobNotFound) as absent:
            method("0" * 64)
        assert absent.value.sha256 == "0" * 64
    assert not blobs.exists("0" * 64)


HOSTILE = [
    "",
    "a" * 63,
    "a" * 65,
    "A" * 64,
    "a" * 64 + "\n",
    "../" * 21 + "a",
    "/etc/passwd",
    "\0" * 64,
    "٣" * 64,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_digest_is_never_a_path(blobs: Blobs, tmp_path: Path, name: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    for method in (blobs.exists, blobs.size, blobs.open, blobs.local_path, blobs.delete):
        with pytest.raises(BadDigest):
            method(name)
    with pytest.raises(BadDigest):
        blobs.adopt(path, name)
    with blobs.begin(1) as upload:
        upload.write(b"x")
        with pytest.raises(BadDigest):
            upload.commit(name)
    assert path.exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=70).filter(lambda name: len(name) != 64))
def test_any_other_text_is_no_digest(blobs: Blobs, name: str) -> None:
    with pytest.raises(BadDigest):
        blobs.exists(name)


def test_sweep_takes_the_old_and_leaves_the_open(blobs: Blobs) -> None:
    with blobs.begin(None) as upload:
        upload.write(b"slow, and still at it")
        modified = upload.path.stat().st_mtime
        assert blobs.sweep(0, now=modified + 10_000_000) == 0
        upload.commit(digest(b"slow, and still at it"))
    assert blobs.exists(digest(b"slow, and still at it"))
