"""Declared pages of the console, read as HTML: what they show and offer, and what they say where there is nothing."""

from __future__ import annotations

import asyncio
import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from fixtures.frozen_app import QUERY, FrozenApp
from kunsthalle.console import security_group_pages
from kunsthalle.console.all_pages import KINDS
from kunsthalle.console.forms import Form
from kunsthalle.console.navigation import MENU
from kunsthalle.console.resource_shapes import Action, Kind
from matrix.rows_console import NAMES, cookies, token

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


def _here(frozen: FrozenApp, kind: Kind) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: frozen.ids[NAMES[found[1]]], kind.here)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_list_leads_to_the_page_of_one_with_its_facts(frozen: FrozenApp, kind: Kind) -> None:
    place = _here(frozen, kind)
    listed = shown(frozen, kind.list_path)
    assert f'href="/console{place}"' in listed
    assert all(f">{column.label}" in listed for column in kind.columns)
    html = shown(frozen, place)
    assert all(f"<dt>{fact.label}</dt>" in html for fact in kind.facts)
    assert all(f">{part.title}</h2>" in html for part in kind.parts)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_each_type_is_in_the_menu_and_leads_to_a_page_of_the_documentation(kind: Kind) -> None:
    assert kind.entry in {entry.path for group in MENU for entry in group.entries}
    page = DOCS / kind.docs.replace(".html", ".md")
    assert "generated/" in kind.docs or page.is_file(), kind.docs
    if "generated/" in kind.docs:
        assert kind.docs.removesuffix(".html").partition("reference/")[2] in (DOCS / "reference/index.md").read_text()


def test_an_empty_list_says_what_it_is_and_why_and_has_no_pages(frozen: FrozenApp) -> None:
    html = shown(frozen, "/floating-ips", "outsider")
    for text in (
        "There are no floating IPs yet",
        "reached from outside of its VPC",
        "None is reserved",
        "/docs/reference/",
    ):
        assert text in html
    assert 'href="/console/floating-ips/new"' in html
    assert "<table" not in html
    assert "Items per page" not in html
    assert "Nothing matches." in shown(frozen, "/floating-ips?q=nothing+is+so+called")


def test_what_the_api_would_refuse_is_disabled_with_the_reason(frozen: FrozenApp) -> None:
    place = f"/vpcs/{frozen.ids['vpcs']}"
    html = shown(frozen, place)
    button = re.search(r'<button type="button" aria-disabled="true" aria-describedby="([^"]+)">Delete</button>', html)
    assert button is not None
    assert f'id="{button[1]}">Delete its subnets first.' in html
    assert f"{place}/delete" not in html
    assert f'{place}/delete"' not in shown(frozen, "/vpcs")
    assert sent(frozen, f"{place}/delete")[0] == 409, "the API says so too"
    free = f"/vpcs/{frozen.ids['hub']}"
    assert f'href="/console{free}/delete"' in shown(frozen, free)
    group = shown(frozen, f"/security-groups/{frozen.ids['security_groups']}")
    assert "It is the default of its VPC." in group


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
    return asyncio.run(action.body(visit, Form({name: [value] for name, value in fields.items()}), row))


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
