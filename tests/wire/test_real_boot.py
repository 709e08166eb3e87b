"""A real image on a real machine: imported, published, booted by another account, captured, booted again."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kunsthalle.testing import Served
from wire.clients import Account, Product, eventually

pytestmark = pytest.mark.needs_qemu
MARKER = "KUNSTHALLE-BOOT-OK"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("real") / "data"
    with Served(folder, "--hypervisor", "qemu") as server:
        yield server
        for account in (Account(server, "publisher"), Account(server, "consumer-a")):
            for one in account.vpc.list_instances().get_result()["instances"]:
                account.vpc.delete_instance(one["id"])
            eventually(lambda a=account: a.vpc.list_instances().get_result()["total_count"] == 0, "the end of servers")


def console(served: Served, server: dict[str, Any]) -> str:
    """What the server wrote on its serial line, as the data folder keeps it."""
    logs = (served.data / "machines").rglob("*.log")
    return "".join(path.read_text(errors="replace") for path in logs if server["id"] in str(path))


def marked(served: Served, server: dict[str, Any], boots: int) -> str:
    def line() -> str:
        lines = [one for one in console(served, server).splitlines() if MARKER in one and f"boots={boots}" in one]
        return lines[0] if lines else ""

    return str(eventually(line, f"boot {boots} of {server['name']}"))


def imported(account: Account, source: Path) -> dict[str, Any]:
    shutil.copy(source, Path(account.bucket) / "bootable.qcow2")
    prototype = {
        "name": "bootable",
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
    assert "hostname=borrowed-machine" in marked(served, server, 1)

    # The server's own writes are on its overlay: captured while it runs, they are on the copy, not on the image.
    volume = server["boot_volume_attachment"]["volume"]["id"]
    snapshot = consumer.vpc.create_snapshot({"source_volume": {"id": volume}, "name": "live"}).get_result()
    eventually(
        lambda: consumer.vpc.get_snapshot(snapshot["id"]).get_result()["lifecycle_state"] == "stable", "the snapshot"
    )
    boot = {"volume": {"source_snapshot": {"id": snapshot["id"]}, "profile": {"name": "general-purpose"}}}
    again = consumer.boot("of-the-snapshot", boot_volume_attachment=boot, user_data=user_data)
    assert "hostname=of-the-snapshot" in marked(served, again, 2)

    consumer.vpc.create_instance_action(server["id"], type="stop", force=True)
    eventually(lambda: consumer.vpc.get_instance(server["id"]).get_result()["status"] == "stopped", "the stop")
    own = consumer.settled_image(
        consumer.vpc.create_image({"name": "captured", "source_volume": {"id": volume}}).get_result()["id"]
    )
    assert own["status"] == "available"
    third = consumer.boot("of-the-captured", image={"id": own["id"]}, user_data=user_data)
    assert "hostname=of-the-captured" in marked(served, third, 2)
    blob = served.data / "blobs" / "sha256" / digest[:2] / digest
    assert hashlib.sha256(blob.read_bytes()).hexdigest() == digest
