"""An enterprise wants an account that is not its own: an account that is imported can be cancelled for good."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attacks.people import ADMINISTRATOR, Person, Reply, owner
from kunsthalle.testing import Served

DISABLED = "DISABLED_CLASSIC_INFRASTRUCTURE"


@pytest.fixture(scope="module")
def raider(served: Served) -> Person:
    """The owner of the enterprise."""
    return owner(served, "enterprise")


@pytest.fixture
def host(served: Served, raider: Person) -> Iterator[Person]:
    """The owner of a stand-alone account, which stays one; afterwards nobody else holds anything in it."""
    found = owner(served, "outsider")
    yield found
    standing = found.ok("GET", f"/v1/accounts/{found.account_id}")
    assert (standing["state"], standing.get("enterprise_id")) == ("ACTIVE", None)
    for one in found.ok("GET", found.users)["resources"]:
        if one["iam_id"] != found.iam_id:
            found.ok("DELETE", f"{found.users}/{one['iam_id']}")
    for policy in found.ok("GET", f"/v1/policies?account_id={found.account_id}&iam_id={raider.iam_id}")["policies"]:
        found.ok("DELETE", f"/v1/policies/{policy['id']}")


def _import(raider: Person, account_id: str) -> Reply:
    enterprise = raider.ok("GET", "/v1/enterprises")["resources"][0]["id"]
    return raider("PUT", f"/v1/enterprises/{enterprise}/import/accounts/{account_id}", {})


def _absent(raider: Person) -> tuple[int, str]:
    """What is answered about an account that never was."""
    reply = _import(raider, "0" * 32)
    return reply.status, reply.json["errors"][0]["message"]


def _refused(raider: Person, host: Person) -> None:
    reply = _import(raider, host.account_id)
    assert (reply.status, reply.json["errors"][0]["message"]) == _absent(raider)
    assert raider("DELETE", f"/v1/accounts/{host.account_id}").status == 404


def test_an_administrator_who_has_never_accepted_imports_nothing(raider: Person, host: Person) -> None:
    host.invite(raider, "service", "platform_service")
    for kind in ("service", "platform_service"):  # also by the IAM ID, which a host may know from elsewhere
        assert host.allow(raider.iam_id, ADMINISTRATOR, serviceType=kind).status in {201, 409}
    _refused(raider, host)


@pytest.mark.parametrize("state", [DISABLED, "VPN_ONLY"])
def test_an_administrator_who_was_disabled_imports_nothing(raider: Person, host: Person, state: str) -> None:
    host.invite(raider, "service", "platform_service")
    raider.accept(host)
    host.ok("PATCH", f"{host.users}/{raider.iam_id}", {"state": state})
    _refused(raider, host)


def test_an_administrator_who_was_removed_imports_nothing(raider: Person, host: Person) -> None:
    host.invite(raider, "service", "platform_service")
    raider.accept(host)
    host.ok("DELETE", f"{host.users}/{raider.iam_id}")
    assert host.allow(raider.iam_id, ADMINISTRATOR, serviceType="platform_service").status == 201
    _refused(raider, host)


def test_an_administrator_of_one_service_imports_nothing(raider: Person, host: Person) -> None:
    """Who may only say who has access to access management does not decide over the whole account."""
    host.invite(raider)
    raider.accept(host)
    for service in ("iam-access-management", "enterprise"):
        assert host.allow(raider.iam_id, ADMINISTRATOR, serviceName=service).status == 201
    _refused(raider, host)
