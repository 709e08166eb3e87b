"""The embedded object storage, and everything hostile that may lie in its folder or stand in a name."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from kunsthalle.object_storage.folder_buckets import Buckets
from kunsthalle.object_storage.protocol import (
    BadBucketName,
    BadObjectName,
    BucketNotFound,
    ObjectNotFound,
    ObjectUnreadable,
)


@pytest.fixture
def buckets(tmp_path: Path) -> Buckets:
    made = Buckets(tmp_path / "buckets")
    made.create_bucket("images")
    return made


@pytest.fixture
def folder(buckets: Buckets, tmp_path: Path) -> Path:
    return tmp_path / "buckets" / "images"


def content(buckets: Buckets, key: str, bucket: str = "images") -> bytes:
    with buckets.open(bucket, key) as found:
        parts = []
        while part := found.read(4):
            parts.append(part)
        assert found.size == sum(map(len, parts))
        return b"".join(parts)


def test_a_file_put_there_by_hand_is_an_object(buckets: Buckets, folder: Path) -> None:
    (folder / "disk.qcow2").write_bytes(b"0123456789")
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "größe und platz.qcow2").write_bytes(b"deep")
    assert content(buckets, "disk.qcow2") == b"0123456789"
    assert content(buckets, "a/b/größe und platz.qcow2") == b"deep"


def test_put_makes_folders_and_replaces(buckets: Buckets, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"old")
    buckets.put("images", "x/y/disk.qcow2", source)
    with buckets.open("images", "x/y/disk.qcow2") as before:
        source.write_bytes(b"newer")
        buckets.put("images", "x/y/disk.qcow2", source)
        assert before.read(100) == b"old"
    assert content(buckets, "x/y/disk.qcow2") == b"newer"
    assert source.read_bytes() == b"newer"
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["disk.qcow2"]
    assert list((folder.parent / ".incoming").iterdir()) == []


def test_a_file_that_is_taken_has_gone_from_where_it_was(buckets: Buckets, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"made")
    about = source.stat()
    buckets.take("images", "x/disk.vhd", source)
    assert content(buckets, "x/disk.vhd") == b"made"
    assert not source.exists()
    assert (tmp_path / "buckets" / "images" / "x" / "disk.vhd").stat().st_ino == about.st_ino
    source.write_bytes(b"again")
    with pytest.raises(BadObjectName):
        buckets.take("images", "x", source)
    assert source.read_bytes() == b"again"


def test_a_file_of_another_disk_is_taken_by_copying_it(
    buckets: Buckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, rename = tmp_path / "source", os.rename

    def elsewhere(old: Path, *more: Any, **where: Any) -> None:
        if old == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(old, *more, **where)

    source.write_bytes(b"made")
    monkeypatch.setattr(os, "rename", elsewhere)
    buckets.take("images", "disk.vhd", source)
    assert content(buckets, "disk.vhd") == b"made"


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, 0])
def test_where_a_file_system_shares_no_bytes_they_are_copied(
    buckets: Buckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_given: Any) -> int:
        if code:
            raise OSError(code, "no")
        return 0

    source, told = tmp_path / "source", list[int]()
    source.write_bytes(b"0123456789")
    monkeypatch.setattr(os, "copy_file_range", refuse)
    buckets.put("images", "disk.qcow2", source, told.append)
    assert (content(buckets, "disk.qcow2"), told) == (b"0123456789", [10])


def test_buckets_are_listed(buckets: Buckets, folder: Path) -> None:
    buckets.create_bucket("an-other.one")
    buckets.create_bucket("images")
    (folder.parent / "file").write_text("")
    (folder.parent / "link").symlink_to("/etc")
    (folder.parent / "Upper").mkdir()
    assert buckets.list_buckets() == ["an-other.one", "images"]


@pytest.mark.parametrize("name", ["", "ab", "a" * 64, "Upper", "a/b", "..", ".hidden", "a\0b", "a_b", "abc\n", "-ab"])
def test_bad_bucket_names(buckets: Buckets, name: str) -> None:
    with pytest.raises(BadBucketName):
        buckets.create_bucket(name)
    with pytest.raises(BucketNotFound):
        buckets.open(name, "disk.qcow2")


def test_what_is_absent_is_told_apart(buckets: Buckets, tmp_path: Path) -> None:
    with pytest.raises(BucketNotFound) as no_bucket:
        buckets.open("other", "disk.qcow2")
    assert (no_bucket.value.bucket, no_bucket.value.key) == ("other", None)
    with pytest.raises(ObjectNotFound) as no_object:
        buckets.open("images", "disk.qcow2")
    assert (no_object.value.bucket, no_object.value.key) == ("images", "disk.qcow2")
    with pytest.raises(BucketNotFound):
        buckets.put("other", "disk.qcow2", tmp_path / "x")
    with pytest.raises(BucketNotFound):
        buckets.delete("other", "disk.qcow2")


BAD_KEYS = [
    "", "/", "..", ".", "../x", "a/../../x", "a/..", "./a", "a//b", "/etc/passwd", "a/", "a\0b", "x" * 256,
    "ab/" * 341 + "ab", "\udcff",
]  # fmt: skip


@pytest.mark.parametrize("key", BAD_KEYS)
def test_bad_object_names(buckets: Buckets, tmp_path: Path, key: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    (tmp_path / "buckets" / "x").write_bytes(b"outside of every bucket")
    with pytest.raises(BadObjectName):
        buckets.open("images", key)
    with pytest.raises(BadObjectName):
        buckets.put("images", key, source)
    with pytest.raises(BadObjectName):
        buckets.delete("images", key)
    assert (tmp_path / "buckets" / "x").read_bytes() == b"outside of every bucket"


def test_no_link_is_followed_at_any_level(buckets: Buckets, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_bytes(b"secret")
    (folder / "link").symlink_to(secret / "key")
    (folder / "tree").symlink_to(secret)
    (folder.parent / "linked").symlink_to(secret)
    for bucket, key in (("images", "link"), ("images", "tree/key")):
        with pytest.raises(ObjectNotFound):
            buckets.open(bucket, key)
    with pytest.raises(BucketNotFound):
        buckets.open("linked", "key")
    source = tmp_path / "source"
    source.write_bytes(b"overwritten")
    with pytest.raises(BadObjectName):
        buckets.put("images", "tree/key", source)
    with pytest.raises(BucketNotFound):
        buckets.put("linked", "key", source)
    buckets.put("images", "link", source)
    buckets.delete("images", "tree/key")
    assert (secret / "key").read_bytes() == b"secret"
    assert content(buckets, "link") == b"overwritten"


def test_only_regular_files_are_objects_and_a_pipe_does_not_hang(buckets: Buckets, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "device").symlink_to("/dev/zero")
    outcome: list[str] = []

    def look() -> None:
        for key in ("pipe", "folder", "device", "pipe/x"):
            try:
                buckets.open("images", key)
            except ObjectNotFound:
                outcome.append(key)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(20)
    assert outcome == ["pipe", "folder", "device", "pipe/x"]


def test_a_name_that_runs_into_a_file_or_a_folder(buckets: Buckets, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    buckets.put("images", "file", source)
    (folder / "folder" / "full").mkdir(parents=True)
    for key in ("file/below", "folder"):
        with pytest.raises(BadObjectName):
            buckets.put("images", key, source)
    with pytest.raises(BadObjectName):
        buckets.delete("images", "folder")
    assert (folder / "folder" / "full").is_dir()
    assert list((folder.parent / ".incoming").iterdir()) == []


def test_delete_may_be_repeated(buckets: Buckets, folder: Path) -> None:
    (folder / "a").write_bytes(b"x")
    buckets.delete("images", "a")
    buckets.delete("images", "a")
    buckets.delete("images", "never/was")
    with pytest.raises(ObjectNotFound):
        buckets.open("images", "a")


def test_a_source_that_fails_leaves_no_object(buckets: Buckets, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        buckets.put("images", "a/b", tmp_path / "absent")
    assert list(folder.rglob("*")) == []
    assert list((folder.parent / ".incoming").glob("*")) == []


def test_an_unreadable_object_is_told_apart(buckets: Buckets, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "private").write_bytes(b"x")
    opened = os.open

    def refuse(path: str | Path, flags: int, *more: int, dir_fd: int | None = None) -> int:
        if path == "private":  # chmod would not stop a test that runs as root
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *more, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ObjectUnreadable):
        buckets.open("images", "private")


def test_no_descriptor_is_lost(buckets: Buckets, folder: Path) -> None:
    (folder / "a").write_bytes(b"x")
    os.mkfifo(folder / "pipe")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        content(buckets, "a")
        for key in ("pipe", "absent", "a/b", "absent/x"):
            with pytest.raises(ObjectNotFound):
                buckets.open("images", key)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
