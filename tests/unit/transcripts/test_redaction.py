"""What nobody reads in reports, recordings and transcripts: the values of secret fields, wherever they stand."""

from __future__ import annotations

import json

import pytest

from kunsthalle.core.redaction import REDACTED, redact, redact_body, redact_target, redact_text

SECRETS = {
    "a key": {"apikey": "K1"},
    "a stored key": {"resources": [{"api_key": "K1"}]},
    "a token": {"access_token": "K1", "refresh_token": "K1"},
    "a password": {"password": {"encrypted_password": "K1"}},
    "a start-up script": {"instance": {"user_data": "K1"}},
    "the payload of a key": {"resources": [{"name": "a key", "payload": "K1"}]},
    "a data key": {"plaintext": "K1", "ciphertext": "public"},
    "a private key": {"pem": "-----BEGIN PRIVATE KEY-----\nK1\n-----END PRIVATE KEY-----"},
}


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_is_left_out_at_any_depth(what: str) -> None:
    shown = json.dumps(redact(SECRETS[what]), ensure_ascii=False)
    assert "K1" not in shown
    assert REDACTED in shown
    assert "K1" not in redact_body(json.dumps(SECRETS[what]).encode())


@pytest.mark.parametrize("name", ["payload", "access_token", "apikey"])
def test_a_secret_parameter_is_left_out_of_addresses(name: str) -> None:
    assert redact_target(f"/v1/images?{name}=K1&limit=5") == f"/v1/images?{name}={REDACTED}&limit=5"
    assert "K1" not in redact_text(f"see http://localhost/v1/images?{name}=K1")


@pytest.mark.parametrize(
    "document", [{"name": "K1"}, {"ciphertext": "K1"}, {"token_type": "K1"}, {"payload_size": "K1"}, {"secret": None}]
)
def test_what_is_no_secret_stays(document: dict[str, str | None]) -> None:
    assert redact(document) == document
