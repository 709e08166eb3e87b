"""Global search and actions on several resources, as pages: what is found, what is refused, who sees nothing."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote, urlencode

import pytest

from fixtures.frozen_app import FrozenApp, never
from matrix.rows_console import cookies, token


def _crn(frozen: FrozenApp, path: str = "images") -> str:
    return str(frozen.ok("owner", "GET", f"/v1/{path}/{frozen.ids[path]}?version=2025-06-30&generation=2")["crn"])


def _search(frozen: FrozenApp, text: str, persona: str = "owner") -> tuple[int, str]:
    answer = frozen.call("", "GET", f"/console/search?find={quote(text)}", b"", **cookies(frozen, persona))
    return answer.status, unescape(answer.body.decode())


def _bulk(frozen: FrozenApp, persona: str, *crns: str, **fields: str) -> tuple[int, str]:
    pairs = [("form_token", token(frozen, persona)), *fields.items(), *(("crn", crn) for crn in crns)]
    answer = frozen.call("", "POST", "/console/bulk", urlencode(pairs).encode(), **cookies(frozen, persona))
    return answer.status, unescape(answer.body.decode())


def test_a_resource_is_found_by_its_name_a_part_of_it_its_id_and_its_crn(frozen: FrozenApp) -> None:
    crn, id_ = _crn(frozen), frozen.ids["images"]
    name = frozen.ok("owner", "GET", f"/v1/images/{id_}?version=2025-06-30&generation=2")["name"]
    for text in (name, name[1:-1], id_, crn, f"{name[:3]} {id_[:8]}"):
        status, html = _search(frozen, text)
        assert status == 200, html
        assert f'<a href="/console/images/custom/{id_}">{name}</a>' in html, text
    for stranger in ("outsider", "sibling"):
        assert crn not in _search(frozen, name, stranger)[1].replace(f'value="{name}"', "")


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("text", ['"', "(", "a AND", "OR", "*", "\\", "name:x", "[a TO b]", "-", "é" * 300, "a " * 99])
def test_whatever_is_typed_is_searched_for_and_never_a_query(frozen: FrozenApp, text: str) -> None:
    assert _search(frozen, text)[0] == 200


def test_a_confirmation_says_what_will_be_refused_and_why_and_changes_nothing(frozen: FrozenApp) -> None:
    managed, template = _crn(frozen), _crn_of_template(frozen)
    status, html = _bulk(frozen, "owner", managed, template, managed, action="delete")
    assert status == 200
    assert "Delete: 2 resources" in html, "each is there once"
    assert "A private catalog manages it" in html
    assert re.search(r"The instance group [\w-]+ uses it", html)
    assert "What was done" not in html


def _crn_of_template(frozen: FrozenApp) -> str:
    path = f"/v1/instance/templates/{frozen.ids['pattern']}?version=2025-06-30&generation=2"
    return str(frozen.ok("owner", "GET", path)["crn"])


def test_what_is_confirmed_is_done_to_each_and_told_of_each(frozen: FrozenApp) -> None:
    managed, snapshot = _crn(frozen), _crn(frozen, "snapshots")
    status, html = _bulk(frozen, "owner", managed, snapshot, action="delete", confirmed="yes")
    assert status == 200
    assert "1 of 2 done, 1 refused." in html
    status, html = _bulk(frozen, "owner", managed, snapshot, action="tag", confirmed="yes", tags="env:dev, lab")
    assert (status, "2 of 2 done." in html) == (200, True)
    status, html = _bulk(frozen, "viewer", snapshot, action="delete", confirmed="yes")
    assert (status, "0 of 1 done, 1 refused." in html) == (200, True)


@pytest.mark.parametrize("action", ["delete", "tag", "untag"])
@pytest.mark.parametrize("confirmed", ["", "yes"])
def test_what_is_hidden_is_answered_as_what_never_was(frozen: FrozenApp, action: str, confirmed: str) -> None:
    crn, id_ = _crn(frozen), frozen.ids["images"]
    absent = never(id_)
    answers = [
        _bulk(frozen, "outsider", one, action=action, confirmed=confirmed, tags="lab")
        for one in (crn, crn.replace(id_, absent))
    ]
    assert answers[0][0] == 200
    assert answers[0][1].replace(id_, "ID") == answers[1][1].replace(absent, "ID")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"action": "delete"}, "Choose at least one resource in the list."),
        ({"action": "explode", "crn": "crn:v1"}, "Choose an action: delete, add tags or remove tags."),
        ({"action": "tag", "confirmed": "yes", "crn": "crn:v1", "tags": " , "}, "Give at least one tag"),
        ({"action": "delete", "confirmed": "yes", "crn": "no crn"}, "0 of 1 done, 1 refused."),
    ],
)
def test_a_wrong_choice_is_told_in_words(frozen: FrozenApp, fields: dict[str, str], told: str) -> None:
    status, html = _bulk(frozen, "owner", **fields)
    assert status in {200, 400}
    assert told in html


def test_at_most_a_hundred_are_taken_and_no_other_site_is_gone_back_to(frozen: FrozenApp) -> None:
    many = [f"crn:v1:bluemix:public:is:us-south:a/x::image:r006-{at}" for at in range(101)]
    assert "101 resources are chosen; at most 100 are allowed." in _bulk(frozen, "owner", *many, action="delete")[1]
    for back in ("//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example"):
        assert "elsewhere.example" not in _bulk(frozen, "owner", _crn(frozen), action="delete", back=back)[1]
