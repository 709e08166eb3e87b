"""What a handler is given, and what it may give back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from kunsthalle.api.asgi import Headers, Query
from kunsthalle.core.errors import Problem, invalid
from kunsthalle.core.text_values import boolean
from kunsthalle.db.session import Session
from kunsthalle.db.table_changes import Basis
from kunsthalle.db.visibility import Authorized


class Request(Struct):
    """One call, decoded. `authorized` is what the access rule has found; handlers take it as a parameter.

    `record` is set by handlers of calls that have no caller of their own, and yet concern an account: it writes what
    became of them (status, code) into the audit, in a transaction that comes after the call's. `account_id` is the
    caller's, as soon as the caller is known.

    `raw_query` is for the decoder and for the addresses of other pages; handlers take the parameters that their route
    declares.

    `prepared` is what the route's `prepare` has read before the transaction of the call. `malformed` is what is wrong
    with a large body, which is decoded before the transaction, too. `basis` notes what an answer that is to be kept
    rests on.
    """

    method: str
    path: str
    params: Mapping[str, str]
    raw_query: Query
    headers: Headers
    raw: bytes = b""
    body: Any = None
    authorized: Authorized[Any] | None = None
    record: Callable[[Session, int, str | None], None] | None = None
    account_id: str = ""
    prepared: Any = None
    malformed: Problem | None = None
    basis: Basis | None = None


class Reply(Struct, frozen=True):
    """An answer that differs from its route's status, or carries headers or another media type."""

    body: Any = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str | None = None


def header_flag(request: Request, name: str) -> bool:
    """Whether a header says `true`; 400 for other words."""
    value = boolean(request.headers.get(name, "false"))
    if value is None:
        raise invalid("bad_request", f"{name} must be true or false.", name, type_="header")
    return value


def path_flag(request: Request, name: str, part: str) -> bool:
    """Whether a part of the path says `true`; 400 for other words, which calls the part `part`."""
    value = boolean(request.params[name])
    if value is None:
        raise invalid("bad_request", f"{part} must be true or false.", name, type_="parameter")
    return value
