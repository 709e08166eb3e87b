"""`kunsthalle demo`: the main job on a fresh world, told line by line.

Every line is a call to a served process over HTTP and what it answered. The story ends with exit code 0 only if
every step answered as it should.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import click

from kunsthalle.cli import demo_disk
from kunsthalle.cli.common import Refused
from kunsthalle.cli.demo_teller import Note, StepFailed, Teller
from kunsthalle.core.hypervisor_names import HYPERVISORS
from kunsthalle.local.client import CallFailed, Unreachable
from kunsthalle.local.display import Paint, coloured, plain, takes_colours
from kunsthalle.settings import Settings
from kunsthalle.testing.served import DidNotStart, Served

_PATIENCE = 120
"""Seconds that the server may take to start: a demo on a busy machine is late, not broken."""
_SERVER_MEMORY = "128"
"""MiB: what runs in the guest is one sector long."""
_RECLAMATION = ("--reclamation-period", "7d")
"""As the story tells it, whatever the environment says."""
_SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a process."""


def _unnoted(_step: dict[str, Any]) -> None:
    """For those who only listen."""


def run(keep: Path | None, hypervisor: str, *, as_json: bool) -> int:
    """Tell the story on standard output; the exit code. Refused where `keep` is no new folder."""
    if keep is not None:
        _make_new(keep)
    _end_in_order()
    if as_json:
        told = tell(keep, lambda _text: None, lambda step: click.echo(json.dumps(step)), hypervisor=hypervisor)
    else:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # an arrow that the terminal cannot show ends no demo
        paint = coloured if takes_colours(sys.stdout, os.environ) else plain
        told = tell(keep, partial(click.echo, nl=False, color=True), hypervisor=hypervisor, paint=paint)
    return 0 if told else 1


