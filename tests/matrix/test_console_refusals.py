"""What pages say that the API would refuse, in every state of a resource, against what the API then answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import Table, select, update

from fixtures.frozen_app import QUERY, FrozenApp
from kunsthalle.accounts.queries import GROUPS
from kunsthalle.accounts.resources import ACCOUNT, RESOURCE_GROUP, USER
from kunsthalle.accounts.service import new_group
from kunsthalle.accounts.states import USER_STATES
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.block_storage.states import SNAPSHOT_STATES, VOLUME_STATES
from kunsthalle.catalogs import states as catalog_states
from kunsthalle.catalogs.resources import CATALOG, RECLAMATION, VERSION
from kunsthalle.console import offering_pages, refusals
from kunsthalle.console.refusals import Rule
from kunsthalle.db.engine import Store
from kunsthalle.db.rows import insert
from kunsthalle.db.session import Session
from kunsthalle.db.tables import metadata
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.iam.resources import API_KEY, SERVICE_ID
from kunsthalle.images.resources import EXPORT, IMAGE
from kunsthalle.images.states import EXPORT_STATES, IMAGE_STATES
from kunsthalle.instances.bare_metal.resources import BARE_METAL
from kunsthalle.instances.bare_metal.states import BARE_METAL_STATES
from kunsthalle.instances.groups.resources import GROUP
from kunsthalle.instances.groups.states import GROUP_STATES
from kunsthalle.instances.placement_groups.resources import PLACEMENT_GROUP
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.instances.states import INSTANCE_STATES
from kunsthalle.key_protect.resources import PROTECTED_KEY
from kunsthalle.networks.resources import FLOATING_IP, PUBLIC_GATEWAY, SUBNET
from matrix.rows_console import FORMS
from matrix.test_console_resources import sent, shown

Call = tuple[str, str, Any]
"""Method, path and body."""
REFUSED = {400, 409}


@contextmanager
def changed(frozen: FrozenApp, table: Table, id_: str, **values: Any) -> Iterator[None]:
    """A row as it would be in another state, until the block ends."""
    store, base = frozen.server.store, frozen.server.base
    columns = [table.c[name] for name in values]

    def read(session: Session) -> dict[str, Any]:
        row = session.first(select(*columns).where(table.c.id == id_))
        assert row is not None, id_
        return dict(zip(values, row, strict=True))

    def write(new: dict[str, Any]) -> None:
        def statement(session: Session) -> None:
            session.execute(update(table).where(table.c.id == id_).values(**new))
            session.invalidate("grants")

        Store._write_once(store, base, statement)  # kept, unlike what the frozen application does

    before = store.read(base, read)
    write(values)
    try:
        yield
    finally:
        write(before)


def compare(frozen: FrozenApp, rule: Rule, row: dict[str, Any], calls: dict[str, Call], **headers: str) -> set[str]:
    """The actions that are refused: the rule has a reason for these, and for no other."""
    reasons = {action: rule(row, action) for action in calls}
    answers = {action: frozen.call("owner", *call, **headers) for action, call in calls.items()}
    told = {action: (answer.status, answer.body[:300]) for action, answer in answers.items()}
    assert {action for action, reason in reasons.items() if reason} == {
        action for action, answer in answers.items() if answer.status in REFUSED
    }, (reasons, told)
    assert all(answer.status < 300 or answer.status in REFUSED for answer in answers.values()), told
    return {action for action, reason in reasons.items() if reason}


def _read(frozen: FrozenApp, path: str) -> dict[str, Any]:
    return dict(frozen.ok("owner", "GET", f"{path}?{QUERY}"))


def _at(path: str) -> str:
    return f"{path}?{QUERY}"


@pytest.mark.parametrize("state", INSTANCE_STATES.states)
def test_an_instance_in_each_state(frozen: FrozenApp, state: str) -> None:
    id_ = frozen.ids["instances"]
    path = f"/v1/instances/{id_}"
    calls: dict[str, Call] = {
        verb: ("POST", _at(f"{path}/actions"), {"type": verb}) for verb in ("start", "stop", "reboot")
    }
    with changed(frozen, INSTANCE.table, id_, status=state):
        row = _read(frozen, path)
        refused = compare(frozen, refusals.of_instance, row, {**calls, "delete": ("DELETE", _at(path), None)})
        html = shown(frozen, f"/instances/{id_}")
    assert refused == {"pending": {"start", "stop", "reboot"}, "deleting": {*calls, "delete"}}.get(
        state, set() if state in {"running", "restarting"} else {"reboot"}
    )
    if state == "stopped":
        assert f'href="/console/instances/{id_}/start"' in html
        assert "It is stopped." in html
        assert ">Stop</" not in html


@pytest.mark.parametrize("state", BARE_METAL_STATES.states)
def test_a_bare_metal_server_in_each_state(frozen: FrozenApp, state: str) -> None:
    id_ = frozen.ids["bare_metal_servers"]
    path = f"/v1/bare_metal_servers/{id_}"
    calls: dict[str, Call] = {verb: ("POST", _at(f"{path}/{verb}"), None) for verb in ("start", "restart")}
    calls |= {"stop": ("POST", _at(f"{path}/stop"), {"type": "hard"}), "delete": ("DELETE", _at(path), None)}
    with changed(frozen, BARE_METAL.table, id_, status=state):
        compare(frozen, refusals.of_bare_metal, _read(frozen, path), calls)


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("state", IMAGE_STATES.states)
@pytest.mark.parametrize("dates", ["", "deprecation", "obsolescence"])
def test_an_image_in_each_state(frozen: FrozenApp, state: str, dates: str) -> None:
    id_ = frozen.ids["free image"]
    path, now = f"/v1/images/{id_}", frozen.server.base.now()
    offering = f"/api/v1-beta/catalogs/{frozen.ids['catalogs']}/import/offerings"
    chosen = {"images": [{"id": id_, "name": "free", "region": "us-south"}]}
    made = {"name": "taken", "target_kinds": ["vpc-x86"], "version": "9.0.0", "metadata": chosen}
    calls: dict[str, Call] = {
        "share": ("POST", offering, made),
        "edit": ("PATCH", _at(path), {"name": "another"}),
        "deprecate": ("POST", _at(f"{path}/deprecate"), None),
        "obsolete": ("POST", _at(f"{path}/obsolete"), None),
        "export": ("POST", _at(f"{path}/export_jobs"), {"storage_bucket": {"name": "images"}}),
        "delete": ("DELETE", _at(path), None),
    }
    at = {f"{dates}_at": now + (1 if state == "available" else -1) * 10**12} if dates else {}
    with changed(frozen, IMAGE.table, id_, status=state, **at):
        refused = compare(frozen, refusals.of_image, _read(frozen, path), calls)
        exports, page = (shown(frozen, f"/images/custom/{id_}{tail}") for tail in ("/exports", ""))
    form = f'href="/console/images/custom/{id_}/'
    assert (f"{form}exports/new" in exports) == ("export" not in refused)
    assert {action for action in set(calls) - {"export"} if f'{form}{action}"' not in page} == refused - {"export"}


def test_an_image_that_a_catalog_would_not_take(frozen: FrozenApp) -> None:
    path = f"/v1/images/{frozen.ids['free image']}"
    row = _read(frozen, path)
    assert refusals.of_image(row, "share") == ""
    assert "encrypted" in refusals.of_image({**row, "encryption": "user_managed"}, "share")
    other = {**row, "operating_system": {**row["operating_system"], "architecture": "s390x"}}
    assert "x86" in refusals.of_image(other, "share")
    held = _read(frozen, f"/v1/images/{frozen.ids['images']}")
    actions = ("share", "edit", "deprecate", "obsolete", "export", "delete")
    reasons = [refusals.of_image(held, action) for action in actions]
    assert reasons == [refusals.MANAGED, "", refusals.MANAGED, refusals.MANAGED, "", refusals.MANAGED]


@pytest.mark.parametrize("state", EXPORT_STATES.states)
def test_an_export_job_in_each_state(frozen: FrozenApp, state: str) -> None:
    id_ = frozen.ids["export_jobs"]
    path = f"/v1/images/{frozen.ids['images']}/export_jobs/{id_}"
    with changed(frozen, EXPORT.table, id_, status=state):
        compare(frozen, refusals.of_export, _read(frozen, path), {"delete": ("DELETE", _at(path), None)})


@pytest.mark.parametrize("state", VOLUME_STATES.states)
@pytest.mark.parametrize("attached", [False, True])
def test_a_volume_in_each_state(frozen: FrozenApp, state: str, attached: bool) -> None:
    id_ = frozen.ids["volumes"]
    path = f"/v1/volumes/{id_}"
    calls: dict[str, Call] = {
        "snapshot": ("POST", _at("/v1/snapshots"), {"source_volume": {"id": id_}}),
        "delete": ("DELETE", _at(path), None),
    }
    apart = {} if attached else {"instance_id": None, "instance_name": None, "attachment_id": None}
    with changed(frozen, VOLUME.table, id_, status=state, **apart):
        row = _read(frozen, path)
        assert bool(refusals.instances_of(row)) == attached
        compare(frozen, refusals.of_volume, row, calls)


@pytest.mark.parametrize("state", SNAPSHOT_STATES.states)
def test_a_snapshot_in_each_state(frozen: FrozenApp, state: str) -> None:
    id_ = frozen.ids["snapshots"]
    path = f"/v1/snapshots/{id_}"
    with changed(frozen, SNAPSHOT.table, id_, lifecycle_state=state):
        compare(frozen, refusals.of_snapshot, _read(frozen, path), {"delete": ("DELETE", _at(path), None)})
        html = shown(frozen, f"/snapshots/{id_}")
    form = f'href="/console/instances/new?source=snapshot+{id_}"'
    assert (form in html) == (state == "stable")
    assert ("a snapshot must be stable" in html) == (state != "stable")


@pytest.mark.parametrize("state", GROUP_STATES.states)
def test_an_instance_group_in_each_state(frozen: FrozenApp, state: str) -> None:
    id_ = frozen.ids["instance_groups"]
    path = f"/v1/instance_groups/{id_}"
    with changed(frozen, GROUP.table, id_, status=state):
        row = _read(frozen, path)
        size = {"membership_count": row["membership_count"]}
        calls: dict[str, Call] = {"size": ("PATCH", _at(path), size), "delete": ("DELETE", _at(path), None)}
        compare(frozen, refusals.of_group, row, calls)


def test_a_template_that_a_group_uses(frozen: FrozenApp) -> None:
    group = _read(frozen, f"/v1/instance_groups/{frozen.ids['instance_groups']}")
    id_ = group["instance_template"]["id"]
    html = shown(frozen, f"/templates/{id_}")
    assert f"The instance group {group['name']} uses it." in html
    assert f"/templates/{id_}/delete" not in html
    assert frozen.call("owner", "DELETE", _at(f"/v1/instance/templates/{id_}")).status == 409


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("pending", [False, True])
@pytest.mark.parametrize("validation", ["", "valid", "invalid"])
@pytest.mark.parametrize("state", catalog_states.STATES)
def test_a_version_in_each_state(frozen: FrozenApp, state: str, validation: str, pending: bool) -> None:
    """The image of a version follows it, so that its own status is that of a version which is published."""
    locator = frozen.ids["versions"]
    path = f"/api/v1-beta/versions/{locator}"
    steps = {step.key: step.call for step in offering_pages.STEPS}
    until = {"deprecate_date": "2099-01-01T00:00:00Z", "deprecate_state": "deprecated", "description": ""}
    values = {"state": state, "validation": {"state": validation}, "deprecate_pending": until if pending else None}
    if pending and state not in catalog_states.PUBLISHED:
        return  # no step leads there
    with changed(frozen, VERSION.table, locator.rpartition(".")[2], **values):
        offering = _read(frozen, path)
        version = offering["kinds"][0]["versions"][0]
        row = {**version, "last": state in catalog_states.PUBLISHED}
        bodies: dict[str, Any] = {"validate": {}, "deprecate": {}}
        calls: dict[str, Call] = {key: (how, f"{path}{tail}", bodies.get(key)) for key, (how, tail) in steps.items()}
        refused = compare(frozen, refusals.of_version, row, calls, x_auth_refresh_token="any")
        at = f"/versions/{locator}"
        offers = {
            offer.path.removeprefix(f"{at}/"): offer.reason for offer in offering_pages.steps_of(version, [version])
        }
    assert set(steps) - set(offers) == {"deprecate" if pending else "restore"}
    assert {key for key, reason in offers.items() if reason} == refused - {"deprecate" if pending else "restore"}


KEY_STATES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("active", {}),
    ("suspended", {}),
    ("destroyed", {"deleted_at": 1}),
    ("active", {"rotated_at": 1}),
    ("active", {"rotated_at": 0}),
    ("active", {"extractable": True}),
)


@pytest.mark.parametrize(("state", "more"), KEY_STATES)
def test_a_key_in_each_state(frozen: FrozenApp, state: str, more: dict[str, Any]) -> None:
    """`1` stands for the present moment, and `0` for two hours ago."""
    id_, now = frozen.ids["api/keys"], frozen.server.base.now()
    moments = {name: now - (0 if value else 7_200 * 10**6) for name, value in more.items() if name.endswith("_at")}
    path, headers = f"/api/v2/keys/{id_}", {"bluemix_instance": frozen.ids["bluemix-instance"]}
    calls: dict[str, Call] = {
        verb: ("POST", f"{path}/actions/{verb}", None) for verb in ("rotate", "disable", "enable")
    }
    calls |= {"restore": ("POST", f"{path}/restore", None), "ring": ("PATCH", path, {"keyRingID": "default"})}
    calls["delete"] = ("DELETE", f"{path}?force=true", None)
    with changed(frozen, PROTECTED_KEY.table, id_, state=state, **{**more, **moments}):
        told = frozen.ok("owner", "GET", f"{path}/metadata", **headers)["resources"][0]
        row = {**told, "word": state, "now": now}
        if told["extractable"]:
            calls = {key: call for key, call in calls.items() if key not in {"rotate", "disable", "enable"}}
        compare(frozen, refusals.of_root_key, row, calls, **headers)


@pytest.mark.parametrize("locked", [False, True])
def test_an_api_key_that_is_locked(frozen: FrozenApp, locked: bool) -> None:
    id_ = frozen.ids["apikeys"]
    path = f"/v1/apikeys/{id_}"
    with changed(frozen, API_KEY.table, id_, locked=locked):
        row = dict(frozen.ok("owner", "GET", path))
        compare(frozen, refusals.of_locked, row, {"delete": ("DELETE", path, None)})


@pytest.mark.parametrize("state", ["SCHEDULED", "RECLAIMING"])
def test_a_reclamation_in_each_state(frozen: FrozenApp, state: str) -> None:
    id_ = frozen.ids["reclamations"]
    with changed(frozen, RECLAMATION.table, id_, state=state):
        rows = frozen.ok("owner", "GET", "/v1/reclamations")["resources"]
        row = next(one for one in rows if one["id"] == id_)
        calls: dict[str, Call] = {"restore": ("POST", f"/v1/reclamations/{id_}/actions/restore", {})}
        compare(frozen, refusals.of_reclamation, row, calls)


def _deleted(frozen: FrozenApp, path: str) -> int:
    return frozen.call("owner", "DELETE", _at(path)).status


def test_networks_that_are_in_use_say_what_uses_them(frozen: FrozenApp) -> None:
    """Of each page: what it says, and what the API answers."""
    ids = frozen.ids
    for path, api, reason in (
        (f"/vpcs/{ids['hub']}", f"/v1/vpcs/{ids['hub']}", "DNS resolution bindings"),
        (f"/subnets/{ids['subnets']}", f"/v1/subnets/{ids['subnets']}", "Addresses of it are in use: by "),
        (
            f"/security-groups/{ids['security_groups']}",
            f"/v1/security_groups/{ids['security_groups']}",
            "It is the default of its VPC.",
        ),
    ):
        html = shown(frozen, path)
        assert reason in html, path
        assert f'href="/console{path}/delete"' not in html, path
        assert _deleted(frozen, api) == 409, path


def test_who_owns_an_account_is_not_removed_from_it(frozen: FrozenApp) -> None:
    account, user = frozen.accounts["owner"], frozen.ids["iam_id"]
    html = shown(frozen, f"/users/{user}")
    assert "The owner of an account stays a user of it." in html
    assert "The owner of an account stays a user of it." in shown(frozen, "/users")
    assert frozen.call("owner", "DELETE", f"/v2/accounts/{account}/users/{user}").status == 409
    with changed(frozen, ACCOUNT.table, account, owner_iam_id="IBMid-somebody-else"):
        assert f'href="/console/users/{user}/delete"' in shown(frozen, f"/users/{user}")


FOLLOWERS = frozenset(
    "address_prefixes bare_metal_interfaces dns_bindings image_exports instance_group_actions instance_group_managers"
    " instance_group_memberships instance_group_policies reserved_ips routes security_group_targets".split()
)
"""Tables of parts, which are in the resource group of what they are parts of."""
UNLISTED = frozenset({"offering_instances"})
"""What the API refuses the deletion of a resource group for, and shows by its ID alone: no page can know of it."""
GROUPED = sorted(
    table.name for table in metadata.sorted_tables if "resource_group_id" in table.c and table.name not in FOLLOWERS
)


@pytest.fixture
def other_group(frozen: FrozenApp) -> Iterator[str]:
    """A resource group of the publisher's with nothing in it, until the test ends."""
    store, base, id_ = frozen.server.store, frozen.server.base, "0123456789abcdef0123456789abcdef"

    def make(session: Session) -> None:
        group = replace(new_group(session, frozen.accounts["owner"], "another group"), id=id_)
        insert(session, RESOURCE_GROUP, group)
        session.invalidate(GROUPS)

    def remove(session: Session) -> None:
        remove_rows(session, RESOURCE_GROUP.table, RESOURCE_GROUP.table.c.id == id_)
        session.invalidate(GROUPS)

    Store._write_once(store, base, make)
    yield id_
    Store._write_once(store, base, remove)


