"""A realm with one of everything, owned by the publisher, and the personas who knock at it.

Changes are tried on a store that rolls every one of them back, so that each cell of the matrix finds the same realm.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from kunsthalle.accounts.service import add_user
from kunsthalle.app import Server, build
from kunsthalle.core.context import Context
from kunsthalle.core.roles import VIEWER
from kunsthalle.identity.service import create_api_key, create_policy
from kunsthalle.imaging.make import write_qcow2
from kunsthalle.settings import Settings
from kunsthalle.store.engine import Store
from kunsthalle.store.unit import Unit

T = TypeVar("T")
QUERY = "version=2025-06-30&generation=2"
TRACE = "00000000-0000-4000-8000-000000000000"
PERSONAS = ("no token", "bad token", "outsider", "sibling", "consumer", "viewer", "owner")
STRANGERS = ("no token", "bad token", "outsider", "sibling")
OPERATOR = "operator-token-of-the-matrix"


class RolledBack(Exception):
    """Carries the answer out of a transaction that must not be kept."""


class DryStore(Store):
    """Runs every write to its end, then rolls it back."""

    def _write_once(self, ctx: Context, function: Callable[[Unit], T]) -> T:
        answers: list[T] = []

        def dry(unit: Unit) -> T:
            answers.append(function(unit))
            raise RolledBack

        try:
            super()._write_once(ctx, dry)
        except RolledBack:
            return answers[0]
        raise AssertionError("unreachable: a dry write always raises")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Realm:
    """`ids` maps the path segment before a parameter (`rules`, or `network_acls/rules`) to the publisher's thing.

    `managers/*/actions` is the manager in paths that go on to `actions`; of paths with the same end,
    `bare_metal_servers/network_interfaces/ips` is the address in those that begin so.
    """

    server: Server
    tokens: dict[str, str]
    loop: asyncio.AbstractEventLoop
    accounts: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    sessions: dict[str, str] = field(default_factory=dict)
    """The secrets of the personas' sessions at the console."""

    def call(self, persona: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request straight into the application, with a fixed trace."""
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        token = self.tokens.get(persona, persona)
        sent = {"host": "kunsthalle.test", "x-request-id": TRACE, **headers}
        if token:
            sent["authorization"] = f"Bearer {token}"
        return self.loop.run_until_complete(_asgi(self.server, method, path, sent, raw))

    def ok(self, persona: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.call(persona, method, path, body, **headers)
        assert answer.status < 300, (method, path, answer.body)
        return answer.json if answer.body else None

    def settle(self) -> None:
        assert self.server.worker.settle()

    def freeze(self) -> None:
        """From here on nothing changes."""
        self.server.worker.stop()
        self.server.store.__class__ = DryStore


async def _asgi(
    app: Server, method: str, path: str, headers: dict[str, str], body: bytes, scheme: str = "http"
) -> Answer:
    path, _, query = path.partition("?")
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "scheme": scheme,
        "server": ("kunsthalle.test", 80),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await app(scope, receive, send)
    whole = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], tuple(sent[0]["headers"]), whole)


def _token(realm: Realm, secret: str) -> str:
    form = f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={secret}".encode()
    return str(realm.ok("", "POST", "/identity/token", form)["access_token"])


def make(folder: Path, furnish: Callable[[Realm], None] = lambda _realm: None) -> Realm:
    """The frozen realm; `furnish` adds to it before nothing changes any more."""
    server = build(Settings(data=folder, hypervisor="simulated"), OPERATOR)
    made = server.seed("enterprise")
    server.start()
    who = {"publisher": "owner", "consumer-a": "consumer", "consumer-b": "sibling", "outsider": "outsider"}
    accounts = {who[one.account]: one.account_id for one in made if one.account in who}
    realm = Realm(server, {"no token": "", "bad token": "x.y.z"}, asyncio.new_event_loop(), accounts)
    for one in made:
        if one.account in who:
            realm.tokens[who[one.account]] = _token(realm, one.api_key)
    owner = next(one for one in made if one.account == "publisher")
    realm.tokens["viewer"] = _token(realm, _viewer(server, owner.account_id))
    realm.secrets = [owner.api_key]
    _furnish(realm, owner.iam_id, server.drivers.buckets.folder(owner.account_id))
    realm.settle()
    furnish(realm)
    realm.freeze()
    return realm


def _viewer(server: Server, account_id: str) -> str:
    """A second user of the publisher's account who may look at everything and do nothing; the secret of his key."""

    def add(unit: Unit) -> str:
        system = unit.acting(unit.ctx.as_system(account_id))
        add_user(system, account_id, "IBMid-VIEWER0001", "viewer@publisher.example", "Viewer")
        for service_type in ("service", "platform_service"):
            resource = [{"key": "serviceType", "operator": "stringEquals", "value": service_type}]
            subject = [{"key": "iam_id", "operator": "stringEquals", "value": "IBMid-VIEWER0001"}]
            create_policy(system, "access", subject, [VIEWER], resource)
        return create_api_key(system, account_id, "IBMid-VIEWER0001", "viewer")[1]

    return server.store.write(server.base, add)


def _image(realm: Realm, folder: Path, name: str) -> str:
    write_qcow2(folder / "images" / f"{name}.qcow2", 2**30, name.encode())
    body = {
        "name": name,
        "file": {"href": f"cos://us-south/images/{name}.qcow2"},
        "operating_system": {"name": "debian-12-amd64"},
    }
    made = realm.ok("owner", "POST", f"/v1/images?{QUERY}", body)
    realm.settle()
    return str(made["id"])


def product(image_id: str, version: str = "1.0.0") -> dict[str, Any]:
    """The body that imports an image as a version."""
    images = [{"id": image_id, "name": "any", "region": "us-south"}]
    return {"name": "matrix", "target_kinds": ["vpc-x86"], "version": version, "metadata": {"images": images}}


def _furnish(realm: Realm, iam_id: str, bucket: Path) -> None:
    """The publisher's things, one of each kind."""
    ids, base = realm.ids, "/api/v1-beta"
    managed, free = _image(realm, bucket, "managed"), _image(realm, bucket, "free")
    ids |= {"images": managed, "free image": free, "iam_id": iam_id}
    catalog = realm.ok("owner", "POST", f"{base}/catalogs", {"label": "hidden catalog"})["id"]
    where = f"{base}/catalogs/{catalog}/offerings"
    offering = realm.ok("owner", "POST", where, {"name": "hidden-offering"})["id"]
    made = realm.ok("owner", "POST", f"{where}/{offering}/version", product(managed))
    version = made["kinds"][0]["versions"][0]
    locator = f"{base}/versions/{version['version_locator']}"
    realm.ok("owner", "POST", f"{locator}/validation/install", {}, x_auth_refresh_token="any")
    realm.settle()
    realm.ok("owner", "POST", f"{locator}/consume-publish")
    realm.ok("owner", "POST", f"{where}/{offering}/access", [realm.accounts["consumer"]])
    realm.ok("owner", "POST", f"{where}/{offering}/share", {"enabled": True})
    realm.ok("consumer", "POST", f"{base}/shareapproval/offering/access/source/approved", [realm.accounts["owner"]])
    gone = realm.ok("owner", "POST", f"{base}/catalogs", {"label": "deleted catalog"})["id"]
    realm.ok("owner", "DELETE", f"{base}/catalogs/{gone}")
    ids |= {"catalogs": catalog, "offerings": offering, "versions": version["version_locator"]}
    ids |= {"offering crn": made["crn"], "version crn": version["crn"], "access": realm.accounts["consumer"]}
    ids["reclamations"] = realm.ok("owner", "GET", "/v1/reclamations")["resources"][0]["id"]
    _platform(realm)
    _network(realm)


def _first(realm: Realm, path: str, key: str) -> dict[str, Any]:
    return dict(realm.ok("owner", "GET", f"{path}?{QUERY}")[key][0])


def _platform(realm: Realm) -> None:
    realm.ids["resource_groups"] = realm.ok("owner", "GET", "/v2/resource_groups")["resources"][0]["id"]
    realm.ids["apikeys"] = realm.ok("owner", "GET", "/v1/apikeys")["apikeys"][0]["id"]
    realm.ids["policies"] = realm.ok("owner", "GET", "/v1/policies")["policies"][0]["id"]


def _network(realm: Realm) -> None:
    ids = realm.ids
    vpc, subnet = _first(realm, "/v1/vpcs", "vpcs"), _first(realm, "/v1/subnets", "subnets")
    ids |= {"vpcs": vpc["id"], "subnets": subnet["id"], "zone": subnet["zone"]["name"]}
    ids |= {"security_groups": vpc["default_security_group"]["id"], "network_acls": vpc["default_network_acl"]["id"]}
    ids["keys"] = _first(realm, "/v1/keys", "keys")["id"]
    ids["routing_tables"] = vpc["default_routing_table"]["id"]
    prefixes = realm.ok("owner", "GET", f"/v1/vpcs/{vpc['id']}/address_prefixes?{QUERY}")["address_prefixes"]
    ids["address_prefixes"] = next(one["id"] for one in prefixes if one["zone"]["name"] != ids["zone"])
    ids["reserved_ips"] = _first(realm, f"/v1/subnets/{subnet['id']}/reserved_ips", "reserved_ips")["id"]


FIXED = {"approval_type": "ibm", "approved": "true", "type": "offering", "state": "pending", "action": "restore"}
FIXED["identity_type"] = "user"
GLOBAL = {
    "operating_systems": "debian-12-amd64",
    "regions": "us-south",
    "zones": "us-south-1",
    "quota_definitions": "a3d7b8d01e261c24677937c29ab33f3c",
    "faults": "none",
    "scenarios": "none",
}
_PROFILES = {"volume": "general-purpose", "bare_metal_server": "bx2-metal-96x384"}
OF_MEMBERS = frozenset({"enterprises"})
"""What every account of the enterprise sees: the enterprise itself."""


def path_of(realm: Realm, template: str, *, absent: bool = False) -> str:
    """The path with the publisher's ids in it, or with ids of the same form that never existed."""
    segments = template.split("/")
    for at, segment in enumerate(segments):
        found = re.fullmatch(r"\{(\w+)\}", segment)
        if found is None:
            continue
        before = segments[at - 1]
        if found[1] in FIXED:
            segments[at] = FIXED[found[1]]
        elif before in GLOBAL:
            segments[at] = GLOBAL[before]
        elif before == "profiles" and segments[at - 2] != "v1":  # those of machines and volumes are everybody's
            segments[at] = _PROFILES.get(segments[at - 2], "bx2-2x8")
        else:
            below = f"{before}/*/{segments[at + 1]}" if at + 1 < len(segments) else ""
            above = f"{segments[at - 3]}/{before}"
            known = (below, f"{segments[2]}/{above}", above, before)
            real = next(realm.ids[one] for one in known if one in realm.ids)
            segments[at] = never(real) if absent and before not in OF_MEMBERS else real
    query = f"?{QUERY}" if template.startswith("/v1/") else ""
    return "/".join(segments) + query


def never(real: str) -> str:
    """An id of the same form that nothing ever had: every digit of its UUIDs is turned."""
    turned = str.maketrans("0123456789abcdef", "f0123456789abcde")
    head = re.match(r"(r\d{3}-|\d{4}[-_]|[A-Z][A-Za-z]+-)?", real)
    keep = head[0] if head else ""
    return keep + real[len(keep) :].translate(turned)


def is_about_one_thing(template: str) -> bool:
    """Whether the path names something that belongs to somebody; `_allgroups` are the caller's own."""
    if "/_allgroups/" in template:
        return False
    segments = template.split("/")
    named = [segments[at - 1] for at, segment in enumerate(segments) if re.fullmatch(r"\{(\w+)\}", segment)]
    owned = [
        one for one in named if one not in {*GLOBAL, *OF_MEMBERS, "profiles", "shareapproval", "source", "publish"}
    ]
    return any(not one.startswith("{") for one in owned)
