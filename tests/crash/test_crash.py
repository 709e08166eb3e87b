"""The server is killed at random points of imports and publications; `./dev nightly kills` does so two hundred times.

After each restart nothing that was answered 2xx is lost, no image is stuck, and what a version holds is held.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash.client import PATIENCE, QUERY, Client, Gone
from fixtures.forked_served import ForkedServed
from fixtures.walks import share
from kunsthalle.disk_images.writers import write_qcow2

KILLS = share(4, 200)
MOST_STEPS = 60
"""A story takes about so many, most of which ask whether something is done."""
LONGEST = 0.02
BASE = "/api/v1-beta"


@dataclass
class Ledger:
    """What the server has promised by a 2xx."""

    images: set[str] = field(default_factory=set)
    versions: dict[str, str] = field(default_factory=dict)  # locator to image
    published: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)


class Writer(threading.Thread):
    """Imports, publishes and deletes until the server dies. `far` is set after so many steps."""

    def __init__(self, client: Client, ledger: Ledger, run: int, enough: int) -> None:
        super().__init__()
        self.client, self.ledger, self.run_number, self.steps = client, ledger, run, 0
        self.far, self.enough = threading.Event(), enough
        self.failure: AssertionError | None = None

    def run(self) -> None:
        try:
            while True:
                self._story()
        except Gone:
            pass
        except AssertionError as failure:
            self.failure = failure
        finally:
            self.far.set()

    def _ok(self, method: str, path: str, body: Any = None) -> Any:
        status, document = self.client.call(method, path, body)
        assert status < 300, (method, path, status, document)
        self.steps += 1
        if self.steps >= self.enough:
            self.far.set()
        return document

    def _until(self, path: str, done: Any) -> Any:
        while True:
            document = self._ok("GET", path)
            if done(document):
                return document

    def _story(self) -> None:
        name = f"run-{self.run_number}-{self.steps}"
        file, system = {"href": "cos://us-south/images/golden.qcow2"}, {"name": "debian-12-amd64"}
        body = {"name": name, "file": file, "operating_system": system}
        image = self._ok("POST", f"/v1/images?{QUERY}", body)["id"]
        self.ledger.images.add(image)
        self._until(f"/v1/images/{image}?{QUERY}", lambda one: one["status"] == "available")
        self._publish(name, image)
        spare = self._ok("POST", f"/v1/images?{QUERY}", {**body, "name": f"{name}-spare"})["id"]
        self.ledger.images.add(spare)
        self._ok("DELETE", f"/v1/images/{spare}?{QUERY}")
        self.ledger.deleted.add(spare)

    def _publish(self, name: str, image: str) -> None:
        catalog = self._ok("POST", f"{BASE}/catalogs", {"label": name})["id"]
        images = [{"id": image, "region": "us-south"}]
        wanted = {"name": name, "version": "1.0.0", "target_kinds": ["vpc-x86"], "metadata": {"images": images}}
        made = self._ok("POST", f"{BASE}/catalogs/{catalog}/import/offerings", wanted)
        locator = made["kinds"][0]["versions"][0]["version_locator"]
        self.ledger.versions[locator] = image
        path = f"{BASE}/versions/{locator}"
        self._ok("POST", f"{path}/validation/install", {})
        self._until(f"{path}/validation/install", lambda one: one["state"] == "valid")
        self._ok("POST", f"{path}/consume-publish")
        self.ledger.published.add(locator)


def settled(client: Client, image: str) -> tuple[int, Any]:
    """The image once it is no longer pending; an image that stays pending is stuck."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        status, document = client.call("GET", f"/v1/images/{image}?{QUERY}")
        if status != 200 or document["status"] != "pending":
            return status, document
    raise AssertionError(f"{image} is stuck")


def check(client: Client, ledger: Ledger) -> None:
    """Every promise holds."""
    managed = {image: locator for locator, image in ledger.versions.items()}
    for image in ledger.images - ledger.deleted:
        status, document = settled(client, image)
        if status == 404:
            continue_unknown(client, ledger, image)
            continue
        assert document["status"] == "available", document
        if image in managed:
            assert document["catalog_offering"]["managed"] is True, document
    for image in ledger.deleted:
        assert client.call("GET", f"/v1/images/{image}?{QUERY}")[0] == 404
    for locator in ledger.versions:
        status, document = client.call("GET", f"{BASE}/versions/{locator}")
        assert status == 200, locator
        state = document["kinds"][0]["versions"][0]["state"]["current"]
        assert state == "consumable" or locator not in ledger.published, (locator, state)


def continue_unknown(_client: Client, ledger: Ledger, image: str) -> None:
    """An image may be gone only if its deletion was asked for and the answer did not arrive: never a managed one."""
    assert image not in ledger.versions.values(), f"{image} was lost"
    ledger.deleted.add(image)


def test_nothing_promised_is_lost(tmp_path: Path, walk_seed: int) -> None:
    dice, ledger, steps = random.Random(walk_seed), Ledger(), 0
    served = ForkedServed(tmp_path / "data", "--hypervisor", "simulated")
    for run in range(KILLS):
        served.start()
        client = Client(served)
        client.sign_in()
        if run == 0:
            write_qcow2(served.bucket("publisher") / "golden.qcow2", 2**30, bytes(range(256)) * 4_096)
        check(client, ledger)
        writer = Writer(client, ledger, run, dice.randint(1, MOST_STEPS))
        writer.start()
        assert writer.far.wait(PATIENCE)
        writer.join(dice.uniform(0, LONGEST))
        served.kill()
        writer.join(PATIENCE)
        assert not writer.is_alive()
        assert writer.failure is None, writer.failure
        steps += writer.steps
    served.start()
    client = Client(served)
    client.sign_in()
    check(client, ledger)
    uploads = list((tmp_path / "data" / "blobs" / "tmp").iterdir())
    assert uploads == []
    served.stop()
    assert steps >= KILLS
