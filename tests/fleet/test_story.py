"""The main job on a real OpenStack: imported, published, booted by another account on two hosts, talked to, kept."""

from __future__ import annotations

import json
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


def wished(account: Account, name: str, **source: Any) -> dict[str, Any]:
    """A server that its account has asked for."""
    wish = {"name": name, "user_data": "kunsthalle-stay", **account.network(), **source}
    return dict(account.vpc.create_instance(wish).get_result())


def running(account: Account, server: dict[str, Any]) -> dict[str, Any]:
    """The server once it runs."""

    def runs() -> Any:
        found = account.vpc.get_instance(server["id"]).get_result()
        assert found["status"] != "failed", found["status_reasons"]
        return found if found["status"] == "running" else None

    return dict(eventually(runs, f"{server['name']} running", PATIENCE))


def booted(account: Account, name: str, **source: Any) -> dict[str, Any]:
    """A server that its account has asked for, and that runs."""
    return running(account, wished(account, name, **source))


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


STAY_OFF = {"availability_policy": {"host_failure": "stop"}}


def test_a_host_dies_under_load(
    served: Served, fleet: Fleet, publisher: Account, consumer: Account, boot_image: Path
) -> None:
    image = imported(publisher, boot_image, "lasting")
    product = Product(publisher, image, "lasting")
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)
    offer = {"version": {"crn": product.version["crn"]}}
    with fleet.closed("node2"):
        asked = [wished(consumer, name, catalog_offering=offer) for name in ("kept", "pressed")]
        asked.append(wished(consumer, "off", catalog_offering=offer, **STAY_OFF))
        kept, pressed, off = (running(consumer, server) for server in asked)
    for server in (kept, pressed, off):
        marked(consumer, server, 1)
    assert fleet.hosts() == {server["id"]: "node1" for server in (kept, pressed, off)}
    with session(consumer, kept) as talk:
        talk.send("keep written-before\n")
        until_said(talk, b"KUNSTHALLE-HEARD keep written-before\r\n")
        talk.send("busy\n")
        until_said(talk, b"KUNSTHALLE-HEARD busy\r\n")

    fleet.node("kill-node", "node1")
    # Nova has not noticed yet, and takes this: it never comes to an end.
    fleet.press(pressed["id"])
    for server in (kept, pressed, off):
        eventually(lambda of=server: shown(consumer, of) == ("running", ["host_unreachable"]), "the news", 60)
    assert hosts(served)["node1"] == "silent"
    assert fleet.hosts() == {server["id"]: "node1" for server in (kept, pressed, off)}, "nobody is moved"

    say(served, "host", "lost", "node1", "--powered-off")
    for server in (kept, pressed):
        eventually(lambda of=server: shown(consumer, of) == ("running", []), "a start elsewhere", PATIENCE)
        assert fleet.hosts()[server["id"]] == "node2"
        assert f"kept={'written-before' if server is kept else ''} " in marked(consumer, server, 2)
    eventually(lambda: shown(consumer, off) == ("failed", ["stopped_by_host_failure"]), "the policy", PATIENCE)
    consumer.vpc.create_instance_action(off["id"], type="start")
    eventually(lambda: shown(consumer, off) == ("running", []), "a start by hand", PATIENCE)
    marked(consumer, off, 2)

    ended = CliRunner().invoke(cli, ("host", "back", "node1", "--data", str(served.data)))
    assert (ended.exit_code, "has not started since it was lost" in ended.output) == (1, True), ended.output
    fleet.node("start-node", "node1")
    eventually(lambda: took_back(served, "node1"), "the agent's start", PATIENCE)
    eventually(lambda: hosts(served) == {"node1": "up", "node2": "up"}, "the host", PATIENCE)
    with fleet.closed("node2"):
        fresh = booted(consumer, "fresh", catalog_offering=offer)
    marked(consumer, fresh, 1)
    servers = dict.fromkeys((server["id"] for server in (kept, pressed, off)), "node2")
    assert fleet.hosts() == {**servers, fresh["id"]: "node1"}, "what has left stays where it is"
    assert [shown(consumer, server) for server in (kept, off)] == [("running", [])] * 2
    # The agent found in its queue that the button had been pressed, and says of the server that it is off; that is so
    # a little later, wherever it is by now.
    eventually(lambda: shown(consumer, pressed) == ("stopped", []), "the end of what was pressed", PATIENCE)
    consumer.vpc.create_instance_action(pressed["id"], type="start")
    eventually(lambda: shown(consumer, pressed) == ("running", []), "a start after it", PATIENCE)

    leave_nothing(served, fleet, consumer, publisher, product)


def shown(account: Account, server: dict[str, Any]) -> tuple[str, list[str]]:
    """The status, and the codes of its reasons."""
    found = account.vpc.get_instance(server["id"]).get_result()
    return found["status"], [reason["code"] for reason in found["status_reasons"]]


def say(served: Served, *words: str) -> Any:
    """What a verb answers as JSON."""
    ended = CliRunner().invoke(cli, (*words, "--data", str(served.data), "--output", "json"))
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.output)


def took_back(served: Served, host: str) -> bool:
    """Whether the host may have instances again: the cloud says no until its agent has started."""
    return CliRunner().invoke(cli, ("host", "back", host, "--data", str(served.data))).exit_code == 0


def hosts(served: Served) -> dict[str, str]:
    """The state of each host."""
    return {host["name"]: host["state"] for host in say(served, "host", "list")}


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
