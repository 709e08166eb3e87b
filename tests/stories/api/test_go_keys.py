"""The Go client of Key Protect: a life of keys, with its own helpers for import tokens."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fixtures.clients import Account

pytestmark = pytest.mark.needs_go
PLAN = "eedd3585-90c6-4c8f-be3d-062069e99fc3"
SEEN = {
    "created": True,
    "aliases": ["go-alias"],
    "unwrapped": True,
    "versions": 2,
    "rewrapped": True,
    "again": "409 KEY_ROTATION_NOT_PERMITTED",
    "disabled": "409 KEY_ACTION_INVALID_STATE_ERR",
    "registered": 0,
    "rotation": 3,
    "dualAuth": "409 AUTHORIZATIONS_NOT_MET",
    "imported": True,
    "retrievals": "409 IMPORT_TOKEN_EXPIRED_ERR",
    "filtered": 2,
    "policies": 3,
    "notAllowed": "409 KEY_CREATE_IMPORT_ACCESS_ERR",
    "rings": 2,
    "moved": "go-ring",
    "deleted": True,
    "restored": 1,
    "notSupported": "501 NOT_IMPLEMENTED_ERR",
}


def test_keys_live_and_end_with_the_go_client(go_programs: Path, publisher: Account) -> None:
    group = publisher.groups.list_resource_groups().get_result()["resources"][0]["id"]
    made = {"name": "go keys", "target": "us-south", "resource_plan_id": PLAN, "resource_group": group}
    instance = publisher.controller.create_resource_instance(**made).get_result()["guid"]
    given = json.dumps({"url": publisher.url, "key": publisher.env["IBMCLOUD_API_KEY"], "instance": instance})
    done = subprocess.run([go_programs / "keys", given], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == SEEN
