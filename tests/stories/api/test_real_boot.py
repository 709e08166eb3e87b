"""A real image on a real machine: imported, published, booted by another account, captured, booted again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from fixtures.boot_image import folder_of_disks
from fixtures.clients import Account, Product, eventually
from fixtures.forked_served import ForkedServed
from kunsthalle.cli.main import cli
from kunsthalle.local.client import call
from kunsthalle.testing import Served

pytestmark = [pytest.mark.needs_qemu, pytest.mark.by_turns(6)]
MARKER = "KUNSTHALLE-BOOT-OK"
BOOT_PATIENCE = 180
"""Seconds for a boot without KVM, which takes six of a processor of its own, beside other work."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        folder_of_disks(tmp_path_factory.mktemp("real")) as folder,
        ForkedServed(folder / "data", "--hypervisor", "qemu", "--server-memory", "256") as server,
    ):
        yield server
        for account in (Account(server, "publisher"), Account(server, "consumer-a")):
            for one in account.vpc.list_instances().get_result()["instances"]:
                account.vpc.delete_instance(one["id"])
            eventually(lambda a=account: a.vpc.list_instances().get_result()["total_count"] == 0, "the end of servers")


def about(account: Account, server: dict[str, Any], more: str = "") -> dict[str, Any]:
    """What the product says of the server beside the VPC API."""
    token = account.authenticator.token_manager.get_token()
    return dict(call(account.url, "GET", f"/_kunsthalle/servers/{server['id']}{more}", token))


def console(account: Account, server: dict[str, Any]) -> str:
    """What the server wrote on its serial line, as its account may read it."""
    return str(about(account, server, "/console")["text"])


def marked(account: Account, server: dict[str, Any], boots: int) -> str:
    def line() -> str:
        lines = [one for one in console(account, server).splitlines() if MARKER in one and f"boots={boots}" in one]
        return lines[0] if lines else ""

    return str(eventually(line, f"boot {boots} of {server['name']}", BOOT_PATIENCE))


def becomes(account: Account, server: dict[str, Any], status: str) -> dict[str, Any]:
    """The server once it is in that state."""

    def is_so() -> Any:
        found = account.vpc.get_instance(server["id"]).get_result()
        return found if found["status"] == status else None

    return dict(eventually(is_so, f"{server['name']} {status}"))


def processes(served: Served, server: dict[str, Any]) -> list[int]:
    """The QEMUs of a server, by where they work."""
    folder, found = served.data / "machines" / "run" / server["id"], []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == folder and (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def exported(account: Account, image: dict[str, Any], form: str) -> Path:
    """The object that an export job wrote."""
    made = account.vpc.create_image_export_job(image["id"], storage_bucket={"name": "images"}, format=form).get_result()

    def ended() -> Any:
        job = account.vpc.get_image_export_job(image["id"], made["id"]).get_result()
        assert job["status"] != "failed", job
        return job if job["status"] == "succeeded" else None

    job = eventually(ended, "the export")
    return Path(account.bucket) / job["storage_object"]["name"]


def identical(one: Path, its_format: str, other: Path, other_format: str) -> bool:
    """Whether two files hold the same disk."""
    command = ["qemu-img", "compare", "-f", its_format, "-F", other_format, one, other]
    compared = subprocess.run(command, capture_output=True, text=True, check=False)
    return compared.returncode == 0 and "Images are identical." in compared.stdout


def imported(account: Account, source: Path, name: str = "bootable") -> dict[str, Any]:
    shutil.copy(source, Path(account.bucket) / "bootable.qcow2")
    prototype = {
        "name": name,
        "file": {"href": "cos://us-south/images/bootable.qcow2"},
        "operating_system": {"name": "debian-12-amd64"},
    }
    return account.settled_image(account.vpc.create_image(prototype).get_result()["id"])


def test_a_strangers_server_really_boots_the_image(
    served: Served, publisher: Account, consumer: Account, boot_image: Path
) -> None:
    digest = hashlib.sha256(boot_image.read_bytes()).hexdigest()
    image = imported(publisher, boot_image)
    assert image["file"]["checksums"]["sha256"] == digest
    product = Product(publisher, image, "bootable")
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)

    user_data = "kunsthalle-stay"
    offer = {"version": {"crn": product.version["crn"]}}
    server = consumer.boot("borrowed-machine", catalog_offering=offer, user_data=user_data)
    assert "hostname=borrowed-machine" in marked(consumer, server, 1)
    assert MARKER in run_console(served, server["name"])
    machine = about(consumer, server)
    assert (machine["engine"], machine["memory"]) == ("qemu", 256)
    assert machine["accelerator"] in {"kvm", "tcg"}

    # The server's own writes are on its overlay: captured while it runs, they are on the copy, not on the image.
    volume = server["boot_volume_attachment"]["volume"]["id"]
    snapshot = consumer.vpc.create_snapshot({"source_volume": {"id": volume}, "name": "live"}).get_result()
    eventually(
        lambda: consumer.vpc.get_snapshot(snapshot["id"]).get_result()["lifecycle_state"] == "stable", "the snapshot"
    )
    boot = {"volume": {"source_snapshot": {"id": snapshot["id"]}, "profile": {"name": "general-purpose"}}}
    again = consumer.boot("of-the-snapshot", boot_volume_attachment=boot, user_data=user_data)
    assert "hostname=of-the-snapshot" in marked(consumer, again, 2)

    consumer.vpc.create_instance_action(server["id"], type="stop", force=True)
    eventually(lambda: consumer.vpc.get_instance(server["id"]).get_result()["status"] == "stopped", "the stop")
    own = consumer.settled_image(
        consumer.vpc.create_image({"name": "captured", "source_volume": {"id": volume}}).get_result()["id"]
    )
    assert own["status"] == "available"
    third = consumer.boot("of-the-captured", image={"id": own["id"]}, user_data=user_data)
    assert "hostname=of-the-captured" in marked(consumer, third, 2)
    assert hashlib.sha256(blob(served, digest).read_bytes()).hexdigest() == digest

    # What leaves is what is there, to the last sector: as it is, and in the other format.
    kept = blob(served, own["file"]["checksums"]["sha256"])
    assert identical(exported(consumer, own, "qcow2"), "qcow2", kept, "qcow2")
    assert identical(exported(consumer, own, "vhd"), "vpc", kept, "qcow2")
    assert not identical(blob(served, digest), "qcow2", kept, "qcow2"), "it has been booted since"


