"""Global search: everything of the account that has a name, an ID or a CRN, whatever its type."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from kunsthalle.console.listing import Row
from kunsthalle.console.page_frame import Page, Visit, page
from kunsthalle.console.resource_addresses import Address, address_of

_PATH = "/v3/resources/search"
_FOUND = 50
"""Resources on a page of results."""
_LONGEST, _WORDS = 200, 8
"""Characters of a search, and words of it that count."""
_PLAIN = re.compile(r"([^A-Za-z0-9])")
_QUOTED = re.compile(r'["\\]')
_FIELDS = ("name", "type", "region", "creation_date", "tags")


def query_of(text: str) -> str:
    """What is typed as a query of Global Search: each word is in a name or a CRN, or is a tag."""
    return " AND ".join(_clause(word) for word in text.split()[:_WORDS])


def _clause(word: str) -> str:
    plain, quoted = _PLAIN.sub(r"\\\1", word), _QUOTED.sub(r"\\\g<0>", word)
    return f'(name:*{plain}* OR crn:*{plain}* OR tags:"{quoted}")'


def _result(item: Row, pages: frozenset[str]) -> tuple[Row, Address]:
    return item, address_of(str(item["crn"]), pages, str(item.get("type", "")))


async def _search(visit: Visit) -> Response:
    text, cursor = visit.query.get("find", "").strip()[:_LONGEST], visit.query.get("cursor", "")
    told: dict[str, Any] = {"items": []}
    if text:
        body = {"search_cursor": cursor} if cursor else {"query": query_of(text), "fields": list(_FIELDS)}
        told = await visit.api.send("POST", _PATH, body, [("limit", str(_FOUND))])
    results = [_result(item, visit.shapes) for item in told["items"]]
    further = told.get("search_cursor", "")
    return visit.page("search.html", text=text, results=results, further=further, begun=bool(cursor))


PAGES: tuple[Page, ...] = (page("/search", _search, f"POST {_PATH}"),)
