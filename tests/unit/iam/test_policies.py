"""Policies of both versions, roles, groups: what they give at once, and what nobody can give."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.frozen_app import QUERY, Answer, product
from kunsthalle.block_storage.resources import VOLUME
from kunsthalle.db.transitions import transition
from unit.iam.conftest import ROLE, SOMEBODY, Desk

IMAGES = f"/v1/images?{QUERY}"


def _sees(desk: Desk, who: str = "somebody") -> set[str]:
    return {one["id"] for one in desk.frozen.ok(who, "GET", IMAGES)["images"]}


def _v2(subject: str, role: str, resource: dict[str, str], **more: Any) -> dict[str, Any]:
    def keyed(given: dict[str, str]) -> list[dict[str, Any]]:
        return [{"key": key, "operator": "stringEquals", "value": value} for key, value in given.items()]

    return {
        "type": "access",
        "control": {"grant": {"roles": [{"role_id": f"{ROLE}{role}"}]}},
        "subject": {"attributes": keyed({"iam_id": subject})},
        "resource": {"attributes": keyed(resource)},
        **more,
    }


@pytest.fixture(autouse=True)
def _nothing_left(desk: Desk) -> Any:
    """Each test begins with somebody who holds nothing."""
    yield
    for policy in desk.frozen.ok("owner", "GET", f"/v1/policies?iam_id={SOMEBODY}")["policies"]:
        desk.frozen.ok("owner", "DELETE", f"/v1/policies/{policy['id']}")


def test_a_policy_on_one_image_reaches_that_one(desk: Desk, image: str) -> None:
    assert _sees(desk) == set()
    assert desk.grant(SOMEBODY, "Viewer", serviceName="is", imageId=image).status == 201
    assert _sees(desk) == {image}
    assert desk.frozen.call("somebody", "GET", f"/v1/images/{image}?{QUERY}").status == 200
    assert desk.frozen.call("somebody", "GET", f"/v1/images/{desk.frozen.ids['images']}?{QUERY}").status == 404
    assert desk.frozen.call("somebody", "PATCH", f"/v1/images/{image}?{QUERY}", {"name": "x"}).status == 403


def test_both_versions_are_one_store(desk: Desk) -> None:
    made = desk.frozen.call("owner", "POST", "/v2/policies", _v2(SOMEBODY, "Viewer", {"serviceName": "is"}))
    id_, tag = made.json["id"], dict(made.headers)[b"etag"].decode()
    first = desk.frozen.call("owner", "GET", f"/v1/policies/{id_}")
    assert dict(first.headers)[b"etag"].decode() == tag
    assert first.json["resources"] == [
        {"attributes": [{"name": "serviceName", "value": "is", "operator": "stringEquals"}]}
    ]
    again = desk.grant(SOMEBODY, "Viewer", serviceName="is")
    assert (again.status, again.json["errors"][0]["code"]) == (409, "policy_conflict_error")
    body = _v2(SOMEBODY, "Viewer", {"serviceName": "is", "resourceType": "instance"})
    path = f"/v2/policies/{id_}"
    assert desk.frozen.call("owner", "PUT", path, body).status == 400
    assert desk.frozen.call("owner", "PUT", path, body, if_match="*").status == 412
    assert _sees(desk) != set()
    assert desk.frozen.call("owner", "PUT", path, body, if_match=tag).status == 200
    assert _sees(desk) == set()
    assert desk.frozen.call("owner", "PUT", path, body, if_match=tag).status == 412
    shown = desk.frozen.ok("owner", "GET", f"{path}?format=display")["control"]["grant"]["roles"][0]
    assert (shown["display_name"], shown["role_id"]) == ("Viewer", f"{ROLE}Viewer")


def test_a_deleted_policy_gives_nothing_and_can_be_restored(desk: Desk) -> None:
    made = desk.grant(SOMEBODY, "Viewer", serviceName="is")
    tag, path = dict(made.headers)[b"etag"].decode(), f"/v1/policies/{made.json['id']}"
    desk.frozen.ok("owner", "DELETE", path)
    assert _sees(desk) == set()
    assert desk.frozen.call("owner", "GET", path).status == 404
    listed = desk.frozen.ok("owner", "GET", f"/v1/policies?state=deleted&iam_id={SOMEBODY}")["policies"]
    assert [one["state"] for one in listed if one["id"] == made.json["id"]] == ["deleted"]
    assert desk.frozen.call("owner", "PATCH", path, {"state": "active"}, if_match='"0-other"').status == 412
    assert desk.frozen.ok("owner", "PATCH", path, {"state": "active"}, if_match=tag)["state"] == "active"
    assert _sees(desk) != set()


def test_a_deleted_policy_makes_room_for_the_same(desk: Desk) -> None:
    made = desk.grant(SOMEBODY, "Viewer", serviceName="is")
    path, tag = f"/v1/policies/{made.json['id']}", dict(made.headers)[b"etag"].decode()
    desk.frozen.ok("owner", "DELETE", path)
    assert desk.grant(SOMEBODY, "Viewer", serviceName="is").status == 201
    assert desk.frozen.call("owner", "PATCH", path, {"state": "active"}, if_match=tag).status == 409


@pytest.mark.parametrize(
    ("held", "wanted", "allowed"),
    [
        ({"serviceName": "is"}, {"serviceName": "is"}, True),
        ({"serviceName": "is"}, {"serviceName": "is", "imageId": "r006-1"}, True),
        ({"serviceName": "is", "imageId": "r006-1"}, {"serviceName": "is"}, False),
        ({"serviceName": "is", "imageId": "r006-1"}, {"serviceName": "is", "imageId": "r006-2"}, False),
        ({"serviceName": "is"}, {"serviceType": "service"}, False),
        ({"serviceType": "service"}, {"serviceName": "is"}, True),
        ({"serviceType": "service"}, {"serviceName": "globalcatalog-collection"}, False),
        ({"serviceName": "is"}, {"resourceGroupId": "any"}, False),
    ],
)
def test_nobody_grants_more_than_he_holds(
    desk: Desk, held: dict[str, str], wanted: dict[str, str], allowed: bool
) -> None:
    assert desk.grant(SOMEBODY, "Administrator", serviceName="iam-access-management").status == 201
    assert desk.grant(SOMEBODY, "Editor", **held).status == 201
    for role, least in (("Viewer", True), ("Editor", True), ("Administrator", False)):
        expected = 201 if allowed and least else 403
        answer = desk.grant("IBMid-VIEWER0001", role, by="somebody", **wanted)
        assert answer.status in ({409} | {expected} if expected == 201 else {403}), (role, answer.body)


def test_a_policy_holds_while_its_rule_does(desk: Desk) -> None:
    from kunsthalle.core.clock import rfc3339

    now = desk.frozen.server.clock.now() // 1_000_000 * 1_000_000
    ends = rfc3339(now + 600_000_000).replace(".000Z", "+00:00")
    rule = {
        "key": "{{environment.attributes.current_date_time}}",
        "operator": "dateTimeLessThanOrEquals",
        "value": ends,
    }
    body = _v2(SOMEBODY, "Viewer", {"serviceName": "is"}, rule=rule, pattern="time-based-conditions:once")
    made = desk.frozen.ok("owner", "POST", "/v2/policies", body)
    assert (made["rule"], made["pattern"]) == (rule, "time-based-conditions:once")
    assert _sees(desk) != set()
    desk.travel(601)
    assert _sees(desk) == set()
    desk.travel(-601)
    assert _sees(desk) != set()
    wrong = {**body, "rule": {**rule, "value": "soon"}}
    assert desk.frozen.call("owner", "POST", "/v2/policies", wrong).status == 400
    other = {**body, "pattern": "attribute-based-condition:resource:literal-and-wildcard"}
    assert desk.frozen.call("owner", "POST", "/v2/policies", other).status == 501


def test_a_role_of_the_accounts_own_carries_its_actions(desk: Desk, image: str) -> None:
    role = {
        "account_id": desk.account,
        "name": "Renamer",
        "display_name": "Renamer",
        "service_name": "is",
        "actions": ["is.image.image.read", "is.image.image.update"],
    }
    made = desk.frozen.call("owner", "POST", "/v2/roles", role)
    crn, path = made.json["crn"], f"/v2/roles/{made.json['id']}"
    assert desk.frozen.call("owner", "POST", "/v2/roles", role).status == 409
    policy = desk.grant(SOMEBODY, crn, serviceName="is").json["id"]
    assert desk.frozen.call("somebody", "PATCH", f"/v1/images/{image}?{QUERY}", {"name": "renamed"}).status == 200
    assert desk.frozen.call("somebody", "DELETE", f"/v1/images/{image}?{QUERY}").status == 403
    less = {"display_name": "Looker", "actions": ["is.image.image.read"]}
    tag = dict(made.headers)[b"etag"].decode()
    assert desk.frozen.call("owner", "PUT", path, less, if_match=tag).status == 200
    assert desk.frozen.call("somebody", "PATCH", f"/v1/images/{image}?{QUERY}", {"name": "again"}).status == 403
    assert desk.frozen.call("owner", "DELETE", path).status == 409
    desk.frozen.ok("owner", "DELETE", f"/v1/policies/{policy}")
    assert desk.frozen.call("owner", "DELETE", path).status == 204


def test_members_of_a_group_hold_what_it_holds_while_they_are_in_it(desk: Desk) -> None:
    group = desk.frozen.ok("owner", "POST", "/v2/groups", {"name": "lookers"})["id"]
    assert desk.grant(group, "Viewer", key="access_group_id", serviceName="is").status == 201
    path = f"/v2/groups/{group}/members"
    assert _sees(desk) == set()
    added = desk.frozen.ok("owner", "PUT", path, {"members": [{"iam_id": SOMEBODY, "type": "user"}]})
    assert [one["status_code"] for one in added["members"]] == [200]
    assert _sees(desk) != set()
    assert desk.frozen.call("owner", "HEAD", f"{path}/{SOMEBODY}").status == 204
    assert desk.frozen.call("owner", "DELETE", f"/v2/groups/{group}").status == 409
    desk.frozen.ok("owner", "DELETE", f"{path}/{SOMEBODY}")
    assert _sees(desk) == set()
    desk.frozen.ok("owner", "PUT", path, {"members": [{"iam_id": SOMEBODY, "type": "user"}]})
    desk.frozen.ok("owner", "DELETE", f"/v2/groups/{group}?force=true")
    assert _sees(desk) == set()


def test_nobody_brings_people_into_a_group_that_holds_more_than_he(desk: Desk) -> None:
    group = desk.frozen.ok("owner", "POST", "/v2/groups", {"name": "mighty"})["id"]
    assert desk.grant(group, "Administrator", key="access_group_id", serviceName="is").status == 201
    assert desk.grant(SOMEBODY, "Administrator", serviceName="iam-groups").status == 201
    path = f"/v2/groups/{group}/members"
    me = {"members": [{"iam_id": SOMEBODY, "type": "user"}]}
    assert [one["status_code"] for one in desk.frozen.ok("somebody", "PUT", path, me)["members"]] == [403]
    assert desk.frozen.call("owner", "HEAD", f"{path}/{SOMEBODY}").status == 404
    assert _sees(desk) == set()


def test_members_are_of_the_account(desk: Desk) -> None:
    group = desk.frozen.ok("owner", "POST", "/v2/groups", {"name": "own"})["id"]
    foreign = [{"iam_id": "iam-ServiceId-none", "type": "service"}, {"iam_id": SOMEBODY, "type": "service"}]
    answer = desk.frozen.ok("owner", "PUT", f"/v2/groups/{group}/members", {"members": foreign})
    assert [one["status_code"] for one in answer["members"]] == [400, 400]


@pytest.mark.parametrize(
    "resources",
    [
        [{"name": "imageId", "value": "x"}],
        [{"name": "serviceName", "value": "is"}, {"name": "serviceName", "value": "is"}],
        [{"name": "serviceName", "value": "is", "operator": "stringLike"}],
        [{"name": "serviceName", "value": ""}],
        [{"name": "serviceName", "value": "is"}, {"name": "accountId", "value": "another"}],
        [{"name": "serviceName", "value": "is"}, {"name": "imageId", "value": "x" * 1_001}],
    ],
)
def test_what_is_no_policy_is_refused(desk: Desk, resources: list[dict[str, str]]) -> None:
    body = {
        "type": "access",
        "subjects": [{"attributes": [{"name": "iam_id", "value": SOMEBODY}]}],
        "roles": [{"role_id": f"{ROLE}Viewer"}],
        "resources": [{"attributes": resources}],
    }
    assert desk.frozen.call("owner", "POST", "/v1/policies", body).status == 400


def _boots(desk: Desk, image: str) -> int:
    return _server(desk, image, "somebody").status


def _server(desk: Desk, image: str, who: str) -> Answer:
    frozen = desk.frozen
    body = {
        "image": {"id": image},
        "zone": {"name": frozen.ids["zone"]},
        "keys": [{"id": frozen.ids["keys"]}],
        "profile": {"name": "bx2-2x8"},
        "primary_network_interface": {"subnet": {"id": frozen.ids["subnets"]}},
    }
    return frozen.call(who, "POST", f"/v1/instances?{QUERY}", body)


def _boots_metal(desk: Desk, image: str) -> int:
    frozen = desk.frozen
    body = {
        "initialization": {"image": {"id": image}, "keys": [{"id": frozen.ids["keys"]}]},
        "zone": {"name": frozen.ids["zone"]},
        "profile": {"name": "bx2-metal-96x384"},
        "primary_network_interface": {"subnet": {"id": frozen.ids["subnets"]}, "allowed_vlans": [4]},
    }
    return frozen.call("somebody", "POST", f"/v1/bare_metal_servers?{QUERY}", body).status


def _imports(desk: Desk, image: str) -> int:
    where = f"/api/v1-beta/catalogs/{desk.frozen.ids['catalogs']}/offerings/{desk.frozen.ids['offerings']}/version"
    return desk.frozen.call("somebody", "POST", where, product(image, "7.0.0")).status


def test_a_viewer_looks_at_an_image_and_an_operator_uses_it_and_neither_deletes_it(desk: Desk, image: str) -> None:
    everything = {"serviceName": "is"}
    assert desk.grant(SOMEBODY, "Viewer", **everything).status == 201
    assert desk.may_place(SOMEBODY).status == 201
    assert desk.grant(SOMEBODY, "Editor", serviceName="is", resourceType="instance").status == 201
    assert desk.grant(SOMEBODY, "Editor", serviceName="is", resourceType="bare-metal-server").status == 201
    assert desk.grant(SOMEBODY, "Editor", serviceName="globalcatalog-collection").status == 201
    path = f"/v1/images/{image}?{QUERY}"
    uses = (_boots, _boots_metal, _imports)  # the import comes last: what a catalog manages is put on no bare metal
    assert desk.frozen.call("somebody", "GET", path).status == 200
    assert [use(desk, image) for use in uses] == [403, 403, 403]
    assert desk.grant(SOMEBODY, "Operator", serviceName="is", imageId=image).status == 201
    assert [use(desk, image) for use in uses] == [201, 201, 201]
    assert _boots(desk, desk.frozen.ids["images"]) == 403, "the policy does not cover the other image"
    assert desk.frozen.call("somebody", "DELETE", path).status == 403
    assert desk.frozen.call("somebody", "PATCH", path, {"name": "x"}).status == 403


def test_no_group_makes_servers_from_an_image_for_those_who_may_not_use_it(desk: Desk, image: str) -> None:
    """The members that follow the first are made by the account's system context: whoever has them made is asked
    before."""
    frozen = desk.frozen
    assert desk.grant(SOMEBODY, "Viewer", serviceName="is").status == 201
    assert desk.may_place(SOMEBODY).status == 201
    for kind in ("instance", "instance-group"):
        assert desk.grant(SOMEBODY, "Editor", serviceName="is", resourceType=kind).status == 201
    prototype = {
        "image": {"id": image},
        "zone": {"name": frozen.ids["zone"]},
        "keys": [{"id": frozen.ids["keys"]}],
        "vpc": {"id": frozen.ids["vpcs"]},
        "profile": {"name": "bx2-2x8"},
        "primary_network_interface": {"subnet": {"id": frozen.ids["subnets"]}},
    }
    template = frozen.call("owner", "POST", f"/v1/instance/templates?{QUERY}", prototype).json["id"]
    subnets = [{"id": frozen.ids["subnets"]}]
    body = {"instance_template": {"id": template}, "subnets": subnets, "membership_count": 0}
    made = frozen.call("somebody", "POST", f"/v1/instance_groups?{QUERY}", body)
    group = f"/v1/instance_groups/{made.json['id']}"
    timed = f"{group}/managers?{QUERY}", {"manager_type": "scheduled"}
    actions = f"{group}/managers/{frozen.call('owner', 'POST', *timed).json['id']}/actions"
    daily = {"cron_spec": "0 6 * * *", "group": {"membership_count": 1}}
    action = frozen.call("owner", "POST", f"{actions}?{QUERY}", daily).json["id"]
    kept = {"manager_type": "autoscale", "max_membership_count": 2, "min_membership_count": 1}
    grown = {"membership_count": 1}

    def grows() -> list[int]:
        first = frozen.call("somebody", "POST", f"/v1/instance_groups?{QUERY}", {**body, **grown})
        more = frozen.call("somebody", "PATCH", f"{group}?{QUERY}", grown)
        later = frozen.call("somebody", "PATCH", f"{actions}/{action}?{QUERY}", {"group": {"membership_count": 2}})
        by_itself = frozen.call("somebody", "POST", f"{group}/managers?{QUERY}", kept)
        return [first.status, more.status, later.status, by_itself.status]

    assert grows() == [403, 403, 403, 403]
    assert frozen.call("somebody", "GET", f"{group}?{QUERY}").json["membership_count"] == 0
    assert desk.grant(SOMEBODY, "Operator", serviceName="is", imageId=image).status == 201
    assert grows() == [201, 200, 200, 201]


def test_a_viewer_of_a_volume_copies_and_attaches_nothing_of_it(desk: Desk, image: str) -> None:
    """And an Operator of it does not have it go with a server."""
    frozen = desk.frozen
    assert desk.grant(SOMEBODY, "Viewer", serviceName="is").status == 201
    assert desk.may_place(SOMEBODY).status == 201
    for kind in ("instance", "snapshot", "volume"):
        where = {"serviceName": "is", "resourceType": kind}
        assert desk.grant(SOMEBODY, "Editor" if kind != "volume" else "Viewer", **where).status == 201
    disk = {"capacity": 10, "profile": {"name": "general-purpose"}, "zone": {"name": frozen.ids["zone"]}}
    volume = frozen.call("owner", "POST", f"/v1/volumes?{QUERY}", {**disk, "name": "ledger"}).json["id"]
    owner = frozen.server.base.as_system(frozen.accounts["owner"])
    assert frozen.server.store.write(owner, lambda session: transition(session, VOLUME, volume, "available"))
    server = _server(desk, image, "owner").json["id"]
    attachments = f"/v1/instances/{server}/volume_attachments?{QUERY}"

    def tries() -> list[int]:
        source = {"id": volume}
        copied = frozen.call("somebody", "POST", f"/v1/snapshots?{QUERY}", {"source_volume": source})
        going = {"volume": source, "delete_volume_on_instance_delete": True}
        gone = frozen.call("somebody", "POST", attachments, going)
        attached = frozen.call("somebody", "POST", attachments, {"volume": source})
        return [copied.status, gone.status, attached.status]

    assert tries() == [403, 403, 403]
    assert desk.grant(SOMEBODY, "Operator", serviceName="is", volumeId=volume).status == 201
    assert tries() == [201, 403, 201]


def test_a_boot_volume_goes_with_its_server_only_by_the_word_of_who_may_delete_it(desk: Desk) -> None:
    frozen = desk.frozen
    assert desk.may_place(SOMEBODY).status == 201
    for kind in ("instance", "subnet", "key", "security-group"):
        where = {"serviceName": "is", "resourceType": kind}
        assert desk.grant(SOMEBODY, "Editor", **where).status == 201
    disk = {"capacity": 10, "profile": {"name": "general-purpose"}, "zone": {"name": frozen.ids["zone"]}}
    volume = frozen.call("owner", "POST", f"/v1/volumes?{QUERY}", {**disk, "name": "archive"}).json["id"]
    owner, whole = frozen.server.base.as_system(frozen.accounts["owner"]), {"operating_system": "debian-12-amd64"}
    assert frozen.server.store.write(owner, lambda session: transition(session, VOLUME, volume, "available", **whole))
    assert desk.grant(SOMEBODY, "Operator", serviceName="is", volumeId=volume).status == 201

    def boots(*, going: bool) -> int:
        attachment = {"volume": {"id": volume}, "delete_volume_on_instance_delete": going}
        body = {
            "boot_volume_attachment": attachment,
            "zone": {"name": frozen.ids["zone"]},
            "keys": [{"id": frozen.ids["keys"]}],
            "primary_network_interface": {"subnet": {"id": frozen.ids["subnets"]}},
        }
        return frozen.call("somebody", "POST", f"/v1/instances?{QUERY}", body).status

    assert [boots(going=True), boots(going=False)] == [403, 201]


def test_a_viewer_of_a_catalog_publishes_nothing(desk: Desk) -> None:
    assert desk.grant(SOMEBODY, "Viewer", serviceName="globalcatalog-collection").status == 201
    version = f"/api/v1-beta/versions/{desk.frozen.ids['versions']}"
    assert desk.frozen.call("somebody", "GET", version).status == 200
    steps = ("consume-publish", "prerelease-publish", "suspend", "archive", "ibm-publish", "public-publish")
    assert {desk.frozen.call("somebody", "POST", f"{version}/{step}").status for step in steps} == {403}
