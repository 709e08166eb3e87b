"""What is special about blobs on an S3 server: the cache, parts that were never ended, and nodes beside each other."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from fixtures.s3 import S3Server, s3_setting
from kunsthalle.blobs.blob_cache import BlobCache
from kunsthalle.blobs.protocol import BlobDamaged, StoreUnavailable
from kunsthalle.blobs.s3 import PART, S3Bucket, S3Unavailable
from kunsthalle.blobs.s3_address import S3Address, parse
from kunsthalle.blobs.s3_blobs import S3Blobs
from kunsthalle.blobs.s3_uploads import Unfinished, abort, unfinished

LONG_AGO = 1_000_000.0


@pytest.fixture
def address(request: pytest.FixtureRequest) -> S3Address:
    return parse(*s3_setting(request, "deep/down"))


def node(address: S3Address, folder: Path, most: int = 2**30) -> S3Blobs:
    return S3Blobs(S3Bucket(address), BlobCache(folder, most))


def store(blobs: S3Blobs, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    with blobs.begin(len(content)) as upload:
        upload.write(content)
        upload.commit(sha256)
    return sha256


def cached(folder: Path) -> set[str]:
    return {path.name for path in (folder / "sha256").glob("*/*")}


def age(blobs: S3Blobs, sha256: str, seconds: int) -> None:
    """As if the local copy had been asked for so long ago."""
    path = blobs.place(sha256)
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns - seconds * 10**9, found.st_mtime_ns))


def test_what_one_node_stores_another_boots_from(address: S3Address, tmp_path: Path) -> None:
    one, two = node(address, tmp_path / "one"), node(address, tmp_path / "two")
    content = os.urandom(2 * PART + 12_345)
    sha256 = store(one, content)
    assert cached(tmp_path / "two") == set()
    assert two.local_path(sha256).read_bytes() == content
    assert cached(tmp_path / "two") == {sha256}
    one.delete(sha256)
    assert (one.exists(sha256), two.exists(sha256), list(two.digests())) == (False, False, [])


def test_a_bucket_that_is_not_there_yet_holds_nothing(address: S3Address, tmp_path: Path) -> None:
    """As before the first image: the server makes a bucket with its first object."""
    first = node(S3Address(**{**_fields(address), "bucket": "never-written-to"}), tmp_path / "one")
    assert (list(first.inventory()), first.leftovers()) == ([], [])


def test_what_is_fetched_is_checked(address: S3Address, tmp_path: Path) -> None:
    sha256 = store(node(address, tmp_path / "one"), b"genuine")
    S3Bucket(address).put_bytes(f"sha256/{sha256[:2]}/{sha256}", b"another")
    two = node(address, tmp_path / "two")
    with pytest.raises(BlobDamaged):
        two.local_path(sha256)
    assert (cached(tmp_path / "two"), two.leftovers()) == (set(), [])
    assert node(address, tmp_path / "one").local_path(sha256).read_bytes() == b"genuine"


def test_what_is_here_is_given_while_the_storage_is_away(address: S3Address, tmp_path: Path) -> None:
    sha256 = store(node(address, tmp_path / "one"), b"needed at once")
    away = S3Address(**{**_fields(address), "endpoint": "http://127.0.0.1:9"})
    alone = node(away, tmp_path / "one")
    assert alone.local_path(sha256).read_bytes() == b"needed at once"
    for ask in (alone.size, alone.exists, alone.delete, lambda one: list(alone.read(one))):
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            ask(sha256)
    with alone.begin(3) as upload:
        upload.write(b"abc")
        with pytest.raises(StoreUnavailable):
            upload.commit(hashlib.sha256(b"abc").hexdigest())
        assert upload.path.read_bytes() == b"abc", "it may be tried again"
    assert alone.leftovers.__self__._cache.leftovers() == []


def _fields(address: S3Address) -> dict[str, object]:
    return {name: getattr(address, name) for name in S3Address.__slots__}


def test_the_cache_is_bounded_by_what_was_not_used_for_longest(address: S3Address, tmp_path: Path) -> None:
    blobs = node(address, tmp_path / "one", most=250)
    first, second, third = (store(blobs, bytes([number]) * 100) for number in range(3))
    assert cached(tmp_path / "one") == {first, second, third}, "all were asked for just now"
    for sha256, seconds in ((first, 300), (second, 400), (third, 100)):
        age(blobs, sha256, seconds)
    fourth = store(blobs, b"4" * 100)
    assert cached(tmp_path / "one") == {third, fourth}
    age(blobs, third, 1_000)
    age(blobs, fourth, 500)
    assert blobs.local_path(third).read_bytes() == bytes([2]) * 100, "used again, it is the newest"
    blobs.local_path(first)
    assert cached(tmp_path / "one") == {third, first}
    assert sorted(blobs.digests()) == sorted({first, second, third, fourth}), "on the server all of them stay"


@pytest.mark.needs_qemu_img
def test_what_qemu_has_open_stays_in_the_cache(address: S3Address, tmp_path: Path) -> None:
    blobs = node(address, tmp_path / "one", most=100)
    source = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", source, "1M"], check=True)
    sha256 = store(blobs, source.read_bytes())
    age(blobs, sha256, 1_000)
    command = ["qemu-io", "-f", "qcow2", "-r", str(blobs.local_path(sha256))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write(b"read 0 512\n")
        reader.stdin.flush()
        assert b"read" in reader.stdout.readline()
        age(blobs, sha256, 1_000)
        store(blobs, b"1" * 90)
        assert sha256 in cached(tmp_path / "one")
        reader.stdin.close()
        reader.wait(30)
    store(blobs, b"2" * 90)
    assert sha256 not in cached(tmp_path / "one")


class Stopped(Exception):
    """Whoever watches wants no more."""


def test_an_upload_that_is_ended_leaves_no_parts(address: S3Address, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done > PART:
            raise Stopped

    blobs = node(address, tmp_path / "one")
    content = bytes(4 * PART)
    with pytest.raises(Stopped), blobs.begin(len(content)) as upload:
        upload.write(content)
        upload.commit(hashlib.sha256(content).hexdigest(), stop)
    assert (unfinished(address), list(blobs.digests()), blobs.leftovers()) == ([], [], [])


def begun(server: S3Server, address: S3Address, key: str) -> Unfinished:
    """An upload in parts, as a node leaves it that is killed in it."""
    from kunsthalle.blobs import s3_uploads

    s3_uploads._ask(address, "POST", key, {"uploads": ""})
    return next(one for one in unfinished(address) if one.key == key)


def test_parts_that_were_never_ended_are_found_and_aborted(s3: S3Server, address: S3Address, tmp_path: Path) -> None:
    left = begun(s3, address, f"{address.prefix}/sha256/aa/{'a' * 64}")
    foreign = begun(s3, S3Address(**{**_fields(address), "prefix": ""}), "elsewhere/object")
    young = S3Blobs(S3Bucket(address), BlobCache(tmp_path / "one", 2**30), now=lambda: left.since + 6 * 3_600 - 1)
    assert young.leftovers() == [], "a node may still be at it"
    blobs = S3Blobs(S3Bucket(address), BlobCache(tmp_path / "one", 2**30), now=lambda: left.since + 6 * 3_600 + 1)
    (name,) = blobs.leftovers()
    blobs.discard(name)
    assert blobs.leftovers() == []
    abort(address, left)
    everywhere = S3Address(**{**_fields(address), "prefix": ""})
    assert [one.id for one in unfinished(everywhere)] == [foreign.id]
    with pytest.raises(S3Unavailable):
        unfinished(S3Address(**{**_fields(address), "endpoint": "http://127.0.0.1:9"}))


def test_virtual_addressing_names_the_bucket_in_the_host(address: S3Address) -> None:
    virtual = S3Address(**{**_fields(address), "virtual": True, "endpoint": "http://localhost:9"})
    with pytest.raises(S3Unavailable):
        S3Bucket(virtual).head("x")
    with pytest.raises(S3Unavailable):
        unfinished(virtual)
