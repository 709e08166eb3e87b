"""Raw calls by the people of a served process: what the SDKs would not send, and the status that comes back."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from kunsthalle.testing import Served

GRANT = "urn:ibm:params:oauth:grant-type:"
ADMINISTRATOR = "crn:v1:bluemix:public:iam::::role:Administrator"


@dataclass(frozen=True)
class Reply:
    """An answer; `json` is None where there is no body."""

    status: int
    json: Any


def send(url: str, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    """One call on a connection of its own; a dict is sent as JSON, a text as a form."""
    form = isinstance(body, str)
    headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, path, body if form or body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        raw = answer.read()
    finally:
        connection.close()
    return Reply(answer.status, json.loads(raw) if raw else None)


def token(url: str, secret: str, **more: str) -> Reply:
    """What the token endpoint answers to a key."""
    return send(url, "POST", "/identity/token", urlencode({"grant_type": f"{GRANT}apikey", "apikey": secret, **more}))


@dataclass(frozen=True)
class Person:
    """Somebody with a token of one account; `secret` is a key of theirs."""

    url: str
    name: str
    iam_id: str
    account_id: str
    secret: str = field(repr=False)
    bearer: str = field(repr=False)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        known = {"Authorization": f"Bearer {self.bearer}", "If-Match": "*"}
        return send(self.url, method, path, body, **known, **headers)

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        reply = self(method, path, body)
        assert reply.status < 300, (method, path, reply)
        return reply.json

    @property
    def login(self) -> str:
        return f"owner@{self.name}.example"

    @property
    def users(self) -> str:
        return f"/v2/accounts/{self.account_id}/users"

    def within(self, account_id: str) -> Person:
        """The same person in another account of which they are a member."""
        made = token(self.url, self.secret, bss_account=account_id)
        assert made.status == 200, made
        return Person(self.url, self.name, self.iam_id, account_id, self.secret, made.json["access_token"])

    def invite(self, guest: Person, *service_types: str, role: str = ADMINISTRATOR) -> Any:
        """Invites somebody with a role on these types of services; what is told of the invitation."""
        policies = [
            {
                "type": "access",
                "roles": [{"role_id": role}],
                "resources": [{"attributes": [{"name": "serviceType", "value": one}]}],
            }
            for one in service_types
        ]
        body = {"users": [{"email": guest.login}], "iam_policy": policies}
        return self.ok("POST", self.users, body)["resources"][0]

    def accept(self, host: Person) -> Person:
        """Accepts the invitation of another's account, and goes there."""
        self.ok("POST", "/v2/users/accept", {"account_id": host.account_id})
        return self.within(host.account_id)

    def allow(self, iam_id: str, role: str, **attributes: str) -> Reply:
        """Gives a role of this account."""
        body = {
            "type": "access",
            "subjects": [{"attributes": [{"name": "iam_id", "value": iam_id}]}],
            "roles": [{"role_id": role}],
            "resources": [{"attributes": [{"name": name, "value": value} for name, value in attributes.items()]}],
        }
        return self("POST", "/v1/policies", body)


def owner(served: Served, name: str) -> Person:
    """The owner of a seeded account, signed in at home."""
    env = served.env(name)
    url, secret = env["KUNSTHALLE_URL"], env["IBMCLOUD_API_KEY"]
    made = token(url, secret)
    assert made.status == 200, made
    return Person(url, name, env["KUNSTHALLE_IAM_ID"], env["IBMCLOUD_ACCOUNT_ID"], secret, made.json["access_token"])
