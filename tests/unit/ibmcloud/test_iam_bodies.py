"""What the commands of `iam` send, and what they make of an answer that tells of several outcomes."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from unit.ibmcloud.canned import ACCOUNT, Canned, canned
from unit.ibmcloud.command_shell import ibmcloud

PROFILE = {"id": "Profile-1", "iam_id": "iam-Profile-1", "name": "builders", "entity_tag": "2-a"}
RULE = {
    "id": "ClaimRule-1",
    "name": "staff",
    "type": "Profile-SAML",
    "realm_name": "https://idp.example",
    "expiration": 1200,
    "conditions": [{"claim": "cn", "operator": "EQUALS", "value": '"me"'}],
    "entity_tag": "3-b",
}
POLICY = {
    "id": "p1",
    "type": "access",
    "roles": [{"role_id": "crn:r", "display_name": "Viewer"}],
    "subjects": [{"attributes": [{"name": "iam_id", "value": "iam-Profile-1"}]}],
    "resources": [{"attributes": []}],
}
NAMED: dict[str, dict[str, Any]] = {
    "/v1/profiles": {"profiles": [PROFILE]},
    "/v1/profiles/Profile-1/rules": {"rules": [RULE]},
    "/v1/serviceids": {"serviceids": [{"id": "ServiceId-1", "iam_id": "iam-ServiceId-1", "name": "robot"}]},
    "/v2/groups": {"groups": [{"id": "AccessGroupId-1", "name": "staff"}, {"id": "AccessGroupId-2", "name": "staff2"}]},
    "/v2/roles": {"system_roles": [{"display_name": "Viewer", "crn": "crn:viewer"}]},
    f"/v1/accounts/{ACCOUNT}/settings/identity": {"entity_tag": "7-c", "mfa": "NONE"},
    "/v2/groups/AccessGroupId-1/members/delete": {"members": []},
    "/v2/groups/AccessGroupId-1/members": {"members": []},
    "/v1/policies/p1": POLICY,
}
ACCESS = {"type": "access", "subjects": [{"attributes": [{"name": "iam_id", "value": "iam-Profile-1"}]}]}
HERE = {"name": "accountId", "value": ACCOUNT}

ROWS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        """iam trusted-profile-rule-create builders --name r --type Profile-CR --cr-type VSI
        --conditions claim:crn,operator:EQUALS,value:crn:v1:a,b --conditions 'claim:x,operator:IN,value:"[1]"'""",
        "POST /v1/profiles/Profile-1/rules",
        {
            "name": "r",
            "type": "Profile-CR",
            "cr_type": "VSI",
            "conditions": [
                {"claim": "crn", "operator": "EQUALS", "value": '"crn:v1:a,b"'},
                {"claim": "x", "operator": "IN", "value": '"[1]"'},
            ],
        },
    ),
    (
        "iam trusted-profile-rule-update builders staff --expiration 900",
        "PUT /v1/profiles/Profile-1/rules/ClaimRule-1",
        {name: 900 if name == "expiration" else RULE[name] for name in RULE if name not in {"id", "entity_tag"}},
    ),
    (
        "iam trusted-profile-identity-create builders --id robot --id-type serviceid --description d",
        "POST /v1/profiles/Profile-1/identities/serviceid",
        {"identifier": "ServiceId-1", "type": "serviceid", "description": "d"},
    ),
    ("iam trusted-profile-update builders -d ''", "PUT /v1/profiles/Profile-1", {"description": ""}),
    (
        "iam trusted-profile-policy-create builders -r viewer --tags env:dev,env2:test --attributes 'instanceId=*'",
        "POST /v1/policies",
        {
            **ACCESS,
            "resources": [
                {
                    "attributes": [HERE, {"name": "instanceId", "value": "*", "operator": "stringMatch"}],
                    "tags": [{"name": "env", "value": "dev"}, {"name": "env2", "value": "test"}],
                }
            ],
            "roles": [{"role_id": "crn:viewer"}],
        },
    ),
    (
        "iam trusted-profile-policy-create builders --roles Viewer --resource-group-name '*'",
        "POST /v1/policies",
        {
            **ACCESS,
            "resources": [{"attributes": [HERE, {"name": "resourceGroupId", "value": "*", "operator": "stringMatch"}]}],
            "roles": [{"role_id": "crn:viewer"}],
        },
    ),
    (
        "iam trusted-profile-policy-update builders p1 --file second.json --api-version v2",
        "PUT /v2/policies/p1",
        {
            "type": "access",
            "control": {"grant": {"roles": [{"role_id": "crn:r"}]}},
            "subject": {"attributes": [{"key": "iam_id", "operator": "stringEquals", "value": "iam-Profile-1"}]},
        },
    ),
    (
        "iam access-group-policy-create staff -f @first.json",
        "POST /v1/policies",
        {
            "roles": [{"role_id": "crn:r"}],
            "type": "access",
            "subjects": [{"attributes": [{"name": "access_group_id", "value": "AccessGroupId-1"}]}],
        },
    ),
    (
        "iam access-group-service-id-add staff robot iam-ServiceId-1",
        "PUT /v2/groups/AccessGroupId-1/members",
        {"members": [{"iam_id": "iam-ServiceId-1", "type": "service"}] * 2},
    ),
    (
        "iam access-group-trusted-profile-remove staff builders -f",
        "POST /v2/groups/AccessGroupId-1/members/delete",
        {"members": ["iam-Profile-1"]},
    ),
    (
        "iam role-create Reader --display-name 'A reader' --service-name is -a is.image.image.read,is.image.image.list",
        "POST /v2/roles",
        {
            "name": "Reader",
            "display_name": "A reader",
            "service_name": "is",
            "actions": ["is.image.image.read", "is.image.image.list"],
            "account_id": ACCOUNT,
        },
    ),
    (
        "iam account-settings-update --mfa totp4all --allowed-ip-addresses ''",
        f"PUT /v1/accounts/{ACCOUNT}/settings/identity",
        {"mfa": "TOTP4ALL", "allowed_ip_addresses": ""},
    ),
)


def _said(tmp_path: Path, line: str, server: Canned) -> Any:
    (tmp_path / "second.json").write_text('{"control": {"grant": {"roles": [{"role_id": "crn:r"}]}}}')
    (tmp_path / "first.json").write_text('{"roles": [{"role_id": "crn:r"}]}')
    words = [re.sub(r"\w+\.json", lambda found: str(tmp_path / found[0]), word) for word in shlex.split(line)]
    return ibmcloud(*words, env=server.session(tmp_path))


@pytest.mark.parametrize(("line", "call", "body"), ROWS, ids=[row[0][:60] for row in ROWS])
def test_body(tmp_path: Path, line: str, call: str, body: dict[str, Any]) -> None:
    with canned(**{path: (200, json.loads(json.dumps(answer))) for path, answer in NAMED.items()}) as server:
        server.otherwise = (200, POLICY)
        said = _said(tmp_path, line, server)
    assert said.code == 0, said.err
    sent = next(one for one in reversed(server.calls) if not one[0].startswith("GET "))
    assert sent == (call, body)


WRONG = (
    ("iam trusted-profile-rule-create builders --type Profile-SAML --conditions cn=me", "is no condition"),
    ("iam trusted-profile-rule-create builders --type Profile-SAML", "--conditions is required"),
    ("iam trusted-profile-link-create builders --cr-type IKS_SA --link-crn c", "--link-namespace and --link-name"),
    ("iam trusted-profile-policy-create builders --roles Viewer --tags env", "--tags is a list of name:value"),
    ("iam trusted-profile-identity builders nobody --id-type USER", "Identity 'nobody' was not found."),
    ("iam trusted-profile another", "Trusted profile 'another' was not found."),
    ("iam access-groups -u a@b.example -s robot", "-u and -s exclude each other"),
    ("iam roles --resource-type image", "--service is required with --resource-type"),
    ("iam roles --roles Viewer,Baker", "Role 'baker' was not found. There is: viewer."),
    ("iam access-policies --sort-by size", "for --sort-by: one of -created_at, "),
    ("iam account-settings-update", "--restrict-create-service-id or "),
)


@pytest.mark.parametrize(("line", "message"), WRONG, ids=[row[0][:60] for row in WRONG])
def test_what_does_not_fit_is_said(tmp_path: Path, line: str, message: str) -> None:
    with canned(**{path: (200, answer) for path, answer in NAMED.items()}) as server:
        server.otherwise = (200, {"identities": []})
        said = _said(tmp_path, line, server)
        sent = [call for call, _ in server.calls if not call.startswith("GET ")]
    assert (said.code, sent) == (1, [])
    assert message in said.err


@pytest.mark.parametrize("shape", [(), ("--output", "json")])
def test_a_member_that_is_refused_is_a_failure(tmp_path: Path, shape: tuple[str, ...]) -> None:
    """The answer to several is 207 whatever became of each."""
    refused = {
        "iam_id": "iam-ServiceId-1",
        "status_code": 409,
        "errors": [{"code": "conflict", "message": "It is there already."}],
    }
    answers = {path: (200, answer) for path, answer in NAMED.items()}
    answers["/v2/groups/AccessGroupId-1/members"] = (207, {"members": [{"status_code": 200}, refused]})
    with canned(**answers) as server:
        said = ibmcloud(
            "iam", "access-group-service-id-add", "staff", "robot", "robot", *shape, env=server.session(tmp_path)
        )
    assert (said.code, "The service IDs are" in said.out) == (1, False)
    assert said.err == (
        "FAILED\niam-ServiceId-1: Status code: 409; error code: conflict; message: It is there already.\n\n"
    )


def test_policies_in_json_have_the_shape_that_is_asked_for(tmp_path: Path) -> None:
    second = {"id": "p1", "control": {"grant": {"roles": []}}}
    answers = {path: (200, answer) for path, answer in NAMED.items()}
    answers |= {"/v2/policies/p1": (200, second), "/v2/policies": (200, {"policies": [second]})}
    with canned(**answers) as server:
        env = server.session(tmp_path)
        ask = ("--output", "json", "--api-version", "v2")
        one = ibmcloud("iam", "trusted-profile-policy", "builders", "p1", *ask, env=env)
        many = ibmcloud("iam", "trusted-profile-policies", "builders", *ask, env=env)
        text = ibmcloud("iam", "trusted-profile-policy", "builders", "p1", "--api-version", "v2", env=env)
    assert (json.loads(one.out), json.loads(many.out)) == (second, [second])
    assert "Roles:       Viewer" in text.out
