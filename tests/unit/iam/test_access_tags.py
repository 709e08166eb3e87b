"""Policies on access tags: a tag opens and closes at once, and whoever may not administer a resource cannot tag it
so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.frozen_app import QUERY
from unit.iam.conftest import ROLE, SOMEBODY, Desk

IMAGES = f"/v1/images?{QUERY}"
TAG = "project:dawn"


@pytest.fixture(autouse=True)
def _nothing_left(desk: Desk) -> Iterator[None]:
    desk.frozen.call("owner", "POST", "/v3/tags?tag_type=access", {"tag_names": [TAG]})
    yield
    for policy in desk.frozen.ok("owner", "GET", f"/v1/policies?iam_id={SOMEBODY}")["policies"]:
        desk.frozen.ok("owner", "DELETE", f"/v1/policies/{policy['id']}")
    tag(desk, "detach", crn(desk, desk.frozen.ids["free image"]))


def crn(desk: Desk, image: str) -> str:
    return str(desk.frozen.ok("owner", "GET", f"/v1/images/{image}?{QUERY}")["crn"])


def tag(desk: Desk, verb: str, thing: str, by: str = "owner", name: str = TAG) -> bool:
    """Whether it went well."""
    body = {"resources": [{"resource_id": thing}], "tag_names": [name]}
    answer = desk.frozen.ok(by, "POST", f"/v3/tags/{verb}?tag_type=access", body)
    return not answer["results"][0]["is_error"]


def allow(desk: Desk, role: str, *, by: str = "owner", whom: str = SOMEBODY, **condition: Any) -> int:
    """Gives a role on everything of the VPC services that has a tag; the status."""
    given = {"name": "project", "value": "dawn", **condition}
    body = {
        "type": "access",
        "subjects": [{"attributes": [{"name": "iam_id", "value": whom}]}],
        "roles": [{"role_id": f"{ROLE}{role}"}],
        "resources": [{"attributes": [{"name": "serviceName", "value": "is"}], "tags": [given]}],
    }
    return desk.frozen.call(by, "POST", "/v1/policies", body).status


def _sees(desk: Desk) -> set[str]:
    return {one["id"] for one in desk.frozen.ok("somebody", "GET", IMAGES)["images"]}


def test_what_has_the_tag_is_within_reach_as_long_as_it_has_it(desk: Desk, image: str) -> None:
    assert allow(desk, "Editor") == 201
    path = f"/v1/images/{image}?{QUERY}"
    before = desk.frozen.call("somebody", "GET", path)
    assert (before.status, _sees(desk)) == (404, set())
    assert tag(desk, "attach", crn(desk, image))
    assert _sees(desk) == {image}
    assert desk.frozen.call("somebody", "PATCH", path, {"name": "tagged"}).status == 200
    found = desk.frozen.ok("somebody", "POST", "/v3/resources/search", {"query": "type:image"})["items"]
    assert [one["crn"] for one in found] == [crn(desk, image)]
    managed = desk.frozen.ids["images"]
    assert desk.frozen.call("somebody", "GET", f"/v1/images/{managed}?{QUERY}").status == 404
    assert tag(desk, "detach", crn(desk, image))
    assert desk.frozen.call("somebody", "GET", path) == before


def test_a_reader_sees_and_is_refused_what_the_tag_does_not_give(desk: Desk, image: str) -> None:
    assert allow(desk, "Viewer") == 201
    assert tag(desk, "attach", crn(desk, image))
    assert _sees(desk) == {image}
    assert desk.frozen.call("somebody", "PATCH", f"/v1/images/{image}?{QUERY}", {"name": "x"}).status == 403


@pytest.mark.parametrize(
    ("condition", "seen"),
    [
        ({"value": "DAWN"}, True),
        ({"name": "Project"}, True),
        ({"value": "d*", "operator": "stringMatch"}, True),
        ({"value": "true", "operator": "stringExists"}, True),
        ({"value": "dus?", "operator": "stringMatch"}, False),
        ({"name": "pro*", "operator": "stringMatch"}, False),
        ({"name": "team"}, False),
        ({"value": "daw"}, False),
    ],
)
def test_a_condition_on_a_tag_means_its_key_to_the_letter(
    desk: Desk, image: str, condition: dict[str, str], seen: bool
) -> None:
    assert tag(desk, "attach", crn(desk, image))
    assert allow(desk, "Viewer", **condition) == 201
    assert _sees(desk) == ({image} if seen else set())


def test_a_tag_of_the_same_name_in_another_account_opens_nothing(desk: Desk) -> None:
    assert allow(desk, "Viewer") == 201
    theirs = desk.frozen.ok("consumer", "GET", f"/v1/vpcs?{QUERY}")["vpcs"][0]
    desk.frozen.call("consumer", "POST", "/v3/tags?tag_type=access", {"tag_names": [TAG]})
    assert tag(desk, "attach", theirs["crn"], by="consumer")
    assert desk.frozen.call("somebody", "GET", f"/v1/vpcs/{theirs['id']}?{QUERY}").status == 404
    assert desk.frozen.ok("somebody", "GET", f"/v1/vpcs?{QUERY}")["vpcs"] == []
    assert tag(desk, "detach", theirs["crn"], by="consumer")


def test_nobody_makes_tagged_things_nor_tags_what_he_does_not_administer(desk: Desk, image: str) -> None:
    assert allow(desk, "Editor") == 201
    assert desk.frozen.call("somebody", "POST", f"/v1/vpcs?{QUERY}", {"name": "new"}).status == 403
    assert desk.grant(SOMEBODY, "Editor", serviceName="is", imageId=image).status == 201
    assert not tag(desk, "attach", crn(desk, image), by="somebody")
    assert not tag(desk, "attach", crn(desk, desk.frozen.ids["images"]), by="somebody")


def test_nobody_grants_by_a_tag_what_he_does_not_hold(desk: Desk) -> None:
    viewer = "IBMid-VIEWER0001"
    assert desk.grant(SOMEBODY, "Administrator", serviceName="iam-access-management").status == 201
    assert allow(desk, "Viewer", by="somebody", whom=viewer) == 403
    assert allow(desk, "Editor") == 201
    assert allow(desk, "Editor", by="somebody", whom=viewer, name="team") == 403
    assert allow(desk, "Administrator", by="somebody", whom=viewer) == 403
    assert allow(desk, "Editor", by="somebody", whom=viewer) == 201
    for policy in desk.frozen.ok("owner", "GET", f"/v1/policies?iam_id={viewer}&tag_name=project")["policies"]:
        desk.frozen.ok("owner", "DELETE", f"/v1/policies/{policy['id']}")


def test_policies_are_found_by_their_tags(desk: Desk) -> None:
    assert allow(desk, "Viewer") == allow(desk, "Viewer", value="dusk") == allow(desk, "Viewer", name="team") == 201
    assert desk.grant(SOMEBODY, "Viewer", serviceName="is").status == 201

    def found(query: str) -> int:
        return len(desk.frozen.ok("owner", "GET", f"/v1/policies?iam_id={SOMEBODY}{query}")["policies"])

    assert (found(""), found("&tag_name=project"), found("&tag_value=dawn")) == (4, 2, 2)
    assert (found("&tag_name=project&tag_value=dawn"), found("&tag_name=proj"), found("&tag_value=daw")) == (1, 0, 0)
