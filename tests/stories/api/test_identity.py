"""Keys, tokens and policies through the official SDKs."""

from __future__ import annotations

import base64
import json
from typing import Any

from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_platform_services.iam_identity_v1 import ApiKey, ApiKeyList
from ibm_platform_services.iam_policy_management_v1 import (
    Policy,
    PolicyResource,
    PolicyRole,
    PolicySubject,
    ResourceAttribute,
    SubjectAttribute,
)
from ibm_platform_services.resource_manager_v2 import ResourceGroupList
from ibm_vpc import VpcV1
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import create_engine, inspect, select, table, text

from fixtures.clients import Account
from fixtures.nodes import Nodes
from kunsthalle.testing import Served
from stories.api.test_catalog import refused

VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


def test_a_token_says_who_and_where(publisher: Account) -> None:
    answer = publisher.authenticator.token_manager.request_token()
    claims = claims_of(answer["access_token"])
    assert (claims["iam_id"], claims["id"]) == (publisher.iam_id, publisher.iam_id)
    assert (claims["account"]["bss"], claims["realmid"]) == (publisher.id, "IBMid")
    assert claims["iss"] == f"{publisher.url}/identity"
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3_600)
    assert answer["expiration"] == claims["exp"] == claims["iat"] + 3_600


def test_the_published_keys_verify_it(publisher: Account) -> None:
    answer = publisher.authenticator.token_manager.request_token()
    document = publisher.identity.send(publisher.identity.prepare_request("GET", "/identity/keys")).get_result()
    assert jwt.decode(answer["access_token"], KeySet.import_key_set(document), algorithms=["RS256"]).claims
    assert all("d" not in key for key in document["keys"])


def test_a_key_is_shown_once_and_opens_until_it_is_deleted(served: Served, publisher: Account) -> None:
    made = publisher.identity.create_api_key(name="second", iam_id=publisher.iam_id).get_result()
    assert ApiKey.from_dict(made).apikey
    assert publisher.identity.get_api_key(made["id"]).get_result()["apikey"] == ""
    listed = publisher.identity.list_api_keys(iam_id=publisher.iam_id).get_result()
    assert made["id"] in {key.id for key in ApiKeyList.from_dict(listed).apikeys}

    client = VpcV1(authenticator=IAMAuthenticator(made["apikey"], url=publisher.url))
    client.set_service_url(publisher.env["IBMCLOUD_IS_NG_API_ENDPOINT"])
    assert client.list_images().get_status_code() == 200
    publisher.identity.delete_api_key(made["id"])
    fresh = IAMAuthenticator(made["apikey"], url=publisher.url)
    error = refused(fresh.token_manager.get_token)
    assert (error.status_code, error.http_response.json()["errorCode"]) == (400, "BXNIM0415E")


def test_secrets_are_not_in_the_store(served: Served, publisher: Account) -> None:
    for path in served.data.glob("kunsthalle.sqlite*"):
        assert publisher.env["IBMCLOUD_API_KEY"].encode() not in path.read_bytes()
    rows = stored(served)
    assert publisher.env["IBMCLOUD_API_KEY"] not in str(rows)
    assert rows["api_keys"]
    assert all(len(one["hash"]) == 64 for one in rows["api_keys"])
    assert publisher.env["IBMCLOUD_API_KEY"] not in served.log.read_text()


def stored(served: Served) -> dict[str, list[dict[str, Any]]]:
    """All that the database has, by table."""
    url = served.database if isinstance(served, Nodes) else f"sqlite:///{served.data / 'kunsthalle.sqlite'}"
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            return {
                name: [*map(dict, connection.execute(select(text("*")).select_from(table(name))).mappings())]
                for name in tables
            }
    finally:
        engine.dispose()


def test_policies_are_made_listed_and_refused_twice(publisher: Account) -> None:
    subject = PolicySubject(attributes=[SubjectAttribute(name="iam_id", value="IBMid-SOMEBODY01")])
    resource = PolicyResource(
        attributes=[
            ResourceAttribute(name="accountId", value=publisher.id),
            ResourceAttribute(name="serviceName", value="is"),
        ]
    )
    wanted = {"type": "access", "subjects": [subject], "roles": [PolicyRole(role_id=VIEWER)], "resources": [resource]}
    made = publisher.policies.create_policy(**wanted).get_result()
    assert Policy.from_dict(made).state == "active"
    again = refused(publisher.policies.create_policy, **wanted)
    assert (again.status_code, again.http_response.json()["errors"][0]["code"]) == (409, "policy_conflict_error")
    listed = publisher.policies.list_policies(account_id=publisher.id, iam_id="IBMid-SOMEBODY01").get_result()
    assert [one["id"] for one in listed["policies"]] == [made["id"]]
    publisher.policies.delete_policy(made["id"])
    assert refused(publisher.policies.get_policy, made["id"]).status_code == 404


def test_each_family_refuses_in_its_own_words(publisher: Account) -> None:
    def without_token(path: str) -> tuple[int, dict[str, Any]]:
        import http.client
        from urllib.parse import urlsplit

        connection = http.client.HTTPConnection(urlsplit(publisher.url).netloc)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    for path, code in (
        ("/v1/images?version=2025-01-01&generation=2", "not_authorized"),
        ("/api/v1-beta/catalogs", "unauthorized"),
        ("/v1/policies", "invalid_token"),
        ("/v1/apikeys", "unauthorized"),
        ("/v2/resource_groups", "unauthorized"),
    ):
        status, body = without_token(path)
        assert (status, body["errors"][0]["code"]) == (401, code), path


def test_the_default_resource_group_is_there(publisher: Account) -> None:
    listed = publisher.groups.list_resource_groups(account_id=publisher.id, default=True).get_result()
    groups = ResourceGroupList.from_dict(listed).resources
    assert [(group.name, group.default) for group in groups] == [("Default", True)]
