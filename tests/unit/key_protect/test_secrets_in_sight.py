"""Key material is in no log, error, audit or recording, whether a call succeeds or is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from fixtures.app import App
from fixtures.frozen_app import OPERATOR
from unit.key_protect.conftest import Keys, b64
from unit.key_protect.test_import_tokens import sealed, token_of

MATERIAL = b"thirty-two octets of a root key!"
SECRET = b"a secret that is kept for a year"
DATA_KEY = b"the passphrase of an image, long"
MALFORMED = b64(b"material with an end of its own.") + "%"
"""No base64, so that it is refused; and as secret as what is taken."""


def _calls(keys: Keys) -> list[tuple[str, str, Any]]:
    """What is sent: the calls of a life of keys, and the same as no call is taken."""
    root, standard = keys.create(payload=b64(MATERIAL))["id"], keys.create(root=False, payload=b64(SECRET))["id"]
    wrapped = keys.wrap(root, plaintext=b64(DATA_KEY))["ciphertext"]
    one, all_ = f"/api/v2/keys/{root}", "/api/v2/keys"
    new = {"name": "a key", "extractable": False}
    given = sealed(token_of(keys), MATERIAL)
    return [
        ("GET", f"/api/v2/keys/{standard}", None),
        ("POST", f"{one}/actions/unwrap", {"ciphertext": wrapped}),
        ("POST", f"{one}/actions/rewrap", {"ciphertext": wrapped}),
        ("POST", f"{one}/actions/rotate", {"payload": b64(DATA_KEY)}),
        ("POST", all_, {"resources": [{**new, **given}]}),
        ("POST", all_, {"resources": [{**new, "payload": MALFORMED}]}),
        ("POST", all_, {"resources": [{**new, "payload": b64(MATERIAL)[:20]}]}),
        ("POST", all_, {"resources": [{**new, "payload": b64(MATERIAL), "description": "x" * 300}]}),
        ("POST", all_, {"resources": [{**new, "payload": [b64(MATERIAL)]}]}),
        ("POST", all_, {"resources": [{**new, "payload": MALFORMED, "encryptedNonce": MALFORMED, "iv": "AAAA%"}]}),
        ("POST", f"{one}/actions/wrap", {"plaintext": MALFORMED}),
        ("POST", f"{one}/actions/wrap", {"plaintext": {"of": b64(DATA_KEY)}}),
        ("POST", f"{one}/actions/unwrap", {"ciphertext": MALFORMED}),
        ("POST", f"{one}/actions/rotate", {"payload": MALFORMED}),
        ("POST", f"/api/v2/keys/{standard}/actions/wrap", {"plaintext": b64(DATA_KEY)}),
        ("DELETE", one, None),
    ]


def test_key_material_is_in_no_log_error_audit_or_recording(
    keys: Keys, app: App, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    recording = app.call(OPERATOR, "POST", "/_kunsthalle/recordings").json["id"]
    errors, statuses = [], []
    for method, path, body in _calls(keys):
        answer = app.call("owner", method, path, body, bluemix_instance=keys.instance)
        statuses.append(answer.status)
        if answer.status >= 400:
            errors.append(answer.body.decode())
    assert len(errors) == 10, statuses
    fetched = app.call(OPERATOR, "POST", f"/_kunsthalle/recordings/{recording}/fetch", {"after": 0})
    assert len(fetched.json["events"]) > len(statuses)
    audit = app.call("owner", "GET", "/_kunsthalle/audit")
    log = "".join(capfd.readouterr()) + caplog.text
    seen = {"errors": "".join(errors), "audit": audit.body.decode(), "log": log, "recording": json.dumps(fetched.json)}
    for where, text in seen.items():
        for secret in (MATERIAL, SECRET, DATA_KEY, base64.b64decode(MALFORMED[:-1])):
            assert secret.decode() not in text, where
            assert b64(secret)[:16] not in text, where
