"""What every implementation of Blobs must do. A new one adds its factory to IMPLEMENTATIONS."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.blobs.protocol import BadDigest, BlobError, BlobNotFound, Blobs, OutOfSpace, WrongLength

IMPLEMENTATIONS: dict[str, Callable[[Path], Blobs]] = {
    "filesystem": lambda folder: FilesystemBlobs(folder / "blobs"),
}


@pytest.fixture(params=IMPLEMENTATIONS)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return IMPLEMENTATIONS[request.param](tmp_path)


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


@given(name=st.text(max_size=70).filter(lambda name: len(name) != 64))
def test_any_other_text_is_no_digest(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    base = tmp_path_factory.getbasetemp() / "any-digest"
    for factory in IMPLEMENTATIONS.values():
        with pytest.raises(BadDigest):
            factory(base).exists(name)


def test_sweep_takes_the_old_and_leaves_the_open(blobs: Blobs) -> None:
    with blobs.begin(None) as upload:
        upload.write(b"slow, and still at it")
        modified = upload.path.stat().st_mtime
        assert blobs.sweep(0, now=modified + 10_000_000) == 0
        upload.commit(digest(b"slow, and still at it"))
    assert blobs.exists(digest(b"slow, and still at it"))
