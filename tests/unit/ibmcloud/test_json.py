"""JSON is the API's objects and nothing else: bare arrays for lists, the object for one, deletes with a `result`."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fixtures.app import VERSION
from unit.ibmcloud.command_shell import Shell

LISTS = (
    ("is images --status all", "owner", "/v1/images", "images"),
    ("is instances", "consumer", "/v1/instances", "instances"),
    ("is instance-templates", "consumer", "/v1/instance/templates", "templates"),
    ("is instance-profiles", "owner", "/v1/instance/profiles", "profiles"),
    ("is volumes", "consumer", "/v1/volumes", "volumes"),
    ("is volume-profiles", "owner", "/v1/volume/profiles", "profiles"),
    ("is snapshots", "consumer", "/v1/snapshots", "snapshots"),
    ("is keys", "owner", "/v1/keys", "keys"),
    ("is vpcs", "owner", "/v1/vpcs", "vpcs"),
    ("is subnets", "owner", "/v1/subnets", "subnets"),
    ("is floating-ips", "owner", "/v1/floating_ips", "floating_ips"),
    ("is security-groups", "owner", "/v1/security_groups", "security_groups"),
    ("is network-acls", "owner", "/v1/network_acls", "network_acls"),
    ("is public-gateways", "owner", "/v1/public_gateways", "public_gateways"),
    ("is virtual-network-interfaces", "owner", "/v1/virtual_network_interfaces", "virtual_network_interfaces"),
    ("is operating-systems", "owner", "/v1/operating_systems", "operating_systems"),
    ("is regions", "owner", "/v1/regions", "regions"),
    ("is zones", "owner", "/v1/regions/us-south/zones", "zones"),
    (
        "is instance-volume-attachments borrowed",
        "consumer",
        "/v1/instances/{borrowed}/volume_attachments",
        "volume_attachments",
    ),
    ("catalog list", "owner", "/api/v1-beta/catalogs", "resources"),
    ("catalog offering list", "consumer", "/api/v1-beta/offerings", "resources"),
    ("is catalog-image-offerings", "consumer", "/api/v1-beta/offerings", "resources"),
    ("resource groups", "owner", "/v2/resource_groups", "resources"),
    ("iam access-groups", "owner", "/v2/groups", "groups"),
    ("enterprise accounts", "enterprise", "/v1/accounts", "resources"),
    ("account list", "owner", "/v1/accounts", "resources"),
)
ONES = (
    ("is image golden", "owner", "/v1/images/{golden}"),
    ("is instance borrowed", "consumer", "/v1/instances/{borrowed}"),
    ("is instance-template mould", "consumer", "/v1/instance/templates/{mould}"),
    ("is snapshot copy", "consumer", "/v1/snapshots/{copy}"),
    ("is volume data", "consumer", "/v1/volumes/{data}"),
    ("is vpc default", "owner", "/v1/vpcs/{vpc_owner}"),
    ("is instance-profile bx2-2x8", "owner", "/v1/instance/profiles/bx2-2x8"),
    ("is operating-system debian-12-amd64", "owner", "/v1/operating_systems/debian-12-amd64"),
    ("catalog get -c gallery", "owner", "/api/v1-beta/catalogs/{catalog}"),
    (
        "catalog offering get -c gallery -o golden-server",
        "owner",
        "/api/v1-beta/catalogs/{catalog}/offerings/{offering}",
    ),
    (
        "is catalog-image-offering {catalog} {offering}",
        "consumer",
        "/api/v1-beta/catalogs/{catalog}/offerings/{offering}",
    ),
)


def _asked(world: Shell, who: str, path: str, **more: str) -> Any:
    """What the API itself answers to the same persona."""
    from kunsthalle.ibmcloud.http_client import Api
    from kunsthalle.ibmcloud.login_state import Session

    env = world.env(who)
    query: dict[str, Any] | None = {"limit": 100, **more} if path.startswith("/v1/") else None
    return Api(Session(env), env).get(path.format(**world.names), query)


@pytest.mark.parametrize(("words", "who", "path", "key"), LISTS, ids=[row[0] for row in LISTS])
def test_a_list_is_the_array_of_the_api(shared: Shell, words: str, who: str, path: str, key: str) -> None:
    said = shared.run(*words.split(), "--output", "JSON", who=who)
    assert (said.code, said.err) == (0, "")
    page = _asked(shared, who, path)
    expected = page[key]
    while path.startswith("/v1/") and "next" in page:
        (start,) = parse_qs(urlsplit(page["next"]["href"]).query)["start"]
        page = _asked(shared, who, path, start=start)
        expected += page[key]
    assert json.loads(said.out) == expected


@pytest.mark.parametrize(("words", "who", "path"), ONES, ids=[row[0] for row in ONES])
def test_one_thing_is_the_object_of_the_api(shared: Shell, words: str, who: str, path: str) -> None:
    said = shared.run(*words.format(**shared.names).split(), "--output=json", who=who)
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out) == _asked(shared, who, path)


@pytest.mark.parametrize("spelling", [("--output", "JSON"), ("--output=json",), ("-output", "Json"), ("--json",)])
def test_every_spelling(shared: Shell, spelling: tuple[str, ...]) -> None:
    assert json.loads(shared.run("is", "keys", *spelling).out)[0]["name"] == "default"


def test_pages_are_followed_to_the_end(shell: Shell) -> None:
    """More images than a page of the API holds."""
    for number in range(60):
        shell.server.store.write(shell.server.base, lambda session, number=number: _add(session, shell, number))
    found = json.loads(shell.run("is", "images", "--output", "json").out)
    assert len({one["id"] for one in found}) == 60 + 2


def _add(session: Any, shell: Shell, number: int) -> None:
    from fixtures.worlds import add_image

    acting = session.as_context(session.ctx.as_system(shell.names["account_owner"]))
    use = {"api_version": "2026-10-06", "bare_metal_server": "true", "instance": "true"}
    add_image(acting, f"many-{number:03d}", allowed_use=use)


def test_a_version_that_the_server_knows() -> None:
    from kunsthalle.ibmcloud.http_client import VERSION as SENT

    assert SENT["version"] <= VERSION
