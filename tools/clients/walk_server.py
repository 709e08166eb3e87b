"""A server of its own for a walk, with what configurations need and cannot make, and what is in its accounts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from fixtures.vault import authorization_body, instance_body, key_body
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.local.client import CallFailed, access_token, exchange
from kunsthalle.testing.served import Served

VERSION = "version=2026-10-06&generation=2"
GIB = 2**30
IMAGE = "cos://us-south/images/small.qcow2"
_VPC = (
    "vpcs subnets security_groups network_acls public_gateways floating_ips keys volumes snapshots instances "
    "instance/templates instance_groups bare_metal_servers virtual_network_interfaces"
).split()
_LISTS = (
    *(f"/v1/{name}?{VERSION}" for name in _VPC),
    f"/v1/images?{VERSION}&visibility=private",
    "/api/v1-beta/catalogs",
    "/v2/groups?account_id={account}",
    "/v1/policies?account_id={account}",
    "/v1/serviceids?account_id={account}",
    "/v1/profiles?account_id={account}",
    "/v1/apikeys?account_id={account}",
    "/v2/resource_groups?account_id={account}",
    "/v2/resource_instances",
)
_PAUSE = 0.2
_PATIENCE = 60
CATALOGS = "/api/v1-beta"


class NotSettled(Exception):
    """Something did not come to the state that it was waited for."""


class World:
    """A served process and its accounts."""

    def __init__(self, folder: Path) -> None:
        self.served = Served(folder / "data", "--hypervisor", "simulated")
        self._tokens: dict[tuple[str, str], str] = {}

    def start(self) -> World:
        """Serve, with a small image in every bucket."""
        self.served.start()
        for account in ("publisher", "consumer-a", "consumer-b"):
            write_qcow2(self.served.bucket(account) / "small.qcow2", 10 * GIB, f"of {account}\n".encode() * 4_000)
        return self

    def id_of(self, account: str) -> str:
        """The id of an account."""
        return self.served.env(account)["IBMCLOUD_ACCOUNT_ID"]

    def key_of(self, account: str) -> str:
        """An API key of the account's owner."""
        return self.served.env(account)["IBMCLOUD_API_KEY"]

    def call(
        self,
        account: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        etag_of: str = "",
        within: str = "",
        vault: str = "",
    ) -> Any:
        """A call with the token of an account's owner. `etag_of`: the path whose ETag is sent as `If-Match`.

        `within`: the id of another account that the owner is a member of, and makes the call in. `vault`: the id of the
        instance of Key Protect that the call is for.
        """
        headers = {**self._headers(account, within), "X-Auth-Refresh-Token": "unused"}
        if vault:
            headers["bluemix-instance"] = vault
        if etag_of:
            headers["If-Match"] = exchange(self.served.url, "GET", etag_of, headers=headers).headers["ETag"]
        content = None if body is None else json.dumps(body)
        answer = exchange(self.served.url, method, path, content, headers)
        if answer.status >= 400:
            raise CallFailed(f"{method} {path}: {answer.status} {answer.content.decode()}", answer.status)
        return json.loads(answer.content or b"null")

    def _headers(self, account: str, within: str) -> dict[str, str]:
        token = self._tokens.get((account, within))
        if token is None:
            token = access_token(self.served.url, self.key_of(account), account_id=within)
            self._tokens[account, within] = token
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def vpc(self, account: str, method: str, path: str, body: Any = None) -> Any:
        """A call of the VPC API."""
        return self.call(account, method, f"/v1/{path}{'&' if '?' in path else '?'}{VERSION}", body)

    def until(self, account: str, path: str, name: str, wanted: str) -> Any:
        """Wait for a field of a VPC resource to have a value."""
        deadline = time.monotonic() + _PATIENCE
        while (found := self.vpc(account, "GET", path))[name] != wanted:
            if time.monotonic() > deadline:
                raise NotSettled(f"{path}: {name} is {found[name]}, not {wanted}")
            time.sleep(_PAUSE)
        return found

    def accept(self, receiver: str, source: str) -> None:
        """Have an account accept what another shares with it."""
        path = f"{CATALOGS}/shareapproval/offering/access/source/approved"
        self.call(receiver, "POST", path, [self.id_of(source)])

    def own_image(self, account: str) -> str:
        """An image of the account, named `web` and available; its id."""
        body = {"name": "web", "file": {"href": IMAGE}, "operating_system": {"name": "debian-12-amd64"}}
        image = self.vpc(account, "POST", "images", body)
        self.until(account, f"images/{image['id']}", "status", "available")
        return str(image["id"])

    def root_key(self, account: str) -> dict[str, str]:
        """A root key that images and volumes of the account may use: its id and CRN, and the id of its `vault`."""
        group = self.call(account, "GET", "/v2/resource_groups")["resources"][0]["id"]
        vault = str(self.call(account, "POST", "/v2/resource_instances", instance_body(group))["guid"])
        self.call(account, "POST", "/v1/policies", authorization_body(self.id_of(account)))
        (key,) = self.call(account, "POST", "/api/v2/keys", key_body(), vault=vault)["resources"]
        return {"id": key["id"], "crn": key["crn"], "vault": vault}

    def shared_version(self) -> dict[str, Any]:
        """A version that the publisher shares with consumer-a, which accepted: CRNs, and the id of its image."""
        image_id = self.own_image("publisher")
        catalog = self.call("publisher", "POST", f"{CATALOGS}/catalogs", {"label": "Golden images"})
        offering = self.call("publisher", "POST", f"{CATALOGS}/catalogs/{catalog['id']}/offerings", {"name": "web"})
        path = f"{CATALOGS}/catalogs/{catalog['id']}/offerings/{offering['id']}"
        images = [{"id": image_id, "name": "web", "region": "us-south"}]
        body = {"version": "1.0.0", "target_kinds": ["vpc-x86"], "metadata": {"images": images}}
        version = self.call("publisher", "POST", f"{path}/version", body)["kinds"][0]["versions"][0]
        locator = f"{CATALOGS}/versions/{version['version_locator']}"
        self.call("publisher", "POST", f"{locator}/validation/install", {})
        self.validated("publisher", f"{locator}/validation/install")
        self.call("publisher", "POST", f"{locator}/consume-publish")
        self.call("publisher", "POST", f"{path}/access", [f"-acct-{self.id_of('consumer-a')}"])
        self.call("publisher", "POST", f"{path}/share", {"enabled": True})
        self.accept("consumer-a", "publisher")
        return {"crn": version["crn"], "offering": offering["crn"], "image": image_id}

    def validated(self, account: str, path: str) -> None:
        """Wait for a validation to end well."""
        deadline = time.monotonic() + _PATIENCE
        while (state := self.call(account, "GET", path)["state"]) != "valid":
            if time.monotonic() > deadline:
                raise NotSettled(f"{path}: {state}")
            time.sleep(_PAUSE)

    def inventory(self, account: str) -> set[str]:
        """What there is in an account: `path: id` of every resource."""
        found = set()
        for path in _LISTS:
            answer = self.call(account, "GET", path.replace("{account}", self.id_of(account)))
            items = next(value for value in answer.values() if isinstance(value, list))
            found |= {f"{path.split('?')[0]}: {item.get('id') or item['metadata']['id']}" for item in items}
        return found
