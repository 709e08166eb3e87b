"""A node that is killed in the middle of a job, of each kind, or stands still there: another takes it over within its
lease, one of them acts, and what the other one writes late is refused.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fixtures.clients import Account, Product, eventually
from fixtures.nodes import Node, free_port
from fixtures.postgres import Cluster
from fixtures.s3 import ENVIRONMENT, S3Server
from fixtures.tools import ROOT
from fixtures.worlds import World, make_world
from kunsthalle.app import build
from kunsthalle.core.clock import SystemClock
from kunsthalle.db import kv
from kunsthalle.jobs import queue
from kunsthalle.settings import Settings
from nodes.halted_node import ACTORS, KIND

pytestmark = [pytest.mark.needs_postgres, pytest.mark.by_turns(4)]
LEASE = 2
MANY_THREADS_LEASE = 15
"""Of a process whose heartbeat waits for sixty threads that begin to work."""
PAYLOADS: dict[str, dict[str, Any]] = {
    "group.empty": {"until": 0},
    "object.convert": {"bucket": "images", "key": "zeros.img", "target": "zeros.qcow2", "format": "raw", "size": 2**20},
}


class Halted:
    """Nodes that stand still before the last step of their jobs, on one database."""

    def __init__(self, folder: Path, url: str, stack: ExitStack, **settings: Any) -> None:
        self.folder, self.url, self._stack = folder, url, stack
        self.settings = {"database": url, "hypervisor": "simulated", "job_lease": LEASE, **settings}

    def start(self, name: str, *, halts: bool = True) -> subprocess.Popen[bytes]:
        if not halts:
            self.go(name)
        own = {"data": str(self.folder / f"data-{name}"), "shared_folder": str(self.folder / "shared")}
        command = [sys.executable, "-m", "nodes.halted_node", name, str(self.folder)]
        environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT / "tests")}
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            [*command, json.dumps({**self.settings, **own})], env=environment, stdout=log, stderr=log
        )
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        return process

    def go(self, name: str) -> None:
        (self.folder / f"{name}.go").touch()

    def marks(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().split() if path.exists() else []

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


@pytest.fixture
def url(cluster: Cluster) -> str:
    return cluster.url(cluster.create())


@pytest.fixture
def halted(tmp_path: Path, url: str) -> Iterator[Halted]:
    with ExitStack() as stack:
        yield Halted(tmp_path, url, stack)


@pytest.fixture
def world(halted: Halted) -> Iterator[World]:
    """The database, its schema ready, as another process sees it."""
    places = {"data": halted.folder / "made", "shared_folder": str(halted.folder / "shared")}
    build(Settings(database=halted.url, **places), "token").store.close()
    made = make_world(halted.url)
    made.clock.moment = made.clock.actual = SystemClock().now()  # the nodes forget jobs that ended long ago
    yield made
    made.store.close()


def actors(world: World) -> list[str]:
    return world.read(world.base, kv.get, ACTORS) or []


def job(url: str) -> tuple[str, int, int]:
    """State, attempts and end of the lease of the only job of the tests' own kind."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT state, attempts, lease_until FROM jobs WHERE kind = %s", [KIND]).fetchone()
    assert row is not None
    return str(row[0]), int(row[1]), int(row[2] or 0)


def test_a_node_that_is_killed_has_its_job_taken_over(halted: Halted, world: World) -> None:
    world.write(world.account(), queue.enqueue, KIND, "one")
    first = halted.start("first")
    eventually(lambda: halted.marks("first"), "the last step of the job")
    halted.start("second", halts=False)
    first.send_signal(signal.SIGKILL)
    eventually(lambda: job(halted.url)[0] == "done", "the end of the job")
    assert actors(world) == ["first begins", "second begins", "second ends"]
    assert job(halted.url)[1] == 2


def test_while_a_node_says_that_it_is_there_no_other_acts(halted: Halted, world: World) -> None:
    world.write(world.account(), queue.enqueue, KIND, "one")
    halted.start("first")
    eventually(lambda: halted.marks("first"), "the last step of the job")
    halted.start("second", halts=False)
    lease = job(halted.url)[2]
    eventually(lambda: job(halted.url)[2] > lease + 2 * LEASE * 1_000_000, "leases that were renewed")
    assert actors(world) == ["first begins"]
    halted.go("first")
    eventually(lambda: job(halted.url)[0] == "done", "the end of the job")
    assert actors(world) == ["first begins", "first ends"]


def test_what_a_node_writes_after_its_lease_is_refused(halted: Halted, world: World) -> None:
    world.write(world.account(), queue.enqueue, KIND, "one")
    first = halted.start("first")
    eventually(lambda: halted.marks("first"), "the last step of the job")
    first.send_signal(signal.SIGSTOP)
    halted.start("second", halts=False)
    eventually(lambda: job(halted.url)[0] == "done", "the end of the job at the other node")
    halted.go("first")
    first.send_signal(signal.SIGCONT)
    eventually(lambda: "lease lost" in halted.log("first"), "the refusal of the late write")
    assert actors(world) == ["first begins", "second begins", "second ends"]
    assert job(halted.url)[:2] == ("done", 2)


