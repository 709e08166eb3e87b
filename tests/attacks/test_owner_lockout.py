"""The owner of an account loses every policy, by their system context or another's, and still holds everything."""

from __future__ import annotations

import pytest

from attacks.people import ADMINISTRATOR, Person, owner, token
from kunsthalle.testing import Served


@pytest.fixture(scope="module")
def careless(served: Served) -> Person:
    return owner(served, "consumer-b")


@pytest.fixture(scope="module")
def rival(served: Served) -> Person:
    return owner(served, "outsider")


def _policies(person: Person, iam_id: str) -> list[str]:
    listed = person.ok("GET", f"/v1/policies?account_id={person.account_id}&iam_id={iam_id}")
    return [one["id"] for one in listed["policies"]]


def _everything(person: Person) -> list[tuple[str, int]]:
    """One call for each part of an account, and what it is answered."""
    calls = [
        ("GET", "/v1/images?version=2025-06-30&generation=2", None),
        ("GET", f"/v2/resource_groups?account_id={person.account_id}", None),
        ("GET", f"/v1/accounts/{person.account_id}", None),
        ("GET", "/v1/audit", None),
        ("POST", "/api/v1-beta/catalogs", {"label": "still mine"}),
        ("POST", "/v1/serviceids", {"account_id": person.account_id, "name": "robot"}),
        ("POST", "/v2/groups?account_id=" + person.account_id, {"name": "people"}),
    ]
    return [(path, person(method, path, body).status) for method, path, body in calls]


def test_who_deletes_the_policies_that_made_them_owner_is_owner_still(careless: Person) -> None:
    mine = _policies(careless, careless.iam_id)
    assert mine
    for policy in mine:
        careless.ok("DELETE", f"/v1/policies/{policy}")
    assert _policies(careless, careless.iam_id) == []
    assert [one for one in _everything(careless) if one[1] >= 400] == []
    assert careless.allow(careless.iam_id, ADMINISTRATOR, serviceType="service").status == 201, "and may grant it all"
    again = token(careless.url, careless.secret)
    assert again.status == 200
    signed_in = Person(
        careless.url, "again", careless.iam_id, careless.account_id, careless.secret, again.json["access_token"]
    )
    assert signed_in("GET", "/v1/audit").status == 200


def test_an_administrator_cannot_lock_the_owner_out(careless: Person, rival: Person) -> None:
    careless.invite(rival, "service", "platform_service")
    guest = rival.accept(careless)
    for policy in _policies(guest, careless.iam_id):
        guest.ok("DELETE", f"/v1/policies/{policy}")
    assert careless("GET", "/v1/audit").status == 200
    careless.ok("DELETE", f"{careless.users}/{rival.iam_id}")
    assert guest("GET", "/v1/audit").status in {401, 403}


def test_an_owner_is_owner_at_home_alone(careless: Person, rival: Person) -> None:
    """Elsewhere they hold what they were given, which may be nothing."""
    careless.invite(rival)
    guest = rival.accept(careless)
    assert guest("GET", "/v1/audit").status == 403
    assert rival("GET", "/v1/audit").status == 200
    careless.ok("DELETE", f"{careless.users}/{rival.iam_id}")
