"""The audit of the account: what was done, filtered, page by page, and as a file."""

from __future__ import annotations

import csv
import io
from typing import Any

from starlette.responses import Response

from kunsthalle.console.api_client import Api, Refused
from kunsthalle.console.forms import instant
from kunsthalle.console.listing import (
    FREE,
    MOMENT,
    Asked,
    Choice,
    Column,
    Linked,
    Listing,
    Row,
    Slice,
    everything,
    listing,
)
from kunsthalle.console.page_frame import Page, Visit, call, json_answer, page
from kunsthalle.core.records import dataclass

_AUDIT = Linked("/v1/audit", "entries")
_OUTCOMES = {"succeeded": range(100, 400), "refused": range(400, 500), "failed": range(500, 600)}
_HERE = frozenset({"who", "outcome"})
"""What the API does not filter by."""
_CHOICES = (
    Choice("since", "Since (UTC)", (), MOMENT),
    Choice("until", "Until (UTC)", (), MOMENT),
    Choice("action", "Action", (), FREE),
    Choice("target", "Target begins with", (), FREE),
    Choice("who", "Who", (), FREE),
    Choice("outcome", "Outcome", tuple((word, word.capitalize()) for word in _OUTCOMES)),
)
_FIELDS = ("at", "actor_email", "actor", "action", "target", "resource_crn", "outcome", "code", "client", "trace", "id")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula."""
_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def outcome_of(entry: Row) -> str:
    """`succeeded`, `refused` or `failed`, by the status that was answered."""
    return next((word for word, statuses in _OUTCOMES.items() if entry["outcome"] in statuses), "failed")


def who(entry: Row) -> str:
    return str(entry.get("actor_email") or entry["actor"])


_COLUMNS = (
    Column("at", "When"),
    Column("who", "Who", lambda row: f"{who(row)} {row['actor']}"),
    Column("action", "Action"),
    Column("outcome", "Outcome", lambda row: f"{outcome_of(row)} {row['outcome']}"),
    Column("target", "Target", lambda row: f"{row['target']} {row.get('resource_crn', '')}"),
    Column("trace", "Trace"),
)


def _fits(entry: Row, filters: dict[str, str]) -> bool:
    words = filters.get("who", "").casefold()
    outcome = filters.get("outcome", "")
    return words in f"{who(entry)} {entry['actor']}".casefold() and outcome in {"", outcome_of(entry)}


@dataclass(frozen=True, slots=True)
class _Entries:
    """The audit with the filters of the API, and those that are applied here to what it answers."""

    async def slice(self, api: Api, start: str, limit: int, filters: list[tuple[str, str]]) -> Slice:
        sent = [
            (name, instant(value) if name in {"since", "until"} else value)
            for name, value in filters
            if name not in _HERE
        ]
        here = {name: value for name, value in filters if name in _HERE}
        rows: list[Row] = []
        while True:
            resource = await _AUDIT.slice(api, start, limit, sent)
            rows += [row for row in resource.rows if _fits(row, here)]
            if not here or len(rows) >= limit or resource.next is None:
                return Slice(rows, None, resource.next)
            start = resource.next


async def _audit(visit: Visit) -> Response:
    refused = ""
    try:
        table = await listing(visit.api, visit.query, _Entries(), _COLUMNS, _CHOICES)
    except Refused as error:
        if error.status != 400:
            raise
        asked = Asked.of(visit.query, _COLUMNS, _CHOICES)
        table, refused = Listing(_COLUMNS, _CHOICES, asked, [], None, None), error.message
    told: dict[str, Any] = {"outcome_of": outcome_of, "who": who, "refused": refused}
    return visit.page("access/audit.html", list=table, **told)


async def _file(visit: Visit) -> Response:
    """Every entry that the filters leave, up to the bound of lists, as a file."""
    type_ = visit.query.get("format", "csv")
    if type_ not in _TYPES:
        raise Refused(400, "bad_request", f"Unknown format {type_[:20]!r}: give csv or json.", "format")
    filters = list(Asked.of(visit.query, _COLUMNS, _CHOICES).filters)
    rows, cut = await everything(visit.api, _Entries(), filters)
    answer = json_answer({"entries": rows, "complete": not cut}) if type_ == "json" else Response(as_csv(rows))
    answer.headers["content-type"] = _TYPES[type_]
    answer.headers["content-disposition"] = f'attachment; filename="audit.{type_}"'
    return answer


def as_csv(rows: list[Row]) -> str:
    """The entries as comma-separated values, in which no spreadsheet finds a formula."""
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(_FIELDS)
    for row in rows:
        texts = [str(row.get(field, "")) for field in _FIELDS]
        table.writerow([f"'{text}" if text.startswith(_FORMULA) else text for text in texts])
    return file.getvalue()


PAGES: tuple[Page, ...] = (page("/audit", _audit, "GET /v1/audit"),)
CALLS: tuple[Page, ...] = (call("GET", "/audit/export", _file, "GET /v1/audit"),)
