"""A consumer boots an image of a catalog into a volume that is encrypted with the consumer's own key."""

from __future__ import annotations

import base64
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException

from fixtures.clients import Account, Product, eventually
from fixtures.served_vault import Vault
from kunsthalle.core.core_files import NO_CORE
from kunsthalle.testing import Served
from stories.api.test_real_boot import becomes, imported, marked, processes

pytestmark = pytest.mark.needs_qemu
ROOT = b"a root key that is seen nowhere!"
STAY = "kunsthalle-stay"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "data", "--hypervisor", "qemu", "--server-memory", "256") as server:
        yield server
        account = Account(server, "consumer-a")
        for one in account.vpc.list_instances().get_result()["instances"]:
            account.vpc.delete_instance(one["id"])
        eventually(lambda: account.vpc.list_instances().get_result()["total_count"] == 0, "the end of servers")


def refusal(call: Any, *given: Any, **fields: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    with pytest.raises(ApiException) as caught:
        call(*given, **fields)
    return caught.value.status_code, caught.value.http_response.json()["errors"][0]["code"]


def boot_volume(key: dict[str, Any], **source: Any) -> dict[str, Any]:
    profile = {"name": "general-purpose"}
    return {"volume": {"profile": profile, "encryption_key": {"crn": key["crn"]}, **source}}


def stop(account: Account, server: dict[str, Any]) -> None:
    account.vpc.create_instance_action(server["id"], type="stop", force=True)
    becomes(account, server, "stopped")


def test_a_catalog_image_in_a_volume_of_ones_own_key(
    served: Served, publisher: Account, consumer: Account, boot_image: Path
) -> None:
    product = Product(publisher, imported(publisher, boot_image), "bootable")
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)
    vault, vpc = Vault(consumer), consumer.vpc
    key, other = vault.key("first", ROOT), vault.key("second")

    offer = {"version": {"crn": product.version["crn"]}}
    server = consumer.boot("sealed", catalog_offering=offer, boot_volume_attachment=boot_volume(key), user_data=STAY)
    assert "hostname=sealed" in marked(consumer, server, 1)
    volume = vpc.get_volume(server["boot_volume_attachment"]["volume"]["id"]).get_result()
    assert (volume["encryption"], volume["encryption_key"]) == ("user_managed", {"crn": key["crn"]})
    assert volume["catalog_offering"]["version"]["crn"] == product.version["crn"]
    snapshot = vpc.create_snapshot({"source_volume": {"id": volume["id"]}}).get_result()

    def taken() -> Any:
        found = vpc.get_snapshot(snapshot["id"]).get_result()
        return found if found["lifecycle_state"] == "stable" else None

    assert eventually(taken, "the snapshot")["encryption_key"] == {"crn": key["crn"]}
    nothing_shows(served, consumer, vault, key, server)

    # Without its key the server runs on; once stopped it does not start, nor does a copy of it.
    vault.ask("disable_key", id=key["id"])
    assert vpc.get_instance(server["id"]).get_result()["status"] == "running"
    stop(consumer, server)
    assert refusal(vpc.create_instance_action, server["id"], type="start") == (409, "encryption_key_disabled")
    assert vpc.get_instance(server["id"]).get_result()["status"] == "stopped"
    restored = boot_volume(other, source_snapshot={"id": snapshot["id"]})
    vault.ask("enable_key", id=key["id"])
    vpc.create_instance_action(server["id"], type="start")
    marked(consumer, server, 2)
    stop(consumer, server)

    # What the snapshot holds is encrypted anew with another key, and the first is needed no more.
    again = consumer.boot("sealed-anew", boot_volume_attachment=restored, user_data=STAY)
    assert "hostname=sealed-anew" in marked(consumer, again, 2)
    copy = vpc.get_volume(again["boot_volume_attachment"]["volume"]["id"]).get_result()
    assert copy["encryption_key"] == {"crn": other["crn"]}
    assert served.operate("POST", "/_kunsthalle/doctor", {})["findings"] == []


def nothing_shows(served: Served, account: Account, vault: Vault, key: dict[str, Any], server: dict[str, Any]) -> None:
    """Key material is in no file, no log, no audit, and nothing that the host tells of processes."""
    database = sqlite3.connect(f"file:{served.data / 'kunsthalle.sqlite'}?mode=ro", uri=True)
    with contextlib.closing(database):
        rows = database.execute("SELECT encrypted_data_key FROM volumes WHERE encrypted_data_key IS NOT NULL")
        data_keys = [vault.unwrapped(key, wrapped) for (wrapped,) in rows]
    assert data_keys
    secrets = {form for one in (ROOT, *data_keys) for form in (one, base64.b64encode(one), one.hex().encode())}
    seen = [path for path in served.data.parent.rglob("*") if path.is_file()]
    assert served.log in seen
    for path in seen:
        content = path.read_bytes()
        assert not [one for one in secrets if one in content], path
    (machine,) = processes(served, server)
    for pid in (machine, served.pid):
        told = b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        assert not [one for one in secrets if one in told], pid
        (limit,) = [one for one in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core file" in one]
        assert set(limit.split()[4:6]) <= {"0", str(NO_CORE)}, limit
