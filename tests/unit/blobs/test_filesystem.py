"""What only the folder of files can show: its layout, crashes, full disks, other file systems."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.blobs.protocol import BlobError, OutOfSpace
from kunsthalle.core import disk_space

ABC = hashlib.sha256(b"abc").hexdigest()


def put(blobs: FilesystemBlobs, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    with blobs.begin(None) as upload:
        upload.write(content)
        upload.commit(sha256)
    return sha256


def test_layout(tmp_path: Path) -> None:
    blobs = FilesystemBlobs(tmp_path / "b")
    put(blobs, b"abc")
    assert blobs.local_path(ABC) == tmp_path / "b" / "sha256" / ABC[:2] / ABC
    assert list((tmp_path / "b" / "tmp").iterdir()) == []


def test_a_relative_root_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blobs = FilesystemBlobs(Path("b"))
    put(blobs, b"abc")
    monkeypatch.chdir("/")
    assert blobs.local_path(ABC) == tmp_path / "b" / "sha256" / ABC[:2] / ABC
    assert blobs.size(ABC) == 3


def test_foreign_files_are_not_digests(tmp_path: Path) -> None:
    blobs = FilesystemBlobs(tmp_path)
    put(blobs, b"abc")
    (tmp_path / "sha256" / ABC[:2] / "README").write_text("x")
    (tmp_path / "sha256" / "zz").mkdir()
    (tmp_path / "sha256" / "zz" / ABC).write_text("in the wrong folder")
    assert list(blobs.digests()) == [ABC]


def test_a_killed_process_leaves_only_what_sweep_removes(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from kunsthalle.blobs.filesystem import FilesystemBlobs
upload = FilesystemBlobs(Path(sys.argv[1])).begin(None)
upload.write(b"half of it")
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    blobs = FilesystemBlobs(tmp_path)
    (left,) = (tmp_path / "tmp").iterdir()
    assert left.read_bytes() == b"half of it"
    assert list(blobs.digests()) == []
    assert blobs.sweep(3600) == 0
    modified = left.stat().st_mtime
    assert blobs.sweep(3600, now=modified + 3599) == 0
    assert blobs.sweep(3600, now=modified + 3601) == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_sweep_measures_age_by_the_file_systems_clock(tmp_path: Path) -> None:
    blobs = FilesystemBlobs(tmp_path)
    for name, age in (("1-1", 7200), ("1-2", 60)):
        path = tmp_path / "tmp" / name
        path.write_bytes(b"")
        modified = path.stat().st_mtime - age
        os.utime(path, (modified, modified))
    assert blobs.sweep(3600) == 1
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == ["1-2"]


def test_sweep_touches_no_links(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep")
    blobs = FilesystemBlobs(tmp_path / "b")
    (tmp_path / "b" / "tmp" / "link").symlink_to(precious)
    assert blobs.sweep(-3600) == 0
    assert precious.read_text() == "keep"


def test_a_name_left_by_a_crash_is_not_reused(tmp_path: Path) -> None:
    left = tmp_path / "b" / "tmp" / f"{os.getpid()}-1"
    blobs = FilesystemBlobs(tmp_path / "b")
    left.write_bytes(b"left by a process that had our number")
    assert put(blobs, b"abc") == ABC
    assert left.exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_says_so(tmp_path: Path, code: int) -> None:
    class Full:
        def __init__(self, inner: object) -> None:
            self.inner = inner

        def write(self, _chunk: bytes) -> int:
            raise OSError(code, os.strerror(code))

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

    blobs = FilesystemBlobs(tmp_path)
    with blobs.begin(None) as upload:
        upload._file = Full(upload._file)
        with pytest.raises(OutOfSpace):
            upload.write(b"abc")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_short_writes_are_completed(tmp_path: Path) -> None:
    class Slow:
        def __init__(self, inner: object) -> None:
            self.inner = inner

        def write(self, chunk: memoryview) -> int:
            return int(self.inner.write(chunk[:3]))

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

    blobs = FilesystemBlobs(tmp_path)
    content = b"0123456789"
    with blobs.begin(len(content)) as upload:
        upload._file = Slow(upload._file)
        assert upload.write(content) == 10
        upload.commit(hashlib.sha256(content).hexdigest())
    with blobs.open(hashlib.sha256(content).hexdigest()) as stored:
        assert stored.read() == content


def test_room_is_asked_for_with_headroom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "disk_room", lambda _folder: (10_000, 1100))
    blobs = FilesystemBlobs(tmp_path)
    blobs.begin(1000).abort()
    with pytest.raises(OutOfSpace) as refused:
        blobs.begin(1002)
    assert (refused.value.needed, refused.value.free) == (1102, 1100)


def test_a_file_of_another_file_system_is_copied_in(tmp_path: Path) -> None:
    other = Path("/dev/shm")  # noqa: S108  any second file system will do
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    path = other / f"kunsthalle-test-{os.getpid()}"
    path.write_bytes(b"abc")
    try:
        blobs = FilesystemBlobs(tmp_path)
        blobs.adopt(path, ABC)
        assert not path.exists()
        assert blobs.local_path(ABC).read_bytes() == b"abc"
        assert blobs.local_path(ABC).stat().st_mode & 0o777 == 0o444
    finally:
        path.unlink(missing_ok=True)


def test_a_file_swapped_under_an_upload_is_refused(tmp_path: Path) -> None:
    blobs = FilesystemBlobs(tmp_path)
    with blobs.begin(None) as upload:
        upload.write(b"abc")
        upload.path.unlink()
        upload.path.symlink_to("/etc/passwd")
        with pytest.raises(BlobError):
            upload.commit(ABC)
    assert not blobs.exists(ABC)


def test_the_bytes_are_durable_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def seen_fsync(descriptor: int) -> None:
        steps.append("folder" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "file")
        fsync(descriptor)

    def seen_rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(Path, "rename", seen_rename)
    put(FilesystemBlobs(tmp_path), b"abc")
    assert steps == ["file", "folder", "rename", "folder"]
