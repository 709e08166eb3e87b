"""The main job on a real OpenStack: imported, published, booted by another account on two hosts, talked to, kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ibm_cloud_sdk_core import ApiException

from fixtures.clients import Account, Product, eventually
from fixtures.fleet import Fleet
from kunsthalle.cli.main import cli
from kunsthalle.testing import Served
from stories.api.test_real_boot import blob, console, exported, identical, imported, marked, session, until_said

pytestmark = pytest.mark.fleet
PATIENCE = 600
"""Seconds for what a cloud does on two cores that others use, too."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, fleet: Fleet) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("fleet") / "data", "--hypervisor", "openstack", "--clock", "manual") as server:
        yield server


def booted(account: Account, name: str, **source: Any) -> dict[str, Any]:
    """A server that its account has asked for, and that runs."""
    wish = {"name": name, "user_data": "kunsthalle-stay", **account.network(), **source}
    server = account.vpc.create_instance(wish).get_result()

    def runs() -> Any:
        found = account.vpc.get_instance(server["id"]).get_result()
        assert found["status"] != "failed", found["status_reasons"]
        return found if found["status"] == "running" else None

    return dict(eventually(runs, f"{name} running", PATIENCE))


def test_the_main_job_on_many_hosts(
    served: Served, fleet: Fleet, publisher: Account, consumer: Account, boot_image: Path
) -> None:
    image = imported(publisher, boot_image)
    product = Product(publisher, image, "bootable")
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)
    offer = {"version": {"crn": product.version["crn"]}}

    servers = [booted(consumer, name, catalog_offering=offer) for name in ("one", "other")]
    for server in servers:
        assert f"hostname={server['name']}" in marked(consumer, server, 1)
    judged = fleet.judged()
    assert {one["name"] for one in judged["servers"]} == {server["id"] for server in servers}
    assert len({one["compute_host"] for one in judged["servers"]}) == 2, "on two hosts"
    assert len([one for one in judged["images"] if one["name"].startswith("kunsthalle-base-")]) == 1, "for both"

    first = servers[0]
    with session(consumer, first) as talk:
        until_said(talk, b"KUNSTHALLE-BOOT-OK")
        talk.send("who is there\n")
        until_said(talk, b"KUNSTHALLE-HEARD who is there\r\n")
        with session(consumer, first) as second:
            assert b"KUNSTHALLE-BOOT-OK" in until_said(second, b"who is there\r\n"), "with the last that was said"
            second.send(b"the next one\n")
            until_said(second, b"KUNSTHALLE-HEARD the next one\r\n")
    assert "KUNSTHALLE-HEARD the next one" in console(consumer, first), "it is all kept"
    with session(consumer, first, "vnc") as screen:
        assert until_said(screen, b"RFB 003.008\n") == b"RFB 003.008\n"

    volume = first["boot_volume_attachment"]["volume"]["id"]
    snapshot = consumer.vpc.create_snapshot({"source_volume": {"id": volume}, "name": "live"}).get_result()

    def stable() -> bool:
        return bool(consumer.vpc.get_snapshot(snapshot["id"]).get_result()["lifecycle_state"] == "stable")

    eventually(stable, "the snapshot", PATIENCE)
    consumer.vpc.create_instance_action(first["id"], type="stop")
    eventually(lambda: consumer.vpc.get_instance(first["id"]).get_result()["status"] == "stopped", "the stop", PATIENCE)
    made = consumer.vpc.create_image({"name": "captured", "source_volume": {"id": volume}}).get_result()

    def captured() -> Any:
        found = consumer.vpc.get_image(made["id"]).get_result()
        assert found["status"] != "failed", found["status_reasons"]
        return found if found["status"] == "available" else None

    own = eventually(captured, "the image of the volume", PATIENCE)
    third = booted(consumer, "of-the-captured", image={"id": own["id"]})
    assert "hostname=of-the-captured" in marked(consumer, third, 2)
    kept = blob(served, own["file"]["checksums"]["sha256"])
    assert identical(exported(consumer, own, "qcow2"), "qcow2", kept, "qcow2"), "to the last bit"

    leave_nothing(served, fleet, consumer, publisher, product)


def leave_nothing(served: Served, fleet: Fleet, consumer: Account, publisher: Account, product: Product) -> None:
    """Deletes it all, and sees that nothing is left in the cloud and that the doctor finds nothing."""
    for server in consumer.vpc.list_instances().get_result()["instances"]:
        consumer.vpc.delete_instance(server["id"])
    eventually(
        lambda: consumer.vpc.list_instances().get_result()["total_count"] == 0, "the end of the servers", PATIENCE
    )
    for snapshot in consumer.vpc.list_snapshots().get_result()["snapshots"]:
        consumer.vpc.delete_snapshot(snapshot["id"])
    eventually(lambda: consumer.vpc.list_snapshots().get_result()["total_count"] == 0, "no snapshots", PATIENCE)
    publisher.raw("DELETE", product.path)
    for account in (consumer, publisher):
        for image in account.vpc.list_images(visibility="private").get_result()["images"]:
            with_patience(lambda account=account, image=image: account.vpc.delete_image(image["id"]))
    served.advance("1h")
    eventually(lambda: not any(fleet.judged().values()), "an empty project", PATIENCE)
    ended = CliRunner().invoke(cli, ("doctor", "--data", str(served.data)))
    assert ended.exit_code == 0, ended.output


def with_patience(delete: Any) -> None:
    """An image is free a little after its version has gone."""

    def done() -> bool:
        try:
            delete()
        except ApiException as error:
            assert error.status_code == 409, error
            return False
        return True

    eventually(done, "a deletion", PATIENCE)
