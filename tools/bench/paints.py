"""When Chromium has painted the largest piece of a page: what somebody waits for who opens it."""

from __future__ import annotations

import shutil
import statistics

from playwright.sync_api import sync_playwright

MOST_SECONDS = 1.0
_LARGEST = """() => new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime))
  .observe({type: 'largest-contentful-paint', buffered: true}))"""
_ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def largest_paints(url: str, cookie: str, paths: list[str], times: int) -> list[float]:
    """Seconds from the navigation to the largest contentful paint of each page, at the median of so many visits, with
    nothing in the browser's cache. `cookie` is the session's, as a header has it.
    """
    name, _, value = cookie.partition("=")
    found: list[list[float]] = [[] for _ in paths]
    with sync_playwright() as driver:
        program = shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=program, args=_ARGUMENTS)
        for _ in range(times):
            for kept, path in zip(found, paths, strict=True):
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                context.add_cookies([{"name": name, "value": value, "url": f"{url}/console"}])
                page = context.new_page()
                page.goto(f"{url}/console{path}", wait_until="networkidle")
                kept.append(float(page.evaluate(_LARGEST)) / 1_000)
                context.close()
        browser.close()
    return [statistics.median(kept) for kept in found]
