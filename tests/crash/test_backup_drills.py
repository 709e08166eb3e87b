"""Backups while clients write: what is restored is what there was at one moment, with every write answered before it.

Each writer creates one resource after another and goes on only when it was answered. So what a backup has of a writer
must be the first so many of them without a gap: at least those that were answered before the backup began, and none
that was not sent before it ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from crash.client import QUERY, Client, Gone
from fixtures import postgres
from fixtures.forked_served import ForkedServed
from fixtures.s3 import ENVIRONMENT, S3Server
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.local import folder
from kunsthalle.testing.served import Served

WRITERS = 3
ENOUGH = 4
"""Writes of each writer that are answered before a backup begins."""


class Writer(threading.Thread):
    """Creates images of one file, which the store holds once, until it is told to stop."""

    def __init__(self, client: Client, name: str) -> None:
        super().__init__()
        self.client, self.prefix = client, name
        self.sent = self.answered = 0
        self.begun, self.stopping = threading.Event(), threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self._write(f"{self.prefix}-{self.sent:04}")
        except (AssertionError, Gone) as failure:
            self.failure = failure
        finally:
            self.begun.set()

    def _write(self, name: str) -> None:
        self.sent += 1
        file, system = {"href": "cos://us-south/images/golden.qcow2"}, {"name": "debian-12-amd64"}
        body = {"name": name, "file": file, "operating_system": system}
        status, document = self.client.call("POST", f"/v1/images?{QUERY}", body)
        assert status == 201, document
        self.answered += 1
        if self.answered >= ENOUGH:
            self.begun.set()


def kunsthalle(*words: str, environment: dict[str, str], code: int = 0) -> str:
    """What a verb prints; it must end with the code."""
    command = [sys.executable, "-m", "kunsthalle.cli.main", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def names_in(client: Client) -> set[str]:
    """The names of all images of the publisher."""
    names: set[str] = set()
    path = f"/v1/images?{QUERY}&visibility=private&limit=100"
    while path:
        status, page = client.call("GET", path)
        assert status == 200, page
        names |= {image["name"] for image in page["images"]}
        following = page.get("next", {}).get("href", "")
        path = following[following.index("/v1/") :] if following else ""
    return names


class Place:
    """Where an installation of a test keeps its state, and where its backups are."""

    def __init__(self, root: Path, engine: str, request: pytest.FixtureRequest) -> None:
        self.root, self.options = root, ["--hypervisor", "simulated"]
        self.served = [*self.options, "--account-transfers", "100000", "--account-jobs", "100000"]
        self.environment = {**os.environ, **ENVIRONMENT}
        self.backups = str(root / "backups")
        self._server: S3Server | None = None
        self._cluster: postgres.Cluster | None = None
        if engine == "postgresql":
            self._server = request.getfixturevalue("s3")
            self._cluster = request.getfixturevalue("cluster")
            self.environment |= {
                name.replace("BLOBS", "BACKUPS"): value for name, value in ENVIRONMENT.items() if "BLOBS" in name
            }
            self.backups = self._server.address(self._server.bucket(), "copies")

    def stores(self) -> list[str]:
        """Options for stores that are new and empty."""
        if self._server is None or self._cluster is None:
            return []
        blobs = self._server.address(self._server.bucket(), "blobs")
        return ["--database", self._cluster.url(self._cluster.create()), "--blobs", blobs]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs_postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """SQLite and files with backups in a folder; PostgreSQL and S3 with backups on S3."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return Place(tmp_path, request.param, request)


def _golden(served: Served) -> None:
    write_qcow2(served.bucket("publisher") / "golden.qcow2", 2**30, b"golden")


def _writers(served: Served) -> list[Writer]:
    writers = []
    for number in range(WRITERS):
        client = Client(served)
        client.sign_in()
        writers.append(Writer(client, f"w{number}"))
    return writers


@pytest.mark.by_turns(4)
def test_under_load_every_answered_write_is_there_and_no_writer_has_a_gap(place: Place) -> None:
    stores = place.stores()
    data, new = place.root / "data", place.root / "new"
    with ForkedServed(data, *place.served, *stores, patience=120) as served:
        _golden(served)
        writers = _writers(served)
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.begun.wait()
        before = {writer.prefix: writer.answered for writer in writers}
        where = ["--data", str(data), *place.options, *stores]
        made = json.loads(
            kunsthalle("backup", "create", place.backups, *where, "--output", "json", environment=place.environment)
        )
        after = {writer.prefix: writer.sent for writer in writers}
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join()
        assert [writer.failure for writer in writers] == [None] * WRITERS
        credentials = folder.read(data, folder.CREDENTIALS)
    kunsthalle("backup", "verify", place.backups, environment=place.environment)

    new.mkdir(mode=0o700)
    (new / "master.key").write_bytes((data / "master.key").read_bytes())
    (new / "master.key").chmod(0o600)
    others = place.stores()
    restored = json.loads(
        kunsthalle(
            *("backup", "restore", place.backups, "--data", str(new), *place.options, *others, "--output", "json"),
            environment=place.environment,
        )
    )
    assert (restored["healthy"], restored["name"]) == (True, made["name"])
    refusal = kunsthalle(
        *("backup", "restore", place.backups, "--data", str(new), *place.options, *others),
        environment=place.environment,
        code=2,
    )
    assert "into an empty installation only" in refusal
    folder.write(new, folder.CREDENTIALS, credentials)  # API keys are in no backup; this is the copy of who has them
    with ForkedServed(new, *place.served, *others, patience=120) as served:
        client = Client(served)
        client.sign_in()
        names = names_in(client)
    for prefix, least in before.items():
        numbers = sorted(int(name.partition("-")[2]) for name in names if name.startswith(f"{prefix}-"))
        assert numbers == list(range(len(numbers))), f"{prefix} has a gap"
        assert least <= len(numbers) <= after[prefix], prefix


@pytest.mark.by_turns(4)
def test_a_killed_backup_is_none_and_its_holds_end(place: Place) -> None:
    stores = place.stores()
    data = place.root / "data"
    with ForkedServed(data, *place.served, *stores, patience=120) as served:
        _golden(served)
        client = Client(served)
        client.sign_in()
        writer = Writer(client, "w")
        for number in range(ENOUGH):
            writer._write(f"w-{number}")
        where = ["--data", str(data), *place.options, *stores]
        command = [sys.executable, "-m", "kunsthalle.cli.main", "backup", "create", place.backups, *where]
        work = data / "backup-work"
        with subprocess.Popen(command, env=place.environment, stderr=subprocess.DEVNULL) as process:
            while not list(work.glob("*/kunsthalle.sqlite")) and process.poll() is None:
                threading.Event().wait(0.002)
            was_running = process.poll() is None
            process.send_signal(signal.SIGKILL)
        assert was_running, "it ended before it could be killed"
        assert json.loads(_listed(place)) == []
        refusal = kunsthalle("backup", "create", place.backups, *where, environment=place.environment, code=2)
        assert "another backup is at work there since" in refusal


def _listed(place: Place) -> str:
    return kunsthalle("backup", "list", place.backups, "--output", "json", environment=place.environment)
