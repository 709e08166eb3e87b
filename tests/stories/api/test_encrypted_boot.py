"""A consumer boots an image of a catalog into a volume that is encrypted with the consumer's own key."""

from __future__ import annotations

import base64
import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException

from fixtures.boot_image import folder_of_disks
from fixtures.clients import Account, Product, eventually
from fixtures.encrypted_images import encrypted_copy
from fixtures.forked_served import ForkedServed
from fixtures.served_vault import Vault
from kunsthalle.core.core_files import NO_CORE
from kunsthalle.testing import Served
from stories.api.test_real_boot import becomes, imported, marked, processes

pytestmark = [pytest.mark.needs_qemu, pytest.mark.by_turns(8)]
ROOT = b"a root key that is seen nowhere!"
STAY = "kunsthalle-stay"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with (
        folder_of_disks(tmp_path) as folder,
        ForkedServed(folder / "data", "--hypervisor", "qemu", "--server-memory", "256") as server,
    ):
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


def snapshot_of(account: Account, volume_id: str) -> dict[str, Any]:
    """A snapshot, taken."""
    made = account.vpc.create_snapshot({"source_volume": {"id": volume_id}}).get_result()

    def taken() -> Any:
        found = account.vpc.get_snapshot(made["id"]).get_result()
        return found if found["lifecycle_state"] == "stable" else None

    return dict(eventually(taken, "the snapshot"))


def volume_of(account: Account, server: dict[str, Any]) -> dict[str, Any]:
    return dict(account.vpc.get_volume(server["boot_volume_attachment"]["volume"]["id"]).get_result())


def test_a_catalog_image_in_a_volume_of_ones_own_key(
    served: Served, publisher: Account, consumer: Account, boot_image: Path
) -> None:
    product = Product(publisher, imported(publisher, boot_image), "bootable")
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)
    vault, vpc = Vault(consumer), consumer.vpc
    key = vault.key("own", ROOT)

    offer = {"version": {"crn": product.version["crn"]}}
    server = consumer.boot("sealed", catalog_offering=offer, boot_volume_attachment=boot_volume(key), user_data=STAY)
    assert "hostname=sealed" in marked(consumer, server, 1)
    volume = volume_of(consumer, server)
    assert (volume["encryption"], volume["encryption_key"]) == ("user_managed", {"crn": key["crn"]})
    assert volume["catalog_offering"]["version"]["crn"] == product.version["crn"]
    nothing_shows(served, vault, key, server)

    # Without its key the server runs on; once stopped it does not start before the key is enabled again.
    vault.ask("disable_key", id=key["id"])
    assert vpc.get_instance(server["id"]).get_result()["status"] == "running"
    stop(consumer, server)
    assert refusal(vpc.create_instance_action, server["id"], type="start") == (409, "encryption_key_disabled")
    assert vpc.get_instance(server["id"]).get_result()["status"] == "stopped"
    vault.ask("enable_key", id=key["id"])
    vpc.create_instance_action(server["id"], type="start")
    marked(consumer, server, 2)
    assert served.operate("POST", "/_kunsthalle/doctor", {})["findings"] == []


def test_from_a_key_and_an_encrypted_image_to_a_volume_of_another_key(
    served: Served, consumer: Account, boot_image: Path
) -> None:
    vault, vpc, data_key = Vault(consumer), consumer.vpc, b"a data key that its owner has made"
    key, other = vault.key("of images", ROOT), vault.key("of volumes")
    wrap = json.dumps({"plaintext": base64.b64encode(data_key).decode()})
    wrapped = vault.ask("wrap_key", id=key["id"], key_action_wrap_body=wrap)["ciphertext"]
    encrypted_copy(boot_image, Path(consumer.bucket) / "sealed.qcow2", data_key)
    prototype = {
        "name": "sealed",
        "file": {"href": "cos://us-south/images/sealed.qcow2"},
        "operating_system": {"name": "debian-12-amd64"},
        "encryption_key": {"crn": key["crn"]},
        "encrypted_data_key": wrapped,
    }
    image = consumer.settled_image(vpc.create_image(prototype).get_result()["id"])
    assert (image["status"], image["status_reasons"]) == ("available", [])
    assert (image["encryption"], image["encryption_key"]) == ("user_managed", {"crn": key["crn"]})
    with pytest.raises(ApiException, match="encrypted"):
        Product(consumer, image, "sealed")

    # The volume of an encrypted image has the image's key unless another is asked for, and so has its snapshot.
    server = consumer.boot("inherits", image={"id": image["id"]}, user_data=STAY)
    assert "hostname=inherits" in marked(consumer, server, 1)
    volume = volume_of(consumer, server)
    assert volume["encryption_key"] == {"crn": key["crn"]}
    snapshot = snapshot_of(consumer, volume["id"])
    assert snapshot["encryption_key"] == {"crn": key["crn"]}
    stop(consumer, server)

    # What the snapshot holds is encrypted anew with another key.
    restored = boot_volume(other, source_snapshot={"id": snapshot["id"]})
    again = consumer.boot("sealed-anew", boot_volume_attachment=restored, user_data=STAY)
    assert "hostname=sealed-anew" in marked(consumer, again, 2)
    assert volume_of(consumer, again)["encryption_key"] == {"crn": other["crn"]}
    stop(consumer, again)

    # An image of an encrypted volume is encrypted, with the volume's key.
    source = {"name": "captured", "source_volume": {"id": volume_of(consumer, again)["id"]}}
    captured = consumer.settled_image(vpc.create_image(source).get_result()["id"])
    assert (captured["status"], captured["encryption_key"]) == ("available", {"crn": other["crn"]})
    assert served.operate("POST", "/_kunsthalle/doctor", {})["findings"] == []


def nothing_shows(served: Served, vault: Vault, key: dict[str, Any], server: dict[str, Any]) -> None:
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
