"""`kunsthalle demo`: the main job on a fresh world with a real image, told line by line.

Every line is a call to a served process over HTTP and what it answered. The story ends with exit code 0 only if
every step answered as it should.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kunsthalle.core.sizes import GIB
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.local.client import access_token, exchange
from kunsthalle.testing.served import DidNotStart, Served

_QUERY = "version=2025-06-30&generation=2"
_PATIENCE = 60


class StepFailed(Exception):
    """A step answered other than it should."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, decoded body (None when empty), and the bytes."""

    status: int
    body: Any
    raw: bytes


Note = Callable[[dict[str, Any]], object]


class Teller:
    """Prints the story and makes the calls. `accounts` are known by their names in the scenario.

    `note` is given each step for programs: its chapter, what it was, whether it was as it should be.
    """

    def __init__(self, served: Served, write: Callable[[str], object], note: Note) -> None:
        self.served = served
        self._write, self._note, self._chapter = write, note, ""
        self._tokens: dict[str, str] = {}
        self.steps = 0

    def say(self, text: str = "") -> None:
        self._write(text + "\n")

    def chapter(self, title: str) -> None:
        self._chapter = title
        self.say(f"\n{title}")

    def id_of(self, account: str) -> str:
        return self.served.env(account)["IBMCLOUD_ACCOUNT_ID"]

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        answer = exchange(self.served.url, method, path, body, headers, timeout=60)
        return Answer(answer.status, json.loads(answer.content) if answer.content else None, answer.content)

    def token(self, account: str) -> str:
        """The account's bearer token."""
        if account not in self._tokens:
            key = self.served.env(account)["IBMCLOUD_API_KEY"]
            self._tokens[account] = access_token(self.served.url, key)
        return self._tokens[account]

    def call(self, account: str, method: str, path: str, body: Any = None, trace: str = "") -> Answer:
        """A call of an account, not told."""
        if path.startswith("/v1/"):
            path += ("&" if "?" in path else "?") + _QUERY
        head = {"Authorization": f"Bearer {self.token(account)}", "Content-Type": "application/json"}
        head |= {"X-Request-Id": trace} if trace else {}
        head["X-Auth-Refresh-Token"] = "demo"
        return self._send(method, path, head, None if body is None else json.dumps(body).encode())

    def step(self, account: str, text: str, method: str, path: str, body: Any = None, *, expect: int) -> Answer:
        """A call that is told; StepFailed unless it answers with the status that it should."""
        answer = self.call(account, method, path, body)
        self.steps += 1
        self.say(f"  {account:11} {text}")
        self.say(f"  {'':11}   {method} {path.partition('?')[0]} → {answer.status}{_why(answer)}")
        asked = {"account": account, "method": method, "path": path, "status": answer.status}
        self._note({"chapter": self._chapter, "text": text, **asked, "ok": answer.status == expect})
        if answer.status != expect:
            raise StepFailed(f"expected {expect}, got {answer.status}: {answer.raw.decode(errors='replace')[:400]}")
        return answer

    def until(self, account: str, path: str, done: Callable[[Any], bool], what: str) -> Any:
        """Asks until an answer is as awaited."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            body = self.call(account, "GET", path).body
            if done(body):
                return body
            time.sleep(0.05)
        raise StepFailed(f"{what} did not happen within {_PATIENCE} s")

    def sign_in_again(self) -> None:
        """Seven days outlive every token."""
        self._tokens.clear()

    def clear_away(self, account: str) -> None:
        """Deletes an account's servers and waits until they are gone: with QEMU they are processes of their own."""
        for server in self.call(account, "GET", "/v1/instances").body.get("instances", []):
            self.call(account, "DELETE", f"/v1/instances/{server['id']}")
        self.until(account, "/v1/instances", lambda found: found.get("total_count") == 0, "the end of the servers")

    def check(self, holds: bool, text: str) -> None:
        """A fact that is told; StepFailed unless it holds."""
        self.steps += 1
        self.say(f"  {'':11} {'✓' if holds else '✗'} {text}")
        self._note({"chapter": self._chapter, "text": text, "ok": holds})
        if not holds:
            raise StepFailed(text)


def _why(answer: Answer) -> str:
    if answer.status < 400 or not isinstance(answer.body, dict):
        return ""
    error = answer.body["errors"][0]
    return f" {error['code']}: {error['message']}"


def _unnoted(_step: dict[str, Any]) -> None:
    """For those who only listen."""


