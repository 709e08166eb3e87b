"""Declared pages of the console, read as HTML: what they show and offer, and what they say where there is nothing."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from fixtures.frozen_app import QUERY, FrozenApp
from kunsthalle.console import account_settings_pages, audit_pages, resource_shapes, security_group_pages
from kunsthalle.console.all_pages import KINDS
from kunsthalle.console.forms import Form
from kunsthalle.console.navigation import MENU
from kunsthalle.console.page_frame import NO_ROLE
from kunsthalle.console.refusals import MANAGED
from kunsthalle.console.resource_shapes import Action, Kind
from kunsthalle.console.transfer_pace import at_pace, paced, wait
from kunsthalle.core.clock import moment
from matrix.rows_console import NAMES, cookies, token

FOLDER = Path(resource_shapes.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"


def shown(frozen: FrozenApp, path: str, persona: str = "owner") -> str:
    """The main part of a page."""
    answer = frozen.call("", "GET", f"/console{path}", b"", **cookies(frozen, persona))
    assert answer.status == 200, (path, answer.status)
    return unescape(answer.body.decode().partition("<main")[2])


def sent(frozen: FrozenApp, path: str, **fields: str) -> tuple[int, str]:
    body = urlencode({"form_token": token(frozen, "owner"), **fields}).encode()
    answer = frozen.call("", "POST", f"/console{path}", body, **cookies(frozen, "owner"))
    return answer.status, unescape(answer.body.decode())


def _filled_in(frozen: FrozenApp, place: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: frozen.ids[NAMES[found[1]]], place)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.single], ids=lambda kind: kind.word)
def test_a_list_leads_to_the_page_of_one_with_its_facts(frozen: FrozenApp, kind: Kind) -> None:
    place = _filled_in(frozen, kind.here)
    listed = shown(frozen, _filled_in(frozen, kind.list_path))
    assert f'href="/console{place}"' in listed
    assert all(f">{column.label}" in listed for column in kind.columns)
    html = shown(frozen, place)
    assert all(f"<dt>{fact.label}</dt>" in html for fact in kind.facts)
    assert all(f">{part.title}</h2>" in html for part in kind.parts)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.word)
def test_each_type_is_in_the_menu_and_leads_to_a_page_of_the_documentation(kind: Kind) -> None:
    assert kind.entry in {entry.path for group in MENU for entry in group.entries}
    page = DOCS / kind.docs.replace(".html", ".md")
    assert "generated/" in kind.docs or page.is_file(), kind.docs
    if "generated/" in kind.docs:
        assert kind.docs.removesuffix(".html").partition("reference/")[2] in (DOCS / "reference/index.md").read_text()


def test_an_empty_list_says_what_it_is_and_why_and_has_no_pages(frozen: FrozenApp) -> None:
    html = shown(frozen, "/floating-ips", "outsider")
    for text in (
        "There are none yet. None is reserved.",
        "reached from outside of its VPC",
        "Floating IPs of this account",
        "/docs/reference/",
    ):
        assert text in html
    assert 'href="/console/floating-ips/new"' in html
    assert "<table" not in html
    assert "Items per page" not in html
    assert "Nothing matches." in shown(frozen, "/floating-ips?q=nothing+is+so+called")


LISTS = [
    page for page in (FOLDER / "html").rglob("*.html") if "ui.table(" in page.read_text() and page.name != "ui.html"
]


@pytest.mark.parametrize("template", LISTS, ids=lambda template: f"{template.parent.name}/{template.name}")
def test_every_list_that_is_empty_leads_to_the_documentation(template: Path) -> None:
    call = re.search(r"ui\.table\(.*\) %}", template.read_text())
    assert call is not None
    told = re.search(r"docs='([^']+)'", call[0])
    if template.parent.name != "resource":  # whose documentation the declarations name
        assert told is not None
        page = told[1].replace(".html", ".md")
        assert "generated/" in page or (DOCS / page).is_file(), page


def test_what_the_api_would_refuse_is_disabled_with_the_reason(frozen: FrozenApp) -> None:
    place = f"/vpcs/{frozen.ids['vpcs']}"
    html = shown(frozen, place)
    button = re.search(r'<button type="button" aria-disabled="true" aria-describedby="([^"]+)">Delete</button>', html)
    assert button is not None
    assert f'id="{button[1]}">Delete its subnets first.' in html
    assert f"{place}/delete" not in html
    assert f'{place}/delete"' not in shown(frozen, "/vpcs")
    assert sent(frozen, f"{place}/delete")[0] == 409, "the API says so too"
    group = shown(frozen, f"/security-groups/{frozen.ids['security_groups']}")
    assert "It is the default of its VPC." in group


def test_a_crn_is_shortened_in_the_middle_and_whole_where_it_is_copied(frozen: FrozenApp) -> None:
    place = f"/vpcs/{frozen.ids['vpcs']}"
    crn = frozen.ok("owner", "GET", f"/v1{place}?{QUERY}")["crn"]
    html = shown(frozen, place)
    halves = re.search(rf'<span>(crn:[^<]+)</span><span>([^<]+)</span></code><button[^>]*data-copy="{crn}"', html)
    assert halves is not None
    assert halves[1] + halves[2] == crn
    assert len(halves[2]) == 14


def test_a_dialog_that_makes_something_begins_empty_and_one_that_changes_it_does_not(frozen: FrozenApp) -> None:
    place = f"/security-groups/{frozen.ids['security_groups']}/rules"
    assert re.search(r'name="name" type="text" value=""', shown(frozen, f"{place}/new"))
    path = f"/v1/security_groups/{frozen.ids['security_groups']}/rules/{frozen.ids['security_groups/rules']}?{QUERY}"
    rule = frozen.ok("owner", "GET", path)
    html = shown(frozen, f"{place}/{rule['id']}/edit")
    assert f'name="name" type="text" value="{rule["name"]}"' in html
    assert f'name="port_min" type="text" value="{rule["port_min"]}"' in html


def test_a_refused_rule_says_so_at_its_field(frozen: FrozenApp) -> None:
    place = f"/security-groups/{frozen.ids['security_groups']}/rules/new"
    status, html = sent(frozen, place, direction="inbound", protocol="tcp", port_min="70000", port_max="70001")
    assert status == 400
    assert re.search(r'name="port_min" type="text" value="70000"[^>]*aria-invalid="true"', html)
    status, html = sent(frozen, place, direction="inbound", protocol="tcp", **{"remote.cidr_block": "10.0.0.0/99"})
    assert status == 400
    assert re.search(r'name="remote.cidr_block"[^>]*aria-invalid="true"', html)


def body_of(action: Action, row: dict[str, Any], **fields: str) -> Any:
    """What an action sends for a form."""
    visit: Any = None

    async def asked() -> Any:
        return await action.body(visit, Form({name: [value] for name, value in fields.items()}), row)

    return asyncio.run(asked())


def test_an_emptied_port_is_taken_from_a_rule_and_no_remote_means_anywhere() -> None:
    add, edit = security_group_pages.RULES.create[0], security_group_pages.RULES.actions[0]
    rule = {"port_min": 22, "port_max": 22}
    sent_on = body_of(edit, rule, direction="inbound", port_min="", port_max="")
    assert sent_on == {
        "direction": "inbound",
        "port_min": None,
        "port_max": None,
        "remote": {"cidr_block": "0.0.0.0/0"},
    }
    made = body_of(add, {}, direction="outbound", protocol="tcp", port_min="80", **{"remote.address": "10.0.0.1"})
    assert json.dumps(made, sort_keys=True) == json.dumps(
        {"direction": "outbound", "port_min": 80, "protocol": "tcp", "remote": {"address": "10.0.0.1"}}, sort_keys=True
    )


def test_settings_are_shown_in_words_and_a_refused_one_says_so_at_its_field(frozen: FrozenApp) -> None:
    html = shown(frozen, "/settings")
    assert re.search(r"<dt>Who sees the users</dt><dd>\s*Every user sees the users of the account", html)
    names = {entry.name: "NOT_SET" for entry in account_settings_pages.SETTINGS.actions[0].inputs}
    fields = {**names, "restrict_user_list_visibility": "RESTRICTED", "session_expiration_in_seconds": "7"}
    status, html = sent(frozen, "/settings/edit", **fields)
    assert status == 400
    assert re.search(r'name="session_expiration_in_seconds" type="text" value="7"[^>]*aria-invalid="true"', html)


def test_the_audit_is_filtered_by_who_what_when_and_outcome(frozen: FrozenApp) -> None:
    made = shown(frozen, "/audit?action=is.vpc.vpc.create&limit=100")
    assert set(re.findall(r"<code>(is\.[^<]+)</code>", made)) == {"is.vpc.vpc.create"}
    assert "owner@publisher.example" in made
    assert "Succeeded" in made
    nobody = shown(frozen, "/audit?action=is.vpc.vpc.create&who=nobody@at.all")
    assert "Nothing matches." in nobody
    assert "Nothing matches." in shown(frozen, "/audit?action=is.vpc.vpc.create&outcome=failed")
    assert "Nothing matches." in shown(frozen, "/audit?until=2000-01-01T00:00")
    assert "<code>is.vpc.vpc.create" in shown(frozen, "/audit?since=2000-01-01T00:00&action=is.vpc.vpc.create")
    refused = shown(frozen, "/audit?since=yesterday")
    assert "The filters were refused" in refused
    assert 'value="yesterday"' in refused


def test_filters_stay_on_the_next_page_and_in_what_is_exported(frozen: FrozenApp) -> None:
    html = shown(frozen, "/audit?who=owner&limit=10")
    following = re.search(r'href="(\?[^"]*)" rel="next"', html)
    assert following is not None
    assert "who=owner" in following[1]
    assert "/audit/export?limit=10&who=owner&format=csv" in html


def _exported(frozen: FrozenApp, query: str, persona: str = "owner") -> Any:
    return frozen.call("", "GET", f"/console/audit/export?{query}", b"", **cookies(frozen, persona))


def test_the_audit_is_exported_as_csv_and_json(frozen: FrozenApp) -> None:
    answer = _exported(frozen, "format=csv&action=is.vpc.vpc.create")
    headers = dict(answer.headers)
    assert headers[b"content-disposition"] == b'attachment; filename="audit.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert rows
    assert {row["action"] for row in rows} == {"is.vpc.vpc.create"}
    told = _exported(frozen, "format=json&action=is.vpc.vpc.create").json
    assert [entry["id"] for entry in told["entries"]] == [row["id"] for row in rows]
    assert told["complete"] is True
    assert _exported(frozen, "format=xml").status == 400
    assert _exported(frozen, "format=csv", "viewer").status == 403, "who may not read the audit exports none of it"
    assert _exported(frozen, "format=csv", "no token").status == 401


def test_no_spreadsheet_finds_a_formula_in_an_export() -> None:
    entry = {"action": "=1+1", "target": "@a", "trace": "-1", "outcome": 200}
    row = next(csv.DictReader(io.StringIO(audit_pages.as_csv([entry]))))
    assert (row["action"], row["target"], row["trace"], row["outcome"]) == ("'=1+1", "'@a", "'-1", "200")


@pytest.mark.parametrize(
    ("done", "at", "rate", "left"),
    [
        (250, "2026-01-01T00:00:10Z", 25, "30 s"),
        (10, "2026-01-01T00:00:10Z", 1, "17 min"),
        (1, "2026-01-01T00:01:40Z", 0, "28 h"),
        (1000, "2026-01-01T00:00:10Z", 100, ""),
        (0, "2026-01-01T00:00:10Z", 0, ""),
        (250, "2026-01-01T00:00:00Z", 0, ""),
        (250, None, 0, ""),
    ],
)
def test_a_transfer_tells_its_pace_once_there_is_one(done: int, at: str | None, rate: int, left: str) -> None:
    told = paced({"done_bytes": done, "total_bytes": 1000, "updated_at": at}, "2026-01-01T00:00:00Z")
    assert (told["rate"], told["left"]) == (rate, left)
    seconds = (moment(at) - moment("2026-01-01T00:00:00Z")) / 1_000_000 if at else 0
    told = at_pace({"done_bytes": done, "total_bytes": 1000}, seconds)
    assert (told["rate"], told["left"]) == (rate, left)


@pytest.mark.parametrize(
    ("now", "percent", "left"),
    [
        ("2026-01-01T00:00:00Z", 0, "7 days"),
        ("2026-01-01T00:00:01Z", 0, "7 days"),
        ("2026-01-04T12:00:00Z", 50, "4 days"),
        ("2026-01-07T00:00:00Z", 85, "24 h"),
        ("2026-01-07T22:30:00Z", 99, "2 h"),
        ("2026-01-08T00:00:00Z", 100, ""),
        ("2026-02-01T00:00:00Z", 100, ""),
        ("2025-12-01T00:00:00Z", 0, "38 days"),
    ],
)
def test_a_wait_tells_how_long_it_still_is(now: str, percent: int, left: str) -> None:
    far = wait("2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z", moment(now))
    assert (far.percent, far.left) == (percent, left)


def test_a_deleted_catalog_says_how_many_days_are_left(frozen: FrozenApp) -> None:
    for path in ("/reclamations", "/"):
        assert "7 days left" in shown(frozen, path), path
    assert '<progress class="wide" max="100" value="0" aria-label="Time until it is reclaimed">' in shown(
        frozen, "/reclamations"
    )


def test_what_a_role_does_not_permit_is_there_and_says_why(frozen: FrozenApp) -> None:
    """By the viewer, who may look; the owner gets links."""
    image = frozen.ids["free image"]
    for path in (f"/images/custom/{image}", "/images/custom", "/volumes", "/vpcs"):
        html = shown(frozen, path, "viewer")
        assert NO_ROLE in html, path
        assert 'aria-disabled="true"' in html, path
        assert NO_ROLE not in shown(frozen, path), path
    assert f'href="/console/images/custom/{image}/delete"' not in shown(frozen, f"/images/custom/{image}", "viewer")
    assert f'href="/console/images/custom/{image}/delete"' in shown(frozen, f"/images/custom/{image}")


def test_what_would_be_refused_says_so_before_it_is_asked_for(frozen: FrozenApp) -> None:
    held, volume = f"/images/custom/{frozen.ids['images']}", f"/volumes/{frozen.ids['volumes']}"
    html = shown(frozen, held)
    assert html.count(MANAGED) == 4
    assert f'href="/console{held}/edit"' in html
    assert not re.search(rf'href="/console{held}/(share|delete|deprecate|obsolete)"', html)
    assert "It is attached to the instance" in shown(frozen, volume)
    assert f'href="/console{volume}/delete"' not in shown(frozen, volume)


def test_a_form_with_nothing_to_choose_has_no_button(frozen: FrozenApp) -> None:
    html = shown(frozen, "/images/upload/cancel", "outsider")
    assert "No upload is under way." in html
    assert 'type="submit"' not in html
    assert 'type="submit"' in shown(frozen, "/images/upload/cancel")
