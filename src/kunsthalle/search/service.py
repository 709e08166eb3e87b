"""Searching. One statement a kind and batch, always through the kind's own sight (R6)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, or_
from sqlalchemy.sql.elements import False_

from kunsthalle.core.clock import rfc3339
from kunsthalle.core.crn import parse as parse_crn
from kunsthalle.core.errors import invalid
from kunsthalle.search.kinds import SEARCHED, Searched
from kunsthalle.search.narrowing import condition, constants
from kunsthalle.search.query import Node, parse
from kunsthalle.store.schema.search import tag_links
from kunsthalle.store.scope import may, some
from kunsthalle.store.tables import rows_of
from kunsthalle.store.unit import Unit

_BATCH = 200
LISTS = ("tags", "access_tags", "service_tags")
"""Always there on an item, for clients that fall over their absence (terraform.md 3)."""
SHOWN = ("account_id", "name", "type", "family", "crn")


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a search goes on: its query and fields, the kind, and the key behind which its rows are next."""

    query: str
    fields: list[str]
    taggable: bool = False
    kind: int = 0
    moment: int | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A batch; `place` is where the next one begins, None at the end."""

    items: list[dict[str, Any]]
    place: Place | None


def cursor(place: Place) -> str:
    """A place as text."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def from_cursor(text: str) -> Place:
    """400 for what no search has given. Sight is asked anew: a cursor opens nothing."""
    wrong = invalid("bad_request", "The search cursor is not one that a search has given.", "search_cursor")
    try:
        place = msgspec.json.decode(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True), type=Place)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise wrong from error
    if not 0 <= place.kind < len(SEARCHED) or not 0 <= (place.moment or 0) < 2**62 or "\0" in place.id:
        raise wrong
    return place


def search(unit: Unit, place: Place, limit: int) -> Found:
    """What matches from a place on, kind by kind, newest first; only the caller's own account, only what he sees."""
    query, found = parse(place.query), list[dict[str, Any]]()
    here = place
    for number in range(place.kind, len(SEARCHED)):
        if number != place.kind:
            here = Place(place.query, place.fields, place.taggable, number)
        for document, key in _matching(unit, SEARCHED[number], query, here):
            if len(found) == limit:
                return Found(found, here)
            found.append(_shown(document, place.fields))
            here = Place(place.query, place.fields, place.taggable, number, *key)
    return Found(found, None)


def _behind(one: Searched, key: tuple[int, str] | None) -> list[ColumnElement[bool]]:
    if key is None:
        return []
    table = one.kind.table.c
    return [table.created_at <= key[0], or_(table.created_at < key[0], table.id < key[1])]


def _matching(unit: Unit, one: Searched, query: Node, place: Place) -> Iterator[tuple[dict[str, Any], tuple[int, str]]]:
    narrow = condition(unit, query, one)
    if isinstance(narrow, False_):
        return
    own = one.kind.table.c.account_id == unit.ctx.account_id
    key = None if place.moment is None else (place.moment, place.id)
    while True:
        batch = some(unit, one.kind, own, narrow, *_behind(one, key), limit=_BATCH)
        for document, it in zip(documents(unit, one, batch), batch, strict=True):
            taggable = not place.taggable or may(unit, one.kind, it, one.action("update"))
            if taggable and query.matches(document):
                yield document, (it.created_at, it.id)
        if len(batch) < _BATCH:
            return
        key = (batch[-1].created_at, batch[-1].id)


def documents(unit: Unit, one: Searched, things: list[Any]) -> list[dict[str, Any]]:
    """Things of one kind as search shows them, their tags with them."""
    tags = tags_of(unit, [it.crn for it in things])
    return [_document(one, it, tags) for it in things]


def _document(one: Searched, it: Any, tags: dict[tuple[str, str], list[str]]) -> dict[str, Any]:
    user_tags = sorted(getattr(it, one.own_tags)) if one.own_tags else tags.get((it.crn, "user"), [])
    document = {
        **constants(one, it.account_id),
        "crn": it.crn,
        "name": getattr(it, one.name),
        "resource_id": it.id,
        "region": parse_crn(it.crn).location or "global",
        "creation_date": rfc3339(it.created_at),
        "tags": user_tags,
        "access_tags": tags.get((it.crn, "access"), []),
        "service_tags": [],
    }
    group = getattr(it, "resource_group_id", None)
    return document if group is None else {**document, "resource_group_id": group}


def tags_of(unit: Unit, crns: list[str]) -> dict[tuple[str, str], list[str]]:
    """The names by CRN and type, in their order."""
    if not crns:
        return {}
    columns = tag_links.c
    mine = (columns.account_id == unit.ctx.account_id, columns.crn.in_(crns))
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows_of(unit, tag_links, *mine, order=columns.name):
        found.setdefault((row.crn, row.type), []).append(row.name)
    return found


def _shown(document: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    if "*" in fields:
        return document
    wanted = {*(fields or SHOWN), "crn", *LISTS}
    return {name: value for name, value in document.items() if name in wanted}
