"""An account that fills the disk: what expands is refused before it does, and a disk that is full says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from fixtures.clients import Account, eventually
from fixtures.forked_served import ForkedServed
from fixtures.small_disk import small_disk
from hostile_images import builders_qcow2 as q
from kunsthalle.testing import Served

MIB = 2**20
DISK, RESERVE = 256, 64
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on a disk of its own."""
    with small_disk(tmp_path_factory.mktemp("attacks") / "data", DISK) as folder:
        options = ("--hypervisor", "simulated", "--disk-reserve", str(RESERVE))
        with ForkedServed(folder, *options) as server:
            yield server


def free(served: Served) -> int:
    return shutil.disk_usage(served.data).free


def test_a_small_image_that_unfolds_to_232_gib_is_not_exported(
    served: Served, attacker: Account, victim: Account
) -> None:
    (Path(attacker.bucket) / "bomb.qcow2").write_bytes(q.bomb(232, compressed=True, refcount_order=6))
    file = {"href": "cos://us-south/images/bomb.qcow2"}
    body = {"name": "bomb", "file": file, "operating_system": {"name": "debian-12-amd64"}}
    image = attacker.settled_image(attacker.vpc.create_image(body).get_result()["id"])
    assert image["status"] == "available", image["status_reasons"]
    target = {"name": Path(attacker.bucket).name}
    made = attacker.vpc.create_image_export_job(image["id"], target, format="vhd").get_result()

    def ended() -> Any:
        job = attacker.vpc.get_image_export_job(image["id"], made["id"]).get_result()
        assert free(served) > RESERVE * MIB
        return job if job["status"] not in {"queued", "running"} else None

    job = eventually(ended, "the end of the export")
    (reason,) = job["status_reasons"]
    assert (job["status"], reason["message"]) == ("failed", "The disk of the server is too small for the export.")
    assert victim.import_image("beside")["status"] == "available"


@contextmanager
def filled(served: Served) -> Iterator[None]:
    """Somebody else has taken the rest of the disk."""
    path = served.data / "filler"
    try:
        with suppress(OSError), path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(64 * 1024))
        yield
    finally:
        path.unlink()


def call(served: Served, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[HTTPResponse, Any]:
    connection = HTTPConnection(urlsplit(served.url).netloc, timeout=30)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer, json.loads(answer.read() or b"null")
    finally:
        connection.close()


def first_503(answers: Iterator[tuple[HTTPResponse, Any]]) -> tuple[HTTPResponse, Any]:
    """Some rows may still fit into pages that are there; none of the answers is another failure."""
    for answer, body in islice(answers, 2_000):
        assert answer.status < 500 or answer.status == 503, body
        if answer.status == 503:
            return answer, body
    raise AssertionError("the disk was never full")


def test_a_full_disk_is_answered_503_and_is_over_once_there_is_room(served: Served, victim: Account) -> None:
    token = victim.authenticator.token_manager.get_token()
    vpcs = "/v1/vpcs?version=2026-10-06&generation=2"
    key = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": victim.env["IBMCLOUD_API_KEY"]}

    def post(path: str, body: Callable[[int], dict[str, Any]]) -> Iterator[tuple[HTTPResponse, Any]]:
        number = 0
        while True:
            number += 1
            yield call(served, "POST", path, json.dumps(body(number)).encode(), Authorization=f"Bearer {token}")

    with filled(served):
        calls = [
            post(vpcs, lambda n: {"name": f"vpc-{n}"}),
            post("/api/v1-beta/catalogs", lambda n: {"label": f"catalog {n}"}),
            iter(lambda: call(served, "POST", "/identity/token", urlencode(key).encode(), **FORM), None),
        ]
        for answers in calls:
            answer, body = first_503(answers)
            assert answer.headers["Retry-After"]
            assert "disk is full" in json.dumps(body)
        answer, body = call(served, "GET", "/readyz")
        assert answer.status == 503
        assert "disk is full" in body["errors"][0]["message"]
        assert call(served, "GET", vpcs, Authorization=f"Bearer {token}")[0].status == 200
        assert call(served, "GET", "/healthz")[0].status == 200
    assert call(served, "GET", "/readyz")[0].status == 200
    assert call(served, "POST", "/identity/token", urlencode(key).encode(), **FORM)[0].status == 200
    assert victim.import_image("after")["status"] == "available"
