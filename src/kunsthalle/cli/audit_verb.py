"""`kunsthalle audit`: what was done and who signed in, with which outcome."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from kunsthalle.cli import common
from kunsthalle.core import cadf

_COLUMNS = ("at", "outcome", "account", "actor", "action", "target")
_PATH = "/_kunsthalle/audit"
_PAGE = 200


_FIELDS = (
    *("id", "at", "account_id", "actor", "actor_email", "initiator", "initiator_email", "action", "target"),
    *("resource_crn", "outcome", "code", "trace", "client"),
)
_FORMULA = frozenset("=+-@\t\r")


def _fetch(data: Path, query: dict[str, str], limit: int) -> list[dict[str, Any]]:
    """Entries, newest first, until there are enough or no more."""
    return list(islice(_pages(data, query, min(limit, _PAGE)), limit))


def _pages(data: Path, query: dict[str, str], size: int) -> Iterator[dict[str, Any]]:
    """Entries, newest first, page by page."""
    path = f"{_PATH}?" + urlencode({**query, "limit": size})
    while path:
        answer = common.operate(data, "GET", path)
        yield from answer["entries"]
        path = answer.get("next_url", "")


def _who(entry: dict[str, Any]) -> str:
    """Who did it; of what the product did by itself, on whose behalf."""
    actor, initiator = entry.get("actor_email", entry["actor"]), entry.get("initiator_email", entry.get("initiator"))
    return f"{actor} for {initiator}" if initiator else actor


def _table(entries: list[dict[str, Any]], names: dict[str, str]) -> str:
    rows = []
    for entry in entries:
        shown = {
            **entry,
            "account": names.get(entry["account_id"], entry["account_id"]),
            "actor": _who(entry),
            "outcome": " ".join(str(part) for part in (entry["outcome"], entry.get("code")) if part),
        }
        rows.append([shown[name] for name in _COLUMNS])
    return common.table(_COLUMNS, rows)


def show(data: Path, account: str, limit: int, output: str, **filters: str) -> str:
    """The entries of one account (a name of the scenario, or an id) or of all, as a table or as JSON."""
    asked = {"account_id": common.account_id(data, account), **filters}
    entries = _fetch(data, {name: value for name, value in asked.items() if value}, limit)
    return common.as_json(entries) if output == "json" else _table(entries, common.account_names(data))


@click.group(invoke_without_command=True)
@common.DATA
@click.option("--account", default="", help="Only entries of this account: a name of the scenario, or an id")
@common.filters(_PATH, "since", "until", "action", "target")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Maximum number of entries"
)
@common.OUTPUT
@click.pass_context
def audit(context: click.Context, /, data: Path, account: str, limit: int, output: str, **filters: str) -> None:
    """Print the audit: changes, refusals and sign-ins, newest first.

    \b
    kunsthalle audit --account publisher --since 7d
    kunsthalle audit --output json
    kunsthalle audit export --format cadf > audit.jsonl
    """
    if context.invoked_subcommand is None:
        click.echo(show(data, account, limit, output, **filters))


@audit.command()
@common.DATA
@click.option("--account", default="", help="Only entries of this account: a name of the scenario, or an id")
@common.filters(_PATH, "since", "until", "action", "target")
@click.option(
    "--format",
    "form",
    type=click.Choice(["cadf", "csv", "json"]),
    default="cadf",
    show_default=True,
    help="cadf: an event of IBM's Activity Tracker a line; json: an entry a line; csv: with a line of names",
)
def export(data: Path, account: str, form: str, **filters: str) -> None:
    """Print every entry of the audit, newest first, in a form that other programs read.

    \b
    kunsthalle audit export --since 30d --format csv > audit.csv
    """
    asked = {"account_id": common.account_id(data, account), **filters}
    entries = _pages(data, {name: value for name, value in asked.items() if value}, _PAGE)
    lines = _csv(entries) if form == "csv" else _events(data, entries) if form == "cadf" else map(_json, entries)
    for line in lines:
        click.echo(line)


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document)


def _events(data: Path, entries: Iterator[dict[str, Any]]) -> Iterator[str]:
    region = common.operate(data, "GET", "/_kunsthalle/status")["region"]
    return (_json(cadf.event(entry, region)) for entry in entries)


def _csv(entries: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Lines with the fields of entries; text that a spreadsheet would take for a formula begins with a quote."""
    for values in _rows(entries):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="").writerow(values)
        yield buffer.getvalue()


def _rows(entries: Iterator[dict[str, Any]]) -> Iterator[list[str]]:
    yield list(_FIELDS)
    for entry in entries:
        texts = [str(entry.get(name, "")) for name in _FIELDS]
        yield [f"'{text}" if text[:1] in _FORMULA else text for text in texts]
