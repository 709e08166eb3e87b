"""Writes around the page cache: the same bytes whatever the chunks, and wherever a file system will have none of it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import random
from pathlib import Path

import pytest

from kunsthalle.blobs import direct_io, filesystem
from kunsthalle.blobs.direct_io import BLOCK, DirectWriter
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.blobs.protocol import OutOfSpace

CHUNKS = {
    "one byte": [1],
    "a block": [BLOCK],
    "blocks and a rest": [3 * BLOCK + 17],
    "odd, then whole": [5, BLOCK, BLOCK],
    "whole, odd, whole": [2 * BLOCK, 100, 2 * BLOCK],
    "more than the buffer": [9 * 2**20 + 1],
    "many": [2**20] * 5 + [777],
}


def written(path: Path, chunks: list[bytes]) -> bytes:
    writer = DirectWriter(os.open(path, os.O_CREAT | os.O_RDWR))
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            view = view[writer.write(view) :]
    os.fsync(writer.fileno())
    writer.close()
    return path.read_bytes()


def random_chunks(sizes: list[int]) -> list[bytes]:
    source = random.Random(7)
    return [source.randbytes(size) for size in sizes]


@pytest.mark.parametrize("sizes", CHUNKS.values(), ids=CHUNKS.keys())
def test_the_bytes_are_the_bytes(tmp_path: Path, sizes: list[int]) -> None:
    chunks = random_chunks(sizes)
    assert written(tmp_path / "file", chunks) == b"".join(chunks)


@pytest.mark.parametrize("sizes", CHUNKS.values(), ids=CHUNKS.keys())
def test_a_file_system_without_direct_writes(tmp_path: Path, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    setting = fcntl.fcntl

    def refuse(descriptor: int, command: int, flags: int = 0) -> int:
        if command == fcntl.F_SETFL and flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return setting(descriptor, command, flags)

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    chunks = random_chunks(sizes)
    assert written(tmp_path / "file", chunks) == b"".join(chunks)


def test_a_device_with_larger_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def strict(descriptor: int, view: memoryview) -> int:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return write(descriptor, view)

    monkeypatch.setattr(direct_io.os, "write", strict)
    chunks = random_chunks([2 * BLOCK, 2 * BLOCK])
    assert written(tmp_path / "file", chunks) == b"".join(chunks)


def test_whole_blocks_stay_direct(tmp_path: Path) -> None:
    writer = DirectWriter(os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR))
    if not fcntl.fcntl(writer.fileno(), fcntl.F_GETFL) & os.O_DIRECT:
        pytest.skip("this file system knows no direct writes")
    assert writer.write(memoryview(bytes(3 * BLOCK))) == 3 * BLOCK
    assert fcntl.fcntl(writer.fileno(), fcntl.F_GETFL) & os.O_DIRECT
    assert writer.write(memoryview(b"odd")) == 3
    assert not fcntl.fcntl(writer.fileno(), fcntl.F_GETFL) & os.O_DIRECT
    writer.close()


def test_large_uploads_are_written_directly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "_LARGE", 3 * BLOCK)
    blobs = FilesystemBlobs(tmp_path)
    content = random.Random(1).randbytes(5 * BLOCK + 3)
    sha256 = hashlib.sha256(content).hexdigest()
    with blobs.begin(len(content)) as upload:
        assert isinstance(upload._file, DirectWriter)
        upload.write(content)
        assert upload.path.read_bytes() == content
        upload.commit(sha256)
    assert blobs.local_path(sha256).read_bytes() == content
    with blobs.begin(2 * BLOCK) as small:
        assert not isinstance(small._file, DirectWriter)


def test_a_disk_that_fills_up_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "_LARGE", 1)
    blobs = FilesystemBlobs(tmp_path)

    def full(_descriptor: int, _view: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with blobs.begin(2 * BLOCK) as upload:
        monkeypatch.setattr(direct_io.os, "write", full)
        with pytest.raises(OutOfSpace):
            upload.write(bytes(BLOCK))
    assert list((tmp_path / "tmp").iterdir()) == []