def _compare_group(frozen: FrozenApp, id_: str) -> set[str]:
    """What the page of a resource group disables, against what the API then answers."""
    path = f"/resource-groups/{id_}"
    offered = f'href="/console{path}/delete"' in shown(frozen, path)
    answer = frozen.call("owner", "DELETE", f"/v2/resource_groups/{id_}")
    assert offered == (answer.status not in REFUSED), (offered, answer.status, answer.body)
    return set() if offered else {"delete"}


def test_a_resource_group_that_is_the_default_or_empty(frozen: FrozenApp, other_group: str) -> None:
    id_ = frozen.ids["resource_groups"]
    assert "It is the default one of the account." in shown(frozen, f"/resource-groups/{id_}")
    assert _compare_group(frozen, id_) == {"delete"}
    assert _compare_group(frozen, other_group) == set()


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", GROUPED)
def test_a_resource_group_with_a_resource_of_each_type(frozen: FrozenApp, other_group: str, name: str) -> None:
    table = metadata.tables[name]
    own = select(table.c.id).where(table.c.account_id == frozen.accounts["owner"])
    if table is CATALOG.table:  # a deleted one holds a group by its reclamation, which is a row of its own
        own = own.where(table.c.state == "live")
    row = frozen.server.store.read(frozen.server.base, lambda session: session.first(own))
    assert row is not None, "the frozen application has one of each type"
    with changed(frozen, table, str(row[0]), resource_group_id=other_group):
        if name in UNLISTED:
            assert frozen.call("owner", "DELETE", f"/v2/resource_groups/{other_group}").status == 409
            return
        assert _compare_group(frozen, other_group) == {"delete"}
        text = "It is not empty: delete or reclaim what is in it first."
        assert text in shown(frozen, f"/resource-groups/{other_group}")


