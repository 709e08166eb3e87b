"""Import tokens: key material that only the service can read on its way."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from fixtures.threads import together
from fixtures.worlds import World
from kunsthalle.core.errors import Problem
from kunsthalle.db.encryption import Cipher
from kunsthalle.key_protect import import_tokens
from kunsthalle.key_protect.import_tokens import new_private_key
from unit.key_protect.conftest import Keys, b64

MATERIAL, OTHER = bytes(range(32)), bytes(range(32, 64))


def token_of(keys: Keys, **fields: Any) -> dict[str, Any]:
    keys.ask("post_import_token", **fields)
    return dict(keys.ask("get_import_token"))


def sealed(token: dict[str, Any], material: bytes, *, nonce: str | None = None, by: bytes | None = None) -> Any:
    """What a client sends: the steps of the service's tutorial on importing keys."""
    public: Any = load_pem_public_key(base64.b64decode(token["payload"]))
    form = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    iv = os.urandom(12)
    encrypted = AESGCM(by or material).encrypt(iv, base64.b64decode(nonce or token["nonce"]), None)
    return {"payload": b64(public.encrypt(material, form)), "encryptedNonce": b64(encrypted), "iv": b64(iv)}


def test_a_key_is_imported_that_nobody_on_the_way_could_read(keys: Keys) -> None:
    made = keys.ask("post_import_token", expiration=300, max_allowed_retrievals=2)
    assert (made["maxAllowedRetrievals"], made["remainingRetrievals"]) == (2, 2)
    assert not {"payload", "nonce"} & set(made)
    token = keys.ask("get_import_token")
    assert token["remainingRetrievals"] == 1
    root = keys.create(**sealed(token, MATERIAL))
    assert (root["imported"], "payload" in root) == (True, False)
    wrapped = keys.wrap(root["id"], plaintext=b64(b"passphrase"))["ciphertext"]
    keys.ask("rotate_key", id=root["id"], key_action_rotate_body=json.dumps(sealed(token, OTHER)))
    assert keys.unwrap(root["id"], ciphertext=wrapped)["plaintext"] == b64(b"passphrase")


def test_the_material_is_what_the_client_meant(keys: Keys) -> None:
    """A standard key shows what has come of it."""
    material = b64(MATERIAL)
    assert keys.get(keys.create(root=False, **sealed(token_of(keys), MATERIAL))["id"])["payload"] == material


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"by": OTHER}, "INCORRECT_NONCE_IV_ERR"),
        ({"nonce": b64(bytes(12))}, "INCORRECT_NONCE_ERR"),
        ({"material": bytes(31), "by": OTHER}, "INCORRECT_PAYLOAD_LEN_ERR"),
    ],
)
def test_material_and_nonce_belong_together(neighbour: Keys, change: dict[str, Any], code: str) -> None:
    given = sealed(token_of(neighbour), change.pop("material", MATERIAL), **change)
    assert neighbour.refused("create_key", key_create_body=_body(given)) == (400, code)
    assert neighbour.ask("get_keys")["resources"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"iv": b64(bytes(12))}, "INCORRECT_NONCE_IV_ERR"),
        ({"iv": b64(bytes(4))}, "INCORRECT_NONCE_IV_ERR"),
        ({"iv": "%"}, "BASE64_ERR"),
        ({"encryptedNonce": ""}, "BAD_BODY_ERR"),
        ({"iv": None}, "BAD_BODY_ERR"),
        ({"payload": None}, "BAD_BODY_ERR"),
        ({"payload": b64(MATERIAL)}, "PAYLOAD_ERR"),
        ({"payload": b64(bytes(256))}, "PAYLOAD_ERR"),
        ({"encryptionAlgorithm": "RSAES_OAEP_SHA_1"}, "BAD_REQUEST_ERR"),
    ],
)
def test_what_is_of_another_form_is_refused(neighbour: Keys, change: dict[str, Any], code: str) -> None:
    given = {**sealed(token_of(neighbour), MATERIAL), **change}
    assert neighbour.refused("create_key", key_create_body=_body(given)) == (400, code)


def _body(given: dict[str, Any]) -> str:
    return json.dumps({"resources": [{"name": "a key", "extractable": False, **given}]})


def test_a_token_ends_by_the_clock_and_is_retrieved_as_often_as_was_said(keys: Keys) -> None:
    none = {"payload": b64(MATERIAL), "encryptedNonce": b64(MATERIAL), "iv": b64(bytes(12))}
    assert keys.refused("get_import_token") == (404, "IMPORT_TOKEN_NOT_FOUND_ERR")
    assert keys.refused("create_key", key_create_body=_body(none)) == (404, "IMPORT_TOKEN_NOT_FOUND_ERR")
    token = token_of(keys)
    assert keys.refused("get_import_token") == (409, "IMPORT_TOKEN_EXPIRED_ERR")
    keys.app.travel(599)
    keys.create(**sealed(token, MATERIAL))
    keys.app.travel(1)
    given = _body(sealed(token, MATERIAL))
    assert keys.refused("create_key", key_create_body=given) == (409, "IMPORT_TOKEN_EXPIRED_ERR")


def test_a_new_token_takes_the_place_of_the_one_before(keys: Keys) -> None:
    first, second = token_of(keys), token_of(keys)
    assert first["nonce"] != second["nonce"]
    assert keys.refused("create_key", key_create_body=_body(sealed(first, MATERIAL))) == (400, "PAYLOAD_ERR")
    keys.create(**sealed(second, MATERIAL))


@pytest.mark.parametrize(
    ("field", "value"), [("expiration", 299), ("expiration", 86_401), ("max_allowed_retrievals", 0)]
)
def test_a_token_has_bounds(neighbour: Keys, field: str, value: int) -> None:
    assert neighbour.refused("post_import_token", **{field: value})[0] == 400


def test_with_enforce_token_only_sealed_material_is_taken(keys: Keys) -> None:
    data = {"enabled": True, "attributes": {"enforce_token": True}}
    body = {"resources": [{"policy_type": "keyCreateImportAccess", "policy_data": data}]}
    keys.ask("put_instance_policy", instance_policy_put_body=body)
    plain = _body({"payload": b64(MATERIAL)})
    assert keys.refused("create_key", key_create_body=plain) == (409, "KEY_CREATE_IMPORT_ACCESS_ERR")
    keys.create(**sealed(token_of(keys), MATERIAL))


@pytest.mark.parametrize("field", ["payload", "encryptedNonce", "iv"])
def test_what_is_not_even_of_the_alphabet_is_no_base64(neighbour: Keys, field: str) -> None:
    given = {**sealed(token_of(neighbour), MATERIAL), field: "ключ"}
    assert neighbour.refused("create_key", key_create_body=_body(given)) == (400, "BASE64_ERR")


def test_at_the_same_moment_a_token_is_not_retrieved_more_often_than_was_said(both: World, tmp_path: Path) -> None:
    both.store.cipher = Cipher(tmp_path / "master-key")
    both.store.cipher.ensure()
    ctx, private_key = both.account(), new_private_key()
    both.write(ctx, import_tokens.create, "instance", private_key, 600, 3)

    def retrieved() -> int | str:
        try:
            return both.write(ctx, import_tokens.retrieve, "instance").retrievals_left
        except Problem as problem:
            return problem.code

    left = together(*[retrieved] * 6)
    assert sorted(left, key=str) == [0, 1, 2, *["IMPORT_TOKEN_EXPIRED_ERR"] * 3]
