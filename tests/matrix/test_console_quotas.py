"""The operator's page of quotas: what an account has and may have, set and given back to the default."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from fixtures.frozen_app import OPERATOR, FrozenApp
from kunsthalle.operator import routes_quotas
from matrix.rows_console import cookies, token

QUOTAS = "/console/operator/quotas"


def _shown(frozen: FrozenApp, query: str = "") -> str:
    answer = frozen.call("", "GET", f"{QUOTAS}{query}", b"", **cookies(frozen, "operator"))
    assert answer.status == 200
    return unescape(answer.body.decode())


def _set(frozen: FrozenApp, limit: str, name: str = "images") -> tuple[int, str]:
    fields = {"form_token": token(frozen, "operator"), "account": frozen.accounts["owner"], "name": name}
    body = urlencode({**fields, "limit": limit}).encode()
    answer = frozen.call("", "POST", f"{QUOTAS}/set", body, **cookies(frozen, "operator"))
    return answer.status, unescape(answer.body.decode())


def test_the_quotas_of_an_account_are_shown_with_what_it_has(frozen: FrozenApp) -> None:
    of_owner = f"?account_id={frozen.accounts['owner']}"
    shown = _shown(frozen, of_owner)
    told = frozen.ok(OPERATOR, "GET", f"/_kunsthalle/quotas?account={frozen.accounts['owner']}")["quotas"]
    assert len(told) > 5
    for quota in told:
        row = rf">{re.escape(quota['counts'].capitalize())}</td>\s*<td class=\"number\">{quota['used']}</td>"
        assert re.search(row, shown, re.IGNORECASE), quota
    assert "No account has used most of a quota." in _shown(frozen)


@pytest.mark.parametrize(("limit", "sent"), [("77", 77), ("", None), ("0", 0)])
def test_a_limit_is_set_or_given_back_to_the_default(
    frozen: FrozenApp, monkeypatch: pytest.MonkeyPatch, limit: str, sent: int | None
) -> None:
    """Nothing changes in this application, so what the page asks the API for is looked at."""
    put: list[tuple[str, str, int | None]] = []
    monkeypatch.setattr(routes_quotas, "_put", lambda _session, *given: put.append(given))
    assert _set(frozen, limit)[0] == 303
    assert put == [(frozen.accounts["owner"], "images", sent)]


@pytest.mark.parametrize(("limit", "name"), [("-1", "images"), ("many", "images"), ("1.5", "images"), ("1", "never")])
def test_what_is_no_limit_stays_in_its_form(frozen: FrozenApp, limit: str, name: str) -> None:
    status, html = _set(frozen, limit, name)
    assert status == 400
    assert f'value="{limit}"' in html
