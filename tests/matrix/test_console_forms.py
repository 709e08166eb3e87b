"""Every form of the console, filled in wrongly: it stays, with what was typed, and says once what is wrong."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from fixtures.frozen_app import FrozenApp
from kunsthalle.console.all_pages import PAGES
from kunsthalle.console.page_frame import Page
from matrix.rows_console import cookies, token
from matrix.test_console import _path

_INPUT = re.compile(r'<(?:input|textarea)[^>]*\bname="([^"]+)"[^>]*>')
_TYPED = re.compile(r'type="(?:text|number|datetime-local|password)"|<textarea')
_SAID = re.compile(r'<p class="told"[^>]*><strong>(.*?)</strong>|role=alert>.*?<p>(.*?)</p>', re.DOTALL)
_PYTHON = re.compile(
    r"isoformat|Traceback|invalid literal|NoneType|object has no attribute|not enough values|codec can"
)
_SECRET = {"apikey", "operator_token"}
"""Never sent back."""
WRONG = "x Wrong Value 7 x"
FORMS = [page for page in PAGES if page.method == "POST"]


def _typed(html: str) -> list[str]:
    return [found[1] for found in _INPUT.finditer(html) if _TYPED.search(found[0]) and found[1] != "form_token"]


def _asked(frozen: FrozenApp, page: Page) -> str:
    return frozen.call(
        "", "GET", _path(frozen, page.path, absent=False), b"", **cookies(frozen, "operator")
    ).body.decode()


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("page", FORMS, ids=lambda page: page.path)
def test_a_wrong_form_stays_and_says_once_what_is_wrong(frozen: FrozenApp, page: Page) -> None:
    names = _typed(_asked(frozen, page))
    body = urlencode({"form_token": token(frozen, "operator"), **dict.fromkeys(names, WRONG)}).encode()
    answer = frozen.call("", "POST", _path(frozen, page.path, absent=False), body, **cookies(frozen, "operator"))
    html = answer.body.decode()
    assert answer.status < 500, html
    said = [unescape(one or two) for one, two in _SAID.findall(html)]
    assert not [text for text in said if _PYTHON.search(text)], said
    assert len(said) == len(set(said)), said
    if answer.status >= 400 and "dialog-body" in html:
        assert said, "a refusal without a word"
        assert html.count(WRONG) >= len([name for name in names if name not in _SECRET])
