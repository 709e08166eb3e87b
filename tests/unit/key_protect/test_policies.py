"""Policies: rotation by the clock, deletion by two users, and what an instance asks of new keys."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from fixtures.app import App
from fixtures.counted_work import statements_of
from kunsthalle.core.clock import DAY, SECOND
from kunsthalle.core.errors import Problem
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.key_protect.key_policies import refuse_other_addresses
from kunsthalle.key_protect.resources import PROTECTED_KEY
from kunsthalle.key_protect.schemas import keys_response
from unit.key_protect.conftest import Keys, b64

KIND = "application/vnd.ibm.kms.policy+json"
MONTH = 30 * DAY // SECOND
WEEK = 7 * DAY // SECOND
MANAGER = "crn:v1:bluemix:public:iam::::serviceRole:Manager"


def collection(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"collectionType": KIND, "collectionTotal": len(resources)}, "resources": list(resources)}


def set_policy(keys: Keys, id_: str, *resources: dict[str, Any], policy: str | None = None) -> Any:
    return keys.ask("put_policy", id=id_, key_policy_put_body=collection(*resources), policy=policy)


def set_instance(keys: Keys, policy: str, *, enabled: bool = True, **attributes: Any) -> None:
    data = {"enabled": enabled, **({"attributes": attributes} if attributes else {})}
    body = collection({"policy_type": policy, "policy_data": data})
    keys.ask("put_instance_policy", instance_policy_put_body=body, policy=policy)


def instance_policy(keys: Keys, policy: str) -> dict[str, Any]:
    (found,) = keys.ask("get_instance_policy", policy=policy)["resources"]
    assert found["policy_type"] == policy
    return dict(found["policy_data"])


def versions(keys: Keys, id_: str) -> int:
    return len(keys.ask("get_key_versions", id=id_)["resources"])


@pytest.fixture
def second(keys: Keys) -> Keys:
    """Another user of the account, who manages keys."""
    app = keys.app
    account = app.accounts["owner"]
    made = app.do("POST", "/v1/serviceids", {"name": "second", "account_id": account})
    attributes = [{"name": "accountId", "value": account}, {"name": "serviceName", "value": "kms"}]
    subjects = [{"attributes": [{"name": "iam_id", "value": made["iam_id"]}]}]
    policy = {"type": "access", "subjects": subjects, "resources": [{"attributes": attributes}]}
    app.do("POST", "/v1/policies", {**policy, "roles": [{"role_id": MANAGER}]})
    key = {"name": "second", "iam_id": made["iam_id"], "account_id": account}
    app.keys["second"] = app.do("POST", "/v1/apikeys", key)["apikey"]
    app.log_in()
    return replace(keys, who="second")


def test_the_clock_rotates_a_key_as_its_policy_says(keys: Keys, app: App) -> None:
    root = keys.create()["id"]
    ciphertext = keys.wrap(root, plaintext=b64(b"passphrase"))["ciphertext"]
    (policy,) = set_policy(keys, root, {"type": KIND, "rotation": {"interval_month": 2}})["resources"]
    assert policy["rotation"] == {"enabled": True, "interval_month": 2}
    assert policy["crn"].split(":")[8:] == ["policy", policy["id"]]
    app.travel(2 * MONTH - 60)
    assert versions(keys, root) == 1
    app.travel(60)
    assert versions(keys, root) == 2
    assert keys.get(root)["lastRotateDate"]
    assert keys.unwrap(root, ciphertext=ciphertext)["plaintext"] == b64(b"passphrase")
    app.travel(2 * MONTH)
    assert versions(keys, root) == 3


def test_a_rotation_by_hand_begins_the_interval_anew(keys: Keys, app: App) -> None:
    root = keys.create()["id"]
    set_policy(keys, root, {"rotation": {"interval_month": 1}})
    app.travel(MONTH // 2)
    keys.ask("rotate_key", id=root)
    app.travel(MONTH // 2)
    assert versions(keys, root) == 2
    app.travel(MONTH // 2)
    assert versions(keys, root) == 3


def test_a_policy_that_is_disabled_rotates_nothing_and_keeps_its_interval(keys: Keys, app: App) -> None:
    root = keys.create()["id"]
    set_policy(keys, root, {"rotation": {"interval_month": 3}}, policy="rotation")
    set_policy(keys, root, {"rotation": {"enabled": False}}, policy="rotation")
    app.travel(4 * MONTH)
    assert versions(keys, root) == 1
    (policy,) = set_policy(keys, root, {"rotation": {"enabled": True}})["resources"]
    assert policy["rotation"] == {"enabled": True, "interval_month": 3}
    app.travel(1)
    assert versions(keys, root) == 2, "the interval counts from the creation of the key"


def test_a_disabled_key_is_rotated_once_it_is_enabled_and_a_deleted_one_is_not(keys: Keys, app: App) -> None:
    disabled, deleted = keys.create()["id"], keys.create()["id"]
    for root in (disabled, deleted):
        set_policy(keys, root, {"rotation": {"interval_month": 1}})
    keys.ask("disable_key", id=disabled)
    keys.ask("delete_key", id=deleted)
    app.travel(MONTH - WEEK)
    keys.ask("restore_key", id=deleted)
    keys.ask("delete_key", id=deleted)
    app.travel(WEEK)
    assert (versions(keys, disabled), versions(keys, deleted)) == (1, 1)
    keys.ask("enable_key", id=disabled)
    keys.ask("restore_key", id=deleted)
    app.travel(DAY // SECOND)
    assert (versions(keys, disabled), versions(keys, deleted)) == (2, 2)


@pytest.mark.parametrize("months", [0, -1, 13])
def test_an_interval_is_of_one_to_twelve_months(neighbour: Keys, months: int) -> None:
    root = neighbour.create()["id"]
    body = collection({"rotation": {"interval_month": months}})
    assert neighbour.refused("put_policy", id=root, key_policy_put_body=body) == (400, "BAD_BODY_ERR")
    assert neighbour.ask("get_policy", id=root)["resources"] == []


def test_only_generated_root_keys_are_rotated_by_policy(keys: Keys) -> None:
    standard, imported = keys.create(root=False)["id"], keys.create(payload=b64(bytes(32)))["id"]
    body = collection({"rotation": {"interval_month": 1}})
    assert keys.refused("put_policy", id=standard, key_policy_put_body=body) == (400, "KEY_ROOT_REQ_ERR")
    assert keys.refused("put_policy", id=imported, key_policy_put_body=body) == (400, "KEY_IMPORT_STATUS_ERR")


def test_a_key_is_rotated_once_an_hour(keys: Keys, app: App) -> None:
    root = keys.create()["id"]
    keys.ask("rotate_key", id=root)
    assert keys.refused("rotate_key", id=root) == (409, "KEY_ROTATION_NOT_PERMITTED")
    app.travel(3_600)
    keys.ask("rotate_key", id=root)


def test_two_users_delete_a_key(keys: Keys, second: Keys) -> None:
    root = keys.create()["id"]
    assert keys.refused("set_key_for_deletion", id=root) == (409, "NOT_DUAL_AUTH_ERR")
    assert keys.refused("unset_key_for_deletion", id=root) == (409, "NOT_DUAL_AUTH_ERR")
    set_policy(keys, root, {"dualAuthDelete": {"enabled": True}})
    assert keys.get(root)["dualAuthDelete"] == {"enabled": True, "keySetForDeletion": False}
    assert second.refused("delete_key", id=root) == (409, "AUTHORIZATIONS_NOT_MET")
    keys.ask("set_key_for_deletion", id=root)
    shown = keys.get(root)["dualAuthDelete"]
    assert (shown["keySetForDeletion"], "authExpiration" in shown) == (True, True)
    assert keys.refused("delete_key", id=root) == (409, "AUTHORIZATIONS_NOT_MET"), "the same user twice"
    assert keys.refused("delete_key", id=root, force=True) == (409, "AUTHORIZATIONS_NOT_MET")
    second.ask("delete_key", id=root)
    assert keys.ask("get_key_metadata", id=root)["resources"][0]["state"] == 5
    keys.ask("restore_key", id=root)
    assert second.refused("delete_key", id=root) == (409, "AUTHORIZATIONS_NOT_MET"), "a restored key asks anew"


def test_a_list_of_keys_asks_once_for_the_authorizations_of_all(keys: Keys) -> None:
    for _ in range(4):
        key = keys.create()
        set_policy(keys, key["id"], {"dualAuthDelete": {"enabled": True}})
    keys.ask("set_key_for_deletion", id=key["id"])
    server = keys.app.server

    def shown(session: Session) -> set[str]:
        protected_keys = unscoped(session, PROTECTED_KEY)
        with statements_of(session) as statements:
            response = keys_response(session, protected_keys)
        assert len(statements) == 3, "aliases, policies, authorizations"
        return {one.id for one in response.resources if one.dual_auth.set_for_deletion}

    assert server.store.read(server.base, shown) == {key["id"]}


def test_an_authorization_is_withdrawn_or_ends_after_seven_days(keys: Keys, second: Keys) -> None:
    root = keys.create()["id"]
    set_policy(keys, root, {"dualAuthDelete": {"enabled": True}})
    keys.ask("set_key_for_deletion", id=root)
    second.ask("unset_key_for_deletion", id=root)
    assert second.refused("delete_key", id=root) == (409, "AUTHORIZATIONS_NOT_MET")
    keys.ask("set_key_for_deletion", id=root)
    keys.app.travel(WEEK)
    assert second.refused("delete_key", id=root) == (409, "AUTHORIZATIONS_NOT_MET")
    assert keys.get(root)["dualAuthDelete"]["keySetForDeletion"] is False
    body = collection({"dualAuthDelete": {"enabled": False}})
    assert keys.refused("put_policy", id=root, key_policy_put_body=body)[0] == 409


@pytest.mark.parametrize(
    ("resources", "total", "policy", "code"),
    [
        ([{"rotation": {"interval_month": 1}}], 2, None, "COLLECTION_TOTAL_MISMATCH_ERR"),
        ([{"rotation": {"interval_month": 1}}], 1, "dualAuthDelete", "BODY_QUERY_PARAM_MISMATCH_ERR"),
        ([{"rotation": {"interval_month": 1}}] * 2, 2, "rotation", "NUM_COLLECTION_RESOURCE_ERR"),
        ([{"type": KIND}], 1, None, "BAD_BODY_ERR"),
        ([{"rotation": {"enabled": True}}], 1, None, "BAD_BODY_ERR"),
    ],
)
def test_a_collection_of_policies_says_what_it_holds(
    neighbour: Keys, resources: list[Any], total: int, policy: str | None, code: str
) -> None:
    root = neighbour.create()["id"]
    body = {"metadata": {"collectionType": KIND, "collectionTotal": total}, "resources": resources}
    assert neighbour.refused("put_policy", id=root, key_policy_put_body=body, policy=policy) == (400, code)


def test_new_keys_follow_the_policies_of_their_instance(keys: Keys, app: App) -> None:
    before = keys.create()["id"]
    set_instance(keys, "rotation", interval_month=1)
    set_instance(keys, "dualAuthDelete")
    root, standard = keys.create()["id"], keys.create(root=False)["id"]
    imported = keys.create(payload=b64(bytes(32)))["id"]

    def names(id_: str) -> set[str]:
        found = keys.ask("get_policy", id=id_)["resources"]
        return {name for policy in found for name in ("rotation", "dualAuthDelete") if name in policy}

    assert names(root) == {"rotation", "dualAuthDelete"}
    assert (names(before), names(standard), names(imported)) == (set(), {"dualAuthDelete"}, {"dualAuthDelete"})
    app.travel(MONTH)
    assert (versions(keys, before), versions(keys, root)) == (1, 2)
    set_instance(keys, "dualAuthDelete", enabled=False)
    assert names(keys.create()["id"]) == {"rotation"}
    assert keys.refused("delete_key", id=root) == (409, "AUTHORIZATIONS_NOT_MET"), "what a key has stays"


def test_a_key_is_made_with_policies_of_its_own(keys: Keys) -> None:
    set_instance(keys, "rotation", interval_month=1)
    resource = {"name": "a key", "extractable": False, "rotation": {"enabled": True, "interval_month": 6}}
    body = json.dumps(collection({**resource, "dualAuthDelete": {"enabled": True}}))
    made = keys.ask("create_key_with_policies_overrides", key_with_policy_overrides_create_body=body)
    root = made["resources"][0]
    assert root["dualAuthDelete"]["enabled"] is True
    (rotation,) = keys.ask("get_policy", id=root["id"], policy="rotation")["resources"]
    assert rotation["rotation"] == {"enabled": True, "interval_month": 6}


def test_an_instance_says_how_keys_come_into_it(keys: Keys) -> None:
    set_instance(keys, "keyCreateImportAccess", create_standard_key=False, enforce_token=True)
    assert instance_policy(keys, "keyCreateImportAccess")["attributes"] == {
        "create_root_key": True,
        "create_standard_key": False,
        "import_root_key": True,
        "import_standard_key": True,
        "enforce_token": True,
    }
    keys.create()
    new = {"name": "a key", "extractable": True}
    for resource in (new, {**new, "extractable": False, "payload": b64(bytes(32))}):
        body = json.dumps(collection(resource))
        assert keys.refused("create_key", key_create_body=body) == (409, "KEY_CREATE_IMPORT_ACCESS_ERR"), resource
    set_instance(keys, "keyCreateImportAccess", enabled=False)
    keys.create(root=False)
    keys.create(payload=b64(bytes(32)))


def test_an_instance_is_for_some_addresses(keys: Keys, app: App) -> None:
    assert keys.ask("get_allowed_ip_port")["resources"] == []
    set_instance(keys, "allowedIP", allowed_ip=["127.0.0.0/8", "2001:db8::/32"])
    assert keys.ask("get_allowed_ip_port")["resources"] == [{"private_endpoint_port": 80}]
    keys.create()
    set_instance(keys, "allowedIP", allowed_ip=["192.0.2.0/24"])
    assert keys.refused("get_keys") == (403, "CONFIG_RULE_CONFLICT_ERR")


@pytest.mark.parametrize(
    ("client", "refused"),
    [
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("2001:db8::7", False),
        ("::ffff:198.51.100.7", True),
        ("2001:db9::7", True),
        ("a path", True),
    ],
)
def test_a_listener_of_both_kinds_of_addresses_writes_those_of_ipv4_as_ipv6(
    keys: Keys, app: App, client: str, refused: bool
) -> None:
    set_instance(keys, "allowedIP", allowed_ip=["192.0.2.0/24", "2001:db8::/32"])
    caller = app.server.base.asked("trace", "http://kunsthalle.test", client)
    with pytest.raises(Problem) if refused else nullcontext():
        app.server.store.read(caller, lambda session: refuse_other_addresses(session, keys.instance))


@pytest.mark.parametrize(
    ("policy", "data"),
    [
        ("metrics", {"enabled": True}),
        ("allowedNetwork", {"enabled": True, "attributes": {"allowed_network": "private-only"}}),
        ("allowedNetwork", {"enabled": False, "attributes": {"allowed_network": "public-and-private"}}),
    ],
)
def test_a_policy_that_is_only_kept_is_shown_as_it_was_set(neighbour: Keys, policy: str, data: dict[str, Any]) -> None:
    set_instance(neighbour, policy, enabled=data["enabled"], **data.get("attributes", {}))
    assert instance_policy(neighbour, policy) == data


@pytest.mark.parametrize(
    ("policy", "data"),
    [
        ("metrics", {"enabled": True, "attributes": {"interval_month": 1}}),
        ("rotation", {"enabled": True}),
        ("rotation", {"enabled": True, "attributes": {"interval_month": 13}}),
        ("rotation", {"enabled": False, "attributes": {"interval_month": 1}}),
        ("dualAuthDelete", {"enabled": True, "attributes": {"allowed_ip": ["192.0.2.0/24"]}}),
        ("allowedNetwork", {"enabled": True}),
        ("allowedIP", {"enabled": True, "attributes": {"allowed_ip": []}}),
        ("allowedIP", {"enabled": True, "attributes": {"allowed_ip": ["somewhere"]}}),
        ("allowedIP", {"enabled": False, "attributes": {"allowed_ip": ["192.0.2.0/24"]}}),
        ("keyCreateImportAccess", {"enabled": False, "attributes": {"enforce_token": True}}),
    ],
)
def test_attributes_are_those_of_the_policy(neighbour: Keys, policy: str, data: dict[str, Any]) -> None:
    body = collection({"policy_type": policy, "policy_data": data})
    assert neighbour.refused("put_instance_policy", instance_policy_put_body=body) == (400, "BAD_BODY_ERR")
    assert neighbour.ask("get_instance_policy")["resources"] == []