@pytest.mark.parametrize("locked", [False, True])
def test_a_service_id_that_is_locked(frozen: FrozenApp, locked: bool) -> None:
    id_ = frozen.ids["serviceids"]
    path = f"/v1/serviceids/{id_}"
    with changed(frozen, SERVICE_ID.table, id_, locked=locked):
        row = dict(frozen.ok("owner", "GET", path))
        calls: dict[str, Call] = {"edit": ("PUT", path, {"name": "renamed"}), "delete": ("DELETE", path, None)}
        refused = compare(frozen, refusals.of_locked, row, calls, if_match=row["entity_tag"])
        html = shown(frozen, f"/service-ids/{id_}")
    assert refused == ({"edit", "delete"} if locked else set())
    offered = {action for action in calls if f'href="/console/service-ids/{id_}/{action}"' in html}
    assert offered == set(calls) - refused


@pytest.mark.parametrize("locked", [False, True])
def test_a_key_of_a_service_id_that_is_locked(frozen: FrozenApp, locked: bool) -> None:
    id_ = frozen.ids["key of service"]
    path = f"/v1/apikeys/{id_}"
    with changed(frozen, API_KEY.table, id_, locked=locked):
        row = dict(frozen.ok("owner", "GET", path))
        compare(frozen, refusals.of_locked, row, {"delete": ("DELETE", path, None)})


