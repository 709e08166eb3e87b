"""Volumes that are encrypted with keys of their owner's: made, started from, copied, and what becomes of their keys."""

from __future__ import annotations

import json
import shutil
from typing import Any

import ibm_vpc.vpc_v1 as sdk
import pytest

from fixtures.app import App
from fixtures.counted_work import statements_of
from fixtures.frozen_app import OPERATOR
from kunsthalle.block_storage import volume_keys
from kunsthalle.block_storage.resources import VOLUME
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.disk_images import qcow2
from kunsthalle.hypervisor.overlays import read_header
from unit.block_storage.vault import Vault, authorize, id_of
from unit.key_protect.conftest import Keys, make_instance

pytestmark = pytest.mark.by_turns(3)

GENERAL = {"profile": {"name": "general-purpose"}, "zone": {"name": "us-south-1"}, "capacity": 10}


@pytest.fixture
def vault(app: App) -> Vault:
    return Vault(app)


def encrypted(vault: Vault, id_: str) -> bool:
    """Whether the file of a disk is encrypted."""
    with vault.path(id_).open("rb") as file:
        return qcow2.parse(file.read(512)).crypt_method == qcow2.LUKS


def reasons(vault: Vault, volume_id: str) -> list[str]:
    return [one["code"] for one in vault.app.do("GET", f"/v1/volumes/{volume_id}")["status_reasons"]]


def boot_of(server: dict[str, Any]) -> str:
    return str(server["boot_volume_attachment"]["volume"]["id"])


@pytest.mark.needs_qemu_img
def test_a_boot_volume_of_ones_own_key_on_an_image_that_is_not_encrypted(vault: Vault) -> None:
    key, image = vault.key(), vault.app.image("plain")
    server = vault.server(image["id"], key)
    volume = vault.app.do("GET", f"/v1/volumes/{boot_of(server)}")
    read = sdk.Volume.from_dict(volume)
    assert (server["status"], read.encryption, read.encryption_key.crn) == ("running", "user_managed", key)
    assert encrypted(vault, volume["id"])
    base = read_header(vault.path(volume["id"])).base
    assert base is not None and image["file"]["checksums"]["sha256"] in base
    assert "70 6c 61 69 6e" in vault.disk(volume["id"], "read -v 0 5"), "the image shows through"
    vault.disk(volume["id"], "write -P 0x5a 1M 64k")
    assert b"\x5a" * 64 not in vault.path(volume["id"]).read_bytes()
    assert vault.registered(key) == {volume["id"]}
    assert vault.keys.refused("delete_key", id=id_of(key)) == (409, "PROTECTED_RESOURCE_ERR")
    vault.app.do("DELETE", f"/v1/instances/{server['id']}")
    vault.app.settle()
    assert vault.registered(key) == set()


@pytest.mark.needs_qemu_img
def test_a_snapshot_carries_the_key_and_its_volumes_have_it_or_another(vault: Vault) -> None:
    key, other = vault.key(), vault.key("other")
    server = vault.server(vault.app.image("plain")["id"], key)
    vault.disk(boot_of(server), "write -P 0x5a 1M 64k")
    snapshot = sdk.Snapshot.from_dict(vault.snapshot(boot_of(server)))
    assert (snapshot.encryption, snapshot.encryption_key.crn) == ("user_managed", key)
    source = {"source_snapshot": {"id": snapshot.id}}
    same, larger = vault.volume(**source), vault.volume(**source, capacity=200, encryption_key={"crn": key})
    anew = vault.volume(**source, capacity=120, encryption_key={"crn": other})
    assert [one["encryption_key"]["crn"] for one in (same, larger, anew)] == [key, key, other]
    for one in (same, larger, anew):
        assert "Pattern verification failed" not in vault.disk(
            one["id"], "read -P 0x5a 1M 64k", f"read -P 0 {one['capacity'] - 1}G 1M"
        )
        assert read_header(vault.path(one["id"])).size_bytes == one["capacity"] << 30
    passphrases = {id_: vault.opened(id_).disk for id_ in (snapshot.id, same["id"], larger["id"], anew["id"])}
    assert len(set(passphrases.values())) == 2, "with the other key it has a data key of its own"
    assert passphrases[anew["id"]] != passphrases[snapshot.id]
    assert vault.registered(other) == {anew["id"]}
    assert vault.registered(key) == {boot_of(server), snapshot.id, same["id"], larger["id"]}


