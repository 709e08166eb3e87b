"""A story of placing: who may look at no resource group places nothing, and what an administrator gives cures it."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.frozen_app import QUERY, Answer
from kunsthalle.block_storage.resources import VOLUME
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.visibility import unscoped
from kunsthalle.instances.models import Template
from kunsthalle.instances.resources import INSTANCE, TEMPLATE
from unit.iam.conftest import ROLE, SOMEBODY, Desk

VPCS = f"/v1/vpcs?{QUERY}"
GROUPS = "/v2/resource_groups"


@pytest.fixture
def workshop(desk: Desk) -> str:
    """The id of a group besides the default one; somebody may make everything of the VPC API, and no more."""
    made = desk.frozen.call("owner", "POST", GROUPS, {"name": "workshop"})
    found = [one["id"] for one in desk.frozen.ok("owner", "GET", f"{GROUPS}?name=workshop")["resources"]]
    assert made.status in {201, 409}
    assert desk.grant(SOMEBODY, "Editor", serviceName="is").status == 201
    return str(found[0])


@pytest.fixture(autouse=True)
def _nothing_left(desk: Desk) -> Any:
    yield
    for policy in desk.frozen.ok("owner", "GET", f"/v1/policies?iam_id={SOMEBODY}")["policies"]:
        desk.frozen.ok("owner", "DELETE", f"/v1/policies/{policy['id']}")


def _vpc(desk: Desk, group: str | None = None) -> Answer:
    body = {} if group is None else {"resource_group": {"id": group}}
    return desk.frozen.call("somebody", "POST", VPCS, body)


def _default(desk: Desk) -> str:
    return str(desk.frozen.ok("owner", "GET", f"{GROUPS}?default=true")["resources"][0]["id"])


def _seen(desk: Desk) -> set[str]:
    return {one["id"] for one in desk.frozen.ok("somebody", "GET", GROUPS)["resources"]}


def test_a_refusal_says_what_is_missing_and_viewer_on_the_groups_cures_it(desk: Desk, workshop: str) -> None:
    refused = _vpc(desk)
    text = "To place something in the resource group Default you need the role Viewer on that group."
    told = {"code": "not_authorized", "message": f"The request is not authorized. {text}"}
    assert (refused.status, refused.json["errors"]) == (403, [told])
    assert _vpc(desk, workshop).status == 400
    assert _seen(desk) == set()
    assert desk.may_place(SOMEBODY).status == 201
    assert [_vpc(desk).status, _vpc(desk, workshop).status] == [201, 201]
    assert _seen(desk) >= {workshop, _default(desk)}


def test_viewer_on_one_group_opens_that_one(desk: Desk, workshop: str) -> None:
    assert desk.may_place(SOMEBODY, workshop).status == 201
    assert _seen(desk) == {workshop}
    assert [_vpc(desk, workshop).status, _vpc(desk).status] == [201, 403]
    hidden, absent = _vpc(desk, _default(desk)), _vpc(desk, "0" * 32)
    assert (hidden.status, hidden) == (400, absent)
    field = absent.json["errors"][0]
    assert (field["code"], field["target"]["name"]) == ("bad_field", "resource_group")


SAMPLE = "fee82deba12e4c0fb69c3b09d1f12345"


def test_the_group_of_the_samples_is_the_default_one_here_too(desk: Desk, workshop: str) -> None:
    assert desk.may_place(SOMEBODY, workshop).status == 201
    assert _vpc(desk, SAMPLE).status == 403
    assert desk.may_place(SOMEBODY, _default(desk)).status == 201
    assert _vpc(desk, SAMPLE).json["resource_group"]["id"] == _default(desk)


FORMS = (
    ({"resourceType": "resource-group"}, True),
    ({"resourceType": "resource-group", "resource": "{workshop}"}, True),
    ({"resourceType": "resource-group", "resource": "{default}"}, False),
    ({"serviceName": "resource-controller"}, True),
    ({"serviceName": "resource-controller", "resource": "{workshop}"}, True),
    ({"serviceName": "resource-controller", "resourceType": "resource-group"}, True),
    ({"serviceName": "resource-controller", "resourceType": "reclamation"}, False),
    ({"serviceType": "platform_service"}, True),
    ({"serviceType": "service"}, False),
    ({"resourceGroupId": "{workshop}"}, False),
    ({"serviceName": "is", "resourceGroupId": "{workshop}"}, False),
    ({"serviceName": "is", "resourceType": "resource-group"}, False),
)
"""What a policy names, and whether Viewer by it lets somebody look at the workshop and place resources in it. The first
two are what IBM's console and Terraform write. `resourceGroupId` speaks of what is in a group, not of the group."""


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("form", "opens"), FORMS)
def test_forms_of_policies_on_groups(
    desk: Desk, workshop: str, form: dict[str, str], opens: bool, version: int
) -> None:
    ids = {"workshop": workshop, "default": _default(desk)}
    given = {"accountId": desk.account} | {key: value.format(**ids) for key, value in form.items()}
    if version == 1:
        made = desk.grant(SOMEBODY, "Viewer", **given)
    else:
        keyed = [{"key": key, "operator": "stringEquals", "value": value} for key, value in given.items()]
        body = {
            "type": "access",
            "control": {"grant": {"roles": [{"role_id": f"{ROLE}Viewer"}]}},
            "subject": {"attributes": [{"key": "iam_id", "operator": "stringEquals", "value": SOMEBODY}]},
            "resource": {"attributes": keyed},
        }
        made = desk.frozen.call("owner", "POST", "/v2/policies", body)
    assert made.status == 201, made.body
    assert (workshop in _seen(desk), _vpc(desk, workshop).status) == (opens, 201 if opens else 400)