@pytest.mark.parametrize("state", sorted(USER_STATES.states))
@pytest.mark.parametrize("whose", ["iam_id", "users"])
def test_a_user_of_the_account_in_each_state(frozen: FrozenApp, whose: str, state: str) -> None:
    account, iam_id = frozen.accounts["owner"], frozen.ids[whose]
    path = f"/v2/accounts/{account}/users/{iam_id}"
    own = select(USER.table.c.id).where(USER.table.c.account_id == account, USER.table.c.iam_id == iam_id)
    (id_,) = frozen.server.store.read(frozen.server.base, lambda session: session.first(own)) or ("",)
    owner = whose == "iam_id"
    with changed(frozen, USER.table, id_, state="ACTIVE" if owner else state):  # else nobody could ask
        row = {**frozen.ok("owner", "GET", path), "owner": owner}
        assert compare(frozen, refusals.of_user, row, {"delete": ("DELETE", path, None)}) == (
            {"delete"} if owner else set()
        )
        offered = f'href="/console/users/{iam_id}/delete"' in shown(frozen, f"/users/{iam_id}")
    assert offered is not owner


@pytest.mark.parametrize("dynamic", [False, True])
def test_a_member_of_an_access_group(frozen: FrozenApp, dynamic: bool) -> None:
    """Who is a member by a rule too is one by hand no less."""
    group, iam_id = frozen.ids["groups"], frozen.ids["members"]
    path = f"/v2/groups/{group}/members"
    row = next(one for one in frozen.ok("owner", "GET", path)["members"] if one["iam_id"] == iam_id)
    row |= {"membership_type": "dynamic"} if dynamic else {}
    gone = ("DELETE", f"{path}/{'IBMid-BY-A-RULE' if dynamic else iam_id}", None)
    answer = frozen.call("owner", *gone)
    assert bool(refusals.of_membership(row, "delete")) == dynamic == (answer.status == 404)


