"""Keys as IBM's Python client makes, reads, uses and deletes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fixtures.app import App
from kunsthalle.core.clock import DAY, SECOND
from unit.key_protect.conftest import Keys, b64, make_instance

MATERIAL = b64(bytes(range(32)))


def days(number: float) -> int:
    return int(number * DAY) // SECOND


def test_a_root_key_is_made_and_nobody_reads_its_material(keys: Keys) -> None:
    made = keys.create(name="root", description="of the golden images", aliases=["golden"])
    assert (made["state"], made["extractable"], made["imported"], made["keyRingID"]) == (1, False, False, "default")
    assert (made["algorithmType"], made["algorithmBitSize"], made["aliases"]) == ("AES", 256, ["golden"])
    account = keys.app.accounts["owner"]
    assert made["crn"] == f"crn:v1:bluemix:public:kms:us-south:a/{account}:{keys.instance}:key:{made['id']}"
    for shown in (keys.get(made["id"]), keys.get("golden")):
        assert shown == made
        assert "payload" not in shown


def test_the_payload_of_a_standard_key_is_read_and_left_out_of_its_metadata(keys: Keys) -> None:
    made = keys.create(root=False, payload=b64(b"a secret of mine"))
    assert keys.get(made["id"])["payload"] == b64(b"a secret of mine")
    assert "payload" not in keys.ask("get_key_metadata", id=made["id"])["resources"][0]
    assert all("payload" not in key for key in keys.ask("get_keys")["resources"])
    generated = keys.create(root=False)
    assert len(keys.get(generated["id"])["payload"]) == len(MATERIAL)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"payload": "not base64!"}, "PAYLOAD_ERR"),
        ({"payload": "ключ"}, "PAYLOAD_ERR"),
        ({"payload": b64(b"seven..")}, "INCORRECT_PAYLOAD_LEN_ERR"),
        ({"root": False, "payload": b64(bytes(7_501))}, "INCORRECT_PAYLOAD_LEN_ERR"),
        ({"expirationDate": "yesterday"}, "KEY_EXP_DATE_INVALID_ERR"),
        ({"expirationDate": "2001-01-01T00:00:00Z"}, "KEY_EXP_DATE_INVALID_ERR"),
        ({"expirationDate": "9999-12-31T23:59:59-14:00"}, "KEY_EXP_DATE_INVALID_ERR"),
        ({"ring": "nowhere"}, "KEY_RING_NOT_FOUND_ERR"),
        ({"name": "x"}, "BAD_REQUEST_ERR"),
        ({"aliases": ["no spaces in it"]}, "BAD_REQUEST_ERR"),
        ({"aliases": ["one", "two", "three", "four", "five", "six"]}, "BAD_REQUEST_ERR"),
        ({"encryptedNonce": "AAAA", "payload": MATERIAL}, "BAD_BODY_ERR"),
    ],
)
def test_what_is_no_key_is_refused_by_its_field(neighbour: Keys, fields: dict[str, Any], code: str) -> None:
    root = fields.pop("root", True)
    ring = fields.pop("ring", None)
    body = {"resources": [{"name": "a key", "extractable": not root, **fields}]}
    assert neighbour.refused("create_key", key_create_body=json.dumps(body), x_kms_key_ring=ring) == (400, code)
    assert neighbour.ask("get_keys")["resources"] == []


def test_a_data_key_is_wrapped_and_unwrapped_also_after_a_rotation(keys: Keys) -> None:
    root = keys.create()
    wrapped = keys.wrap(root["id"], aad=["image", "golden"])
    plaintext, ciphertext = wrapped["plaintext"], wrapped["ciphertext"]
    assert keys.unwrap(root["id"], ciphertext=ciphertext, aad=["image", "golden"]) == {
        "plaintext": plaintext,
        "keyVersion": {"id": root["keyVersion"]["id"]},
    }
    keys.ask("rotate_key", id=root["id"])
    after = keys.get(root["id"])
    assert after["keyVersion"]["id"] != root["keyVersion"]["id"]
    assert [one["id"] for one in keys.ask("get_key_versions", id=root["id"])["resources"]].count(
        root["keyVersion"]["id"]
    ) == 1
    opened = keys.unwrap(root["id"], ciphertext=ciphertext, aad=["image", "golden"])
    assert opened["plaintext"] == plaintext
    assert opened["rewrappedKeyVersion"] == {"id": after["keyVersion"]["id"]}
    body = json.dumps({"ciphertext": ciphertext, "aad": ["image", "golden"]})
    again = keys.ask("rewrap_key", id=root["id"], key_action_rewrap_body=body)
    assert again["rewrappedKeyVersion"] == {"id": after["keyVersion"]["id"]}
    renewed = keys.unwrap(root["id"], ciphertext=again["ciphertext"], aad=["image", "golden"])
    assert (renewed["plaintext"], "rewrappedKeyVersion" in renewed) == (plaintext, False)


def test_a_given_data_key_is_not_shown_again(keys: Keys) -> None:
    root = keys.create(payload=MATERIAL)
    wrapped = keys.wrap(root["id"], plaintext=b64(b"passphrase"))
    assert "plaintext" not in wrapped
    assert keys.unwrap(root["id"], ciphertext=wrapped["ciphertext"])["plaintext"] == b64(b"passphrase")


def test_only_what_the_key_wrapped_is_unwrapped(keys: Keys) -> None:
    root, other = keys.create(), keys.create()
    ciphertext = keys.wrap(root["id"], plaintext=b64(b"passphrase"), aad=["mine"])["ciphertext"]
    tampered = ciphertext[:-8] + ("AAAA" if ciphertext[-8:-4] != "AAAA" else "BBBB") + ciphertext[-4:]
    for id_, body in (
        (root["id"], {"ciphertext": ciphertext}),
        (root["id"], {"ciphertext": ciphertext, "aad": ["yours"]}),
        (root["id"], {"ciphertext": tampered, "aad": ["mine"]}),
        (root["id"], {"ciphertext": b64(b"[" * 5_000), "aad": ["mine"]}),
        (root["id"], {"ciphertext": b64(b'{"handle": 1}')}),
        (root["id"], {"ciphertext": "%%%"}),
        (other["id"], {"ciphertext": ciphertext, "aad": ["mine"]}),
    ):
        answer = keys.refused("unwrap_key", id=id_, key_action_unwrap_body=json.dumps(body))
        assert answer == (400, "UNPROCESSABLE_CIPHERTEXT_ERR"), body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"plaintext": "not base64!"}, "BASE64_ERR"),
        ({"plaintext": "ключ"}, "BASE64_ERR"),
        ({"plaintext": ""}, "PLAINTEXT_LEN_ERR"),
        ({"plaintext": b64(bytes(4_097))}, "PLAINTEXT_LEN_ERR"),
        ({"aad": ["x" * 256]}, "INVALID_AAD_ERR"),
        ({"aad": "a text"}, "BAD_REQUEST_ERR"),
    ],
)
def test_what_cannot_be_wrapped_is_refused(neighbour: Keys, body: dict[str, Any], code: str) -> None:
    root = neighbour.create()
    assert neighbour.refused("wrap_key", id=root["id"], key_action_wrap_body=json.dumps(body)) == (400, code)


def test_standard_keys_neither_wrap_nor_rotate(keys: Keys) -> None:
    standard = keys.create(root=False)["id"]
    for operation in ("wrap_key", "rotate_key", "disable_key", "enable_key"):
        assert keys.refused(operation, id=standard) == (400, "KEY_ROOT_REQ_ERR"), operation


def test_an_imported_key_is_rotated_with_material_and_a_generated_one_without(keys: Keys) -> None:
    imported, generated = keys.create(payload=MATERIAL)["id"], keys.create()["id"]
    body = json.dumps({"payload": b64(bytes(16))})
    assert keys.refused("rotate_key", id=imported) == (400, "KEY_IMPORT_STATUS_ERR")
    assert keys.refused("rotate_key", id=generated, key_action_rotate_body=body) == (400, "KEY_IMPORT_STATUS_ERR")
    keys.ask("rotate_key", id=imported, key_action_rotate_body=body)


def test_a_disabled_key_is_of_no_use_until_it_is_enabled(keys: Keys) -> None:
    root = keys.create()["id"]
    ciphertext = keys.wrap(root)["ciphertext"]
    keys.ask("disable_key", id=root)
    assert keys.get(root)["state"] == 2
    body = json.dumps({"ciphertext": ciphertext})
    assert keys.refused("unwrap_key", id=root, key_action_unwrap_body=body) == (409, "KEY_ACTION_INVALID_STATE_ERR")
    assert keys.refused("wrap_key", id=root) == (409, "KEY_ACTION_INVALID_STATE_ERR")
    assert keys.refused("disable_key", id=root) == (409, "KEY_ACTION_INVALID_STATE_ERR")
    keys.ask("enable_key", id=root)
    assert keys.unwrap(root, ciphertext=ciphertext)["plaintext"]
    assert keys.refused("enable_key", id=root) == (409, "KEY_ACTION_INVALID_STATE_ERR")


def test_a_key_is_deactivated_by_its_date_of_expiration(keys: Keys) -> None:
    created = keys.create()["creationDate"]
    year = int(created[:4]) + 1
    root = keys.create(expirationDate=f"{year}-12-31T00:00:00Z")["id"]
    keys.wrap(root)
    keys.app.travel(days(731))
    assert keys.get(root)["state"] == 3
    assert keys.refused("wrap_key", id=root) == (409, "KEY_ACTION_INVALID_STATE_ERR")
    assert keys.refused("disable_key", id=root) == (409, "KEY_ACTION_INVALID_STATE_ERR")
    assert [key["id"] for key in keys.ask("get_keys", state=[3])["resources"]] == [root]
    assert root not in {key["id"] for key in keys.ask("get_keys", state=[1])["resources"]}


def test_a_deleted_key_comes_back_within_thirty_days(keys: Keys) -> None:
    root = keys.create(aliases=["golden"])["id"]
    ciphertext = keys.wrap(root)["ciphertext"]
    deleted = keys.ask("delete_key", id="golden", prefer="return=representation")["resources"][0]
    assert (deleted["state"], deleted["deleted"], deleted["restoreAllowed"], deleted["purgeAllowed"]) == (
        5,
        True,
        True,
        False,
    )
    assert keys.ask("get_keys")["resources"] == []
    assert [key["id"] for key in keys.ask("get_keys", state=[5])["resources"]] == [root]
    assert keys.refused("wrap_key", id=root) == (409, "KEY_ACTION_INVALID_STATE_ERR")
    assert keys.refused("delete_key", id=root) == (409, "KEY_ACTION_INVALID_STATE_ERR")
    keys.app.travel(days(29))
    keys.ask("restore_key", id=root)
    assert keys.unwrap(root, ciphertext=ciphertext)["plaintext"]
    assert keys.refused("restore_key", id=root) == (409, "KEY_ACTION_INVALID_STATE_ERR")
    keys.app.travel(days(100))
    assert keys.get(root)["state"] == 1


def test_after_thirty_days_a_deleted_key_is_lost_and_after_ninety_it_is_forgotten(keys: Keys) -> None:
    root = keys.create()["id"]
    keys.ask("delete_key", id=root)
    keys.app.travel(days(31))
    assert keys.refused("restore_key", id=root) == (400, "KEY_RESTORE_EXPIRED")
    assert keys.ask("get_key_metadata", id=root)["resources"][0]["restoreAllowed"] is False
    keys.app.travel(days(60))
    assert keys.refused("get_key", id=root) == (404, "KEY_NOT_FOUND_ERR")


def test_a_deleted_key_can_be_purged_after_four_hours(keys: Keys) -> None:
    root = keys.create()["id"]
    assert keys.refused("purge_key", id=root) == (409, "KEY_ACTION_INVALID_STATE_ERR")
    keys.ask("delete_key", id=root)
    assert keys.refused("purge_key", id=root) == (409, "KEY_ACTION_INVALID_STATE_ERR")
    keys.app.travel(4 * 3_600)
    keys.ask("purge_key", id=root)
    assert keys.refused("get_key_metadata", id=root) == (404, "KEY_NOT_FOUND_ERR")


def test_lists_are_narrowed_sorted_and_paged(keys: Keys) -> None:
    for name in ("cherry", "apple", "banana"):
        keys.create(name=name, root=name != "apple", aliases=[f"{name}-alias"])

    def names(**query: Any) -> list[str]:
        return [key["name"] for key in keys.ask("get_keys", **query)["resources"]]

    assert names(sort="name") == ["apple", "banana", "cherry"]
    assert names(sort="-name", limit=2) == ["cherry", "banana"]
    assert names(sort="name", offset=2) == ["cherry"]
    assert names(sort="-extractable,-name") == ["apple", "cherry", "banana"]
    assert names(extractable=True) == ["apple"]
    assert names(search="nan") == ["banana"]
    assert names(search="cherry-al") == ["cherry"]
    assert names(search="%") == []
    assert names(search="name:exact:Cherry") == ["cherry"]
    assert names(search="alias:exact:cherry") == []
    assert names(search="not:an", sort="name") == ["apple", "cherry"]
    assert names(search="escape:not:an") == []
    made = keys.get("cherry-alias")
    assert names(search=made["id"]) == ["cherry"]
    assert names(filter=f'creationDate="{made["creationDate"]}" extractable=false', sort="name") != []
    assert names(filter="lastRotateDate=none state=1,2 extractable=true") == ["apple"]
    assert names(filter='creationDate=gte:"2000-01-01T00:00:00Z" creationDate=lt:"2000-02-01T00:00:00Z"') == []
    for wrong in ("colour=red", "creationDate=soon", 'creationDate=gt:"soon"', "state=7"):
        assert keys.refused("get_keys", filter=wrong) == (400, "BAD_REQUEST_ERR"), wrong
    assert keys.refused("get_keys", filter="state=1", state=[1]) == (400, "BAD_REQUEST_ERR")
    total = keys.sdk.get_key_collection_metadata(bluemix_instance=keys.instance, extractable=False)
    assert total.get_headers()["Key-Total"] == "2"
    assert keys.refused("get_keys", sort="colour") == (400, "BAD_REQUEST_ERR")
    assert keys.refused("get_keys", state=[7]) == (400, "BAD_REQUEST_ERR")


def test_aliases_are_unique_within_an_instance(keys: Keys, app: App) -> None:
    first, second = keys.create()["id"], keys.create()["id"]
    keys.ask("create_key_alias", id=first, alias="golden")
    assert keys.refused("create_key_alias", id=second, alias="golden") == (409, "KEY_ALIAS_NOT_UNIQUE_ERR")
    elsewhere = Keys(app, make_instance(app, "more keys"))
    other = elsewhere.create(aliases=["golden"])["id"]
    assert (keys.get("golden")["id"], elsewhere.get("golden")["id"]) == (first, other)
    keys.ask("delete_key_alias", id=first, alias="golden")
    assert keys.refused("get_key", id="golden") == (404, "KEY_NOT_FOUND_ERR")
    assert keys.refused("delete_key_alias", id=first, alias="golden") == (404, "KEY_NOT_FOUND_ERR")


@pytest.mark.parametrize("alias", ["x", "x" * 91, "two words", "two\nlines", "<script>", "-golden", "\N{SNOWMAN}s"])
def test_an_alias_or_a_ring_of_another_form_is_refused(neighbour: Keys, alias: str) -> None:
    root = neighbour.create()["id"]
    assert neighbour.refused("create_key_alias", id=root, alias=alias) == (400, "KEY_ALIAS_INVALID_ERR")
    ring = alias + "x" * 10 if len(alias) > 90 else alias
    assert neighbour.refused("create_key_ring", key_ring_id=ring) == (400, "KEY_RING_ID_INVALID_ERR")


def test_no_alias_takes_the_place_of_the_id_of_another_key(keys: Keys) -> None:
    first, second = keys.create()["id"], keys.create()["id"]
    for alias in (second, second.upper()):
        assert keys.refused("create_key_alias", id=first, alias=alias) == (400, "KEY_ALIAS_INVALID_ERR")
        body = _new(aliases=[alias])
        assert keys.refused("create_key", key_create_body=body) == (400, "KEY_ALIAS_INVALID_ERR")
    assert keys.get(second)["id"] == second


RESERVED = ("keys", "registrations", "policies", "versions", "metadata", "wrap", "ring", "allowed_ip")


@pytest.mark.parametrize("alias", RESERVED)
def test_a_word_of_the_paths_is_no_alias(neighbour: Keys, alias: str) -> None:
    root = neighbour.create()["id"]
    assert neighbour.refused("create_key_alias", id=root, alias=alias) == (400, "KEY_ALIAS_INVALID_ERR")
    assert neighbour.refused("create_key", key_create_body=_new(aliases=[alias])) == (400, "KEY_ALIAS_INVALID_ERR")


def _new(**fields: Any) -> str:
    return json.dumps({"resources": [{"name": "a key", **fields}]})


@pytest.mark.parametrize("handle", ["\ud800", "\x00", "x" * 10_000, "", 5, None])
def test_a_ciphertext_with_a_handle_of_another_form_is_refused(neighbour: Keys, handle: Any) -> None:
    root = neighbour.create()["id"]
    document = {"handle": handle, "iv": b64(b"x" * 12), "ciphertext": b64(b"x" * 32), "version": "5.0.0"}
    body = json.dumps({"ciphertext": b64(json.dumps(document).encode())})
    assert neighbour.refused("unwrap_key", id=root, key_action_unwrap_body=body) == (
        400,
        "UNPROCESSABLE_CIPHERTEXT_ERR",
    )


def test_keys_are_grouped_in_rings(keys: Keys) -> None:
    assert [ring["id"] for ring in keys.ask("list_key_rings")["resources"]] == ["default"]
    keys.ask("create_key_ring", key_ring_id="images")
    assert keys.refused("create_key_ring", key_ring_id="images") == (409, "KEY_RING_ID_NOT_UNIQUE_ERR")
    assert keys.refused("create_key_ring", key_ring_id="default") == (409, "KEY_RING_ID_NOT_UNIQUE_ERR")
    root = keys.create(ring="images")["id"]
    assert [key["id"] for key in keys.ask("get_keys", x_kms_key_ring="images")["resources"]] == [root]
    assert keys.refused("get_key", id=root, x_kms_key_ring="default") == (404, "KEY_NOT_FOUND_ERR")
    assert keys.refused("delete_key_ring", key_ring_id="images") == (409, "PROTECTED_RESOURCE_ERR")
    patch = json.dumps({"keyRingID": "default"})
    assert keys.ask("patch_key", id=root, key_patch_body=patch)["resources"][0]["keyRingID"] == "default"
    assert keys.refused("patch_key", id=root, key_patch_body="{}") == (400, "BAD_BODY_ERR")
    keys.ask("delete_key_ring", key_ring_id="images")
    assert keys.refused("delete_key_ring", key_ring_id="default") == (404, "KEY_NOT_FOUND_ERR")


def test_deleted_keys_leave_a_ring_that_is_taken_away_with_force(keys: Keys) -> None:
    keys.ask("create_key_ring", key_ring_id="images")
    root = keys.create(ring="images")["id"]
    keys.ask("delete_key", id=root)
    assert keys.refused("delete_key_ring", key_ring_id="images") == (409, "PROTECTED_RESOURCE_ERR")
    keys.ask("delete_key_ring", key_ring_id="images", force=True)
    assert keys.ask("get_key_metadata", id=root)["resources"][0]["keyRingID"] == "default"