def tell(keep: Path | None, write: Callable[[str], object] = sys.stdout.write, note: Note = _unnoted) -> bool:
    """The whole story; False when a step failed. Without `keep` the world is gone afterwards."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kunsthalle-demo-") as scratch:
        folder = keep or Path(scratch) / "data"
        try:
            with Served(folder) as served:
                teller = Teller(served, write, note)
                try:
                    _story(teller)
                finally:
                    teller.clear_away("consumer-a")
        except (StepFailed, DidNotStart) as failure:
            write(f"\nThe demo stopped: {failure}\n")
            note({"text": str(failure), "ok": False})
            return False
    write(f"\n{teller.steps} steps, all with the expected answer, in {time.monotonic() - begun:.1f} s.\n")
    return True


def _story(teller: Teller) -> None:
    teller.say("Kunsthalle: accounts boot a shared image, and only its owner can read it.")
    teller.say(f"The server at {teller.served.url} has an enterprise of four accounts, and one account outside it.")
    image = _import(teller)
    version = _publish(teller, image)
    server = _boot(teller, image, version)
    _masked(teller, image, server)
    _strangers(teller, version)
    _away(teller, image, version, server)


def _import(teller: Teller) -> dict[str, Any]:
    teller.chapter("1. The publisher imports an image")
    path = teller.served.bucket("publisher") / "golden.qcow2"
    write_qcow2(path, 10 * GIB, b"KUNSTHALLE GOLDEN IMAGE\n" * 40_000)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    teller.say(f"  a qcow2 of {path.stat().st_size:,} bytes, 10 GiB inside, sha256 {digest[:16]}…")
    body = {
        "name": "golden",
        "file": {"href": "cos://us-south/images/golden.qcow2"},
        "operating_system": {"name": "debian-12-amd64"},
    }
    made = teller.step("publisher", "imports it as a custom image", "POST", "/v1/images", body, expect=201).body
    path_ = f"/v1/images/{made['id']}"
    image: dict[str, Any] = teller.until("publisher", path_, lambda one: one["status"] != "pending", "the import")
    teller.check(image["status"] == "available", f"{image['id']} is available")
    teller.check(image["file"]["checksums"]["sha256"] == digest, "its checksum is that of the file")
    return image


def _publish(teller: Teller, image: dict[str, Any]) -> dict[str, Any]:
    teller.chapter("2. … publishes it in a private catalog and shares it")
    base = "/api/v1-beta"
    catalog = teller.step(
        "publisher", "creates a catalog", "POST", f"{base}/catalogs", {"label": "Golden images"}, expect=201
    ).body
    where = f"{base}/catalogs/{catalog['id']}/offerings"
    offering = teller.step("publisher", "creates an offering in it", "POST", where, {"name": "golden"}, expect=201).body
    one = f"{where}/{offering['id']}"
    body = {
        "version": "1.0.0",
        "install_kind": "instance",
        "target_kinds": ["vpc-x86"],
        "format_kind": "vsi-image",
        "metadata": {"images": [{"id": image["id"], "name": image["name"], "region": "us-south"}]},
    }
    made = teller.step("publisher", "imports the image as version 1.0.0", "POST", f"{one}/version", body, expect=201)
    version = {**made.body["kinds"][0]["versions"][0], "offering_path": one, "offering_crn": made.body["crn"]}
    locator = f"{base}/versions/{version['version_locator']}"
    path = f"/v1/images/{image['id']}"
    refusal = teller.step(
        "publisher", "tries to delete the image, which the catalog manages", "DELETE", path, expect=409
    )
    teller.check(refusal.body["errors"][0]["code"] == "image_managed_by_catalog", "nothing changed")
    install = f"{locator}/validation/install"
    teller.step("publisher", "has the version validated", "POST", install, {}, expect=202)
    teller.until("publisher", install, lambda found: found["state"] == "valid", "the validation")
    teller.step("publisher", "publishes it", "POST", f"{locator}/consume-publish", expect=202)
    consumer = teller.id_of("consumer-a")
    teller.step(
        "publisher", "adds consumer-a to the access list", "POST", f"{one}/access", [f"-acct-{consumer}"], expect=201
    )
    teller.step("publisher", "switches sharing on", "POST", f"{one}/share", {"enabled": True}, expect=200)
    accept = f"{base}/shareapproval/offering/access/source/approved"
    body_ = [f"-acct-{teller.id_of('publisher')}"]
    teller.step("consumer-a", "accepts what the publisher shares", "POST", accept, body_, expect=201)
    return version


def _prototype(teller: Teller, account: str, name: str, **source: Any) -> dict[str, Any]:
    subnet = teller.call(account, "GET", "/v1/subnets").body["subnets"][0]
    key = teller.call(account, "GET", "/v1/keys").body["keys"][0]
    return {
        "name": name,
        "zone": {"name": subnet["zone"]["name"]},
        "profile": {"name": "bx2-2x8"},
        "vpc": {"id": subnet["vpc"]["id"]},
        "keys": [{"id": key["id"]}],
        "primary_network_interface": {"subnet": {"id": subnet["id"]}},
        **source,
    }


def _boot(teller: Teller, image: dict[str, Any], version: dict[str, Any]) -> dict[str, Any]:
    teller.chapter("3. consumer-a boots an instance from it")
    found = teller.step(
        "consumer-a", "lists the offerings that it may use", "GET", "/api/v1-beta/offerings", expect=200
    ).body
    crn = found["resources"][0]["kinds"][0]["versions"][0]["crn"]
    teller.check(crn == version["crn"], "the offering is listed, with the CRN of its version")
    body = _prototype(teller, "consumer-a", "borrowed", catalog_offering={"version": {"crn": crn}})
    made = teller.step(
        "consumer-a", "creates an instance from that CRN", "POST", "/v1/instances", body, expect=201
    ).body
    path = f"/v1/instances/{made['id']}"
    ended = ("running", "failed")
    server: dict[str, Any] = teller.until("consumer-a", path, lambda one: one["status"] in ended, "the boot")
    teller.check(server["status"] == "running", f"{server['id']} is running ({_engine(teller)})")
    teller.check(server["image"]["id"] == image["id"], "it shows the reference: " + json.dumps(server["image"]["crn"]))
    return server


def _engine(teller: Teller) -> str:
    return str(teller.served.operate("GET", "/_kunsthalle/status")["hypervisor"])


def _masked(teller: Teller, image: dict[str, Any], server: dict[str, Any]) -> None:
    teller.chapter("4. … and cannot read the image")
    teller.step("consumer-a", "follows the reference", "GET", f"/v1/images/{image['id']}", expect=404)
    trace = "00000000-0000-4000-8000-000000000001"
    hidden = teller.call("consumer-a", "GET", f"/v1/images/{image['id']}", trace=trace)
    absent = teller.call("consumer-a", "GET", "/v1/images/r006-00000000-0000-4000-8000-000000000000", trace=trace)
    teller.check(hidden.raw == absent.raw, "the answer has the same bytes as for an image that never existed")
    named = teller.step("consumer-a", "looks for it by name", "GET", f"/v1/images?name={image['name']}", expect=200)
    teller.check(named.body["total_count"] == 0, "a list by name has only images of the account")
    volume = server["boot_volume_attachment"]["volume"]
    boot = teller.step("consumer-a", "looks at the boot volume", "GET", f"/v1/volumes/{volume['id']}", expect=200).body
    teller.check(boot["source_image"]["id"] == image["id"], "it shows the reference, too")
    body = {"name": "borrowed-copy", "source_volume": {"id": volume["id"]}}
    made = teller.step("consumer-a", "takes a snapshot of it", "POST", "/v1/snapshots", body, expect=201).body
    teller.check(made["source_image"]["id"] == image["id"], "it shows the reference, too")
    teller.check("catalog_offering" not in made, "it does not show the catalog version")
    body = _prototype(teller, "consumer-a", "direct", image={"id": image["id"]})
    teller.step("consumer-a", "tries to boot the image itself", "POST", "/v1/instances", body, expect=404)


def _strangers(teller: Teller, version: dict[str, Any]) -> None:
    teller.chapter("5. For all other accounts the offering does not exist")
    offer = {"version": {"crn": version["crn"]}}
    for account, why in (("consumer-b", "not on the list"), ("outsider", "outside the enterprise")):
        found = teller.step(
            account, f"({why}) lists the offerings that it may use", "GET", "/api/v1-beta/offerings", expect=200
        )
        teller.check(found.body["total_count"] == 0, "the list is empty")
        body = _prototype(teller, account, "stolen", catalog_offering=offer)
        teller.step(account, "tries to boot by the CRN", "POST", "/v1/instances", body, expect=404)


def _away(teller: Teller, image: dict[str, Any], version: dict[str, Any], server: dict[str, Any]) -> None:
    teller.chapter("6. The publisher deletes the catalog; the image is free seven days later")
    catalog, path = version["catalog_id"], f"/v1/images/{image['id']}"
    teller.step("publisher", "deletes the catalog", "DELETE", f"/api/v1-beta/catalogs/{catalog}", expect=200)
    teller.step("publisher", "tries to delete the image, which is still managed", "DELETE", path, expect=409)
    records = teller.step("publisher", "sees the reclamation", "GET", "/v1/reclamations", expect=200).body["resources"]
    teller.check(records[0]["resource_instance_id"] == catalog, f"due {records[0]['target_time']}")
    teller.served.advance("7d")
    teller.say(f"  {'operator':11} kunsthalle clock advance 7d")
    teller.sign_in_again()
    teller.step("publisher", "deletes the image", "DELETE", path, expect=202)
    found = teller.step("consumer-a", "views its instance", "GET", f"/v1/instances/{server['id']}", expect=200).body
    teller.check(found["status"] == "running", "it is still running")
    teller.check(found["image"] == server["image"], "with the same reference")
    teller.step("consumer-a", "deletes its instance", "DELETE", f"/v1/instances/{server['id']}", expect=204)