def test_a_floating_ip_of_each_target(frozen: FrozenApp) -> None:
    """One without a target, too: that of an interface, as it would be detached."""
    types: dict[str, str] = {}
    for address in frozen.ok("owner", "GET", _at("/v1/floating_ips"))["floating_ips"]:
        types.setdefault(address.get("target", {}).get("resource_type", ""), address["id"])
    gateway = types.pop("public_gateway")
    assert types, "others have targets, too"
    assert _compare_address(frozen, gateway, "edit", "detach", "delete") == {"detach", "delete"}
    for id_ in types.values():
        assert _compare_address(frozen, id_, "edit", "detach", "delete") == set()
        with changed(frozen, FLOATING_IP.table, id_, target_id=None, target=None):
            assert _compare_address(frozen, id_, "edit", "delete") == set()


def _compare_address(frozen: FrozenApp, id_: str, *actions: str) -> set[str]:
    path = f"/v1/floating_ips/{id_}"
    every: dict[str, Call] = {
        "edit": ("PATCH", _at(path), {"name": "renamed"}),
        "detach": ("PATCH", _at(path), {"target": None}),
        "delete": ("DELETE", _at(path), None),
    }
    refused = compare(frozen, refusals.of_floating_ip, _read(frozen, path), {key: every[key] for key in actions})
    html = shown(frozen, f"/floating-ips/{id_}")
    assert {key for key in every if f'href="/console/floating-ips/{id_}/{key}"' in html} == set(actions) - refused
    return refused