def test_a_policy_on_everything_of_no_service_is_none(desk: Desk) -> None:
    """`resourceType` narrows nothing but for resource groups, which are of no service that a policy could name."""
    for form in ({"accountId": desk.account}, {"resourceType": "image"}, {"resource": "any"}):
        assert desk.grant(SOMEBODY, "Viewer", **form).status == 400, form


def test_who_administers_one_group_makes_no_other_and_gives_no_more_away(desk: Desk, workshop: str) -> None:
    one = {"resourceType": "resource-group", "resource": workshop}
    assert desk.grant(SOMEBODY, "Administrator", **one).status == 201
    assert desk.grant(SOMEBODY, "Administrator", serviceName="iam-access-management").status == 201
    frozen = desk.frozen
    assert frozen.call("somebody", "POST", GROUPS, {"name": "another"}).status == 403
    assert frozen.call("somebody", "PATCH", f"{GROUPS}/{workshop}", {"name": "workshop"}).status == 200
    gives = [({**one}, 201), ({"resourceType": "resource-group"}, 403), ({"serviceName": "resource-controller"}, 403)]
    for form, status in gives:
        assert desk.grant("IBMid-VIEWER0001", "Viewer", by="somebody", **form).status == status, form
    assert desk.grant(SOMEBODY, "Administrator", resourceType="resource-group").status == 201
    assert frozen.call("somebody", "POST", GROUPS, {"name": "another"}).status == 201


def test_what_is_in_a_group_is_seen_by_its_own_policy(desk: Desk, workshop: str) -> None:
    """Looking needs no role on the group (docs/decisions/0016)."""
    body = {"resource_group": {"id": workshop}}
    vpc = desk.frozen.ok("owner", "POST", VPCS, body)["id"]
    assert desk.frozen.call("somebody", "GET", f"/v1/vpcs/{vpc}?{QUERY}").json["resource_group"]["name"] == "workshop"
    assert desk.frozen.call("somebody", "PATCH", f"/v1/vpcs/{vpc}?{QUERY}", {"name": "renamed"}).status == 200


def _prototype(desk: Desk, **more: Any) -> dict[str, Any]:
    ids = desk.frozen.ids
    return {
        "image": {"id": ids["free image"]},
        "zone": {"name": ids["zone"]},
        "keys": [{"id": ids["keys"]}],
        "vpc": {"id": ids["vpcs"]},
        "profile": {"name": "bx2-2x8"},
        "primary_network_interface": {"subnet": {"id": ids["subnets"]}},
        **more,
    }


def _disk(**more: Any) -> dict[str, Any]:
    return {"volume": {"capacity": 10, "profile": {"name": "general-purpose"}, **more}}