def held(account: Account, images: dict[str, Any], product: Product, server: dict[str, Any]) -> None:
    """Has the API enqueue jobs of many kinds."""
    vpc = account.vpc
    other, volume = (
        images["other"],
        {"capacity": 10, "zone": {"name": "us-south-1"}, "profile": {"name": "general-purpose"}},
    )
    href = account.put_image("late.qcow2", b"late")
    vpc.create_image({"name": "late", "file": {"href": href}, "operating_system": {"name": "debian-12-amd64"}})
    vpc.create_image_export_job(other["id"], storage_bucket={"name": "images"}, name="exported", format="qcow2")
    vpc.create_instance({"name": "late", **account.network(), "image": {"id": other["id"]}})
    vpc.create_instance_action(server["id"], type="reboot")
    vpc.create_volume({"name": "late", **volume})
    vpc.create_snapshot({"name": "late", "source_volume": {"id": server["boot_volume_attachment"]["volume"]["id"]}})
    product.owner.catalog.validate_install(product.locator, x_auth_refresh_token=account.refresh_token)


@pytest.mark.needs_nginx
def test_each_kind_of_job_is_taken_over(url: str, s3: S3Server, tmp_path: Path) -> None:
    """One node is killed while it has a job of each kind in hand, all of it done but the last step."""
    blobs = s3.address(s3.bucket())
    options = ("--database", url, "--blobs", blobs, "--shared-folder", str(tmp_path / "shared"), "--clock", "manual")
    node = Node(tmp_path / "data", free_port(), *options, "--hypervisor", "simulated", "--job-lease", str(LEASE))
    with ExitStack() as stack:
        stack.callback(node.kill)
        node.start()
        publisher = Account(node, "publisher")
        images = {name: publisher.import_image(name, name.encode()) for name in ("product", "other")}
        product = Product(publisher, images["product"])
        server = publisher.boot("there", image={"id": images["other"]["id"]})
        node.operate("POST", "/_kunsthalle/faults", {"on": "job", "effect": "hold", "seconds": 1e8, "times": 0})
        held(publisher, images, product, server)
        eventually(lambda: len(node.operate("GET", "/_kunsthalle/faults")["applied"]) >= 7, "jobs that are held")
        node.operate("DELETE", "/_kunsthalle/faults")
        kinds = every_kind(tmp_path / "kinds")
        node.stop()
        (Path(publisher.bucket) / "zeros.img").write_bytes(bytes(2**20))
        make_due(url, publisher.id, kinds, {"image": images["other"]["id"], "instance": server["id"]})

        settings = {"clock": "manual", "workers": 64, "account_running_jobs": 100, "job_lease": MANY_THREADS_LEASE}
        halted = Halted(tmp_path, url, stack, blobs=blobs, **settings)
        killed = halted.start("killed")
        eventually(lambda: set(halted.marks("killed")) >= set(kinds), "a job of each kind")
        killed.send_signal(signal.SIGKILL)
        node.start()
        eventually(lambda: not alive(url), "the end of all jobs", 120)
        ended = {kind: attempts for kind, state, attempts in rows(url) if state == "done"}
        assert {kind: ended.get(kind) for kind in kinds} == dict.fromkeys(kinds, 2)
        late = next(image for image in publisher.vpc.list_images(name="late").get_result()["images"])
        assert late["status"] == "available"
        assert publisher.vpc.list_instances(name="late").get_result()["instances"][0]["status"] == "running"
        assert publisher.vpc.list_snapshots(name="late").get_result()["snapshots"][0]["lifecycle_state"] == "stable"
        exports = publisher.vpc.list_image_export_jobs(images["other"]["id"]).get_result()["export_jobs"]
        assert [export["status"] for export in exports] == ["succeeded"]
        assert node.operate("GET", "/_kunsthalle/doctor")["findings"] == []


def every_kind(folder: Path) -> list[str]:
    """The kinds of jobs that the product has."""
    server = build(Settings(data=folder, hypervisor="simulated"), "token")
    try:
        return server.worker.kinds()
    finally:
        server.store.close()


def rows(url: str) -> list[tuple[str, str, int]]:
    """Kind, state and attempts of the jobs that were taken up by the node that was killed."""
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT kind, state, attempts FROM jobs WHERE attempts > 1").fetchall()


def alive(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        begun = "SELECT kind FROM jobs WHERE attempts > 0 AND state IN ('running', 'queued')"
        return connection.execute(begun).fetchall()


def make_due(url: str, account_id: str, kinds: list[str], subjects: dict[str, str]) -> None:
    """Makes every job due that waits, and adds one of each kind that none waits of."""
    world = make_world(url)
    world.clock.moment = world.clock.actual = SystemClock().now()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE jobs SET due_at = 0 WHERE state = 'queued'")
            queued = {row[0] for row in connection.execute("SELECT kind FROM jobs WHERE state = 'queued'")}
        system: Callable[[str], Any] = world.base.as_system
        for kind in sorted(set(kinds) - queued):
            subject = subjects.get(kind.partition(".")[0], f"no-{kind}")
            world.write(system(account_id), queue.enqueue, kind, subject, **PAYLOADS.get(kind, {}))
    finally:
        world.store.close()