@pytest.mark.parametrize(("column", "value", "status"), [
    ("zone", None, 201),
    ("zone", "us-south-3", 400),
    ("vpc_id", "hub", 400),
])  # fmt: skip
def test_a_subnet_and_a_public_gateway_of_each_place(
    frozen: FrozenApp, column: str, value: str | None, status: int
) -> None:
    """Whether the page offers to attach it, and whether the API does."""
    gateway, path = frozen.ids["public_gateways"], _at(f"/v1/subnets/{frozen.ids['subnets']}/public_gateway")
    place = frozen.ok("owner", "GET", _at(f"/v1/public_gateways/{gateway}"))["zone"]["name"]
    page = f"/subnets/{frozen.ids['subnets']}"
    with (
        changed(frozen, SUBNET.table, frozen.ids["subnets"], public_gateway_id=None),
        changed(frozen, PUBLIC_GATEWAY.table, gateway, **{column: frozen.ids.get(value or "", value or place)}),
    ):
        answer = frozen.call("owner", "PUT", path, {"id": gateway})
        assert answer.status == status, answer.body
        html = shown(frozen, page)
        offered = f'href="/console{page}/gateway"' in html
        assert offered == (status == 201)
        assert ("There is no public gateway in its VPC and its zone." in html) is not offered
        if offered:
            assert f'value="{gateway}"' in shown(frozen, f"{page}/gateway")


