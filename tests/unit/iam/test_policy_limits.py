"""An identity holds a bounded number of access policies, its own and those of its groups, whichever way they come."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.frozen_app import QUERY, Answer
from kunsthalle.iam import policy_limits
from unit.iam.conftest import SOMEBODY, Desk

MOST = 3


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> Any:
    """The bound is low; each test begins with somebody who holds nothing."""
    monkeypatch.setattr(policy_limits, "MAX_EFFECTIVE", MOST)
    yield
    for policy in desk.frozen.ok("owner", "GET", "/v1/policies")["policies"]:
        if policy["subjects"][0]["attributes"][0]["value"].startswith((SOMEBODY, "AccessGroupId-", "IBMid-OTHER")):
            desk.frozen.ok("owner", "DELETE", f"/v1/policies/{policy['id']}")


def give(desk: Desk, subject: str, number: int) -> Answer:
    key = "access_group_id" if subject.startswith("AccessGroupId-") else "iam_id"
    return desk.grant(subject, "Viewer", key=key, serviceName="is", imageId=f"r006-{number}")


def group_of(desk: Desk, name: str, *members: str) -> str:
    path = f"/v2/groups?account_id={desk.account}"
    group_id = str(desk.frozen.ok("owner", "POST", path, {"name": name})["id"])
    for member in members:
        assert join(desk, group_id, member)["status_code"] == 200
    return group_id


def join(desk: Desk, group_id: str, member: str) -> dict[str, Any]:
    body = {"members": [{"iam_id": member, "type": "user"}]}
    (outcome,) = desk.frozen.ok("owner", "PUT", f"/v2/groups/{group_id}/members", body)["members"]
    return dict(outcome)


def refused(answer: Answer) -> bool:
    if answer.status == 201:
        return False
    (error,) = answer.json["errors"]
    assert (answer.status, error["code"]) == (409, "policy_conflict_error"), answer.body
    assert f"an identity may hold {MOST}" in error["message"]
    return True


def test_the_bound_is_on_all_that_an_identity_holds(desk: Desk) -> None:
    group = group_of(desk, "counted", SOMEBODY)
    assert not refused(give(desk, SOMEBODY, 1))
    assert not refused(give(desk, group, 2))
    assert not refused(give(desk, group, 3))
    assert refused(give(desk, SOMEBODY, 4))
    assert refused(give(desk, group, 4)), "a member of the group holds the most"
    assert not refused(give(desk, "IBMid-OTHER", 4)), "others have nothing to do with it"


def test_a_group_without_members_has_the_bound_too(desk: Desk) -> None:
    group = group_of(desk, "empty")
    assert [refused(give(desk, group, number)) for number in range(MOST + 1)] == [False] * MOST + [True]


def test_nobody_joins_a_group_that_would_give_too_much(desk: Desk) -> None:
    group = group_of(desk, "joined")
    for number in range(2):
        assert not refused(give(desk, group, number))
    for number in range(2):
        assert not refused(give(desk, SOMEBODY, 10 + number))
    outcome = join(desk, group, SOMEBODY)
    assert (outcome["status_code"], f"may hold {MOST}" in outcome["errors"][0]["message"]) == (409, True)
    desk.frozen.ok("owner", "DELETE", f"/v1/policies/{_policies(desk, SOMEBODY)[0]}")
    assert join(desk, group, SOMEBODY)["status_code"] == 200
    assert join(desk, group, SOMEBODY)["status_code"] == 200, "who is a member already takes nothing more"


def _policies(desk: Desk, subject: str) -> list[str]:
    return [one["id"] for one in desk.frozen.ok("owner", "GET", f"/v1/policies?iam_id={subject}")["policies"]]


def test_a_deleted_policy_is_restored_only_where_there_is_room(desk: Desk) -> None:
    made = give(desk, SOMEBODY, 0)
    tag, path = dict(made.headers)[b"etag"].decode(), f"/v1/policies/{made.json['id']}"
    desk.frozen.ok("owner", "DELETE", path)
    for number in range(1, MOST + 1):
        assert not refused(give(desk, SOMEBODY, number))
    assert refused(desk.frozen.call("owner", "PATCH", path, {"state": "active"}, if_match=tag))


def test_a_policy_gets_another_subject_only_where_there_is_room(desk: Desk) -> None:
    for number in range(MOST):
        assert not refused(give(desk, SOMEBODY, number))
    made = give(desk, "IBMid-OTHER", MOST)
    tag, path = dict(made.headers)[b"etag"].decode(), f"/v1/policies/{made.json['id']}"
    body = {key: made.json[key] for key in ("type", "roles", "resources")}
    moved = {**body, "subjects": [{"attributes": [{"name": "iam_id", "value": SOMEBODY}]}]}
    assert refused(desk.frozen.call("owner", "PUT", path, moved, if_match=tag))
    kept = {**body, "subjects": made.json["subjects"], "description": "again"}
    assert desk.frozen.call("owner", "PUT", path, kept, if_match=tag).status == 200


def test_whoever_holds_more_than_the_bound_keeps_it(desk: Desk, image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was given before there was a bound counts, and is shown."""
    monkeypatch.setattr(policy_limits, "MAX_EFFECTIVE", 1_000)
    for number in range(2 * MOST):
        assert not refused(give(desk, SOMEBODY, number))
    assert not refused(desk.grant(SOMEBODY, "Viewer", serviceName="is", imageId=image))
    monkeypatch.setattr(policy_limits, "MAX_EFFECTIVE", MOST)
    assert [one["id"] for one in desk.frozen.ok("somebody", "GET", f"/v1/images?{QUERY}")["images"]] == [image]
    assert refused(give(desk, SOMEBODY, 100))
