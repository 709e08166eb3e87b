"""What pages say that the API would refuse, in every state of a resource, against what the API then answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Table, select, update

from fixtures.frozen_app import QUERY, FrozenApp
from kunsthalle.accounts.resources import ACCOUNT
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.block_storage.states import SNAPSHOT_STATES, VOLUME_STATES
from kunsthalle.catalogs import states as catalog_states
from kunsthalle.catalogs.resources import RECLAMATION, VERSION
from kunsthalle.console import offering_pages, refusals
from kunsthalle.console.refusals import Rule
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.iam.resources import API_KEY
from kunsthalle.images.resources import EXPORT, IMAGE
from kunsthalle.images.states import EXPORT_STATES, IMAGE_STATES
from kunsthalle.instances.bare_metal.resources import BARE_METAL
from kunsthalle.instances.bare_metal.states import BARE_METAL_STATES
from kunsthalle.instances.groups.resources import GROUP
from kunsthalle.instances.groups.states import GROUP_STATES
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.instances.states import INSTANCE_STATES
from kunsthalle.key_protect.resources import PROTECTED_KEY
from matrix.test_console_resources import shown

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


def test_a_resource_group_that_is_not_empty(frozen: FrozenApp) -> None:
    assert refusals.of_resource_group({"default": False, "filled": False}, "delete") == ""
    assert "not empty" in refusals.of_resource_group({"default": False, "filled": True}, "delete")
    id_ = frozen.ids["resource_groups"]
    assert "It is the default one of the account." in shown(frozen, f"/resource-groups/{id_}")
    assert frozen.call("owner", "DELETE", f"/v2/resource_groups/{id_}").status == 409