def test_a_placement_group_with_and_without_instances(frozen: FrozenApp) -> None:
    id_ = frozen.ids["placement_groups"]
    path = f"/v1/placement_groups/{id_}"
    calls: dict[str, Call] = {"edit": ("PATCH", _at(path), {"name": "renamed"}), "delete": ("DELETE", _at(path), None)}
    for member, state, refused in (
        (None, "stable", set()),
        (None, "deleting", {"delete"}),
        (id_, "stable", {"delete"}),
    ):
        instance = frozen.ids["instances"]
        with (
            changed(frozen, INSTANCE.table, instance, placement_group_id=member),
            changed(frozen, PLACEMENT_GROUP.table, id_, lifecycle_state=state),
        ):
            row = {**_read(frozen, path), "members": [instance] if member else []}
            assert compare(frozen, refusals.of_placement_group, row, calls) == refused
            page = shown(frozen, f"/placement-groups/{id_}")
            linked = f'href="/console/placement-groups/{id_}">hidden-spread</a>' in shown(
                frozen, f"/instances/{instance}"
            )
            assert linked is bool(member)
        assert (f'href="/console/placement-groups/{id_}/delete"' in page) is not bool(refused)


@pytest.mark.parametrize("form", ["/instances/new", "/templates/new"])
def test_the_form_of_an_instance_puts_it_into_the_placement_group_that_is_chosen(frozen: FrozenApp, form: str) -> None:
    """By what the API says of a group that there is not, it is known that it was told of it."""
    id_, fields = frozen.ids["placement_groups"], FORMS[form](frozen)
    html = shown(frozen, f"{form}?{urlencode({'source': fields['source']})}")
    assert f'<option value="{id_}" >hidden-spread (Host spread)</option>' in html
    assert '<option value="" selected>None</option>' in html
    assert sent(frozen, form, **fields)[0] == 303
    assert sent(frozen, form, **fields, **{"placement_target.id": id_})[0] == 303
    absent = {"placement_target.id": f"{id_[:-4]}0000"}
    status, html = sent(frozen, form, **fields, **absent)
    assert status == 404, "there is no such group"
    assert 'id="placement_target.id-told"' in html, "it is said at the field"
