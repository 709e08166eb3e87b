"""Encrypted images: imported with a root key and a wrapped data key, unusable without the key, exported as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import ibm_vpc.vpc_v1 as sdk
import pytest

from fixtures.app import App
from fixtures.frozen_app import OPERATOR
from fixtures.vault import Vault, asking, authorize, encrypted_with, image_of, put_encrypted
from hostile_images.builders_luks import Luks
from kunsthalle.db.unscoped import change_rows
from kunsthalle.images.resources import IMAGE
from kunsthalle.key_protect.data_keys import LONGEST_WRAPPED

CLOSED = b"another passphrase"


@pytest.fixture
def vault(app: App) -> Vault:
    authorize(app)
    return Vault(app)


def without_tools(app: App) -> None:
    """As on a host without qemu-img."""
    importer = app.server.worker._handlers()["image.import"].run.__self__
    object.__setattr__(importer, "tools", None)


def code_of(image: dict[str, Any]) -> tuple[str, str]:
    (reason,) = image["status_reasons"]
    return image["status"], reason["code"]


@pytest.mark.parametrize("tools", [True, False], ids=["with qemu-img", "without"])
def test_an_encrypted_file_becomes_an_image_that_shows_its_key(app: App, vault: Vault, tools: bool) -> None:
    if not tools:
        without_tools(app)
    key = vault.key()
    digest = put_encrypted(app, "secret")
    image = image_of(app, "secret", **encrypted_with(key, vault.wrap(key)))
    assert (image["status"], image["encryption"], image["encryption_key"]) == (
        "available",
        "user_managed",
        {"crn": key["crn"]},
    )
    assert sdk.Image.from_dict(image).encryption_key.crn == key["crn"]
    assert image["file"]["checksums"]["sha256"] == digest
    assert "encrypted_data_key" not in image
    assert vault.registrations(key) == [image["crn"]]
    assert vault.delete(key) == 409
    app.do("DELETE", f"/v1/images/{image['id']}")
    app.settle()
    assert vault.registrations(key) == []
    assert vault.delete(key) == 204


def test_what_does_not_fit_together_fails_with_the_documented_reason(app: App, vault: Vault) -> None:
    key, other = vault.key(), vault.key("other")
    wrapped, closed = vault.wrap(key), vault.wrap(key, CLOSED)
    put_encrypted(app, "good")
    put_encrypted(app, "bomb", Luks(slots={0: {"iterations": 2**32 - 1}}))
    app.put("plain.qcow2")
    rows: list[tuple[str, str, dict[str, Any], str, str]] = [
        ("wrong passphrase", "good", encrypted_with(key, closed), "encrypted_data_key_invalid", "not the passphrase"),
        ("other key", "good", encrypted_with(other, wrapped), "encrypted_data_key_invalid", "not wrapped with"),
        ("no wrapped key", "good", encrypted_with(key, "AAAA"), "encrypted_data_key_invalid", "not wrapped with"),
        ("plain with a key", "plain", encrypted_with(key, wrapped), "image_data_corrupted", "is not encrypted"),
        ("without a key", "good", {}, "image_data_corrupted", "Import it with its encryption_key"),
        ("hostile", "bomb", encrypted_with(key, wrapped), "image_data_corrupted", "rounds of hashing"),
    ]
    for name, file, fields, code, words in rows:
        body = {**asking(file, **fields), "name": name.replace(" ", "-")}
        made = app.do("POST", "/v1/images", body)
        app.settle()
        image = app.do("GET", f"/v1/images/{made['id']}")
        assert code_of(image) == ("failed", code), name
        assert words in image["status_reasons"][0]["message"], name
    assert list(app.server.drivers.blobs.digests()) == []


@pytest.mark.parametrize(
    ("disturb", "code"),
    [
        (lambda vault, key: vault.ask("POST", f"keys/{key['id']}/actions/disable"), "encryption_key_disabled"),
        (lambda vault, key: vault.ask("DELETE", f"keys/{key['id']}?force=true"), "encryption_key_deleted"),
    ],
    ids=["disabled", "deleted"],
)
def test_a_key_that_goes_while_the_import_waits_fails_it(
    app: App, vault: Vault, disturb: Callable[[Vault, dict[str, Any]], Any], code: str
) -> None:
    key = vault.key()
    put_encrypted(app, "secret")
    app.pause()
    made = app.do("POST", "/v1/images", asking("secret", **encrypted_with(key, vault.wrap(key))))
    answer = vault.call("DELETE", f"keys/{key['id']}")
    assert answer.status == 409, "the key is in use from the first moment"
    disturb(vault, key)
    app.restart()
    app.settle()
    assert code_of(app.do("GET", f"/v1/images/{made['id']}")) == ("failed", code)


def test_requests_that_name_no_usable_key_are_refused_and_make_nothing(app: App) -> None:
    vault = Vault(app)
    key, disabled, deleted = vault.key(), vault.key("disabled"), vault.key("deleted")
    wrapped = vault.wrap(key)
    vault.act(disabled, "disable")
    vault.delete(deleted)
    put_encrypted(app, "secret")
    crn = "encryption_key.crn"
    full = encrypted_with(key, wrapped)
    assert app.refused("POST", "/v1/images", asking("secret", **full)) == (403, "encryption_key_not_authorized", crn)
    authorize(app)
    rows: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
        ({"encryption_key": {"crn": key["crn"]}}, (400, "validation_required_field", "encrypted_data_key")),
        ({"encrypted_data_key": wrapped}, (400, "validation_required_field", "encryption_key")),
        ({**full, "encrypted_data_key": "no base64!"}, (400, "bad_field", "encrypted_data_key")),
        ({**full, "encrypted_data_key": ""}, (400, "bad_field", "encrypted_data_key")),
        ({**full, "encrypted_data_key": "A" * (LONGEST_WRAPPED + 4)}, (400, "bad_field", "encrypted_data_key")),
        (encrypted_with(disabled, wrapped), (400, "encryption_key_disabled", crn)),
        (encrypted_with(deleted, wrapped), (400, "encryption_key_deleted", crn)),
        ({**full, "encryption_key": {"crn": key["crn"][:-1]}}, (404, "encryption_key_not_found", crn)),
        ({**full, "encryption_key": {"crn": "crn:v1:x:"}}, (404, "encryption_key_not_found", crn)),
        ({**full, "file": {"href": "cos://us-south/images/secret.vhd"}}, (400, "bad_field", "encryption_key")),
    ]
    for fields, refusal in rows:
        assert app.refused("POST", "/v1/images", asking("secret", **fields)) == refusal, fields
    assert app.do("GET", "/v1/images")["images"] == []
    assert vault.registrations(key) == []


def test_an_image_follows_the_state_of_its_key(app: App, vault: Vault) -> None:
    key = vault.key()
    put_encrypted(app, "secret")
    image = image_of(app, "secret", **encrypted_with(key, vault.wrap(key)))
    path = f"/v1/images/{image['id']}"

    def state() -> tuple[str, list[str]]:
        shown = app.do("GET", path)
        sdk.Image.from_dict(shown)
        return shown["status"], [reason["code"] for reason in shown["status_reasons"]]

    vault.act(key, "disable")
    assert state() == ("unusable", ["encryption_key_disabled"])
    assert [one["id"] for one in app.do("GET", "/v1/images?status=unusable")["images"]] == [image["id"]]
    vault.act(key, "enable")
    assert state() == ("available", [])
    app.do("POST", f"{path}/deprecate")
    vault.act(key, "disable")
    assert vault.delete(key, force=True) == 204
    assert state() == ("unusable", ["encryption_key_deleted"])
    vault.act(key, "restore")
    assert state() == ("deprecated", [])


def test_an_image_follows_the_instance_of_its_key(app: App, vault: Vault) -> None:
    key = vault.key()
    put_encrypted(app, "secret")
    image = image_of(app, "secret", **encrypted_with(key, vault.wrap(key)))

    def state() -> tuple[str, list[str]]:
        app.settle()
        shown = app.do("GET", f"/v1/images/{image['id']}")
        return shown["status"], [reason["code"] for reason in shown["status_reasons"]]

    def reclaim(verb: str) -> None:
        (reclamation,) = app.do("GET", "/v1/reclamations")["resources"]
        app.do("POST", f"/v1/reclamations/{reclamation['id']}/actions/{verb}", {})

    app.do("DELETE", f"/v2/resource_instances/{vault.instance}")
    assert state() == ("unusable", ["encryption_key_deleted"])
    reclaim("restore")
    assert state() == ("available", [])
    app.do("DELETE", f"/v2/resource_instances/{vault.instance}")
    reclaim("reclaim")
    assert app.call("owner", "GET", f"/v2/resource_instances/{vault.instance}").status == 404
    assert state() == ("unusable", ["encryption_key_deleted"])


def test_an_encrypted_image_is_exported_as_it_is(app: App, vault: Vault) -> None:
    key = vault.key()
    digest = put_encrypted(app, "secret")
    wrapped = vault.wrap(key)
    image = image_of(app, "secret", **encrypted_with(key, wrapped))
    jobs = f"/v1/images/{image['id']}/export_jobs"
    to = {"storage_bucket": {"name": "images"}}
    assert app.refused("POST", jobs, {**to, "format": "vhd"}) == (400, "bad_field", "format")
    job = app.do("POST", jobs, to)
    app.settle()
    shown = app.do("GET", f"{jobs}/{job['id']}")
    assert (shown["status"], shown["format"], shown["encrypted_data_key"]) == ("succeeded", "qcow2", wrapped)
    sdk.ImageExportJob.from_dict(shown)
    written = app.folders["owner"] / "images" / shown["storage_object"]["name"]
    assert hashlib.sha256(written.read_bytes()).hexdigest() == digest
    plain = app.image("plain")
    other = app.do("POST", f"/v1/images/{plain['id']}/export_jobs", to)
    assert "encrypted_data_key" not in other


def test_an_encrypted_image_goes_on_no_bare_metal_server(app: App, vault: Vault) -> None:
    key = vault.key()
    put_encrypted(app, "secret")
    image = image_of(app, "secret", **encrypted_with(key, vault.wrap(key)))
    subnet, login = app.do("GET", "/v1/subnets")["subnets"][0], app.do("GET", "/v1/keys")["keys"][0]
    body = {
        "zone": {"name": subnet["zone"]["name"]},
        "profile": {"name": "bx2-metal-96x384"},
        "primary_network_interface": {"subnet": {"id": subnet["id"]}},
        "initialization": {"image": {"id": image["id"]}, "keys": [{"id": login["id"]}]},
    }
    assert app.refused("POST", "/v1/bare_metal_servers", body) == (400, "bad_field", "initialization.image")


def test_a_server_of_an_encrypted_image_and_the_images_of_its_volume_are_encrypted_too(app: App, vault: Vault) -> None:
    key, other = vault.key(), vault.key("other")
    put_encrypted(app, "secret")
    image = image_of(app, "secret", **encrypted_with(key, vault.wrap(key)))
    server = app.server_of(image["id"])
    assert server["status"] == "running"
    app.act(server["id"], "stop")
    volume = app.do("GET", f"/v1/volumes/{server['boot_volume_attachment']['volume']['id']}")
    assert (volume["encryption"], volume["encryption_key"]) == ("user_managed", {"crn": key["crn"]})
    source = {"source_volume": {"id": volume["id"]}}
    assert app.refused("POST", "/v1/images", {**source, "encrypted_data_key": "QUJD"})[:2] == (400, "bad_field")
    for name, asked, shown in (("same", None, key), ("rewrapped", other, other)):
        more = {} if asked is None else {"encryption_key": {"crn": asked["crn"]}}
        made = app.do("POST", "/v1/images", {**source, "name": name, **more})
        app.settle()
        found = app.do("GET", f"/v1/images/{made['id']}")
        assert (found["status"], found["encryption"]) == ("available", "user_managed"), found["status_reasons"]
        assert found["encryption_key"] == {"crn": shown["crn"]}
        assert found["crn"] in vault.registrations(shown)
    vault.act(key, "disable")
    assert app.refused("POST", "/v1/images", source)[:2] == (400, "encryption_key_disabled")


def test_after_a_rotation_the_image_opens_with_a_data_key_of_the_new_version(app: App, vault: Vault) -> None:
    key = vault.key()
    put_encrypted(app, "secret")
    wrapped = vault.wrap(key)
    image = image_of(app, "secret", **encrypted_with(key, wrapped))
    vault.act(key, "rotate")
    to = {"storage_bucket": {"name": "images"}}
    job = app.do("POST", f"/v1/images/{image['id']}/export_jobs", to)
    assert job["encrypted_data_key"] != wrapped
    unwrap = f"keys/{key['id']}/actions/unwrap"
    (old, new) = (vault.ask("POST", unwrap, {"ciphertext": text}) for text in (wrapped, job["encrypted_data_key"]))
    assert old["plaintext"] == new["plaintext"]
    assert "rewrappedPlaintext" not in new
    assert "ciphertext" in old
    assert "ciphertext" not in new


def test_a_deep_examination_says_whose_data_key_does_not_open_its_bytes(app: App, vault: Vault) -> None:
    key = vault.key()
    put_encrypted(app, "first")
    put_encrypted(app, "second", Luks(passphrase=CLOSED))
    first = image_of(app, "first", **encrypted_with(key, vault.wrap(key)))
    second = image_of(app, "second", **encrypted_with(key, vault.wrap(key, CLOSED)))

    def found(*, deep: bool = True) -> list[tuple[str, str]]:
        answer = app.call(OPERATOR, "POST", "/_kunsthalle/doctor", {"deep": deep})
        return [(one["check"], one["subject"]) for one in answer.json["findings"]]

    assert found() == []
    columns = IMAGE.table.c
    swapped = {columns.encrypted_data_key: vault.wrap(key, CLOSED)}
    app.server.store.write(
        app.server.base, lambda session: change_rows(session, IMAGE.table, swapped, columns.id == first["id"])
    )
    assert found(deep=False) == [], "deriving the passphrase takes long"
    assert found() == [("wrong_data_key", first["id"])]
    vault.act(key, "disable")
    assert found() == [], "without the key nobody can tell"
    assert second["status"] == "available"
