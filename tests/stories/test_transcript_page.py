"""The page of a transcript in a real browser: both themes, paper, small screens, and names that want to be scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kunsthalle.transcripts.models import Account, Call, ClockMove, JobFault, Lost, StateChange, Transcript
from kunsthalle.transcripts.page import page_of
from kunsthalle.transcripts.parsing import parse
from kunsthalle.transcripts.writing import text_of
from stories.console.walks.visitor import SERIOUS, chromium, violations

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(3, together=True)]
HOSTILE = (
    "<script>window.pwned = 1</script>",
    "\"><img src=http://elsewhere.example/x onerror='window.pwned = 1'>",
    "</style></title><svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "{{ 7 * 7 }}{% include 'transcript.css' %}",
)
HANDLERS = """[...document.querySelectorAll('*')].flatMap(one => [...one.attributes])
    .map(attribute => attribute.name).filter(name => name.startsWith('on'))"""
NARROW, WIDE = {"width": 400, "height": 900}, {"width": 1280, "height": 900}


def _call(target: str, *, caller: str = "account-1", status: int = 200, **more: Any) -> Call:
    return Call(caller, "T", "GET", target, status, **more)


def _transcript() -> Transcript:
    """One of everything."""
    image = json.dumps({"id": "image-1", "status": "pending", "name": "golden"})
    events = (
        _call("/identity/token", caller="-"),
        Call("account-1", "T", "POST", "/v1/images", 201, '{"name": "golden"}', image, milliseconds=12.5),
        _call("/v1/images/image-1", response=image, states=(StateChange("image-1", "available"),)),
        _call("/v1/images/image-1", caller="account-2", status=404),
        _call("/v1/vpcs", status=503, fault="refuse fault-1"),
        _call("/v1/keys", status=0),
        _call("/v1/operations", caller="operator", status=500),
        JobFault("image.import", "image-1", "T", "fail fault-2"),
        ClockMove("T", "T+7d", (StateChange("image-1", "deprecated"),)),
        _call("/v1/images", states=(StateChange("version-1", "consumable"), StateChange("instance-1", "running"))),
        _call("/v1/" + "a-very-long-name" * 40),
        Lost(12),
    )
    return Transcript((Account("account-1", "publisher"), Account("account-2")), events)


def _hostile() -> Transcript:
    accounts = tuple(Account(f"account-{number}", name) for number, name in enumerate(HOSTILE, 1))
    calls = []
    for number, name in enumerate(HOSTILE, 1):
        body = json.dumps({"id": "image-1", "status": name, name: [name]})
        states = (StateChange("image-2", name), StateChange("<b>-1", name))
        calls.append(Call(f"account-{number}", "T", "GET", f"/{name}", 200, body, body, fault=name, states=states))
        calls.append(JobFault(name, name, "T", name))  # type: ignore[arg-type]  # both are events
    return Transcript(accounts, tuple(calls))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Of this file alone, as that of the console is of its folder."""
    with chromium() as running:
        yield running


class Opened:
    """A page, and what it asked for or complained of."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page = browser.new_context(**options).new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.html"
    path.write_text(page_of(parse(text_of(_transcript())), "run.txt"))
    return path


def test_everything_is_on_the_page(browser: Any, file: Path) -> None:
    opened = Opened(browser, file, viewport=WIDE)
    page = opened.page
    assert page.locator("h1").inner_text() == "run.txt"
    lines = [text.split("\n")[0] for text in page.locator("section >> nth=0 >> h3").all_inner_texts()]
    assert [line.split(" ")[0] for line in lines] == ["not", "publisher", "account-2", "operator", "Clock"]
    assert page.locator("#event-5 .fault").first.inner_text() == "503"
    lanes = page.locator(".steps").all_inner_texts()
    assert [part.split()[0] for part in lanes[0].split("\n")][:1] == ["pending"]
    assert "available" in lanes[0]
    assert "deprecated when the clock moved to T+7d" in lanes[0].replace("\n", " ")
    assert not page.locator("#event-2 pre").first.is_visible()
    page.locator("#event-2 summary").click()
    assert '"name": "golden"' in page.locator("#event-2 pre").first.inner_text()
    assert "12 calls are missing" in page.locator("#event-12").inner_text()
    page.locator(".mark").nth(1).click()
    assert page.evaluate("document.querySelector(':target').id") == "event-2"
    assert (opened.asked, opened.complaints) == ([file.as_uri()], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_finding_of_axe(browser: Any, file: Path, scheme: Any) -> None:
    opened = Opened(browser, file, viewport=WIDE, color_scheme=scheme, bypass_csp=True)
    opened.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = [one for one in violations(opened.page) if one["impact"] in SERIOUS]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_the_themes_differ_and_paper_is_white(browser: Any, file: Path) -> None:
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light, dark = (Opened(browser, file, color_scheme=scheme).page for scheme in ("light", "dark"))
    assert light.evaluate(background) == "rgb(255, 255, 255)"
    assert dark.evaluate(background) == "rgb(22, 22, 22)"
    dark.emulate_media(media="print", color_scheme="dark")
    assert dark.evaluate(background) == "rgb(255, 255, 255)"
    assert dark.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert dark.locator("#event-12").is_visible()
    assert len(dark.pdf()) > 10_000


@pytest.mark.parametrize("viewport", [NARROW, WIDE])
def test_nothing_is_wider_than_the_screen(browser: Any, file: Path, viewport: Any) -> None:
    page = Opened(browser, file, viewport=viewport).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_names_are_text_and_nothing_else(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(page_of(_hostile(), HOSTILE[0]))
    opened = Opened(browser, path, viewport=WIDE)
    page = opened.page
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.pwned") is None
    assert page.locator("script, img, svg, iframe, object, link, form, base").count() == 0
    assert page.evaluate(HANDLERS) == []
    hrefs = page.evaluate("[...document.querySelectorAll('a')].map(one => one.getAttribute('href'))")
    assert hrefs
    assert all(href.startswith("#event-") for href in hrefs)
    assert (opened.asked, opened.complaints) == ([path.as_uri()], [])
    assert page.locator("h1").inner_text() == HOSTILE[0]
    for name in HOSTILE:
        assert name in page.locator("main").inner_text()


def test_the_page_forbids_scripts_and_requests(browser: Any, tmp_path: Path) -> None:
    """Also where a template forgot to escape."""
    path = tmp_path / "broken.html"
    whole = page_of(_transcript(), "run.txt")
    broken = whole.replace("<main>", f"<main>{HOSTILE[0]}<img src=http://127.0.0.1:9/x>")
    assert broken != whole
    path.write_text(broken)
    opened = Opened(browser, path)
    assert opened.page.evaluate("window.pwned") is None
    assert len(opened.complaints) == 2


def test_an_empty_transcript_has_a_page(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "empty.html"
    path.write_text(page_of(Transcript(), "empty.txt"))
    assert "No call was made." in Opened(browser, path).page.locator("main").inner_text()
