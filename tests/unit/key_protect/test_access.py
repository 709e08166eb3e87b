"""Who reaches keys: roles within the service, policies on rings and keys, other accounts; what lies in the files."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.app import App
from kunsthalle.cli.main import cli
from kunsthalle.core.clock import DAY, SECOND
from kunsthalle.db.reencryption import replace_all
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find
from kunsthalle.key_protect import registrations
from kunsthalle.key_protect.resources import PROTECTED_KEY
from kunsthalle.operator.master_key_rotation import secret_places
from unit.key_protect.conftest import PLAN, Keys, b64, make_instance

PLATFORM, SERVICE = "crn:v1:bluemix:public:iam::::role:", "crn:v1:bluemix:public:iam::::serviceRole:"
SEES, USES, CHANGES, RULES = range(4)
"""What a role may do: see that there are keys and use root keys; read payloads, make and rotate; delete and disable."""

WRITES = {"list", "metadata", "wrap", "payload", "create", "rotate", "token"}


@pytest.fixture
def with_role(keys: Keys) -> Callable[..., Keys]:
    """Makes a service ID that holds one policy on the service `kms`, and acts as it."""

    def make(role: str, **attributes: str) -> Keys:
        app = keys.app
        account = app.accounts["owner"]
        made = app.do("POST", "/v1/serviceids", {"name": "robot", "account_id": account})
        wanted = {"accountId": account, "serviceName": "kms", **attributes}
        resources = [{"attributes": [{"name": name, "value": value} for name, value in wanted.items()]}]
        subjects = [{"attributes": [{"name": "iam_id", "value": made["iam_id"]}]}]
        policy = {"type": "access", "subjects": subjects, "roles": [{"role_id": role}], "resources": resources}
        app.do("POST", "/v1/policies", policy)
        key = {"name": "robot", "iam_id": made["iam_id"], "account_id": account}
        app.keys[role] = app.do("POST", "/v1/apikeys", key)["apikey"]
        app.log_in()
        return replace(keys, who=role)

    return make


def status(call: Callable[[], Any]) -> int:
    from ibm_cloud_sdk_core import ApiException

    try:
        call()
    except ApiException as error:
        return int(error.status_code)
    return 200


@pytest.mark.parametrize(
    ("role", "reach"),
    [
        (SERVICE + "Reader", {"list", "metadata", "wrap"}),
        (SERVICE + "Writer", WRITES),
        (SERVICE + "Manager", {*WRITES, "disable", "delete", "policies", "instance policies"}),
        (PLATFORM + "Viewer", set()),
        (PLATFORM + "Administrator", set()),
    ],
)
def test_a_role_of_the_service_reaches_keys_and_a_platform_role_none(
    keys: Keys, with_role: Callable[..., Keys], role: str, reach: set[str]
) -> None:
    root, standard = keys.create()["id"], keys.create(root=False)["id"]
    robot = with_role(role)
    tried = {
        "list": lambda: robot.ask("get_keys"),
        "metadata": lambda: robot.ask("get_key_metadata", id=root),
        "wrap": lambda: robot.wrap(root),
        "payload": lambda: robot.get(standard),
        "create": robot.create,
        "rotate": lambda: robot.ask("rotate_key", id=root),
        "disable": lambda: robot.ask("disable_key", id=root),
        "delete": lambda: robot.ask("delete_key", id=root),
        "token": lambda: robot.ask("post_import_token"),
        "policies": lambda: robot.ask("get_policy", id=root),
        "instance policies": lambda: robot.ask("get_instance_policy"),
    }
    found = {name: status(call) for name, call in tried.items()}
    assert {name for name, code in found.items() if code == 200} == reach
    refused = {code for name, code in found.items() if name not in reach}
    assert refused <= ({403} if reach else {403, 404})


def test_a_policy_may_be_on_one_ring_or_one_key(keys: Keys, with_role: Callable[..., Keys]) -> None:
    keys.ask("create_key_ring", key_ring_id="images")
    inside, outside = keys.create(ring="images")["id"], keys.create()["id"]
    robot = with_role(SERVICE + "Manager", keyRing="images")
    assert [key["id"] for key in robot.ask("get_keys")["resources"]] == [inside]
    assert status(lambda: robot.get(outside)) == 404
    assert status(lambda: robot.create(ring="images")) == 200
    assert status(robot.create) == 403
    reader = with_role(SERVICE + "Reader", resource=outside)
    assert [key["id"] for key in reader.ask("get_keys")["resources"]] == [outside]


def test_to_other_accounts_an_instance_and_its_keys_are_absent(keys: Keys, app: App) -> None:
    root = keys.create()["id"]
    never = "00000000-0000-4000-8000-000000000000"
    for who in ("consumer", "outsider", "enterprise"):
        for path in ("/api/v2/keys", f"/api/v2/keys/{root}", "/api/v2/key_rings", "/api/v2/keys/registrations"):
            foreign = app.call(who, "GET", path, bluemix_instance=keys.instance)
            absent = app.call(who, "GET", path.replace(root, never), bluemix_instance=never)
            assert (foreign.status, foreign) == (404, absent), (who, path)
        own = make_instance(app, who=who)
        hidden = app.call(who, "GET", f"/api/v2/keys/{root}", bluemix_instance=own)
        assert (hidden.status, hidden) == (404, app.call(who, "GET", f"/api/v2/keys/{never}", bluemix_instance=own))


def test_a_key_is_found_in_its_own_instance_alone(keys: Keys, app: App) -> None:
    root = keys.create()["id"]
    elsewhere = Keys(app, make_instance(app, "more keys"))
    assert elsewhere.refused("get_key", id=root) == (404, "KEY_NOT_FOUND_ERR")
    assert elsewhere.ask("get_keys")["resources"] == []
    assert app.call("owner", "GET", "/api/v2/keys").status == 400


def registered(keys: Keys, key_id: str, crn: str) -> None:
    """What the packages do whose resources a key protects."""
    server = keys.app.server

    def register(session: Session) -> None:
        system = session.as_context(session.ctx.as_system(keys.app.accounts["owner"]))
        registrations.register(system, find(system, PROTECTED_KEY, key_id), crn)

    server.store.write(server.base, register)


def test_what_a_key_protects_keeps_it_from_being_deleted(keys: Keys) -> None:
    root, other = keys.create()["id"], keys.create()["id"]
    crn = f"crn:v1:bluemix:public:is:us-south:a/{keys.app.accounts['owner']}::image:r006-1"
    registered(keys, root, crn)
    (shown,) = keys.ask("get_registrations", id=root)["resources"]
    assert (shown["keyId"], shown["resourceCrn"], shown["preventKeyDeletion"]) == (root, crn, False)
    assert keys.ask("get_registrations", id=root, prevent_key_deletion=True)["resources"] == []
    assert keys.ask("get_registrations", id=other)["resources"] == []
    every = keys.ask("get_registrations_all_keys", url_encoded_resource_crn_query="*:image:*")
    assert [one["resourceCrn"] for one in every["resources"]] == [crn]
    none = keys.ask("get_registrations_all_keys", url_encoded_resource_crn_query="*:volume:*")
    assert none["resources"] == []
    assert keys.refused("delete_key", id=root) == (409, "PROTECTED_RESOURCE_ERR")
    assert keys.get(root)["state"] == 1
    keys.ask("delete_key", id=root, force=True)
    assert keys.ask("get_key_metadata", id=root)["resources"][0]["state"] == 5


def test_no_byte_of_the_database_gives_key_material_away_and_it_follows_a_new_master_key(keys: Keys) -> None:
    material, secret = bytes(range(100, 132)), b"a secret of mine, kept for a year"
    root = keys.create(payload=b64(material))["id"]
    standard = keys.create(root=False, payload=b64(secret))["id"]
    wrapped = keys.wrap(root, plaintext=b64(b"a passphrase of a volume"))["ciphertext"]
    data = keys.app.server.settings.data

    def whole() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(data.glob("kunsthalle.sqlite*")))

    assert root.encode() in whole()
    for octets in (material, secret, b"a passphrase of a volume"):
        assert octets not in whole()
        assert base64.b64encode(octets)[:-4] not in whole()
    with closing(sqlite3.connect(data / "kunsthalle.sqlite")) as connection:
        before = {row[0] for row in connection.execute("SELECT material FROM key_versions")}
    keys.app.server.stop()
    done = CliRunner().invoke(cli, ["master-key", "rotate", "--data", str(data)])
    assert done.exit_code == 0, done.output
    keys.app.restart()
    with closing(sqlite3.connect(data / "kunsthalle.sqlite")) as connection:
        after = {row[0] for row in connection.execute("SELECT material FROM key_versions")}
    assert len(before) == 2
    assert not before & after
    assert keys.get(standard)["payload"] == b64(secret)
    assert keys.unwrap(root, ciphertext=wrapped)["plaintext"] == b64(b"a passphrase of a volume")


def test_what_a_state_without_secrets_left_out_is_refused(keys: Keys, app: App) -> None:
    root = keys.create()["id"]
    wrapped = keys.wrap(root)["ciphertext"]
    robot = app.do("POST", "/v1/serviceids", {"name": "robot", "account_id": app.accounts["owner"]})
    body = {"name": "kept", "iam_id": robot["iam_id"], "account_id": app.accounts["owner"], "store_value": True}
    kept = app.do("POST", "/v1/apikeys", body)["id"]
    assert app.do("GET", f"/v1/apikeys/{kept}")["apikey"]

    def leave_out(session: Session) -> None:
        replace_all(session, secret_places(), lambda _value, purpose: session.cipher.encrypt("", purpose))

    app.server.store.write(app.server.base, leave_out)
    assert keys.refused("wrap_key", id=root, key_action_wrap_body="{}") == (409, "KEY_ACTION_INVALID_STATE_ERR")
    refused = keys.refused("unwrap_key", id=root, key_action_unwrap_body=json.dumps({"ciphertext": wrapped}))
    assert refused == (400, "UNPROCESSABLE_CIPHERTEXT_ERR")
    assert app.do("GET", f"/v1/apikeys/{kept}")["apikey"] == ""


def test_an_instance_takes_its_keys_with_it_and_brings_them_back(keys: Keys, app: App) -> None:
    root = keys.create(aliases=["golden"])["id"]
    wrapped = keys.wrap(root)["ciphertext"]
    app.do("DELETE", f"/v2/resource_instances/{keys.instance}")
    assert keys.refused("get_keys") == (404, "KEY_NOT_FOUND_ERR")
    (waiting,) = app.do("GET", "/v1/reclamations")["resources"]
    app.do("POST", f"/v1/reclamations/{waiting['id']}/actions/restore", {})
    assert keys.unwrap(root, ciphertext=wrapped)["plaintext"]
    app.do("DELETE", f"/v2/resource_instances/{keys.instance}")
    app.travel(8 * DAY // SECOND)
    assert app.do("GET", "/v1/reclamations")["resources"] == []
    with closing(sqlite3.connect(app.server.settings.data / "kunsthalle.sqlite")) as connection:
        for table in ("protected_keys", "key_versions", "key_aliases", "key_rings"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table  # noqa: S608  ours


def test_key_material_stays_out_of_audit_and_search(keys: Keys, app: App) -> None:
    secret = b64(b"a secret of mine, kept for a year")
    standard = keys.create(root=False, payload=secret)
    keys.get(standard["id"])
    found = app.do("POST", "/v3/resources/search", {"query": "*", "fields": ["*"]})
    assert standard["crn"] in {item["crn"] for item in found["items"]}
    assert secret not in json.dumps(found)
    audit = app.call("owner", "GET", "/_kunsthalle/audit")
    assert secret not in audit.body.decode()


def test_an_instance_says_where_its_keys_are_reached(keys: Keys, app: App) -> None:
    shown = app.do("GET", f"/v2/resource_instances/{keys.instance}")
    assert shown["extensions"] == {"endpoints": dict.fromkeys(("public", "private"), "http://kunsthalle.test")}
    assert (shown["region_id"], shown["resource_id"]) == ("us-south", "ee41347f-b18e-4ca6-bf80-b5467c63f9a6")
    assert shown["crn"] == f"crn:v1:bluemix:public:kms:us-south:a/{app.accounts['owner']}:{keys.instance}::"


@pytest.mark.parametrize("network", ["private-only", "public-and-private"])
def test_an_instance_keeps_the_network_that_it_is_said_to_allow(app: App, network: str) -> None:
    group = app.do("GET", "/v2/resource_groups")["resources"][0]["id"]
    body = {"name": "keys", "target": "us-south", "resource_plan_id": PLAN, "resource_group": group}
    made = app.do("POST", "/v2/resource_instances", {**body, "parameters": {"allowed_network": network}})
    assert made["parameters"] == {"allowed_network": network}
    places = app.do("GET", f"/api/v1/{PLAN}/deployment")["resources"]
    (shown,) = (place for place in places if place["id"].endswith(":us-south"))
    app.do("POST", "/v2/resource_instances", {**body, "name": "by Terraform", "target": shown["catalog_crn"]})
    elsewhere = app.refused("POST", "/v2/resource_instances", {**body, "target": "eu-de"})
    assert elsewhere == (400, "bad_request", "target")
    refused = app.refused("POST", "/v2/resource_instances", {**body, "parameters": {"allowed_network": "none"}})
    assert refused == (400, "bad_request", "parameters.allowed_network")