@pytest.mark.needs_qemu_img
def test_a_snapshot_that_is_not_encrypted_becomes_a_volume_that_is(vault: Vault) -> None:
    key, server = vault.key(), vault.app.server_of(vault.app.image("plain")["id"])
    vault.disk(boot_of(server), "write -P 0x5a 1M 64k")
    snapshot = vault.snapshot(boot_of(server))
    assert (snapshot["encryption"], "encryption_key" in snapshot) == ("provider_managed", False)
    volume = vault.volume(source_snapshot={"id": snapshot["id"]}, encryption_key={"crn": key})
    assert encrypted(vault, volume["id"])
    assert "Pattern verification failed" not in vault.disk(volume["id"], "read -P 0x5a 1M 64k")
    assert b"\x5a" * 64 not in vault.path(volume["id"]).read_bytes()


def test_data_volumes_and_what_is_listed(vault: Vault) -> None:
    key = vault.key()
    plain = vault.volume(capacity=10)
    wish = {"profile": {"name": "general-purpose"}, "capacity": 20, "encryption_key": {"crn": key}}
    server = vault.server(vault.app.image("plain")["id"], volume_attachments=[{"volume": wish}])
    (data,) = [one["volume"]["id"] for one in server["volume_attachments"] if one["volume"]["id"] != boot_of(server)]
    assert encrypted(vault, data)
    assert not encrypted(vault, boot_of(server))
    listed = {
        encryption: {one["id"] for one in vault.app.do("GET", f"/v1/volumes?encryption={encryption}")["volumes"]}
        for encryption in ("user_managed", "provider_managed")
    }
    assert listed == {"user_managed": {data}, "provider_managed": {plain["id"], boot_of(server)}}


def test_a_page_of_volumes_asks_once_for_their_key(vault: Vault) -> None:
    key = vault.key()
    statements: list[str] = []
    for number in range(3):
        vault.volume(name=f"disk-{number}", capacity=10, encryption_key={"crn": key})
    server = vault.app.server

    def shown(session: Session) -> list[bool]:
        volumes = unscoped(session, VOLUME)
        with statements_of(session) as asked:
            reasons = [bool(volume_keys.reasons(session, volume)) for volume in volumes]
        statements.extend(asked)
        return reasons

    assert server.store.read(server.base, shown) == [False] * 3
    of_keys = [statement for statement in statements if "FROM protected_keys" in statement]
    assert len(of_keys) == 1, statements


def test_a_key_that_is_disabled_keeps_servers_from_starting_and_not_from_running(vault: Vault) -> None:
    key, app = vault.key(), vault.app
    server = vault.server(app.image("plain")["id"], key)
    free, plain = vault.volume(capacity=10, encryption_key={"crn": key}), vault.volume(capacity=10)
    actions = f"/v1/instances/{server['id']}/actions"
    attachments = f"/v1/instances/{server['id']}/volume_attachments"
    vault.act(key, "disable")
    app.do("POST", attachments, {"volume": {"id": plain["id"]}})
    app.settle()
    assert app.do("GET", f"/v1/instances/{server['id']}")["status"] == "running"
    refused = (409, "encryption_key_disabled")
    assert app.refused("POST", attachments, {"volume": {"id": free["id"]}}) == (*refused, "volume")
    app.act(server["id"], "stop")
    assert app.refused("POST", actions, {"type": "start"}) == (*refused, None)
    assert app.do("GET", f"/v1/instances/{server['id']}")["status"] == "stopped"
    vault.act(key, "enable")
    app.act(server["id"], "start")
    assert app.do("GET", f"/v1/instances/{server['id']}")["status"] == "running"
    app.do("POST", attachments, {"volume": {"id": free["id"]}})


def test_a_server_that_waits_for_its_start_when_the_key_is_disabled_says_why_it_failed(vault: Vault) -> None:
    key, app = vault.key(), vault.app
    image = app.image("plain")
    app.pause()
    server = vault.app.do(
        "POST",
        "/v1/instances",
        {
            **prototype(app),
            "image": {"id": image["id"]},
            "boot_volume_attachment": {"volume": {"encryption_key": {"crn": key}}},
        },
    )
    vault.keys.ask("disable_key", id=id_of(key))
    app.restart()
    app.exhaust()
    read = app.do("GET", f"/v1/instances/{server['id']}")
    (reason,) = read["status_reasons"]
    assert (read["status"], reason["code"]) == ("failed", "cannot_start_storage")
    assert "The key is disabled" in reason["message"]