def _make_new(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        empty = not any(folder.iterdir())
    except FileExistsError:
        empty = False
    except OSError as error:
        raise Refused(f"--keep: {folder} cannot be made ({error.strerror}). Name another folder.") from error
    if not empty:
        raise Refused(f"--keep: {folder} is no new folder. Name one that does not exist, or an empty one.")


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _end_in_order() -> None:
    """Have the signals that end a process end the instances and the server first; further ones change nothing."""

    def stop(number: int, _frame: FrameType | None) -> None:
        for name in _SIGNALS:
            signal.signal(name, signal.SIG_IGN)
        click.echo("\nInterrupted: deleting the instances and stopping the server.", err=True)
        sys.exit(_SIGNALLED + number)

    for name in _SIGNALS:
        signal.signal(name, stop)


def tell(
    keep: Path | None,
    write: Callable[[str], object],
    note: Note = _unnoted,
    *,
    hypervisor: str = "auto",
    paint: Paint = plain,
) -> bool:
    """The whole story; False when a step failed. Without `keep` the world is gone afterwards.

    `hypervisor` as for `serve`. Whatever ends it ends its instances and its server first.
    """
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kunsthalle-demo-") as scratch:
        folder = keep or Path(scratch) / "data"
        try:
            served = Served(
                folder,
                *("--hypervisor", hypervisor, "--server-memory", _SERVER_MEMORY, *_RECLAMATION),
                patience=_PATIENCE,
                own_group=True,
            )
            with served:
                teller = Teller(served, write, note, paint)
                try:
                    _story(teller)
                finally:
                    teller.clear_away("consumer-a")
        except (StepFailed, DidNotStart, CallFailed, Unreachable) as failure:
            why = _last_line(failure) if isinstance(failure, DidNotStart) else str(failure)
            write(f"\nThe demo stopped: {why}\n")
            note({"text": why, "ok": False})
            return False
    write(f"\n{teller.steps} steps, all with the expected answer, in {time.monotonic() - begun:.1f} s.\n")
    if keep is not None:
        write(f"The data is kept. To look around: kunsthalle serve --data {shlex.quote(str(keep))}\n")
    return True


def _last_line(failure: DidNotStart) -> str:
    """Why the server ended, without the log that came before."""
    lines = str(failure).strip().splitlines()
    return lines[-1].removeprefix("Error: ") if lines else "the server did not answer in time"


def _story(teller: Teller) -> None:
    teller.say("Kunsthalle: accounts boot a shared image, and only its owner can read it.")
    teller.say(f"The server at {teller.served.url} has an enterprise of four accounts, and one account outside it.")
    engine = _engine(teller)
    teller.say("The image is a generated one: a disk with a boot sector that writes one line on the serial console.")
    teller.say(HYPERVISORS[engine].told)
    image = _import(teller)
    version = _publish(teller, image)
    server = _boot(teller, image, version, engine)
    _masked(teller, image, server)
    _strangers(teller, version)
    _away(teller, image, version, server)


def _import(teller: Teller) -> dict[str, Any]:
    teller.chapter("1. The publisher imports an image")
    path = teller.served.bucket("publisher") / "golden.qcow2"
    demo_disk.write(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    teller.say(f"  a qcow2 of {path.stat().st_size:,} bytes, 10 GiB inside, sha256 {digest[:8]}…")
    body = {
        "name": "golden",
        "file": {"href": "cos://us-south/images/golden.qcow2"},
        "operating_system": {"name": "debian-12-amd64"},
    }
    made = teller.step("publisher", "imports it as a custom image", "POST", "/v1/images", body, expect=201).body
    path_ = f"/v1/images/{made['id']}"
    image: dict[str, Any] = teller.until(
        "publisher", path_, lambda image_now: image_now["status"] != "pending", "the import"
    )
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
    item_path = f"{where}/{offering['id']}"
    body = {
        "version": "1.0.0",
        "install_kind": "instance",
        "target_kinds": ["vpc-x86"],
        "format_kind": "vsi-image",
        "metadata": {"images": [{"id": image["id"], "name": image["name"], "region": "us-south"}]},
    }
    made = teller.step(
        "publisher", "imports the image as version 1.0.0", "POST", f"{item_path}/version", body, expect=201
    )
    version = {**made.body["kinds"][0]["versions"][0], "offering_path": item_path, "offering_crn": made.body["crn"]}
    locator = f"{base}/versions/{version['version_locator']}"
    path = f"/v1/images/{image['id']}"
    refusal = teller.step(
        "publisher", "tries to delete the image, which the catalog manages", "DELETE", path, expect=409
    )
    teller.check(refusal.body["errors"][0]["code"] == "image_managed_by_catalog", "nothing changed")
    install = f"{locator}/validation/install"
    teller.step("publisher", "has the version validated", "POST", install, {}, expect=202)
    teller.until("publisher", install, lambda version_now: version_now["state"] == "valid", "the validation")
    teller.step("publisher", "publishes it", "POST", f"{locator}/consume-publish", expect=202)
    consumer = teller.id_of("consumer-a")
    teller.step(
        "publisher",
        "adds consumer-a to the access list",
        "POST",
        f"{item_path}/access",
        [f"-acct-{consumer}"],
        expect=201,
    )
    teller.step("publisher", "switches sharing on", "POST", f"{item_path}/share", {"enabled": True}, expect=200)
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


def _boot(teller: Teller, image: dict[str, Any], version: dict[str, Any], engine: str) -> dict[str, Any]:
    teller.chapter("3. consumer-a boots an instance from it")
    created = teller.step(
        "consumer-a", "lists the offerings that it may use", "GET", "/api/v1-beta/offerings", expect=200
    ).body
    crn = created["resources"][0]["kinds"][0]["versions"][0]["crn"]
    teller.check(crn == version["crn"], f"the offering is listed, with the CRN of its version: {crn}")
    body = _prototype(teller, "consumer-a", "borrowed", catalog_offering={"version": {"crn": crn}})
    made = teller.step(
        "consumer-a", "creates an instance from that CRN", "POST", "/v1/instances", body, expect=201
    ).body
    path = f"/v1/instances/{made['id']}"
    ended = ("running", "failed")
    server: dict[str, Any] = teller.until(
        "consumer-a", path, lambda server_now: server_now["status"] in ended, "the boot"
    )
    teller.check(server["status"] == "running", f"{server['id']} is running ({engine})")
    teller.check(server["image"]["id"] == image["id"], "it shows the reference: " + server["image"]["crn"])
    if HYPERVISORS[engine].runs_guests:
        _says_so(teller, server)
    return server


def _says_so(teller: Teller, server: dict[str, Any]) -> None:
    """The guest's own line, as the account reads it."""
    path = f"/_kunsthalle/servers/{server['id']}/console"
    teller.until(
        "consumer-a", path, lambda console_output: demo_disk.MARKER in console_output["text"], "the boot of the guest"
    )
    text = teller.step("consumer-a", "reads the serial console of its instance", "GET", path, expect=200).body["text"]
    marked = [line.strip() for line in text.splitlines() if demo_disk.MARKER in line]
    teller.check(len(marked) == 1, f"the guest says: {marked[0]}")


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
        step = teller.step(
            account, f"({why}) lists the offerings that it may use", "GET", "/api/v1-beta/offerings", expect=200
        )
        teller.check(step.body["total_count"] == 0, "the list is empty")
        body = _prototype(teller, account, "stolen", catalog_offering=offer)
        teller.step(account, "tries to boot by the CRN", "POST", "/v1/instances", body, expect=404)


def _away(teller: Teller, image: dict[str, Any], version: dict[str, Any], server: dict[str, Any]) -> None:
    period = Settings().reclamation_period
    teller.chapter(f"6. The publisher deletes the catalog; the image is free {period} later")
    catalog, path = version["catalog_id"], f"/v1/images/{image['id']}"
    teller.step("publisher", "deletes the catalog", "DELETE", f"/api/v1-beta/catalogs/{catalog}", expect=200)
    teller.step("publisher", "tries to delete the image, which is still managed", "DELETE", path, expect=409)
    records = teller.step("publisher", "sees the reclamation", "GET", "/v1/reclamations", expect=200).body["resources"]
    teller.check(records[0]["resource_instance_id"] == catalog, f"due {records[0]['target_time']}")
    teller.served.advance(period)
    teller.line("operator", f"kunsthalle clock advance {period}")
    teller.step("publisher", "deletes the image", "DELETE", path, expect=202)
    body = teller.step("consumer-a", "views its instance", "GET", f"/v1/instances/{server['id']}", expect=200).body
    teller.check(body["status"] == "running", "it is still running")
    teller.check(body["image"] == server["image"], "with the same reference")
    teller.step("consumer-a", "deletes its instance", "DELETE", f"/v1/instances/{server['id']}", expect=204)
