"""Pages of the platform's lists: an opaque token in `next_url`, which clients parse out of it (4.1)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import urlencode

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


def size(request: Request, default: int, most: int, name: str = "limit") -> int:
    """How many items are asked for: the default for none and for 0, 400 beyond the bounds."""
    text = request.query.get(name, "0")
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) > most:
        raise invalid("bad_request", f"{name} must be a number from 0 to {most}.", name, type_="parameter")
    return int(text) or default


def behind(request: Request, name: str) -> tuple[int, str] | None:
    """The key that the list goes on behind."""
    text = request.query.get(name)
    return None if not text else place(text, name)


def next_url(request: Request, name: str, last: tuple[int, str] | None) -> str | None:
    """The relative address of the next page, every filter repeated; None at the end."""
    if last is None:
        return None
    kept: list[tuple[str, Any]] = [(key, value) for key, value in request.query.multi_items() if key != name]
    return f"{request.path}?{urlencode([*kept, (name, token(last))])}"


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """A boolean of the query; 400 for anything but `true` and `false`."""
    text = request.query.get(name)
    if text not in {None, "true", "false"}:
        raise invalid("bad_request", f"{name} must be true or false.", name, type_="parameter")
    return default if text is None else text == "true"
