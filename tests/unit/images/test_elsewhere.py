"""Images whose bytes are on S3, and come from there: the main job, and everything that can go wrong on the way."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import App, open_app
from fixtures.faulty import Proxy, proxied, reads, writes
from fixtures.frozen_app import OPERATOR
from fixtures.s3 import ENVIRONMENT, S3Server
from kunsthalle.blobs import s3, s3_uploads
from kunsthalle.images import transfer_progress
from kunsthalle.jobs import queue

pytestmark = pytest.mark.by_turns(3)

AWAY = "could not be reached, or broke off, again and again"
SMALL = bytes(range(256)) * 2_400
"""More than four ranges of the store, as these tests have it."""
WIDE = bytes(range(256)) * 36_000
"""More than one part."""


@dataclass
class Elsewhere:
    """An application whose blobs and buckets are behind a proxy each."""

    app: App
    blobs: Proxy
    buckets: Proxy

    def import_(self, name: str = "one", content: bytes = SMALL) -> dict[str, Any]:
        """An image, once it has come to an end."""
        self.app.put(f"{name}.qcow2", content)
        return self.imported(name)

    def imported(self, name: str) -> dict[str, Any]:
        file, system = {"href": f"cos://us-south/images/{name}.qcow2"}, {"name": "debian-12-amd64"}
        made = self.app.do("POST", "/v1/images", {"name": name, "file": file, "operating_system": system})
        self.app.exhaust()
        return dict(self.app.do("GET", f"/v1/images/{made['id']}"))

    def progress(self, image_id: str, enough: Callable[[Any], bool]) -> Any:
        """What is said of an import once that is enough."""
        deadline = time.monotonic() + 20
        while True:
            said = self.app.ok("owner", "GET", f"/_kunsthalle/images/{image_id}/progress")
            if enough(said):
                return said
            assert time.monotonic() < deadline, said

    def nothing_is_left(self) -> None:
        """On the server, in the cache, in the books: no bytes but those of whole objects."""
        server = self.app.server
        assert list(server.drivers.blobs.digests()) == []
        assert s3_uploads.unfinished(server.drivers.blobs._bucket.address) == []
        assert list((server.settings.cache_root / "tmp").iterdir()) == []
        self.healthy()

    def healthy(self) -> None:
        report = self.app.call(OPERATOR, "POST", "/_kunsthalle/doctor", {"deep": True}).json
        assert report["findings"] == []


@pytest.fixture
def there(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    s3_server: S3Server = request.getfixturevalue("s3")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(queue, "MOST_ATTEMPTS", 1)
    monkeypatch.setattr(s3, "RANGE", 128 * 1024)
    # Silence is waited for only where it is what the test is about: elsewhere it is a busy machine.
    slow = getattr(request.node, "callspec", None) and request.node.callspec.params.get("fault") == "slow"
    monkeypatch.setattr(s3, "RETRIES", 0 if slow else 1)
    patience = "4" if slow else "20"
    with proxied(s3_server) as blobs, proxied(s3_server) as buckets:
        app = open_app(
            tmp_path / "data",
            blobs=blobs.address(s3_server.bucket(), "blobs", timeout=patience),
            buckets=buckets.address(s3_server.bucket(), "{account}", timeout=patience),
        )
        yield Elsewhere(app, blobs, buckets)
        blobs.heal()
        buckets.heal()
        app.close()


def test_the_main_job(there: Elsewhere) -> None:
    app = there.app
    image = there.import_()
    assert image["status"] == "available", image
    sha256 = image["file"]["checksums"]["sha256"]
    server = app.server_of(image["id"])
    assert server["status"] == "running"
    export = app.do("POST", f"/v1/images/{image['id']}/export_jobs", {"storage_bucket": {"name": "images"}})
    app.settle()
    export = app.do("GET", f"/v1/images/{image['id']}/export_jobs/{export['id']}")
    assert export["status"] == "succeeded", export
    with app.server.drivers.buckets.of(app.accounts["owner"]).open("images", export["storage_object"]["name"]) as out:
        assert hashlib.sha256(b"".join(iter(lambda: out.read(10**7), b""))).hexdigest() == sha256
    progress = app.ok("owner", "GET", f"/_kunsthalle/images/{image['id']}/export_jobs/{export['id']}/progress")
    assert (progress["phase"], progress["percent"], progress["sha256"]) == ("done", 100, sha256)
    there.healthy()
    app.do("DELETE", f"/v1/instances/{server['id']}")
    app.do("DELETE", f"/v1/images/{image['id']}")
    app.settle()
    app.travel(61)
    there.nothing_is_left()


READ = {
    "refused": AWAY,
    "slow": AWAY,
    "cut": AWAY,
    "short": AWAY,
    "broken": AWAY,
    "tag": "was replaced while it was read",
    "denied": "refuses the access",
}


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("fault", READ)
def test_an_import_whose_source_fails(there: Elsewhere, fault: str) -> None:
    there.buckets.befall(fault, reads)
    image = there.import_()
    (reason,) = image["status_reasons"]
    assert (image["status"], reason["code"]) == ("failed", "image_data_corrupted")
    assert READ[fault] in reason["message"], reason
    assert "127.0.0.1" not in reason["message"]
    assert "file" not in image or "checksums" not in image["file"]
    there.buckets.heal()
    there.nothing_is_left()


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("fault", ["refused", "slow", "lost"])
def test_an_import_whose_store_fails(there: Elsewhere, fault: str) -> None:
    there.blobs.befall(fault, writes)
    image = there.import_(content=WIDE)
    (reason,) = image["status_reasons"]
    assert (image["status"], reason["code"]) == ("failed", "image_data_corrupted")
    assert "could not be stored" in reason["message"]
    there.blobs.heal()
    there.nothing_is_left()


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("fault", ["refused", "lost", "denied"])
def test_an_export_whose_bucket_fails(there: Elsewhere, fault: str) -> None:
    image = there.import_(content=WIDE)
    there.buckets.befall(fault, writes)
    where = f"/v1/images/{image['id']}/export_jobs"
    export = there.app.do("POST", where, {"storage_bucket": {"name": "images"}})
    there.app.exhaust()
    export = there.app.do("GET", f"{where}/{export['id']}")
    (reason,) = export["status_reasons"]
    assert (export["status"], reason["code"]) == ("failed", "cannot_access_storage_bucket")
    there.buckets.heal()
    storage = there.app.server.drivers.buckets.of(there.app.accounts["owner"])
    assert s3_uploads.unfinished(storage._bucket("images").address) == []
    assert [name for name, _ in storage._bucket("images").listed()] == [".bucket", "one.qcow2"]
    there.healthy()


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("fault", ["refused", "cut", "short", "broken"])
def test_a_fault_that_passes_is_not_noticed(there: Elsewhere, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MOST_ATTEMPTS", 3)
    there.buckets.befall(fault, reads, times=1)
    there.blobs.befall("lost" if fault in {"cut", "short"} else fault, writes, times=1)
    assert there.import_()["status"] == "available"
    there.healthy()


def test_what_has_come_is_not_fetched_again(there: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_progress, "EVERY", 0)
    monkeypatch.setattr(queue, "MOST_ATTEMPTS", 3)
    there.app.put("one.qcow2", SMALL)
    there.buckets.befall("refused", later, times=4)
    image = there.imported("one")
    assert image["status"] == "available", image
    starts = [start for method, start in there.buckets.asked if method == "GET" and start >= 0]
    assert starts.count(0) == 1, "the first range was fetched once"
    assert len(starts) > len(set(starts)), "others were tried again"
    there.healthy()


def test_what_could_not_be_stored_is_not_fetched_again(there: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_progress, "EVERY", 0)
    monkeypatch.setattr(queue, "MOST_ATTEMPTS", 3)
    there.app.put("one.qcow2", SMALL)
    there.blobs.befall("refused", writes, times=2)
    assert there.imported("one")["status"] == "available"
    starts = [start for method, start in there.buckets.asked if method == "GET" and start >= 0]
    assert len(starts) == len(set(starts)), "nothing was fetched twice"
    assert sum(method == "PUT" for method, _ in there.blobs.asked) == 3
    there.healthy()


def later(method: str, start: int) -> bool:
    """Reads of all ranges but the first two."""
    return method == "GET" and start >= s3.FIRST + s3.RANGE


def test_an_import_is_accepted_while_its_source_is_away(there: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MOST_ATTEMPTS", 3)
    there.app.put("one.qcow2", SMALL)
    there.buckets.befall("refused", lambda method, _start: method == "HEAD", times=2)
    assert there.imported("one")["status"] == "available"
    missing = {"file": {"href": "cos://us-south/images/no.qcow2"}, "operating_system": {"name": "debian-12-amd64"}}
    assert there.app.refused("POST", "/v1/images", missing) == (400, "cos_not_found", "file.href")


def test_readiness_is_the_stores_too(there: Elsewhere) -> None:
    assert there.app.call("no token", "GET", "/readyz").status == 200
    there.blobs.befall("refused", lambda method, _start: method == "HEAD")
    answer = there.app.call("no token", "GET", "/readyz")
    assert (answer.status, there.app.call("no token", "GET", "/healthz").status) == (503, 200)
    assert b"127.0.0.1" not in answer.body
    there.blobs.heal()
    assert there.app.call("no token", "GET", "/readyz").status == 200


def test_deleting_an_image_ends_its_import(there: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_progress, "EVERY", 0)
    there.app.put("one.qcow2", SMALL)
    size = (there.app.server.settings.data / "one.qcow2").stat().st_size
    there.buckets.befall("held", later, times=1)
    file, system = {"href": "cos://us-south/images/one.qcow2"}, {"name": "debian-12-amd64"}
    made = there.app.do("POST", "/v1/images", {"name": "one", "file": file, "operating_system": system})
    assert there.buckets.waiting.wait(10)
    progress = there.progress(made["id"], lambda one: one.get("done_bytes", 0) > 0)
    assert (progress["status"], progress["phase"], progress["total_bytes"]) == ("pending", "receiving", size)
    assert 0 < progress["percent"] < 50
    assert progress["status_reasons"][0]["code"] == "image_request_in_progress"
    there.app.do("DELETE", f"/v1/images/{made['id']}")
    assert there.app.refused("GET", f"/v1/images/{made['id']}")[0] == 404
    there.buckets.heal()
    there.app.exhaust()
    there.nothing_is_left()
