"""Every operation of IBM's client for Python: what it comes to here, in one table."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException
from keyprotect import IbmKeyProtectApiV2

from unit.key_protect.conftest import Keys

KIND = "application/vnd.ibm.kms.key+json"
NEW = json.dumps({"metadata": {}, "resources": [{"type": KIND, "name": "a key", "extractable": False}]})
DUAL = {"metadata": {}, "resources": [{"dualAuthDelete": {"enabled": True}}]}
METRICS = {"metadata": {}, "resources": [{"policy_type": "metrics", "policy_data": {"enabled": True}}]}
Ids = dict[str, str]


def _on(state: str = "root", **fields: Any) -> Callable[[Ids], dict[str, Any]]:
    return lambda ids: {"id": ids[state], **fields}


def _with(**fields: Any) -> Callable[[Ids], dict[str, Any]]:
    return lambda _ids: fields


def _ciphertext(field: str) -> Callable[[Ids], dict[str, Any]]:
    return lambda ids: {"id": ids["root"], field: json.dumps({"ciphertext": ids["ciphertext"]})}


# Arguments and status of each. A status of 501 is that of what this product does not do, and says so.
OPERATIONS: dict[str, tuple[Callable[[Ids], dict[str, Any]], int]] = {
    "get_key_collection_metadata": (_with(), 200),
    "create_key": (_with(key_create_body=NEW), 201),
    "get_keys": (_with(), 200),
    "create_key_with_policies_overrides": (_with(key_with_policy_overrides_create_body=NEW), 201),
    "get_key": (_on(), 200),
    "action_on_key": (_on(action="wrap", key_action_body="{}"), 501),
    "patch_key": (_on(key_patch_body=json.dumps({"keyRingID": "default"})), 200),
    "delete_key": (_on("second"), 204),
    "get_key_metadata": (_on(), 200),
    "purge_key": (_on("deleted"), 204),
    "restore_key": (_on("gone"), 201),
    "get_key_versions": (_on(limit=1, total_count=True), 200),
    "wrap_key": (_on(), 200),
    "unwrap_key": (_ciphertext("key_action_unwrap_body"), 200),
    "rewrap_key": (_ciphertext("key_action_rewrap_body"), 200),
    "rotate_key": (_on(), 204),
    "set_key_for_deletion": (_on("dual"), 204),
    "unset_key_for_deletion": (_on("dual"), 204),
    "disable_key": (_on(), 204),
    "enable_key": (_on("disabled"), 204),
    "sync_associated_resources": (_on(), 204),
    "put_policy": (_on(key_policy_put_body=DUAL), 200),
    "get_policy": (_on(), 200),
    "put_instance_policy": (_with(instance_policy_put_body=METRICS), 204),
    "get_instance_policy": (_with(), 200),
    "get_allowed_ip_port": (_with(), 200),
    "post_import_token": (_with(), 200),
    "get_import_token": (_with(), 200),
    "get_registrations": (_on(limit=5, total_count=True), 200),
    "get_registrations_all_keys": (_with(limit=5, total_count=True), 200),
    "create_key_alias": (_on(alias="another"), 201),
    "delete_key_alias": (_on(alias="golden"), 204),
    "list_key_rings": (_with(limit=1, total_count=True), 200),
    "create_key_ring": (_with(key_ring_id="more"), 201),
    "delete_key_ring": (_with(key_ring_id="images"), 204),
    "get_kmip_adapters": (_with(), 501),
    "create_kmip_adapter": (_with(metadata={}, resources=[]), 501),
    "get_kmip_adapter": (_with(id="adapter"), 501),
    "delete_kmip_adapter": (_with(id="adapter"), 501),
    "get_kmip_objects": (_with(adapter_id="adapter"), 501),
    "get_kmip_object": (_with(adapter_id="adapter", id="object"), 501),
    "delete_kmip_object": (_with(adapter_id="adapter", id="object"), 501),
    "get_kmip_client_certificates": (_with(adapter_id="adapter"), 501),
    "add_kmip_client_certificate": (_with(adapter_id="adapter", metadata={}, resources=[]), 501),
    "get_kmip_client_certificate": (_with(adapter_id="adapter", id="certificate"), 501),
    "delete_kmip_client_certificate": (_with(adapter_id="adapter", id="certificate"), 501),
}


def _operations() -> set[str]:
    own = {name for name, _ in inspect.getmembers(IbmKeyProtectApiV2, inspect.isfunction)}
    inherited = {name for name, _ in inspect.getmembers(IbmKeyProtectApiV2.__mro__[1], inspect.isfunction)}
    return {name for name in own - inherited if not name.startswith("_")}


def test_every_operation_of_the_client_has_a_row() -> None:
    assert _operations() == set(OPERATIONS)


@pytest.fixture
def ids(keys: Keys) -> Ids:
    """A root key with an alias, and keys in the states that the operations ask for."""
    made = {name: keys.create()["id"] for name in ("root", "second", "deleted", "gone", "dual", "disabled")}
    made["ciphertext"] = keys.wrap(made["root"])["ciphertext"]
    keys.ask("create_key_alias", id=made["root"], alias="golden")
    keys.ask("create_key_ring", key_ring_id="images")
    keys.ask("post_import_token")
    keys.ask("put_policy", id=made["dual"], key_policy_put_body=DUAL)
    keys.ask("disable_key", id=made["disabled"])
    keys.ask("delete_key", id=made["deleted"])
    keys.app.travel(4 * 3_600)
    keys.ask("delete_key", id=made["gone"])
    keys.ask("post_import_token")
    return made


def test_every_operation_comes_to_what_its_row_says(keys: Keys, ids: Ids) -> None:
    """In the order of the table: what ends a key's life comes to keys of its own."""
    for operation, (arguments, status) in OPERATIONS.items():
        try:
            answer = getattr(keys.sdk, operation)(bluemix_instance=keys.instance, **arguments(ids))
        except ApiException as error:
            assert (operation, error.status_code) == (operation, status), error.message
            resources = error.http_response.json()["resources"]
            assert resources[0]["reasons"][0]["code"] == "NOT_IMPLEMENTED_ERR"
        else:
            assert (operation, answer.get_status_code()) == (operation, status)