def test_what_is_made_for_a_server_goes_to_its_group_and_asks_for_it(desk: Desk, workshop: str) -> None:
    """Nobody names the group of a data volume or of an attached interface: the server's is taken, and said."""
    frozen = desk.frozen
    server = frozen.ok("owner", "POST", f"/v1/instances?{QUERY}", _prototype(desk))["id"]
    network = {"virtual_network_interface": {"subnet": {"id": frozen.ids["subnets"]}}}
    attached = _prototype(desk, primary_network_attachment=network)
    del attached["primary_network_interface"]
    other = frozen.ok("owner", "POST", f"/v1/instances?{QUERY}", attached)["id"]
    disks, networks = f"/v1/instances/{server}/volume_attachments", f"/v1/instances/{other}/network_attachments"

    def tries() -> list[int]:
        asked = ((disks, _disk()), (networks, network))
        answers = [frozen.call("somebody", "POST", f"{path}?{QUERY}", body) for path, body in asked]
        assert all("resource group Default" in one.body.decode() for one in answers if one.status == 403)
        return [one.status for one in answers]

    assert desk.may_place(SOMEBODY, workshop).status == 201
    assert tries() == [403, 403]
    named = _disk(resource_group={"id": workshop})
    assert frozen.call("somebody", "POST", f"{disks}?{QUERY}", named).status == 201
    assert desk.may_place(SOMEBODY, _default(desk)).status == 201
    assert tries() == [201, 201]


def test_a_server_that_begins_anew_gets_a_new_disk_in_its_group(desk: Desk, workshop: str) -> None:
    frozen = desk.frozen
    made = frozen.ok("owner", "POST", f"/v1/instances?{QUERY}", _prototype(desk))
    server, volume = made["id"], made["boot_volume_attachment"]["volume"]["id"]
    owner = frozen.server.base.as_system(desk.account)
    assert frozen.server.store.write(owner, lambda session: transition(session, VOLUME, volume, "available"))
    for state in ("starting", "running", "stopping", "stopped"):
        frozen.server.store.write(owner, lambda session, to=state: transition(session, INSTANCE, server, to))

    def anew() -> Answer:
        body = {"image": {"id": frozen.ids["free image"]}, "keys": [{"id": frozen.ids["keys"]}]}
        return frozen.call("somebody", "POST", f"/v1/instances/{server}/reinitialize?{QUERY}", body)

    assert desk.may_place(SOMEBODY, workshop).status == 201
    refused = anew()
    assert (refused.status, "resource group Default" in refused.body.decode()) == (403, True)
    assert desk.may_place(SOMEBODY, _default(desk)).status == 201
    assert anew().status == 204


def test_a_boot_volume_goes_where_it_is_told_by_the_same_rule(desk: Desk, workshop: str) -> None:
    frozen = desk.frozen
    assert desk.may_place(SOMEBODY, _default(desk)).status == 201

    def boots() -> Answer:
        volume = {"volume": {"resource_group": {"id": workshop}}}
        body = _prototype(desk, boot_volume_attachment=volume)
        return frozen.call("somebody", "POST", f"/v1/instances?{QUERY}", body)

    assert boots().status == 400
    assert desk.may_place(SOMEBODY, workshop).status == 201
    made = boots().json
    volume = made["boot_volume_attachment"]["volume"]["id"]
    shown = frozen.ok("somebody", "GET", f"/v1/volumes/{volume}?{QUERY}")
    assert (made["resource_group"]["id"], shown["resource_group"]["id"]) == (_default(desk), workshop)


@pytest.mark.parametrize("disk", ["boot_volume_attachment", "volume_attachments"])
def test_a_template_keeps_no_group_that_its_maker_may_not_look_at(desk: Desk, workshop: str, disk: str) -> None:
    """Its servers may be made later by the account's system context, which is asked nothing."""
    one = _disk(resource_group={"id": workshop})
    more = {disk: [one] if disk == "volume_attachments" else {"volume": {"resource_group": {"id": workshop}}}}
    path, body = f"/v1/instance/templates?{QUERY}", _prototype(desk, **more)
    assert desk.may_place(SOMEBODY, _default(desk)).status == 201
    assert desk.frozen.call("somebody", "POST", path, body).status == 400
    assert desk.may_place(SOMEBODY, workshop).status == 201
    assert desk.frozen.call("somebody", "POST", path, body).status == 201