def prototype(app: App) -> dict[str, Any]:
    subnet, key = app.do("GET", "/v1/subnets")["subnets"][0], app.do("GET", "/v1/keys")["keys"][0]
    return {
        "zone": {"name": subnet["zone"]["name"]},
        "keys": [{"id": key["id"]}],
        "profile": {"name": "bx2-2x8"},
        "primary_network_interface": {"subnet": {"id": subnet["id"]}},
    }


def test_a_key_that_was_deleted_and_is_restored(vault: Vault) -> None:
    key, app = vault.key(), vault.app
    server = vault.server(app.image("plain")["id"], key)
    app.act(server["id"], "stop")
    vault.keys.ask("delete_key", id=id_of(key), force=True)
    assert reasons(vault, boot_of(server)) == ["encryption_key_deleted"]
    refused = app.refused("POST", f"/v1/instances/{server['id']}/actions", {"type": "start"})
    assert refused == (409, "encryption_key_deleted", None)
    vault.keys.ask("restore_key", id=id_of(key))
    assert reasons(vault, boot_of(server)) == []
    app.act(server["id"], "start")
    assert app.do("GET", f"/v1/instances/{server['id']}")["status"] == "running"


def test_keys_that_are_refused(vault: Vault) -> None:
    app = vault.app
    foreign = Keys(app, make_instance(app, who="consumer"), "consumer")
    authorize(app, "consumer")
    keys = {
        "absent": vault.key().rsplit(":", 1)[0] + ":00000000-0000-4000-8000-000000000000",
        "another account's": str(foreign.create()["crn"]),
        "standard": str(vault.keys.create(root=False)["crn"]),
        "disabled": vault.key("disabled"),
    }
    vault.act(keys["disabled"], "disable")
    answers = {
        name: app.refused("POST", "/v1/volumes", {**GENERAL, "encryption_key": {"crn": crn}})
        for name, crn in keys.items()
    }
    field = "encryption_key.crn"
    assert answers == {
        "absent": (404, "encryption_key_not_found", field),
        "another account's": (404, "encryption_key_not_found", field),
        "standard": (400, "encryption_key_invalid", field),
        "disabled": (400, "encryption_key_disabled", field),
    }
    app.ok("owner", "DELETE", f"/v1/policies/{vault.policy}")
    body = {**GENERAL, "encryption_key": {"crn": vault.key("without authorization")}}
    assert app.refused("POST", "/v1/volumes", body)[0] == 403
    assert app.do("GET", "/v1/volumes")["volumes"] == []


def test_a_template_keeps_the_key_and_refuses_one_that_cannot_be_used(vault: Vault) -> None:
    app, key = vault.app, vault.key()
    wish = {"profile": {"name": "general-purpose"}, "encryption_key": {"crn": key}}
    body = {**prototype(app), "image": {"id": app.image("plain")["id"]}, "boot_volume_attachment": {"volume": wish}}
    body["volume_attachments"] = [{"volume": {**wish, "capacity": 10}}]
    template = app.do("POST", "/v1/instance/templates", body)
    assert template["boot_volume_attachment"]["volume"]["encryption_key"] == {"crn": key}
    server = app.do("POST", "/v1/instances", {"source_template": {"id": template["id"]}})
    app.settle()
    volumes = app.do("GET", "/v1/volumes?encryption=user_managed")["volumes"]
    assert len(volumes) == 2
    assert app.do("GET", f"/v1/instances/{server['id']}")["status"] == "running"
    vault.act(key, "disable")
    assert app.refused("POST", "/v1/instance/templates", body)[:2] == (400, "encryption_key_disabled")