def blob(served: Served, digest: str) -> Path:
    return served.data / "blobs" / "sha256" / digest[:2] / digest


def run_console(served: Served, name: str) -> str:
    """What `kunsthalle console` prints for the operator."""
    result = CliRunner().invoke(cli, ("console", name, "--data", str(served.data)))
    assert result.exit_code == 0, result.output
    return result.output


def test_machines_outlive_the_program_and_what_ends_by_itself_is_noticed(served: Served, boot_image: Path) -> None:
    account = Account(served, "publisher")
    image = {"id": imported(account, boot_image, "lasting")["id"]}
    server = account.boot("lasting", image=image, user_data="kunsthalle-stay")
    marked(account, server, 1)
    (pid,) = processes(served, server)
    served.kill()
    assert processes(served, server) == [pid]
    served.start()
    account = Account(served, "publisher")
    assert becomes(account, server, "running")
    account.vpc.create_instance_action(server["id"], type="start")
    account.vpc.create_instance_action(server["id"], type="reboot")
    marked(account, server, 2)
    assert processes(served, server) == [pid], "found again, and not started twice"

    account.vpc.create_instance_action(server["id"], type="stop")
    assert becomes(account, server, "stopped")["status_reasons"] == []
    assert "KUNSTHALLE-SHUTDOWN" in console(account, server)
    assert processes(served, server) == []

    # How far the guest has come by then does not matter: tests/unit/hypervisor/test_guest.py lets it boot each time.
    account.vpc.create_instance_action(server["id"], type="start")
    becomes(account, server, "running")
    (pid,) = processes(served, server)
    os.kill(pid, signal.SIGKILL)
    (reason,) = becomes(account, server, "failed")["status_reasons"]
    assert reason["code"] == "stopped_by_host_failure"
    account.vpc.create_instance_action(server["id"], type="start")
    becomes(account, server, "running")
    (again,) = processes(served, server)
    assert again != pid
    account.vpc.create_instance_action(server["id"], type="stop", force=True)
    becomes(account, server, "stopped")

    # Without the word to stay, the guest powers itself off once it has said its line.
    short = account.boot("short", image=image)
    assert becomes(account, short, "stopped")["status_reasons"] == []


def session(account: Account, server: dict[str, Any], kind: str = "serial") -> ClientConnection:
    made = account.vpc.create_instance_console_access_token(server["id"], kind, force=True).get_result()
    return connect(made["href"], proxy=None, max_queue=1)


def until_said(console: ClientConnection, words: bytes) -> bytes:
    """Everything up to the words."""
    said = b""
    while words not in said:
        piece = console.recv(timeout=60)
        assert isinstance(piece, bytes)
        said += piece
    return said


def test_a_guest_is_talked_to_by_its_console(served: Served, boot_image: Path) -> None:
    account = Account(served, "publisher")
    image = {"id": imported(account, boot_image, "talking")["id"]}
    server = account.boot("talking", image=image, user_data="kunsthalle-stay")
    with session(account, server) as first:
        until_said(first, MARKER.encode())
        first.send("who is there\n")
        until_said(first, b"KUNSTHALLE-HEARD who is there\r\n")
        with session(account, server) as second:
            before = until_said(second, b"KUNSTHALLE-HEARD who is there\r\n")
            assert MARKER.encode() in before, "it begins with the last that was said"
            second.send(b"the next one\n")
            until_said(second, b"KUNSTHALLE-HEARD the next one\r\n")
    assert "KUNSTHALLE-HEARD the next one" in console(account, server), "it is all kept, as it was"

    with session(account, server, "vnc") as screen:
        assert until_said(screen, b"RFB 003.008\n") == b"RFB 003.008\n"
        screen.send(b"RFB 003.008\n")
        assert until_said(screen, b"\x01\x01") == b"\x01\x01", "one way in: without a password"

    # Nobody reads what is said at length, and the guest goes on all the same.
    with session(account, server) as asleep:
        for number in range(40):
            asleep.send(f"{number} {'x' * 2_000}\n")
        asleep.send("the last\n")
        eventually(lambda: "KUNSTHALLE-HEARD the last" in console(account, server), "the end of a long speech")
        account.vpc.create_instance_action(server["id"], type="stop", force=True)
        with pytest.raises(ConnectionClosed) as caught:
            until_said(asleep, b"never said")
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1000
