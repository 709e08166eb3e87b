"""An account with an instance of Key Protect, and IBM's own Python client for it."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import dataclass
from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_cloud_sdk_core.authenticators import BearerTokenAuthenticator
from keyprotect import IbmKeyProtectApiV2

from fixtures.app import App
from fixtures.sdk import session_into

_NUMBERS = itertools.count()
PLAN = "eedd3585-90c6-4c8f-be3d-062069e99fc3"


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@dataclass
class Keys:
    """One caller of one instance. `sdk` is IBM's client; the rest saves words."""

    app: App
    instance: str
    who: str = "owner"

    @property
    def sdk(self) -> Any:
        made = IbmKeyProtectApiV2(BearerTokenAuthenticator(self.app.tokens[self.who]))
        made.set_service_url("http://kunsthalle.test")
        made.set_http_client(session_into(self.app.server))
        return made

    def ask(self, operation: str, **fields: Any) -> Any:
        """The result of an operation of the client."""
        return getattr(self.sdk, operation)(bluemix_instance=self.instance, **fields).get_result()

    def create(self, *, root: bool = True, ring: str | None = None, **fields: Any) -> dict[str, Any]:
        kind = "application/vnd.ibm.kms.key+json"
        resource = {"type": kind, "name": "a key", "extractable": not root, **fields}
        body = json.dumps({"metadata": {"collectionType": kind, "collectionTotal": 1}, "resources": [resource]})
        made = self.ask("create_key", key_create_body=body, x_kms_key_ring=ring)
        return dict(made["resources"][0])

    def get(self, id_: str) -> dict[str, Any]:
        return dict(self.ask("get_key", id=id_)["resources"][0])

    def wrap(self, id_: str, **body: Any) -> Any:
        return self.ask("wrap_key", id=id_, key_action_wrap_body=json.dumps(body))

    def unwrap(self, id_: str, **body: Any) -> Any:
        return self.ask("unwrap_key", id=id_, key_action_unwrap_body=json.dumps(body))

    def refused(self, operation: str, **fields: Any) -> tuple[int, str]:
        """Status and code of a refusal, as the client tells it."""
        with pytest.raises(ApiException) as caught:
            self.ask(operation, **fields)
        return told(caught.value)


def told(error: ApiException) -> tuple[int, str]:
    document = error.http_response.json()
    assert document["metadata"]["collectionType"] == "application/vnd.ibm.kms.error+json"
    (resource,) = document["resources"]
    assert resource["errorMsg"]
    return error.status_code, resource["reasons"][0]["code"]


def make_instance(app: App, name: str = "keys", who: str = "owner") -> str:
    group = app.ok(who, "GET", "/v2/resource_groups")["resources"][0]["id"]
    body = {"name": name, "target": "us-south", "resource_plan_id": PLAN, "resource_group": group}
    return str(app.ok(who, "POST", "/v2/resource_instances", body)["guid"])


@pytest.fixture
def keys(app: App) -> Keys:
    return Keys(app, make_instance(app))


@pytest.fixture
def neighbour(app_of_file: App) -> Keys:
    """An instance beside those of other tests, in the application of their file: for tests that move no clock."""
    return Keys(app_of_file, make_instance(app_of_file, f"keys-{next(_NUMBERS)}"))
