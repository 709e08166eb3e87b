"""`kunsthalle audit`: what was done and who signed in, with which outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from kunsthalle.cli import common

_COLUMNS = ("at", "outcome", "account", "actor", "action", "target")
_PATH = "/_kunsthalle/audit"
_PAGE = 200


def _fetch(data: Path, query: dict[str, str], limit: int) -> list[dict[str, Any]]:
    """Entries, newest first, page by page until there are enough or no more."""
    entries: list[dict[str, Any]] = []
    path = f"{_PATH}?" + urlencode({**query, "limit": min(limit, _PAGE)})
    while path and len(entries) < limit:
        answer = common.operate(data, "GET", path)
        entries += answer["entries"]
        path = answer.get("next_url", "")
    return entries[:limit]


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


@click.command()
@common.DATA
@click.option("--account", default="", help="Only entries of this account: a name of the scenario, or an id")
@common.filters(_PATH, "since", "until", "action", "target")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Maximum number of entries"
)
@common.OUTPUT
def audit(data: Path, account: str, limit: int, output: str, **filters: str) -> None:
    """Print the audit: changes, refusals and sign-ins, newest first.

    \b
    kunsthalle audit --account publisher --since 7d
    kunsthalle audit --output json
    """
    click.echo(show(data, account, limit, output, **filters))
