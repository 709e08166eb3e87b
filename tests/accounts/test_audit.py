"""The audit: what is on record, who reads it, and that no secret ever is."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from accounts.conftest import House
from kunsthalle.core.roles import ADMINISTRATOR, VIEWER
from kunsthalle.store import audit
from kunsthalle.store.engine import Store
from kunsthalle.store.schema.base import audit as table
from support.realm import Realm, make, path_of

Q = "version=2025-06-30&generation=2"


def _entries(client: Any, query: str = "") -> list[dict[str, Any]]:
    return list(client.ok("GET", f"/v1/audit?limit=200{query}")["entries"])


def test_changes_and_refusals_are_on_record_with_who_what_and_how_it_ended(house: House) -> None:
    publisher = house.owner("publisher")
    vpc = publisher.ok("POST", f"/v1/vpcs?{Q}", {"name": "recorded"})
    publisher.refused(400, "POST", f"/v1/vpcs?{Q}", {"name": "recorded"})
    publisher.refused(404, "DELETE", f"/v1/vpcs/r006-nothing?{Q}")
    assert publisher("DELETE", f"/v1/vpcs/{vpc['id']}?{Q}").status in {202, 204}

    gone, absent, twice, made = _entries(publisher)[:4]
    assert {one["actor"] for one in (gone, absent, twice, made)} == {publisher.iam_id}
    assert {one["actor_email"] for one in (gone, made)} == {"owner@publisher.example"}
    assert (made["action"], made["target"], made["outcome"]) == ("is.vpc.vpc.create", "/v1/vpcs", 201)
    assert made["resource_crn"] == gone["resource_crn"] == vpc["crn"]
    assert (twice["outcome"], twice["code"]) == (400, "validation_unique_failed")
    assert (absent["outcome"], absent["code"], absent["target"]) == (404, "not_found", "/v1/vpcs/r006-nothing")
    assert gone["action"] == "is.vpc.vpc.delete"
    assert all(len(one["trace"]) == 36 for one in (gone, absent, twice, made))


def test_only_an_administrator_of_everything_reads_it_and_only_his_account(house: House) -> None:
    publisher, sibling = house.owner("publisher"), house.owner("consumer-b")
    publisher.ok("POST", f"/v1/vpcs?{Q}", {"name": "recorded"})
    assert not {one["account_id"] for one in _entries(sibling)} & {publisher.account_id}
    assert {one["account_id"] for one in _entries(publisher)} == {publisher.account_id}
    assert publisher.ok("GET", f"/v1/audit?account_id={sibling.account_id}")["entries"] == []

    group = publisher.ok("POST", "/v2/resource_groups", {"name": "part"})["id"]
    for name, role, condition in (
        ("IBMid-LOOKS", VIEWER, ("serviceType", "platform_service")),
        ("IBMid-PART", ADMINISTRATOR, ("resourceGroupId", group)),
    ):
        email = f"{name.lower()}@example.com"
        invited = publisher.ok("POST", f"/v2/accounts/{publisher.account_id}/users", {"users": [{"email": email}]})
        iam_id = invited["resources"][0]["id"]
        house.write(publisher.account_id, lambda unit, who=iam_id: _accept(unit, who))
        house.allow(publisher.account_id, iam_id, condition, role=role)
        assert house.keyed(publisher.account_id, iam_id)("GET", "/v1/audit").status == 403


def _accept(unit: Any, iam_id: str) -> None:
    from dataclasses import replace

    from kunsthalle.accounts.members import accept
    from kunsthalle.core.context import Actor
    from kunsthalle.founding import IamIdentities

    accept(unit.acting(replace(unit.ctx, actor=Actor(iam_id, "x"))), IamIdentities(), unit.ctx.account_id)


def test_what_the_enterprise_does_to_an_account_is_on_both_records(house: House) -> None:
    root, member = house.owner("enterprise"), house.owner("publisher")
    crn = root.ok("GET", "/v1/enterprises")["resources"][0]["crn"]
    body = {"parent": crn, "name": "group", "primary_contact_iam_id": root.iam_id}
    root.ok("POST", "/v1/account-groups", body)
    root.refused(404, "PATCH", f"/v1/accounts/{'0' * 32}", {"parent": crn})
    before = len(_entries(member))
    member.refused(403, "PATCH", f"/v1/accounts/{member.account_id}", {"parent": crn})
    assert _entries(member)[0]["outcome"] == 403
    assert len(_entries(member)) == before + 1
    assert _entries(root)[0]["outcome"] == 404


def test_the_operator_reads_all_and_narrows_and_pages(house: House) -> None:
    operator, publisher, outsider = house.operator(), house.owner("publisher"), house.owner("outsider")
    for client in (publisher, outsider):
        for name in ("one", "two", "three"):
            client.ok("POST", "/v2/resource_groups", {"name": name})
    publisher.ok("POST", "/v2/resource_groups", {"name": "late"})

    def read(query: str) -> list[dict[str, Any]]:
        return list(operator.ok("GET", f"/_kunsthalle/audit?{query}")["entries"])

    made = [one for one in read("limit=200&action=resource-controller.group.create") if one["outcome"] == 201]
    assert len(made) == 7
    assert {one["account_id"] for one in made} == {publisher.account_id, outsider.account_id}
    assert {one["account_id"] for one in read(f"account_id={outsider.account_id}")} == {outsider.account_id}
    assert read("target=/v2/resource_groups") == made
    assert read("target=/v2/resource%25") == []
    assert len(read("since=100d")) == len(read(""))
    path, seen = "/_kunsthalle/audit?limit=3", list[str]()
    while path:
        answer = operator.ok("GET", path)
        seen += [one["id"] for one in answer["entries"]]
        path = answer.get("next_url", "")
    assert len(seen) == len(set(seen)) >= 7
    for bad in ("limit=201", "since=yesterday", "start=!", "until="):
        assert operator("GET", f"/_kunsthalle/audit?{bad}").status == 400
    assert publisher("GET", "/_kunsthalle/audit").status == 401


def test_windows_of_time_are_half_open(house: House) -> None:
    publisher = house.owner("publisher")
    publisher.ok("POST", "/v2/resource_groups", {"name": "one"})
    at = house.server.store.read(house.system(publisher.account_id), lambda unit: audit.page(unit, limit=1).items[0].at)

    def within(**bounds: int) -> int:
        found = house.server.store.read(
            house.system(publisher.account_id), lambda unit: audit.page(unit, about=["/v2/resource_groups"], **bounds)
        )
        return len(found.items)

    assert (within(since=at), within(since=at + 1), within(until=at), within(until=at + 1)) == (1, 0, 0, 1)


@pytest.fixture
def realm(tmp_path: Path) -> Realm:
    rows = import_module("matrix.rows")
    made = make(tmp_path / "data", rows.furnish)
    made.server.store.__class__ = Store  # what happens from here on is kept
    return made


def test_no_secret_is_in_any_row_after_every_route_was_called(realm: Realm) -> None:
    bodies = import_module("matrix.rows").BODIES
    secret = "user-data-that-nobody-else-may-read"
    headers = {"x_auth_refresh_token": secret, "iam_apikey": realm.secrets[0], "if_match": '"stale"'}
    # What ends the callers' own standing comes last.
    routes = sorted(realm.server.pipeline.router, key=lambda route: ("apikeys" in route.path, route.method == "DELETE"))
    answers = 0
    for persona in ("owner", "viewer", "outsider"):
        for route in routes:
            body = bodies[route.name](realm) if route.name in bodies else None
            if isinstance(body, dict):
                body = {**body, "user_data": secret, "apikey": realm.secrets[0]}
            answer = realm.call(persona, route.method, path_of(realm, route.path), body, **headers)
            answers += answer.status < 500
    with realm.server.store.engine.connect() as connection:
        rows = connection.execute(select(table)).all()
    realm.loop.close()
    assert answers == 3 * len(routes)
    assert len(rows) > len(routes)
    told = "\n".join(str(tuple(row)) for row in rows)
    secrets = [secret, *realm.secrets, *(token for token in realm.tokens.values() if token)]
    assert not [one for one in secrets if one in told]
