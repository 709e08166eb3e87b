"""The audit: what is audited, who reads it, and that no secret ever is."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.service import add_user
from kunsthalle.authz.roles import ADMINISTRATOR, VIEWER
from kunsthalle.db import audit
from unit.accounts.conftest import People

Q = "version=2025-06-30&generation=2"


def _entries(client: Any, query: str = "") -> list[dict[str, Any]]:
    return list(client.ok("GET", f"/v1/audit?limit=200{query}")["entries"])


def test_changes_and_refusals_are_on_record_with_who_what_and_how_it_ended(people: People) -> None:
    publisher = people.owner("publisher")
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


def test_reading_that_was_forbidden_is_on_record_and_looking_for_what_is_not_there_is_not(people: People) -> None:
    publisher = people.owner("publisher")
    group = publisher.ok("POST", "/v2/resource_groups", {"name": "part"})["id"]
    people.write(
        publisher.account_id,
        lambda session: add_user(session, session.ctx.account_id, "IBMid-LOOKS", "l@x.example", "L"),
    )
    people.allow(publisher.account_id, "IBMid-LOOKS", ("resourceGroupId", group), role=ADMINISTRATOR)
    looker = people.keyed(publisher.account_id, "IBMid-LOOKS")
    looker.refused(404, "GET", f"/v1/vpcs/r006-nothing?{Q}")
    looker.refused(403, "GET", "/v1/audit")
    looker.ok("GET", f"/v1/vpcs?{Q}")
    told = [one for one in _entries(publisher) if one["actor"] == "IBMid-LOOKS"]
    told = [one for one in told if one["target"] not in {"/v1/apikeys", "/identity/token"}]
    assert [(one["action"], one["outcome"], one["code"]) for one in told] == [
        ("iam-access-management.audit.inspect", 403, "not_authorized")
    ]


def test_only_an_administrator_of_everything_reads_it_and_only_his_account(people: People) -> None:
    publisher, sibling = people.owner("publisher"), people.owner("consumer-b")
    publisher.ok("POST", f"/v1/vpcs?{Q}", {"name": "recorded"})
    assert not {one["account_id"] for one in _entries(sibling)} & {publisher.account_id}
    assert {one["account_id"] for one in _entries(publisher)} == {publisher.account_id}
    assert publisher.ok("GET", f"/v1/audit?account_id={sibling.account_id}")["entries"] == []

    group = publisher.ok("POST", "/v2/resource_groups", {"name": "part"})["id"]
    for name, role, condition in (
        ("IBMid-LOOKS", VIEWER, ("serviceType", "platform_service")),
        ("IBMid-PART", ADMINISTRATOR, ("resourceGroupId", group)),
    ):
        guest = people.guest(publisher, f"{name.lower()}@example.com")
        people.allow(publisher.account_id, guest.iam_id, condition, role=role)
        assert guest("GET", "/v1/audit").status == 403


def test_what_the_enterprise_does_to_an_account_is_on_both_records(people: People) -> None:
    root, member = people.owner("enterprise"), people.owner("publisher")
    crn = root.ok("GET", "/v1/enterprises")["resources"][0]["crn"]
    body = {"parent": crn, "name": "group", "primary_contact_iam_id": root.iam_id}
    root.ok("POST", "/v1/account-groups", body)
    root.refused(404, "PATCH", f"/v1/accounts/{'0' * 32}", {"parent": crn})
    before = len(_entries(member))
    member.refused(403, "PATCH", f"/v1/accounts/{member.account_id}", {"parent": crn})
    assert _entries(member)[0]["outcome"] == 403
    assert len(_entries(member)) == before + 1
    assert _entries(root)[0]["outcome"] == 404


def test_the_operator_reads_all_and_narrows_and_pages(people: People) -> None:
    operator, publisher, outsider = people.operator(), people.owner("publisher"), people.owner("outsider")
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


def test_windows_of_time_are_half_open(people: People) -> None:
    publisher = people.owner("publisher")
    publisher.ok("POST", "/v2/resource_groups", {"name": "one"})
    at = people.server.store.read(
        people.system(publisher.account_id), lambda session: audit.page(session, limit=1).items[0].at
    )

    def within(**bounds: int) -> int:
        found = people.server.store.read(
            people.system(publisher.account_id),
            lambda session: audit.page(session, about=["/v2/resource_groups"], **bounds),
        )
        return len(found.items)

    assert (within(since=at), within(since=at + 1), within(until=at), within(until=at + 1)) == (1, 0, 0, 1)
