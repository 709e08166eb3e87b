"""Pages of the platform's lists: an opaque token in `next_url`, which clients parse out of it (4.1)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from urllib.parse import urlencode

from msgspec import Meta

from kunsthalle.api.query_params import sent
from kunsthalle.api.request import Request
from kunsthalle.core.errors import invalid

_PLACE = re.compile(r"(\d{1,18})\.([-0-9A-Za-z_.:@]{1,128})")


def token(key: tuple[int, str]) -> str:
    """The place behind an item, by its moment and its id."""
    return base64.urlsafe_b64encode(f"{key[0]}.{key[1]}".encode()).decode().rstrip("=")


def place(text: str, name: str) -> tuple[int, str]:
    """The key that a token stands for; 400 for what no list has given."""
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        plain = ""
    found = _PLACE.fullmatch(plain)
    if found is None:
        raise invalid("bad_request", f"{name} is not a value that a list has given.", name, type_="parameter")
    return int(found[1]), found[2]


def _after(name: str) -> Callable[[str], tuple[int, str] | None]:
    """How a token is read; nothing stands for the first page."""
    return lambda text: place(text, name) if text else None


def sized(most: int) -> Meta:
    """The bounds of `limit`; 0 stands for the default."""
    return Meta(ge=0, le=most, description="How many resources a page holds at most; the default for 0.")


def next_page(name: str) -> Meta:
    """The token of a list, as the parameter of that name."""
    return Meta(description=f"Where the page begins: `{name}` in `next_url`.", extra={"parse": _after(name)})


def next_url(request: Request, name: str, last: tuple[int, str] | None) -> str | None:
    """The relative address of the next page, every filter repeated; None at the end."""
    if last is None:
        return None
    return f"{request.path}?{urlencode([*sent(request, name), (name, token(last))])}"
