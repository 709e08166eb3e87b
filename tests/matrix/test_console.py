"""Every page of the console, every persona: it answers what the API answers, and hidden cannot be told from absent.

The statuses are in golden/console.txt, written anew as those of the API are.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from fixtures.frozen_app import STRANGERS, Answer, FrozenApp, never
from kunsthalle.console.all_pages import PAGES
from kunsthalle.console.page_frame import Page, Pages
from matrix.rows_console import EVERYBODY, NAMES, SIGNED_IN, cookies, form_of, token

GOLDEN = Path(__file__).parent / "golden" / "console.txt"
PLACE = re.compile(r"\{(\w+)\}")
_ANSWERS: dict[tuple[str, str, str, bool], Answer] = {}
"""Of the one application that a worker has for these tests, by method, path, persona, and whether it is of nothing."""


def _path(frozen: FrozenApp, template: str, *, absent: bool) -> str:
    def named(found: re.Match[str]) -> str:
        real = frozen.ids[NAMES[found[1]]]
        return never(real) if absent else real

    return "/console" + PLACE.sub(named, template)


def knock(
    frozen: FrozenApp, page: Page, persona: str, *, absent: bool = False, headers: dict[str, str] | None = None
) -> Answer:
    """One cell: the page is opened, or its form is sent. Nothing changes, so that each need be asked for once."""
    cell = (page.method, page.path, persona, absent)
    if headers is None and cell in _ANSWERS:
        return _ANSWERS[cell]
    path, body = _path(frozen, page.path, absent=absent), b""
    if page.method == "POST":
        body = urlencode({"form_token": token(frozen, persona), **form_of(frozen, page.path)}).encode()
    answer = frozen.call("", page.method, path, body, **cookies(frozen, persona), **(headers or {}))
    return answer if headers else _ANSWERS.setdefault(cell, answer)


def _name(page: Page) -> str:
    return f"{page.method} {page.path}"


def test_every_page_stands_for_an_operation_of_the_api(frozen: FrozenApp) -> None:
    known = {route.name for route in frozen.server.pipeline.router}
    assert {page.operation for page in PAGES} - {""} <= known


def test_statuses_are_as_in_the_golden_file(frozen: FrozenApp) -> None:
    lines = []
    for page in PAGES:
        cells = [f"{persona} {knock(frozen, page, persona).status}" for persona in EVERYBODY]
        lines.append(f"{_name(page):62} {' | '.join(cells)}".rstrip())
    if os.environ.get("KUNSTHALLE_GOLDEN") == "write":
        GOLDEN.write_text("\n".join(lines) + "\n")
    assert GOLDEN.read_text().splitlines() == lines
    assert not [line for line in lines if re.search(r" 5\d\d\b", line)]


@pytest.mark.parametrize("persona", [*STRANGERS, "consumer"])
def test_hidden_is_absent_byte_for_byte(frozen: FrozenApp, persona: str) -> None:
    """Without a session the way to the sign-in names the page that was asked for, and nothing else."""
    compared = 0
    for page in PAGES:
        names = PLACE.findall(page.path)
        if not names or (persona == "consumer" and SHARED & set(names)):
            continue
        hidden, absent = knock(frozen, page, persona), knock(frozen, page, persona, absent=True)
        if persona in SIGNED_IN or not page.signed_in:
            assert (hidden, hidden.status) == (absent, 404), _name(page)
        else:
            assert (hidden.status, absent.status, hidden.body) == (303, 303, absent.body), _name(page)
        compared += 1
    assert compared >= 3


SHARED = frozenset({"version_id", "offering_id"})
"""What the consumer sees, because it is shared with it."""


def test_nothing_of_the_publisher_shows_in_what_strangers_see(frozen: FrozenApp) -> None:
    mine = {frozen.ids[name] for name in NAMES.values()} | {
        frozen.accounts["owner"],
        "hidden-offering",
        *frozen.secrets,
    }
    for page in PAGES:
        for persona in ("outsider", "sibling"):
            body = knock(frozen, page, persona).body.decode()
            assert not {one for one in mine if one in body}, (_name(page), persona)


def test_pages_answer_as_their_operations_do(frozen: FrozenApp) -> None:
    """A page of one resource is found by those who find the resource through the API, and by nobody else."""
    for page in PAGES:
        if page.method != "GET" or not page.signed_in or not PLACE.findall(page.path):
            continue
        statuses = {persona: knock(frozen, page, persona).status for persona in SIGNED_IN}
        assert statuses["owner"] == 200, _name(page)
        assert statuses["outsider"] == 404, _name(page)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://elsewhere.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"origin": "http://elsewhere.example", "sec_fetch_site": "same-site"},
    ],
)
def test_forms_of_other_sites_change_nothing(frozen: FrozenApp, headers: dict[str, str]) -> None:
    for page in PAGES:
        if page.method == "POST":
            assert knock(frozen, page, "owner", headers=headers).status == 403, _name(page)


def test_a_form_without_the_sessions_token_changes_nothing(frozen: FrozenApp) -> None:
    for page in PAGES:
        if page.method == "POST":
            body = urlencode({**form_of(frozen, page.path), "form_token": token(frozen, "outsider")}).encode()
            answer = frozen.call("", "POST", _path(frozen, page.path, absent=False), body, **cookies(frozen, "owner"))
            assert answer.status == 403, _name(page)


def test_every_answer_forbids_what_is_not_needed(frozen: FrozenApp) -> None:
    for page in PAGES:
        headers = dict(knock(frozen, page, "owner").headers)
        policy = headers[b"content-security-policy"].decode()
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers[b"cache-control"] == b"no-store"
        assert headers[b"x-content-type-options"] == b"nosniff"


def test_no_page_shows_a_token_and_every_way_back_leads_somewhere(frozen: FrozenApp) -> None:
    pages, back = Pages(PAGES), 0
    for page in PAGES:
        body = knock(frozen, page, "owner").body.decode()
        assert frozen.tokens["owner"] not in body, _name(page)
        for path in re.findall(r'href="/console([^"?]*)[^"]*" data-close', body):
            assert pages.find("GET", path)[0] is not None, (_name(page), path)
            back += 1
    assert back > 20
