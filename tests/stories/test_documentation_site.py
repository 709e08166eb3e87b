"""The site of the documentation, built as `./dev docs` builds it and read in a real browser from where a server has it.

What Sphinx warns of fails the build: a link without a target, a page that no list has, an anchor that is not there.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
import uvicorn

from fixtures.tools import ROOT, tool
from fixtures.walks import NIGHTLY, some_of
from kunsthalle.documentation import SCRIPTS, Documentation
from stories.console.walks.visitor import SERIOUS, chromium, violations

pytestmark = pytest.mark.by_turns(8, together=True)
"""All of them need the site, and to build it takes as long as a hundred other tests."""
site_tool = tool("site")
READ = {"light": 6, "dark": 3}
"""How many pages a run reads in each theme; by night all."""
LARGE = 150_000
"""Bytes of a page that is read by night alone: lists made of the code, whose rows are all alike."""
WIDTHS = (400, 1280)
ASKED: dict[str, dict[str, Any]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
"""What axe looks at: everything once, and colours again where all of them are others."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "site"
    assert site_tool.built(folder) == 0, "Sphinx said why"
    return folder


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The address of a server of these pages alone, as the product mounts them."""
    config = uvicorn.Config(Documentation(folder), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    listening.listen()  # who calls before the server has begun waits for it
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with _served(site) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Of this file alone, as that of the console is of its folder."""
    with chromium() as running:
        yield running


class Reader:
    """A page of the browser, what it asked of which host, and what it complained of."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self._address = address
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        self.page = browser.new_context(**options).new_page()
        self.page.set_default_timeout(120_000)  # milliseconds: a test of many beside others on few cores
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> Any:
        answer = self.page.goto(f"{self._address}/docs/{path}")
        assert answer.status == 200, path
        return self.page


def _pages(site: Path) -> list[str]:
    names = sorted(page.relative_to(site).as_posix() for page in site.rglob("*.html"))
    return [name for name in names if name != "genindex.html"]


def _read_in_this_run(site: Path, theme: str) -> list[str]:
    """By night every page, else some: all are made of the same few forms."""
    pages = [name for name in _pages(site) if NIGHTLY or (site / name).stat().st_size < LARGE]
    return some_of(pages, READ[theme])


def test_every_page_of_the_folder_is_on_the_site(site: Path) -> None:
    written = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert {name.removesuffix(".html") for name in _pages(site)} == written | {"search"}
    assert "(version " in (site / "index.html").read_text()


@pytest.mark.needs_chromium
@pytest.mark.parametrize("theme", ASKED)
def test_every_page_reads_well_in_both_themes_and_asks_nobody_else(
    site: Path, address: str, browser: Any, theme: str
) -> None:
    """Accessibility by axe, no sideways scrolling on a telephone, nothing refused by the policy of the page."""
    reader = Reader(browser, address, color_scheme=theme)
    wrong = []
    for name in _read_in_this_run(site, theme):
        page = reader.open(name)
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        found = violations(page, **ASKED[theme])
        wrong += [(name, one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in SERIOUS]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                wrong.append((name, "wide", f"{wide} > {width}"))
    assert wrong == []
    assert reader.complaints == []
    assert reader.hosts == {urlsplit(address).netloc}


@pytest.mark.needs_chromium
def test_the_search_finds_a_word_without_the_internet(address: str, browser: Any) -> None:
    reader = Reader(browser, address)
    page = reader.open("index.html")
    page.get_by_role("textbox", name="Search").first.fill("reclamation")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li a").count() > 3
    assert reader.hosts == {urlsplit(address).netloc}
    assert reader.complaints == []


def test_a_script_within_a_page_is_allowed_by_its_digest_alone(site: Path, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script>run()</script><script src="a.js"></script><script defer>b()</script>')
    assert len(site_tool.inline_scripts(tmp_path)) == 2
    assert re.fullmatch(r'\["sha256-[^"]+"\]', (site / SCRIPTS).read_text())


def test_a_server_without_the_site_says_how_to_have_it(tmp_path: Path) -> None:
    with _served(tmp_path) as url, pytest.raises(HTTPError) as refused:
        urlopen(f"{url}/docs/how-to/", timeout=60)
    assert refused.value.code == 404
    assert "./dev docs" in refused.value.read().decode()
