"""How the IAM services page: by token (identity), by offset (access groups), by start (policies)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from sqlalchemy import Column, ColumnElement

from kunsthalle.api.request import Request
from kunsthalle.core.errors import Problem, Reason, Target, invalid
from kunsthalle.db.pages import window
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType, count
from kunsthalle.iam.models import sent_tag

M = TypeVar("M")
_FURTHEST = 10**9


def number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A number of the query; 400 with the bounds."""
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 10 or not least <= int(text) <= most:
        raise invalid("bad_request", f"{name} must be a number from {least} to {most}.", name, type_="parameter")
    return int(text)


def flag(request: Request, name: str) -> bool:
    """A truth of the query; 400 for other words."""
    text = request.query.get(name, "false")
    if text not in {"true", "false"}:
        raise invalid("bad_request", f"{name} must be true or false.", name, type_="parameter")
    return text == "true"


def choice(request: Request, name: str, allowed: Mapping[str, Any] | tuple[str, ...], default: str) -> str:
    """One of the words that a parameter takes."""
    text = request.query.get(name, default)
    if text not in allowed:
        raise invalid("bad_request", f"{name} must be one of {', '.join(allowed)}.", name, type_="parameter")
    return text


def no_filter(request: Request) -> None:
    """501 for the filter language, which is known and not offered."""
    if "filter" in request.query:
        target = Target("filter", "parameter")
        raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", "The parameter filter is not offered.", target)


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"at.{offset}".encode()).decode().rstrip("=")


def _offset(request: Request, name: str) -> int:
    token = request.query.get(name)
    if token is None:
        return 0
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (ValueError, binascii.Error) as error:
        raise _strange(name) from error
    if not text.startswith("at.") or not text[3:].isdigit() or int(text[3:]) > _FURTHEST:
        raise _strange(name)
    return int(text[3:])


def _strange(name: str) -> Problem:
    return invalid("bad_request", f"{name} is not one that a list has given.", name, type_="parameter")


def _address(session: Session, request: Request, without: tuple[str, ...], **more: str) -> str:
    kept = [(name, value) for name, value in request.query.multi_items() if name not in without]
    query = urlencode([*kept, *more.items()])
    return f"{session.ctx.origin}{request.path}" + (f"?{query}" if query else "")


def by_token(
    session: Session,
    request: Request,
    kind: ResourceType[M],
    sorts: Mapping[str, Column[Any]],
    *where: ColumnElement[bool],
) -> tuple[dict[str, Any], list[M]]:
    """A page of an identity list: `offset`, `limit`, `first`, and `previous` and `next` where there is one (3.2)."""
    no_filter(request)
    size, offset = number(request, "pagesize", 20, 1, 100), _offset(request, "pagetoken")
    column = sorts[choice(request, "sort", tuple(sorts), "created_at")]
    order = column.desc() if choice(request, "order", ("asc", "desc"), "asc") == "desc" else column.asc()
    found = window(session, kind, *where, order=order, offset=offset, limit=size)
    envelope: dict[str, Any] = {
        "offset": offset,
        "limit": size,
        "first": _address(session, request, ("pagetoken",)),
    }
    if offset > 0:
        back = _token(max(0, offset - size))
        envelope["previous"] = _address(session, request, ("pagetoken",), pagetoken=back)
    if found.passed:
        following = _token(offset + found.passed)
        envelope["next"] = _address(session, request, ("pagetoken",), pagetoken=following)
    return envelope, found.items


def by_offset(
    session: Session, request: Request, total: int, find: Callable[[int, int], list[M]]
) -> tuple[dict[str, Any], list[M]]:
    """A page of an access-group list: `limit`, `offset`, `total_count` and addresses as objects."""
    limit, offset = number(request, "limit", 50, 0, 100), number(request, "offset", 0, 0, _FURTHEST)

    def at(place: int) -> dict[str, str]:
        address = _address(session, request, ("limit", "offset"), limit=str(limit), offset=str(place))
        return {"href": address}

    last = (total - 1) // limit * limit if limit and total else 0
    envelope: dict[str, Any] = {
        "limit": limit,
        "offset": offset,
        "total_count": total,
        "first": at(0),
        "last": at(last),
    }
    if offset > 0:
        envelope["previous"] = at(max(0, offset - limit))
    found = find(offset, limit) if limit else []
    if found and offset + len(found) < total:
        envelope["next"] = at(offset + len(found))
    return envelope, found


def by_start(
    session: Session, request: Request, kind: ResourceType[M], order: Any, *where: ColumnElement[bool]
) -> tuple[dict[str, Any], list[M]]:
    """A page of policies: everything, unless a `limit` is asked for; `first`, `next` and `previous` as objects."""
    if "limit" not in request.query and "start" not in request.query:
        everything = window(session, kind, *where, order=order, offset=0, limit=_FURTHEST, most_bytes=_FURTHEST)
        return {}, everything.items
    limit, offset = number(request, "limit", 50, 1, 100), _offset(request, "start")
    found = window(session, kind, *where, order=order, offset=offset, limit=limit)

    def at(place: int) -> dict[str, str]:
        start = _token(place)
        return {"href": _address(session, request, ("start",), start=start), "start": start}

    envelope: dict[str, Any] = {"limit": limit, "first": {"href": _address(session, request, ("start",))}}
    if offset > 0:
        envelope["previous"] = at(max(0, offset - limit))
    if found.passed:
        envelope["next"] = at(offset + found.passed)
    return envelope, found.items


def total_of(session: Session, kind: ResourceType[Any], *where: ColumnElement[bool]) -> int:
    """How many of a kind the caller may read."""
    return count(session, kind, *where)


def if_match(request: Request, tag: str, revision: int) -> int | None:
    """The revision that an identity's `If-Match` insists on; None for `*`. 400 without, 409 for another version."""
    given = sent_tag(request.headers.get("if-match", ""))
    if not given:
        raise invalid("bad_request", "If-Match is required: the entity_tag, or *.", "If-Match", type_="header")
    if given == "*":
        return None
    if given != tag:
        target = Target("If-Match", "header")
        raise Problem(Reason.CONFLICT, "conflict", "If-Match is not the present entity_tag.", target)
    return revision


def given(body: Any, *names: str) -> dict[str, Any]:
    """The fields of a body that were sent, null left out: clients send null for what they leave as it is."""
    return {name: value for name in names if isinstance(value := getattr(body, name), str | bool | int | list)}
