"""A disk of QEMU, moved into a real OpenStack while no server runs: its guest boots again, and finds what it wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.clients import Account, eventually
from fixtures.fleet import Fleet
from fleet.test_story import PATIENCE, booted
from kunsthalle.cli.main import cli
from kunsthalle.testing import Served
from stories.api.test_real_boot import becomes, imported, marked

pytestmark = [pytest.mark.fleet, pytest.mark.needs_qemu]


def test_an_instance_of_qemu_boots_in_the_cloud_with_what_it_had_written(
    fleet: Fleet, tmp_path: Path, boot_image: Path
) -> None:
    data = tmp_path / "data"
    with Served(data, "--hypervisor", "qemu", "--clock", "manual") as served:
        account = Account(served, "publisher")
        server = booted(account, "mover", image={"id": imported(account, boot_image)["id"]})
        marked(account, server, 1)
        volume = server["boot_volume_attachment"]["volume"]["id"]
        snapshot = account.vpc.create_snapshot({"source_volume": {"id": volume}, "name": "first"}).get_result()
        eventually(lambda: stable(account, snapshot["id"]), "the snapshot", PATIENCE)
        account.vpc.create_instance_action(server["id"], type="stop")
        becomes(account, server, "stopped")

    moved = move(data)
    assert {(disk["kind"], disk["id"], disk["done"]) for disk in moved["disks"]} == {
        ("volume", volume, "moved"),
        ("snapshot", snapshot["id"], "moved"),
    }
    assert {disk["done"] for disk in move(data, "--remove-source")["disks"]} == {"moved before"}
    judged = fleet.judged()
    assert sorted(one["name"] for one in judged["volumes"]) == [f"kunsthalle-retired-{snapshot['id']}", volume]
    assert [one["name"] for one in judged["snapshots"]] == [snapshot["id"]]
    assert judged["images"] == [], "what a disk came by is there for minutes"

    with Served(data, "--hypervisor", "openstack", "--clock", "manual") as served:
        account = Account(served, "publisher")
        account.vpc.create_instance_action(server["id"], type="start")
        marked(account, server, 2)
        disk = {"source_snapshot": {"id": snapshot["id"]}, "profile": {"name": "general-purpose"}}
        restored = booted(account, "of-the-snapshot", boot_volume_attachment={"volume": disk})
        marked(account, restored, 2)
        for one in (server, restored):
            account.vpc.delete_instance(one["id"])
        account.vpc.delete_snapshot(snapshot["id"])
        eventually(lambda: not any(fleet.judged().values()), "an empty project", PATIENCE)


def move(data: Path, *more: str) -> Any:
    """What the verb says of a move of everything that the account has. The cloud is that of the variables."""
    words = ("disks", "move", "--data", str(data), "--account", "publisher", "--hypervisor", "openstack")
    ended = CliRunner().invoke(cli, [*words, "--output", "json", *more])
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def stable(account: Account, id_: str) -> bool:
    return bool(account.vpc.get_snapshot(id_).get_result()["lifecycle_state"] == "stable")
