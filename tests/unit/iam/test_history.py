"""`include_history=true`: what was done to a key, a service ID, a profile and the settings, and by whom."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of
from kunsthalle.iam.history import KEPT
from kunsthalle.iam.tables import identity_history
from unit.iam.conftest import SOMEBODY, Desk

Call = tuple[str, str, Any]
"""A method, the rest of the path, and a body."""


def _made(desk: Desk, path: str, **body: Any) -> str:
    made = desk.frozen.ok("owner", "POST", path, {"account_id": desk.account, "name": "told", **body})
    return f"{path}/{made['id']}"


def _history(desk: Desk, path: str) -> list[tuple[str, list[str]]]:
    records = desk.frozen.ok("owner", "GET", f"{path}?include_history=true")["history"]
    owner = desk.frozen.ok("owner", "GET", "/v1/apikeys")["apikeys"][0]["iam_id"]
    assert {(one["iam_id"], one["iam_id_account"]) for one in records} <= {(owner, desk.account)}
    assert all(one["message"] for one in records)
    assert [one["timestamp"] for one in records] == sorted(one["timestamp"] for one in records)
    return [(one["action"], one["params"]) for one in records]


RENAME = ("PUT", "", {"name": "renamed", "description": "secret plan"})
TRUST = {"identifier": SOMEBODY, "type": "user"}
STORIES: dict[str, tuple[str, list[Call], list[tuple[str, list[str]]]]] = {
    "service ID": (
        "/v1/serviceids",
        [RENAME, ("POST", "/lock", None), ("DELETE", "/lock", None)],
        [("update", ["description", "name"]), ("lock", []), ("unlock", [])],
    ),
    "profile": (
        "/v1/profiles",
        [RENAME, ("PUT", "/identities", {"identities": [TRUST]}), ("DELETE", f"/identities/user/{SOMEBODY}", None)],
        [("update", ["description", "name"]), ("update", ["identities"]), ("update", ["identities"])],
    ),
    "API key": (
        "/v1/apikeys",
        [RENAME, *((method, way, None) for way in ("/lock", "/disable") for method in ("POST", "DELETE"))],
        [("update", ["description", "name"]), ("lock", []), ("unlock", []), ("disable", []), ("enable", [])],
    ),
}


@pytest.mark.parametrize("resource", STORIES)
def test_what_was_done_is_told_in_order(desk: Desk, resource: str) -> None:
    collection, calls, told = STORIES[resource]
    owner = desk.frozen.ok("owner", "GET", "/v1/apikeys")["apikeys"][0]["iam_id"]
    path = _made(desk, collection, **({"iam_id": owner} if resource == "API key" else {}))
    assert _history(desk, path) == [("create", [])]
    for method, rest, body in calls:
        desk.frozen.ok("owner", method, path + rest, body, if_match="*")
    assert _history(desk, path) == [("create", []), *told]
    assert "history" not in desk.frozen.ok("owner", "GET", path)
    assert b"secret plan" not in _stored(desk, path)
    listed = desk.frozen.ok("owner", "GET", f"{collection}?include_history=true&pagesize=100&scope=account")
    (rows,) = (value for value in listed.values() if isinstance(value, list))
    shown = next(one for one in rows if path.endswith(one["id"]))
    assert [one["action"] for one in shown["history"]] == ["create", *(action for action, _ in told)]
    desk.frozen.ok("owner", "DELETE", path)
    assert _stored(desk, path) == b""


def _stored(desk: Desk, path: str) -> bytes:
    def read(session: Session) -> bytes:
        found = rows_of(session, identity_history, identity_history.c.resource_id == path.rsplit("/", 1)[1])
        return repr(found[0].records).encode() if found else b""

    return desk.frozen.server.store.read(desk.frozen.server.base, read)


def test_a_refused_change_is_not_told(desk: Desk) -> None:
    path = _made(desk, "/v1/serviceids")
    assert desk.frozen.call("owner", "PUT", path, {"name": ""}, if_match="*").status == 400
    assert desk.frozen.call("owner", "PUT", path, {"name": "late"}, if_match="0-0").status == 409
    assert _history(desk, path) == [("create", [])]


def test_the_history_of_settings_has_changes_alone(desk: Desk) -> None:
    path = f"/v1/accounts/{desk.account}/settings/identity"
    assert _history(desk, path) == []
    desk.frozen.ok("owner", "PUT", path, {"session_expiration_in_seconds": "7200"}, if_match="*")
    assert _history(desk, path) == [("update", ["session_expiration_in_seconds"])]
    effective = f"/v1/accounts/{desk.account}/effective_settings/identity?include_history=true"
    assert len(desk.frozen.ok("owner", "GET", effective)["account"]["history"]) == 1


def test_the_oldest_changes_make_room_for_new_ones(desk: Desk) -> None:
    path = _made(desk, "/v1/serviceids")
    desk.frozen.ok("owner", "PUT", path, {"name": "first"}, if_match="*")
    for _ in range(KEPT // 2):
        desk.frozen.ok("owner", "POST", f"{path}/lock")
        desk.frozen.ok("owner", "DELETE", f"{path}/lock")
    told = _history(desk, path)
    assert len(told) == KEPT + 1
    assert (told[0][0], told[1][0], told[-1][0]) == ("create", "lock", "unlock")


def test_a_key_that_ends_with_its_service_id_leaves_no_history(desk: Desk) -> None:
    body = {"account_id": desk.account, "name": "program", "apikey": {"name": "inner"}}
    program = desk.frozen.ok("owner", "POST", "/v1/serviceids", body)
    key = f"/v1/apikeys/{program['apikey']['id']}"
    desk.frozen.ok("owner", "PUT", key, {"name": "renamed"}, if_match="*")
    assert _stored(desk, key)
    desk.frozen.ok("owner", "DELETE", f"/v1/serviceids/{program['id']}")
    assert _stored(desk, key) == b""


def test_other_words_than_true_and_false_are_refused(desk: Desk) -> None:
    answer = desk.frozen.call("owner", "GET", "/v1/apikeys?include_history=perhaps")
    assert answer.status == 400
    assert b"include_history" in answer.body
