"""Calls for stories of instance groups: templates, groups, and a catalog whose image is shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fixtures.app import App

GROUPS, TEMPLATES = "/v1/instance_groups", "/v1/instance/templates"
BASE = "/api/v1-beta"
VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"


@dataclass
class Offer:
    """The publisher's image in a catalog, shared with the consumer."""

    image: str
    catalog: str
    version: str
    path: str
    locator: str


@dataclass
class Caller:
    """`who` acts: the owner of the image, or the consumer it is shared with."""

    app: App
    who: str = "owner"
    image: str = ""

    def do(self, method: str, path: str, body: Any = None) -> Any:
        """A call that must go well; GET /v1/x is do("GET", "/v1/x")."""
        return self.app.ok(self.who, method, path, body)

    def refused(self, method: str, path: str, body: Any = None) -> tuple[Any, ...]:
        """Status, code and target of a refusal."""
        return self.app.refused(method, path, body, who=self.who)

    def subnet(self) -> dict[str, Any]:
        return dict(self.do("GET", "/v1/subnets")["subnets"][-1])

    def template(self, **fields: Any) -> dict[str, Any]:
        """A template of an image of the account's own, unless another source is given."""
        if not {"image", "catalog_offering"} & set(fields):
            if not self.image:
                self.image = self.app.image("member")["id"]
            fields["image"] = {"id": self.image}
        subnet = self.subnet()
        body = {
            "zone": {"name": subnet["zone"]["name"]},
            "keys": [{"id": self.do("GET", "/v1/keys")["keys"][0]["id"]}],
            "profile": {"name": "bx2-2x8"},
            "primary_network_interface": {"subnet": {"id": subnet["id"]}, "name": "eth0"},
            **fields,
        }
        return dict(self.do("POST", TEMPLATES, body))

    def body(self, template: dict[str, Any], count: int, **fields: Any) -> dict[str, Any]:
        subnets = [{"id": self.subnet()["id"]}]
        return {"instance_template": {"id": template["id"]}, "subnets": subnets, "membership_count": count, **fields}

    def group(self, count: int = 2, template: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """A group with its members."""
        made = self.do("POST", GROUPS, self.body(template or self.template(), count, **fields))
        self.app.settle()
        return self.now(made)

    def now(self, group: dict[str, Any]) -> dict[str, Any]:
        return dict(self.do("GET", f"{GROUPS}/{group['id']}"))

    def change(self, group: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """The group, changed and settled."""
        self.do("PATCH", f"{GROUPS}/{group['id']}", fields)
        self.app.settle()
        return self.now(group)

    def members(self, group: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self.do("GET", f"{GROUPS}/{group['id']}/memberships")["memberships"])

    def servers(self) -> dict[str, str]:
        """The status of every server of the account, by id."""
        return {one["id"]: one["status"] for one in self.do("GET", "/v1/instances?limit=100")["instances"]}

    def manager(self, group: dict[str, Any], type_: str = "scheduled", **fields: Any) -> dict[str, Any]:
        made = self.do("POST", f"{GROUPS}/{group['id']}/managers", {"manager_type": type_, **fields})
        self.app.settle()
        return dict(made)

    def action(self, group: dict[str, Any], manager: dict[str, Any], /, **fields: Any) -> str:
        """The path of a new action."""
        path = f"{GROUPS}/{group['id']}/managers/{manager['id']}/actions"
        return f"{path}/{self.do('POST', path, fields)['id']}"

    def offer(self) -> Offer:
        """A version of the owner's, shared with the consumer, who accepted it and acts from here on."""
        app = self.app
        image = app.image("theirs")["id"]
        catalog = app.do("POST", f"{BASE}/catalogs", {"label": "shop"})["id"]
        offering = app.do("POST", f"{BASE}/catalogs/{catalog}/offerings", {"name": "product"})["id"]
        path = f"{BASE}/catalogs/{catalog}/offerings/{offering}"
        images = [{"id": image, "name": "any", "region": "us-south"}]
        wanted = {"name": "p", "target_kinds": ["vpc-x86"], "version": "1.0.0", "metadata": {"images": images}}
        version = app.do("POST", f"{path}/version", wanted)["kinds"][0]["versions"][0]
        locator = f"{BASE}/versions/{version['version_locator']}"
        app.do("POST", f"{locator}/validation/install", {}, x_auth_refresh_token="any")
        app.settle()
        app.do("POST", f"{locator}/consume-publish")
        app.do("POST", f"{path}/access", [app.accounts["consumer"]])
        app.do("POST", f"{path}/share", {"enabled": True})
        approve = f"{BASE}/shareapproval/offering/access/source/approved"
        app.ok("consumer", "POST", approve, [app.accounts["owner"]])
        self.who = "consumer"
        return Offer(image, catalog, version["crn"], path, locator)

    def authorize(self, catalog: str | None) -> str:
        """The account's policy that lets instance groups use a catalog, or all of them; its path."""
        here = self.app.accounts[self.who]
        resource = {"serviceName": "globalcatalog-collection", "accountId": here}
        resource |= {} if catalog is None else {"serviceInstance": catalog}
        body = {
            "type": "authorization",
            "control": {"grant": {"roles": [{"role_id": VIEWER}]}},
            "subject": {"attributes": _keyed({"serviceName": "is", "accountId": here})},
            "resource": {"attributes": _keyed(resource)},
        }
        return f"/v2/policies/{self.do('POST', '/v2/policies', body)['id']}"


def _keyed(given: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "operator": "stringEquals", "value": value} for key, value in given.items()]
