"""Somebody at the console with a real browser. No page may ask another host for anything, nor break its own content
security policy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from fixtures import packages

if TYPE_CHECKING:  # they take a second to load, which only a worker that walks spends
    from playwright.sync_api import Browser, Locator, Page, Response

    from fixtures.walks import Turns

QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()
SCREENS = Path(__file__).parent / "screens"
"""Pictures of what the walks have seen; not in the repository. Those of a failure are always taken."""
PICTURES = os.environ.get("KUNSTHALLE_SCREENS") == "write"
"""Whether the others are taken, too: nothing looks at them by itself, and they take as long as what they show."""
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
MOST_TABS = 400
"""So many presses of the Tab key reach whatever a page has."""
WIDTHS = (320, 400, 768, 1400)
"""At which no page may be wider than its window."""
SERIOUS = {"serious", "critical"}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=packages.chromium(), args=QUIET)
        yield browser
        browser.close()


@cache
def _axe() -> str:
    """The script, which defines `axe` in the page."""
    from axe_playwright_python.base import AXE_SCRIPT

    return str(AXE_SCRIPT)


@cache
def _looks() -> Turns:
    """Of one worker."""
    from fixtures.walks import Turns  # a plugin: pytest imports it itself, before

    return Turns(3)


def violations(page: Any, **options: Any) -> list[dict[str, Any]]:
    """What axe finds wrong on a page, and nothing else: to describe each piece that is right takes as long again."""
    if page.evaluate("typeof axe") == "undefined":  # none has looked at this page before
        page.evaluate(_axe())
    asked = {"resultTypes": ["violations"], **options}
    found = page.evaluate("asked => axe.run(asked).then(told => told.violations)", asked)
    return list(found)


_SHOWN = """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
  .filter(one => !one.disabled && one.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true}))"""
_COUNT = f"() => {{ const all = ({_SHOWN})(); all.forEach((one, at) => one.dataset.at = at); return all.length; }}"
_AHEAD = f"""node => {{
  const frame = document.querySelector('dialog:modal') ?? document;
  const all = ({_SHOWN})().filter(one => frame.contains(one));
  const from = all.indexOf(document.activeElement), to = all.indexOf(node);
  return to < 0 ? 0 : to - from;
}}"""
"""How often to press the Tab key until something has the focus, by the order of the page; backwards where it is less
than nothing.
"""
_HERE = "() => document.activeElement.dataset.at ?? ''"


class Visitor:
    """A browser window, `width` pixels wide, in one of the themes; `scripts` off is a browser without JavaScript.

    `by_keyboard`: what is pressed and filled in is reached with the Tab key, and used with keys alone.
    """

    def __init__(
        self,
        browser: Browser,
        url: str,
        api_key: str,
        *,
        scripts: bool = True,
        by_keyboard: bool = False,
        width: int = WIDE["width"],
        scheme: Literal["light", "dark"] = "light",
    ) -> None:
        self.url = url
        self.api_key = api_key
        self._context = browser.new_context(
            viewport={"width": width, "height": 900},
            java_script_enabled=scripts,
            reduced_motion="reduce",
            color_scheme=scheme,
        )
        self._context.set_default_timeout(60_000)  # milliseconds: a test of many beside others on few cores
        self.scripts = self._scripts = scripts
        self._by_keyboard = by_keyboard
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self._answers: list[Response] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._on_request)
        self.page.on("response", self._on_response)

    def _on_console(self, message: Any) -> None:
        # Chromium reports a page with status 404 as an error of its own; which pages those are is asked for elsewhere.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith((self.url + "/console", "data:")):
            self.complaints.append(f"asked for {request.url}")

    def _on_response(self, response: Response) -> None:
        self._answers.append(response)

    def weigh(self) -> int:
        """How many bytes the answers had, without their headers, of the one page that was opened."""
        return sum(len(one.body()) for one in self._answers if one.status < 300)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not self.page.is_closed():
            self._take("failed")
        self._context.close()
        if error is None:
            assert self.complaints == []

    def sign_in(self) -> Self:
        self.open("/sign-in")
        self._type(self.page.get_by_label("API key"), self.api_key)
        self._use(self.page.get_by_role("button", name="Sign in"))
        self.page.wait_for_url(re.compile("/console/(?!sign-in)"))
        return self

    def open(self, path: str, status: int = 200) -> Self:
        """Goes to a page of the console, which must answer so."""
        answer = self.page.goto(f"{self.url}/console{path}")
        assert answer is not None
        assert answer.status == status, (path, answer.status)
        return self

    def accessible(self) -> Self:
        """As `judged`, one time in three: to look takes as long as a step, and walks come by the same pieces."""
        return self.judged() if _looks().mine() else self

    def judged(self, *rules: str) -> Self:
        """No serious finding of axe on what is shown now; of these rules, where some are named."""
        if self._scripts:
            asked = {"runOnly": list(rules)} if rules else {}
            found = [one for one in violations(self.page, **asked) if one["impact"] in SERIOUS]
            told = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]
            assert told == [], (self.page.url, told)
        return self

    def fits(self) -> Self:
        """The page is at no width wider than its window, so that nothing scrolls sideways but what has a frame."""
        wider = []
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 800})
            wide: Any = self.page.evaluate("() => document.documentElement.scrollWidth")
            if wide > width:
                wider.append((width, wide))
        assert wider == [], self.page.url
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]  # width and height
        return self

    def reachable(self) -> Self:
        """Whatever can be pressed or filled in is reached with the Tab key."""
        count: Any = self.page.evaluate(_COUNT)
        assert count > 5
        self.page.evaluate("() => document.activeElement.blur()")
        seen = set()
        for _ in range(count * 2 + 5):
            self.page.keyboard.press("Tab")
            seen.add(self.page.evaluate(_HERE))
            if len(seen - {""}) == count:
                return self
        raise AssertionError(f"{len(seen - {''})} of {count} can be reached at {self.page.url}")

    def press(self, *names: str) -> Self:
        """Presses buttons and follows links by what they are called, one after the other."""
        for name in names:
            dialog = self.page.get_by_role("dialog")
            within = dialog if dialog.count() else self.page
            button = within.get_by_role("button", name=name, exact=True)
            found = (button if button.count() else within.get_by_role("link", name=name, exact=True)).first
            over = self._scripts and found.get_attribute("data-dialog") is not None
            self._use(found)
            if over:
                dialog.wait_for()
            elif self._scripts:  # a form of a dialog is sent by the script: until it is answered
                self.page.locator("dialog form[data-sent]").wait_for(state="detached")
        return self

    def _reach(self, target: Locator) -> None:
        """Gives something the focus, as somebody does who has no pointer."""
        target.wait_for()
        ahead: int = target.evaluate(_AHEAD)
        for _ in range(abs(ahead)):  # whether that is so is asked afterwards: to ask each time takes as long again
            self.page.keyboard.press("Tab" if ahead > 0 else "Shift+Tab")
        for _ in range(MOST_TABS):
            if target.evaluate("node => node === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} cannot be reached at {self.page.url}")

    def _use(self, target: Locator, key: str = "Enter") -> None:
        if not self._by_keyboard:
            target.click()
            return
        self._reach(target)
        self.page.keyboard.press(key)

    def _type(self, target: Locator, text: str) -> None:
        if not self._by_keyboard:
            target.fill(text)
            return
        self._reach(target)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def menu(self, name: str) -> Self:
        """Follows an entry of the menu, which is opened where it is not shown."""
        side = self.page.get_by_role("navigation", name="Navigation menu")
        opener = self.page.get_by_role("button", name="Navigation menu")
        if opener.is_visible():
            self._use(opener)
        entry = side.get_by_role("link", name=re.compile(f"^{re.escape(name)}"))
        if not entry.is_visible():
            group = side.locator("details").filter(has_text=name).locator("summary")
            self._use(group)
        place = re.compile(re.escape(str(entry.get_attribute("href"))))
        self._use(entry)
        self.page.wait_for_url(place)
        return self

    def act(self, row: str, action: str) -> Self:
        """Opens the menu of a row of a list and takes an action, whose question is then asked."""
        line = self.page.locator("tbody tr").filter(has_text=row).first
        self._use(line.locator("details.more summary"))
        self._use(line.get_by_role("link", name=action, exact=True))
        self.page.get_by_role("button", name=action, exact=True).wait_for()
        return self

    def pick(self, name: str, label: str) -> Self:
        """Chooses an option of an input by what it is called."""
        box = self.page.locator(f'select[name="{name}"]').last
        value = str(box.locator("option", has_text=label).first.get_attribute("value"))
        if not self._by_keyboard:
            box.select_option(value)
            return self
        self._reach(box)
        for _ in range(box.locator("option").count()):
            if box.input_value() == value:
                return self
            self.page.keyboard.press("ArrowDown")
        assert box.input_value() == value
        return self

    def tick(self, label: str) -> Self:
        """Ticks a box."""
        self._use(self.page.get_by_label(label), "Space")
        return self

    def choose(self, path: Path) -> Self:
        """Chooses a file of the visitor's own computer."""
        with self.page.expect_file_chooser() as chooser:
            self._use(self.page.locator("input[type=file]"), "Space")
        chooser.value.set_files(path)
        return self

    def is_told_why_not(self, name: str, reason: str) -> Self:
        """An action is shown, and cannot be done: on focus its button says why."""
        button = self.page.get_by_role("button", name=name, exact=True, disabled=True)
        button.focus()
        told = self.page.locator(f"[id='{button.get_attribute('aria-describedby')}']")
        told.wait_for()
        assert reason in told.inner_text()
        return self

    def fill(self, **values: str) -> Self:
        """Fills inputs by their names; `__` stands for a dot."""
        for name, value in values.items():
            box = self.page.locator(f'[name="{name.replace("__", ".")}"]:not([type=hidden])').last
            if box.evaluate("node => node.nodeName") == "SELECT":
                box.select_option(value)
            else:
                self._type(box, value)
        return self

    def sees(self, *texts: str) -> Self:
        """Each text is on the page, now or soon."""
        for text in texts:
            self.page.get_by_text(text).first.wait_for()
        return self

    def faulted(self, name: str, text: str) -> Self:
        """The form that was sent is still there, says so at this input alone, and the input has the focus."""
        box = self.page.locator(f'[name="{name}"][aria-invalid="true"]')
        box.wait_for()
        told = self.page.locator(f'[id="{name}-told"]').inner_text()
        assert text in told, told
        assert self.page.get_by_text("The request was refused").count() == 0
        if self._scripts:
            assert box.evaluate("node => node === document.activeElement")
        return self

    def misses(self, *texts: str) -> Self:
        body = self.page.content()
        assert not [text for text in texts if text in body]
        return self

    def portray(self, name: str) -> Self:
        """Pictures of the whole page at two widths in both themes, for those who look."""
        if not PICTURES:
            return self
        folder = SCREENS / "pages"
        folder.mkdir(parents=True, exist_ok=True)
        for scheme in ("light", "dark"):
            for size, label in ((WIDE, "wide"), ({"width": 400, "height": 800}, "narrow")):
                self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a literal, as it asks for
                self.page.set_viewport_size(size)  # type: ignore[arg-type]  # width and height
                self.page.screenshot(path=folder / f"{name}-{label}-{scheme}.png", full_page=True)
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]  # width and height
        return self

    def shoot(self, name: str) -> Self:
        """A picture for those who look: light, dark and narrow."""
        if PICTURES:
            self._take(name)
        return self

    def _take(self, name: str) -> None:
        SCREENS.mkdir(exist_ok=True)
        for suffix, scheme, size in (("light", "light", WIDE), ("dark", "dark", WIDE), ("narrow", "light", NARROW)):
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a literal, as it asks for
            self.page.set_viewport_size(size)  # type: ignore[arg-type]  # width and height
            self.page.screenshot(path=SCREENS / f"{name}-{suffix}.png")
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]  # width and height