def test_a_group_of_servers_grows_for_whoever_may_place_them(desk: Desk, workshop: str) -> None:
    """The check is made when the count is raised; the members after that are made by the account's system context."""
    frozen, template = desk.frozen, f"/v1/instance/templates?{QUERY}"
    kept = frozen.ok("owner", "POST", template, _prototype(desk, volume_attachments=[_disk()]))["id"]
    body = {"instance_template": {"id": kept}, "subnets": [{"id": frozen.ids["subnets"]}], "membership_count": 0}
    made = frozen.ok("owner", "POST", f"/v1/instance_groups?{QUERY}", {**body, "resource_group": {"id": workshop}})
    group = f"/v1/instance_groups/{made['id']}?{QUERY}"
    away = _prototype(desk, volume_attachments=[_disk(resource_group={"id": _default(desk)})])
    spread = frozen.ok("owner", "POST", template, away)["id"]

    def grows(count: int, template: str = kept) -> int:
        body = {"membership_count": count, "instance_template": {"id": template}}
        return frozen.call("somebody", "PATCH", group, body).status

    assert grows(1) == 403
    assert desk.may_place(SOMEBODY, workshop).status == 201
    assert grows(1) == 200
    assert grows(2, spread) == 403, "its disks go to the default group"
    assert desk.may_place(SOMEBODY, _default(desk)).status == 201
    assert grows(2, spread) == 200


def test_a_group_of_servers_makes_disks_only_where_its_user_could(desk: Desk, workshop: str) -> None:
    """Viewer opens a resource group; to make what a template puts there, somebody needs the role for that, too."""
    frozen = desk.frozen
    for policy in frozen.ok("owner", "GET", f"/v1/policies?iam_id={SOMEBODY}")["policies"]:
        frozen.ok("owner", "DELETE", f"/v1/policies/{policy['id']}")
    assert desk.grant(SOMEBODY, "Operator", serviceName="is").status == 201
    assert desk.grant(SOMEBODY, "Editor", serviceName="is", resourceGroupId=workshop).status == 201
    assert desk.may_place(SOMEBODY).status == 201
    away = _prototype(desk, volume_attachments=[_disk(resource_group={"id": _default(desk)})])
    spread = frozen.ok("owner", "POST", f"/v1/instance/templates?{QUERY}", away)["id"]
    body = {"instance_template": {"id": spread}, "subnets": [{"id": frozen.ids["subnets"]}], "membership_count": 0}
    made = frozen.ok("owner", "POST", f"/v1/instance_groups?{QUERY}", {**body, "resource_group": {"id": workshop}})

    def grows() -> int:
        path = f"/v1/instance_groups/{made['id']}?{QUERY}"
        return frozen.call("somebody", "PATCH", path, {"membership_count": 1}).status

    assert grows() == 403
    kept = {**frozen.server.store.read(frozen.server.base, lambda session: _template(session, spread)).prototype}
    system = frozen.server.base.as_system(frozen.accounts["owner"])
    for volume, status in (({"resource_group": {"id": "nowhere"}}, 400), ({}, 200)):
        attached = [{**kept["volume_attachments"][0], "volume": {**_disk()["volume"], **volume}}]
        prototype = {**kept, "volume_attachments": attached}
        frozen.server.store.write(system, lambda session, it=prototype: update(session, TEMPLATE, spread, prototype=it))
        assert grows() == status, "a template of a release that did not look at its groups; one of the own group"


def _template(session: Session, id_: str) -> Template:
    return unscoped(session, TEMPLATE, TEMPLATE.table.c.id == id_)[0]


def test_a_renamed_default_group_is_refused_by_its_name(desk: Desk, workshop: str) -> None:
    default = _default(desk)
    try:
        desk.frozen.ok("owner", "PATCH", f"{GROUPS}/{default}", {"name": "everyday"})
        assert "resource group everyday" in _vpc(desk).body.decode()
    finally:
        desk.frozen.ok("owner", "PATCH", f"{GROUPS}/{default}", {"name": "Default"})
