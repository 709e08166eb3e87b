"""Searching. One statement a kind, always through the kind's own visibility (R6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, or_
from sqlalchemy.sql.elements import False_

from kunsthalle.api import pagination
from kunsthalle.api.query_language import Node, parse
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.page_bytes import PAGE_BYTES
from kunsthalle.db.session import Session
from kunsthalle.db.tag_tables import tag_links
from kunsthalle.db.unscoped import rows_of
from kunsthalle.db.visibility import policy_filter, values_of
from kunsthalle.search.searchable_resources import SEARCHED, Searched
from kunsthalle.search.sql import condition, constants, crn, location

LISTS = ("tags", "access_tags", "service_tags")
"""Always there on an item, for clients that fall over their absence (terraform.md 3)."""
SHOWN = ("account_id", "name", "type", "family", "crn")
_TOGETHER = 50
"""Rows whose tags are read at once: each may have 1,250 of 128 characters."""
MAX_FIELDS = 50
"""Names of fields that one search may give."""


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
    return pagination.encode(msgspec.json.encode(place))


def from_cursor(text: str) -> Place:
    """400 for what no search has given. A cursor grants nothing: visibility is checked again."""
    wrong = invalid("bad_request", "Invalid search cursor. Use the cursor of a previous answer.", "search_cursor")
    try:
        place = msgspec.json.decode(pagination.decode(text) or "", type=Place)
    except msgspec.DecodeError as error:
        raise wrong from error
    if not 0 <= place.kind < len(SEARCHED) or not 0 <= (place.moment or 0) < 2**62 or "\0" in place.id:
        raise wrong
    return place


def search(session: Session, place: Place, limit: int) -> Found:
    """The matches from a place on, type by type, newest first; only what the caller sees of their own account.

    A batch ends early where its tags are large together, as pages of lists do (`db/page_bytes.py`).
    """
    _check_fields(place.fields)
    query, matches, size = parse(place.query), list[dict[str, Any]](), 0
    names = None if "*" in place.fields else frozenset({*(place.fields or SHOWN), "crn", *LISTS})
    here = place
    for number in range(place.kind, len(SEARCHED)):
        session.check_time()
        if number != place.kind:
            here = Place(place.query, place.fields, place.taggable, number)
        for document, key in _documents_from(session, query, here, limit + 1 - len(matches)):
            size += len(msgspec.json.encode(document))
            if len(matches) == limit or (matches and size > PAGE_BYTES):
                return Found(matches, here)
            matches.append(_shown(document, names))
            here = msgspec.structs.replace(here, kind=number, moment=key.created_at, id=key.id)
    return Found(matches, None)


def _documents_from(session: Session, query: Node, place: Place, most: int) -> Iterator[tuple[dict[str, Any], Any]]:
    """What matches of one kind, with the row of each. Tags are read for a few rows at a time, for as long as asked."""
    searched = SEARCHED[place.kind]
    while most > 0:
        count = min(most, _TOGETHER) if searched.own_tags else most
        rows = _matching(session, searched, query, place, count)
        for begin in range(0, len(rows), _TOGETHER):
            some = rows[begin : begin + _TOGETHER]
            yield from zip(documents(session, searched, some), some, strict=True)
        if len(rows) < count:
            return
        most -= count
        place = msgspec.structs.replace(place, moment=rows[-1].created_at, id=rows[-1].id)


def _matching(session: Session, searched: Searched, query: Node, place: Place, limit: int) -> Sequence[Any]:
    matches = condition(session, query, searched)
    if isinstance(matches, False_):
        return ()
    table = searched.kind.table.c
    where = [table.account_id == session.ctx.account_id, matches]
    if place.taggable:
        where.append(policy_filter(searched.kind, session.ctx.grants.scope(searched.action("update"))))
    if place.moment is not None:
        where += [table.created_at <= place.moment, or_(table.created_at < place.moment, table.id < place.id)]
    return rows_where(session, searched, *where, limit=limit)


def rows_where(session: Session, searched: Searched, *where: ColumnElement[bool], limit: int) -> Sequence[Any]:
    """The rows of a kind that the caller sees and that meet the conditions, as `documents` reads them."""
    table = searched.kind.table.c
    columns = [
        table.id,
        table.created_at,
        table[searched.name].label("name"),
        crn(searched, session.ctx.account_id).label("crn"),
        location(searched).label("location"),
        *(table[name] for name in ("updated_at", "resource_group_id", searched.own_tags) if name in table),
    ]
    return values_of(session, searched.kind, columns, *where, limit=limit)


def documents(session: Session, searched: Searched, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of one kind as search shows them, their tags with them."""
    tags = tags_of(session, [row.crn for row in rows])
    return [_document(searched, session.ctx.account_id, row, tags) for row in rows]


def _document(searched: Searched, account_id: str, row: Any, tags: dict[tuple[str, str], list[str]]) -> dict[str, Any]:
    document = {
        **constants(searched, account_id),
        "crn": row.crn,
        "name": row.name,
        "resource_id": row.id,
        "region": row.location or "global",
        "creation_date": rfc3339(row.created_at),
        "tags": sorted(getattr(row, searched.own_tags)) if searched.own_tags else tags.get((row.crn, "user"), []),
        "access_tags": tags.get((row.crn, "access"), []),
        "service_tags": [],
    }
    if hasattr(row, "updated_at"):
        document["modification_date"] = rfc3339(row.updated_at)
    if hasattr(row, "resource_group_id"):
        document["resource_group_id"] = row.resource_group_id
    return document


def tags_of(session: Session, crns: list[str]) -> dict[tuple[str, str], list[str]]:
    """The names by CRN and type, in their order."""
    if not crns:
        return {}
    columns = tag_links.c
    conditions = (columns.account_id == session.ctx.account_id, columns.crn.in_(crns))
    tags_by: dict[tuple[str, str], list[str]] = {}
    for row in rows_of(session, tag_links, *conditions, order=columns.name):
        tags_by.setdefault((row.crn, row.type), []).append(row.name)
    return tags_by


def _check_fields(fields: list[str]) -> None:
    if len(fields) > MAX_FIELDS:
        text = f"A search may name at most {MAX_FIELDS} fields; {len(fields)} are given. Name fewer, or ask for `*`."
        raise invalid("bad_request", text, "fields")


def _shown(document: dict[str, Any], names: frozenset[str] | None) -> dict[str, Any]:
    """The fields of a document that are asked for; None is all."""
    return document if names is None else {name: value for name, value in document.items() if name in names}
