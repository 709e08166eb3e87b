"""Somebody who administers identities alone lets themselves, or others, into a profile that holds more than they do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from attacks.people import ADMINISTRATOR, Person, owner
from kunsthalle.testing import Served

CONDITIONS = [{"claim": "email", "operator": "EQUALS", "value": '"a@b.example"'}]
RULE = {"type": "Profile-SAML", "realm_name": "https://login.example", "expiration": 900, "conditions": CONDITIONS}
DYNAMIC = {"name": "all", "realm_name": "https://login.example", "expiration": 8, "conditions": CONDITIONS}


@pytest.fixture(scope="module")
def host(served: Served) -> Person:
    """The owner of the account."""
    return owner(served, "publisher")


@pytest.fixture(scope="module")
def guest(served: Served, host: Person) -> Iterator[Person]:
    """Somebody who may change identities and groups of the account, and nothing else."""
    rival = owner(served, "outsider")
    host.invite(rival)
    within = rival.accept(host)
    for service in ("iam-identity", "iam-groups"):
        assert host.allow(rival.iam_id, ADMINISTRATOR, serviceName=service).status == 201
    yield within


@pytest.fixture(scope="module")
def places(host: Person) -> dict[str, str]:
    """A profile and a group that administer all services."""
    profile = host.ok("POST", "/v1/profiles", {"account_id": host.account_id, "name": "strong"})
    group = host.ok("POST", f"/v2/groups?account_id={host.account_id}", {"name": "strong"})["id"]
    assert host.allow(profile["iam_id"], ADMINISTRATOR, serviceType="service").status == 201
    body = {
        "type": "access",
        "subjects": [{"attributes": [{"name": "access_group_id", "value": group}]}],
        "roles": [{"role_id": ADMINISTRATOR}],
        "resources": [{"attributes": [{"name": "serviceType", "value": "service"}]}],
    }
    host.ok("POST", "/v1/policies", body)
    return {"profile": f"/v1/profiles/{profile['id']}", "group": f"/v2/groups/{group}"}


WAYS: dict[str, tuple[str, str, Any]] = {
    "a claim rule": ("POST", "{profile}/rules", RULE),
    "an identity": ("POST", "{profile}/identities/user", {"identifier": "GUEST", "type": "user"}),
    "a dynamic rule": ("POST", "{group}/rules", DYNAMIC),
    "a member": ("PUT", "{group}/members", {"members": [{"iam_id": "GUEST", "type": "user"}]}),
}


def _try(who: Person, places: dict[str, str], way: str, iam_id: str) -> int:
    method, path, body = WAYS[way]
    body = {name: iam_id if value == "GUEST" else value for name, value in body.items()}
    if way == "a member":
        body = {"members": [{"iam_id": iam_id, "type": "user"}]}
    reply = who(method, path.format(**places), body)
    return int(reply.json["members"][0]["status_code"]) if reply.status == 207 else reply.status


@pytest.mark.parametrize("way", WAYS)
def test_nobody_opens_what_holds_more_than_they_do(
    host: Person, guest: Person, places: dict[str, str], way: str
) -> None:
    assert _try(guest, places, way, guest.iam_id) == 403
    assert _try(host, places, way, guest.iam_id) in {200, 201}, "who holds as much may"