@pytest.mark.needs_qemu_img
def test_after_a_rotation_data_keys_are_wrapped_anew_and_disks_stay_as_they_are(vault: Vault) -> None:
    app, key = vault.app, vault.key()
    server = vault.server(app.image("plain")["id"], key)
    snapshot = vault.snapshot(boot_of(server))
    ids = [boot_of(server), snapshot["id"]]
    before = {id_: (vault.opened(id_), vault.path(id_).read_bytes()) for id_ in ids}
    app.pause()
    vault.keys.ask("rotate_key", id=id_of(key))
    assert vault.opened(ids[0]) == before[ids[0]][0], "what the old version wrapped still opens"
    versions = {one["keyVersion"]["id"] for one in registrations(vault, key)}
    app.restart()
    app.exhaust()
    assert {id_: (vault.opened(id_), vault.path(id_).read_bytes()) for id_ in ids} == before
    assert versions.isdisjoint(one["keyVersion"]["id"] for one in registrations(vault, key))


def test_what_a_deletion_kept_from_being_wrapped_anew_is_when_the_key_is_restored(vault: Vault) -> None:
    app, key = vault.app, vault.key()
    volume = vault.volume(capacity=10, encryption_key={"crn": key})
    before, versions = vault.opened(volume["id"]), {one["keyVersion"]["id"] for one in registrations(vault, key)}
    app.pause()
    vault.keys.ask("rotate_key", id=id_of(key))
    vault.keys.ask("delete_key", id=id_of(key), force=True)
    app.restart()
    app.exhaust()
    vault.keys.ask("restore_key", id=id_of(key))
    app.exhaust()
    assert versions.isdisjoint(one["keyVersion"]["id"] for one in registrations(vault, key))
    assert vault.opened(volume["id"]) == before


def registrations(vault: Vault, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        json.dumps(vault.keys.ask("get_registrations", id=id_of(key))["resources"])
    )
    return found


def test_the_doctor_knows_which_disks_are_encrypted_and_with_what(vault: Vault) -> None:
    app, key = vault.app, vault.key()
    server, plain = vault.server(app.image("plain")["id"], key), app.server_of(app.image("other")["id"])
    first, snapshot, last = boot_of(server), vault.snapshot(boot_of(server))["id"], boot_of(plain)

    def found() -> set[tuple[str, str]]:
        answer = app.call(OPERATOR, "POST", "/_kunsthalle/doctor", {})
        return {(one["check"], one["subject"]) for one in answer.json["findings"]}

    assert found() == set()
    shutil.copy(vault.path(first), vault.path(last))
    assert ("wrong_encryption", last) in found()
    another = boot_of(vault.server(app.image("third")["id"], vault.key("another"), name="another"))
    shutil.copy(vault.path(another), vault.path(snapshot))
    assert ("wrong_data_key", snapshot) in found()
    vault.path(first).write_bytes(b"no disk")
    assert ("broken_disk", first) in found()
    vault.act(key, "disable")
    assert ("wrong_data_key", snapshot) not in found(), "without the key nobody can tell"


def test_members_of_a_group_have_volumes_of_the_templates_key(vault: Vault) -> None:
    app, key = vault.app, vault.key()
    wish = {"profile": {"name": "general-purpose"}, "encryption_key": {"crn": key}}
    body = {**prototype(app), "image": {"id": app.image("plain")["id"]}, "boot_volume_attachment": {"volume": wish}}
    template = app.do("POST", "/v1/instance/templates", body)
    subnets = [{"id": body["primary_network_interface"]["subnet"]["id"]}]
    wanted = {"instance_template": {"id": template["id"]}, "subnets": subnets, "membership_count": 2}
    app.do("POST", "/v1/instance_groups", wanted)
    app.exhaust()
    volumes = app.do("GET", "/v1/volumes")["volumes"]
    assert [one["encryption_key"]["crn"] for one in volumes] == [key, key]
    assert len({vault.opened(one["id"]).disk for one in volumes}) == 2, "each has a data key of its own"


def test_a_volume_whose_key_was_disabled_before_it_was_made_says_why_it_failed(vault: Vault) -> None:
    app, key = vault.app, vault.key()
    app.pause()
    made = app.do("POST", "/v1/volumes", {**GENERAL, "encryption_key": {"crn": key}})
    vault.keys.ask("disable_key", id=id_of(key))
    app.restart()
    app.exhaust()
    read = app.do("GET", f"/v1/volumes/{made['id']}")
    (reason,) = read["status_reasons"]
    assert (read["status"], reason["code"]) == ("failed", "encryption_key_disabled")
