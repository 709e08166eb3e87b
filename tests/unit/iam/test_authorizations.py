"""Authorizations between services: an instance group's way to a catalog image (R9), an import's to a bucket."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.db.session import Session
from kunsthalle.iam.authentication import is_authorized
from unit.iam.conftest import ROLE, Desk

RETRIEVE = "globalcatalog-collection.instance.retrieve"
CATALOG = "11111111-1111-4111-8111-111111111111"


def _authorize(
    desk: Desk, by: str, subject: dict[str, str], resource: dict[str, str], role: str = f"{ROLE}Viewer"
) -> Any:
    def keyed(given: dict[str, str]) -> list[dict[str, Any]]:
        return [{"key": key, "operator": "stringEquals", "value": value} for key, value in given.items()]

    body = {
        "type": "authorization",
        "control": {"grant": {"roles": [{"role_id": role}]}},
        "subject": {"attributes": keyed(subject)},
        "resource": {"attributes": keyed(resource)},
    }
    return desk.frozen.call(by, "POST", "/v2/policies", body)


def _may(desk: Desk, account: str, target: dict[str, str], action: str = RETRIEVE, **more: Any) -> bool:
    server = desk.frozen.server

    def ask(session: Session) -> bool:
        return is_authorized(session.as_context(session.ctx.as_system(account)), "is", target, action, **more)

    return server.store.read(server.base, ask)


@pytest.fixture
def authorize(desk: Desk) -> Any:
    """Makes authorizations that are gone after the test."""
    made: list[tuple[str, str]] = []

    def make(by: str, *arguments: Any, **more: Any) -> Any:
        answer = _authorize(desk, by, *arguments, **more)
        assert answer.status == 201, answer.body
        made.append((by, answer.json["id"]))
        return answer.json

    yield make
    for by, id_ in made:
        desk.frozen.ok(by, "DELETE", f"/v1/policies/{id_}")


TARGET = {"serviceName": "globalcatalog-collection", "serviceInstance": CATALOG}


def test_all_catalogs_or_the_one_that_is_named(desk: Desk, authorize: Any) -> None:
    here = desk.frozen.accounts["consumer"]
    subject, service = {"serviceName": "is", "accountId": here}, {"serviceName": "globalcatalog-collection"}
    assert not _may(desk, here, TARGET)
    for name in ("serviceInstance", "resource", "catalogId"):
        made = _authorize(desk, "consumer", subject, {**service, "accountId": here, name: CATALOG})
        if name == "catalogId":
            assert made.status == 201, made.body
        assert _may(desk, here, TARGET), name
        assert not _may(desk, here, {**TARGET, "serviceInstance": "another"}), name
        desk.frozen.ok("consumer", "DELETE", f"/v2/policies/{made.json['id']}")
        assert not _may(desk, here, TARGET)
    authorize("consumer", subject, {**service, "accountId": here})
    assert _may(desk, here, TARGET)
    assert _may(desk, here, {**TARGET, "serviceInstance": "another"})
    assert not _may(desk, here, TARGET, "globalcatalog-collection.offering.update")
    assert not _may(desk, desk.frozen.accounts["sibling"], TARGET)


def test_the_owner_of_the_catalog_may_let_another_account_in(desk: Desk, authorize: Any) -> None:
    here, owner = desk.frozen.accounts["consumer"], desk.account
    service = {"serviceName": "globalcatalog-collection", "accountId": owner}
    authorize("owner", {"serviceName": "is", "accountId": here}, service)
    assert _may(desk, here, TARGET, owner=owner)
    assert not _may(desk, here, TARGET), "asked about the account's own catalog"
    assert not _may(desk, desk.frozen.accounts["sibling"], TARGET, owner=owner)


def test_the_owners_policy_for_itself_lets_nobody_else_in(desk: Desk, authorize: Any) -> None:
    owner = desk.account
    authorize("owner", {"serviceName": "is"}, {"serviceName": "globalcatalog-collection", "accountId": owner})
    assert _may(desk, owner, TARGET)
    assert not _may(desk, desk.frozen.accounts["consumer"], TARGET, owner=owner)


def test_a_subject_may_be_narrowed_to_instance_groups(desk: Desk, authorize: Any) -> None:
    here = desk.account
    subject = {"serviceName": "is", "accountId": here, "resourceType": "instance-group"}
    authorize("owner", subject, {"serviceName": "globalcatalog-collection", "accountId": here})
    assert _may(desk, here, TARGET, kind="instance-group")
    assert not _may(desk, here, TARGET, kind="image")
    assert not _may(desk, here, TARGET)


def test_a_bucket_of_a_service_instance_opens_with_its_authorization(desk: Desk, authorize: Any) -> None:
    here = desk.account
    reader = "crn:v1:bluemix:public:iam::::serviceRole:Reader"
    storage = {"serviceName": "cloud-object-storage", "serviceInstance": "instance-1"}
    read = "cloud-object-storage.object.get"
    assert not _may(desk, here, storage, read)
    authorize("owner", {"serviceName": "is", "accountId": here}, {**storage, "accountId": here}, role=reader)
    assert _may(desk, here, storage, read)
    assert not _may(desk, here, {**storage, "serviceInstance": "instance-2"}, read)


def test_an_authorization_needs_what_its_maker_holds(desk: Desk) -> None:
    subject = {"serviceName": "is", "accountId": desk.account}
    target = {"serviceName": "globalcatalog-collection", "accountId": desk.account}
    assert _authorize(desk, "viewer", subject, target).status == 403
    elsewhere = {**target, "accountId": desk.frozen.accounts["consumer"]}
    assert _authorize(desk, "owner", subject, elsewhere).status == 400
    assert _authorize(desk, "owner", {"accountId": desk.account}, target).status == 400


def test_the_roles_between_services_are_listed_by_name(desk: Desk) -> None:
    asked = "policy_type=authorization&source_service_name=is&service_name"
    found = desk.frozen.ok("owner", "GET", f"/v2/roles?{asked}=globalcatalog-collection")
    assert [role["display_name"] for role in found["system_roles"]] == ["Viewer"]
    found = desk.frozen.ok("owner", "GET", f"/v2/roles?{asked}=cloud-object-storage")
    assert [role["display_name"] for role in found["service_roles"]] == ["Reader", "Writer"]
    found = desk.frozen.ok("owner", "GET", "/v2/roles?service_name=globalcatalog-collection")
    assert "Publisher" in {role["display_name"] for role in found["service_roles"]}
