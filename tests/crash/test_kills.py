"""The server is killed at random while bytes and machines are at work: imports, disks, snapshots, images of volumes,
exports; and the machines go on without it.

After each restart everything that was answered 2xx is there and comes to its end, what was deleted is gone, the doctor
finds nothing, every running server has its one QEMU and no other QEMU is left, and no file is left on its way.
A run kills a few times, and `./dev nightly kills` two hundred times.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from crash.client import PATIENCE, QUERY, Client, Gone
from fixtures.forked_served import ForkedServed
from fixtures.walks import NIGHTLY, Reached, share
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.testing.served import Served

pytestmark = pytest.mark.needs_qemu
KILLS = share(3, 200)
LONGEST = 1.2
PAUSE = 0.02
KILLED_DURING = ("import", "boot", "snapshot", "export", "image of a volume")
MIB = 2**20


@dataclass
class Ledger:
    """What the server has promised by a 2xx: paths, the field that says how a resource is, and where it must end."""

    there: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


class Writer(threading.Thread):
    """Makes, copies, exports and deletes until the server dies. `at` is what it was doing then."""

    def __init__(self, client: Client, ledger: Ledger, number: int) -> None:
        super().__init__()
        self.client, self.ledger, self.number, self.steps = client, ledger, number, 0
        self.failure: Exception | None = None
        self._moved = threading.Condition()
        self._at = "nothing"

    @property
    def at(self) -> str:
        return self._at

    @at.setter
    def at(self, what: str) -> None:
        with self._moved:
            self._at = what
            self._moved.notify_all()

    def wait_until_at(self, what: str) -> None:
        """Returns once it is about to do that, or has ended by itself, which the test then shows."""
        with self._moved:
            self._moved.wait_for(lambda: self._at == what or self.failure is not None, PATIENCE)

    def run(self) -> None:
        try:
            while True:
                self._story()
        except Gone:
            pass
        except (AssertionError, LookupError, TypeError) as failure:  # shown by the test, in its own thread
            with self._moved:
                self.failure = failure
                self._moved.notify_all()

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, document = self.client.call(method, f"{path}?{QUERY}", body)
        assert status < 300, (method, path, status, document)
        self.steps += 1
        return document

    def make(self, what: str, collection: str, body: Any, state: str, *ends: str) -> str:
        """Asks for a resource and waits until it is what it should be; the path of it."""
        self.at = what
        path = f"{collection}/{self.ok('POST', collection, body)['id']}"
        self.ledger.there[path] = (state, frozenset(ends))
        self.until(path)
        return path

    def until(self, path: str) -> None:
        state, ends = self.ledger.there[path]
        while self.ok("GET", path)[state] not in ends:
            time.sleep(PAUSE)

    def act(self, server: str, type_: str, end: str) -> None:
        self.at = type_
        self.ledger.there[server] = ("status", frozenset({"running", "stopped"}))
        self.ok("POST", f"{server}/actions", {"type": type_, "force": True})
        self.ledger.there[server] = ("status", frozenset({end}))
        self.until(server)

    def remove(self, path: str) -> None:
        self.at = "deletion"
        self.ledger.leaving.add(path)
        self.ok("DELETE", path)
        self.ledger.there.pop(path)
        self.ledger.gone.add(path)

    def _story(self) -> None:
        system, bucket = {"name": "debian-12-amd64"}, {"name": "images"}
        name = f"k{self.number}-{self.steps}"
        file = {"href": f"cos://us-south/images/{self.number % 2}.qcow2"}
        body = {"name": name, "file": file, "operating_system": system}
        image = self.make("import", "/v1/images", body, "status", "available")
        exported = self._export(image, "vhd", bucket)
        server = self.make("boot", "/v1/instances", self._prototype(name, image), "status", "running")
        volume = self.ok("GET", server)["boot_volume_attachment"]["volume"]
        body = {"name": name, "source_volume": {"id": volume["id"]}}
        snapshot = self.make("snapshot", "/v1/snapshots", body, "lifecycle_state", "stable")
        zone, profile = {"name": "us-south-1"}, {"name": "general-purpose"}
        source = {"id": snapshot.rsplit("/", 1)[1]}
        body = {"name": name, "zone": zone, "profile": profile, "source_snapshot": source}
        copy = self.make("volume of a snapshot", "/v1/volumes", body, "status", "available")
        self.act(server, "stop", "stopped")
        body = {"name": f"{name}-own", "source_volume": {"id": volume["id"]}}
        own = self.make("image of a volume", "/v1/images", body, "status", "available")
        self.act(server, "start", "running")
        for path in (server, snapshot, copy, exported, image, own):
            self.remove(path)

    def _export(self, image: str, form: str, bucket: dict[str, str]) -> str:
        body = {"format": form, "storage_bucket": bucket}
        return self.make("export", f"{image}/export_jobs", body, "status", "succeeded")

    def _prototype(self, name: str, image: str) -> dict[str, Any]:
        subnet = self.ok("GET", "/v1/subnets")["subnets"][0]
        return {
            "name": name,
            "image": {"id": image.rsplit("/", 1)[1]},
            "zone": subnet["zone"],
            "primary_network_interface": {"subnet": {"id": subnet["id"]}},
        }


def eventually(holds: Callable[[], Any], what: Callable[[], Any]) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < deadline, what()
        time.sleep(PAUSE)
    return found


def check_promises(client: Client, ledger: Ledger) -> None:
    """What was promised is there and ends as it should; what was deleted is not."""

    def state(path: str, name: str) -> Any:
        status, document = client.call("GET", f"{path}?{QUERY}")
        return document[name] if status == 200 else status

    for path, (name, ends) in list(ledger.there.items()):
        found = eventually(
            lambda p=path, n=name, e=ends: (s := state(p, n)) in e | {404} and s,
            lambda p=path: f"stuck: {client.call('GET', f'{p}?{QUERY}')}",
        )
        if found == 404:
            assert path in ledger.leaving, f"{path} was lost"
            ledger.there.pop(path)
            ledger.gone.add(path)
    for path in ledger.there:
        if "/export_jobs/" in path:
            name = client.call("GET", f"{path}?{QUERY}")[1]["storage_object"]["name"]
            assert (client.served.bucket("publisher") / name).stat().st_size > 24 * MIB, path
    for path in ledger.gone:
        eventually(lambda p=path: client.call("GET", f"{p}?{QUERY}")[0] == 404, lambda p=path: f"{p} came back")
    ledger.gone.clear()  # what is gone once stays gone: ids do not come again


def clear(client: Client, ledger: Ledger) -> None:
    """Deletes everything, also what was made by a call whose answer never came: a run must not fill the disk."""
    ledger.there.clear()
    for path in client.served.bucket("publisher").glob("*.vhd"):
        path.unlink()
    for collection in ("instances", "snapshots", "volumes", "images"):
        path = f"/v1/{collection}"

        def left(path: str = path, collection: str = collection) -> list[Any]:
            status, document = client.call("GET", f"{path}?{QUERY}&visibility=private")
            assert status == 200, (status, document)
            return list(document[collection])

        for one in left():
            client.call("DELETE", f"{path}/{one['id']}?{QUERY}")
        eventually(lambda seen=left: not seen(), left)


def processes(data: Path) -> dict[str, list[int]]:
    """Living QEMUs of this data folder by the server they say they are; other tools of QEMU's under ''."""
    found: dict[str, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "qemu" not in Path(command[0]).name or not any(str(data) in one for one in command):
                continue
            names = [one.split(",")[0].removeprefix("guest=") for one in command if one.startswith("guest=")]
            found.setdefault(names[0] if names else "", []).append(int(entry.name))
    return found


def check_machines(client: Client, data: Path) -> None:
    """One machine for each server that runs, none for any other; no tool is left at work."""

    def wrong() -> list[Any]:
        servers = client.call("GET", f"/v1/instances?{QUERY}")[1]["instances"]
        running = sorted(one["id"] for one in servers if one["status"] == "running")
        there = processes(data)
        return [] if sorted(there) == running and all(len(one) == 1 for one in there.values()) else [running, there]

    eventually(lambda: not wrong(), wrong)


def check_files(served: Served) -> None:
    """The doctor finds nothing; no bucket, scratch folder or upload holds something half-made."""

    def findings() -> Any:
        return served.operate("POST", "/_kunsthalle/doctor", {"deep": False, "repair": False})["findings"]

    eventually(lambda: not findings(), findings)
    data = served.data

    def leftovers() -> list[Path]:
        places = (data / "blobs" / "tmp", data / "disks" / "scratch")
        left = [path for place in places if place.is_dir() for path in place.iterdir()]
        return [*left, *(path for path in (data / "buckets").rglob("*") if path.is_file() and ".part" in path.name)]

    eventually(lambda: not leftovers(), leftovers)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = ForkedServed(tmp_path / "data", "--hypervisor", "qemu", "--server-memory", "64", "--accelerator", "tcg")
    yield made
    made.kill()
    for pids in processes(made.data).values():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_nothing_promised_is_lost_and_no_machine_is_left(served: Served, walk_seed: int) -> None:
    dice, ledger, steps, at = random.Random(walk_seed), Ledger(), 0, Reached(KILLED_DURING)
    for number in range(KILLS + 1):
        served.start()
        client = Client(served)
        client.sign_in()
        if number == 0:
            for name in range(2):
                write_qcow2(served.bucket("publisher") / f"{name}.qcow2", 2**30, dice.randbytes(24 * MIB))
        check_promises(client, ledger)
        check_machines(client, served.data)
        check_files(served)
        if number == KILLS:
            break
        if number % 5 == 4:
            clear(client, ledger)
        writer = Writer(client, ledger, number)
        writer.start()
        if NIGHTLY and number % 2:  # what comes late in the story is else never reached
            writer.wait_until_at(KILLED_DURING[number // 2 % len(KILLED_DURING)])
        writer.join(dice.uniform(0, LONGEST))
        served.kill()
        writer.join(PATIENCE)
        assert not writer.is_alive()
        assert writer.failure is None, writer.failure
        steps += writer.steps
        at[writer.at] += 1
    clear(client, ledger)
    check_machines(client, served.data)
    check_files(served)
    assert steps
    at.require_all()
