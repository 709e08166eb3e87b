"""Pages of lists: one codec of cursors, and the form that each API family gives to the addresses of its pages.

A cursor is opaque to clients: base64 without padding, of a text whose beginning tells its form, so that another form
can be added beside the present ones. `<microseconds>.<id>` is the place behind an item, `at.<number>` a number of
items, `[…]` a document of a service's own. A cursor grants nothing: what it names is looked up with the caller's
visibility, and whatever no list has given is refused in the words of the family.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import urlencode

from msgspec import Meta

from kunsthalle.api.query_params import sent
from kunsthalle.api.request import Request
from kunsthalle.core.errors import invalid
from kunsthalle.core.records import dataclass

Key = tuple[int, str]
"""The place of an item in a list that is ordered by time: its moment in microseconds, and its id."""

_KEY = re.compile(r"(\d{1,18})\.([-0-9A-Za-z_.:@]{1,128})", re.ASCII)
_OFFSET = re.compile(r"at\.(\d{1,10})", re.ASCII)
FURTHEST = 10**9
"""The furthest offset that is asked for."""


def encode(text: str | bytes) -> str:
    """Return the cursor of a text."""
    octets = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def decode(cursor: str) -> str | None:
    """Return the text of a cursor, or None for what is not one."""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        return None


def key_cursor(key: Key) -> str:
    """Return the cursor of the place behind an item."""
    return encode(f"{key[0]}.{key[1]}")


def key_of(cursor: str) -> Key | None:
    """Return the place that a cursor names, or None where it names none."""
    match = _KEY.fullmatch(decode(cursor) or "")
    return None if match is None else (int(match[1]), match[2])


def offset_cursor(offset: int) -> str:
    """Return the cursor of a number of items."""
    return encode(f"at.{offset}")


def offset_of(cursor: str) -> int | None:
    """Return the number of items that a cursor names, or None where it names none."""
    match = _OFFSET.fullmatch(decode(cursor) or "")
    return int(match[1]) if match is not None and int(match[1]) <= FURTHEST else None


@dataclass(frozen=True, slots=True)
class PageForm:
    """How an API family writes the address of a page.

    `param` is the query parameter that says where a page begins, and `moving` are those that are not repeated from
    the request; with `repeats` false none is. `base` begins an address: the origin and the path, the path, or nothing,
    which is relative to the list itself. `shape` is what stands in the body: the address as a text, `{"href"}`, or
    `{"href", "start"}`. `cursor` says whether a place by number is written as a cursor; `sized` whether the limit is
    always in the address.
    """

    param: str
    moving: frozenset[str]
    base: str = "origin"
    shape: str = "text"
    previous: str = "previous"
    repeats: bool = True
    cursor: bool = False
    sized: bool = False

    def address(self, origin: str, request: Request, **more: str) -> str:
        """Return the address of a page: what was sent and does not move, then `more`."""
        parameters = sent(request, *self.moving) if self.repeats else []
        query = urlencode([*parameters, *more.items()])
        begin = {"origin": f"{origin}{request.path}", "path": request.path, "list": ""}[self.base]
        return f"{begin}?{query}" if query else begin

    def link(self, origin: str, request: Request, start: str | None = None, limit: int | None = None) -> Any:
        """Return the address of the page that begins at `start`, or of the first, as it stands in a body."""
        more = {} if limit is None else {"limit": str(limit)}
        if start is not None:
            more[self.param] = start
        address = self.address(origin, request, **more)
        if self.shape == "text":
            return address
        return {"href": address, "start": start} if self.shape == "place" and start is not None else {"href": address}

    def links(
        self, origin: str, request: Request, offset: int, limit: int, following: int | None, total: int | None = None
    ) -> dict[str, Any]:
        """Return the addresses around a page by offset: `first`, `last` where the total is told, and the previous and
        the next page where there are such.
        """
        size = limit if self.sized else None

        def at(place: int) -> Any:
            return self.link(origin, request, offset_cursor(place) if self.cursor else str(place), size)

        links = {"first": self.link(origin, request, limit=size) if self.cursor else at(0)}
        if total is not None:
            links["last"] = at(max(0, (total - 1) // limit * limit) if limit else 0)
        if offset > 0:
            links[self.previous] = at(max(0, offset - limit))
        if following is not None:
            links["next"] = at(following)
        return links


_BY_NUMBER = frozenset({"offset", "limit"})
VPC_PAGES = PageForm("start", frozenset({"start"}), shape="href")
CATALOG_PAGES = PageForm("offset", _BY_NUMBER, base="path", previous="prev", sized=True)
CATALOG_VERSIONS = PageForm("start", frozenset(), base="path", shape="place", repeats=False)
CATALOG_AUDITS = PageForm("start", frozenset(), base="list", shape="place", repeats=False)
"""Relative to the list itself: an offering that is hidden and one that never was are answered alike."""
IDENTITY_PAGES = PageForm("pagetoken", frozenset({"pagetoken"}), cursor=True)
ACCESS_GROUP_PAGES = PageForm("offset", _BY_NUMBER, shape="href", sized=True)
POLICY_PAGES = PageForm("start", frozenset({"start"}), shape="place", cursor=True)
ENTERPRISE_PAGES = PageForm("next_docid", frozenset({"next_docid"}), base="path")
USER_PAGES = PageForm("_start", frozenset({"_start"}), base="path")
PLATFORM_PAGES = PageForm("start", frozenset({"start"}), base="path")
"""Audits of accounts, and resource instances. Here, as with enterprises and users, clients parse the cursor out of the
member `next_url` (4.1)."""


def next_url(request: Request, form: PageForm, last: Key | None) -> str | None:
    """Return the relative address of the next page, every filter repeated; None at the end."""
    if last is None:
        return None
    return form.address("", request, **{form.param: key_cursor(last)})


def next_page(form: PageForm) -> Meta:
    """The cursor of a list of the platform as a query parameter; an empty one stands for the first page."""

    def place(text: str) -> Key | None:
        key = key_of(text) if text else None
        if text and key is None:
            message = f"{form.param} is not a value that a list has given."
            raise invalid("bad_request", message, form.param, type_="parameter")
        return key

    return Meta(description=f"Where the page begins: `{form.param}` in `next_url`.", extra={"parse": place})


def sized(most: int) -> Meta:
    """The bounds of `limit` in lists of the platform; 0 stands for the default."""
    return Meta(ge=0, le=most, description="How many resources a page holds at most; the default for 0.")
