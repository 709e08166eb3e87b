"""`kunsthalle audit`: what was done, by whom, with which outcome."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from kunsthalle.local import folder
from kunsthalle.local.client import CallFailed, call

_COLUMNS = ("at", "outcome", "account", "actor", "action", "target")
_PAGE = 200


def _fetch(data: Path, query: dict[str, str], limit: int) -> list[dict[str, Any]]:
    """Entries, newest first, page by page until there are enough or no more."""
    token = folder.credentials(data)["operator_token"]
    found: list[dict[str, Any]] = []
    path = "/_kunsthalle/audit?" + urlencode({**query, "limit": min(limit, _PAGE)})
    while path and len(found) < limit:
        answer = call(folder.url(data), "GET", path, token)
        found += answer["entries"]
        path = answer.get("next_url", "")
    return found[:limit]


def _printable(value: object) -> str:
    """One line that no terminal takes for a command: targets are what callers typed."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in str(value))


def _table(entries: list[dict[str, Any]], names: dict[str, str]) -> str:
    rows: list[tuple[str, ...]] = [_COLUMNS]
    for one in entries:
        shown = {
            **one,
            "account": names.get(one["account_id"], one["account_id"]),
            "actor": one.get("actor_email", one["actor"]),
            "outcome": " ".join(str(part) for part in (one["outcome"], one.get("code")) if part),
        }
        rows.append(tuple(_printable(shown[name]) for name in _COLUMNS))
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def show(data: Path, account: str, since: str, limit: int, output: str) -> str:
    """The entries of one account (a name of the scenario, or an id) or of all, as a table or as JSON."""
    known = folder.credentials(data).get("accounts", {})
    id_ = known[account]["account_id"] if account in known else account
    query = {name: value for name, value in (("account_id", id_), ("since", since)) if value}
    entries = _fetch(data, query, limit)
    if output == "json":
        return json.dumps(entries, indent=2)
    return _table(entries, {one["account_id"]: name for name, one in known.items()})


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), default=Path("kunsthalle-data"), show_default=True, help="Data folder"
)
@click.option("--account", default="", help="Only this account: a name of the scenario, or an id")
@click.option("--since", default="", help="Only from this moment (RFC 3339), or from so long ago: 7d, PT30M")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def audit(data: Path, account: str, since: str, limit: int, output: str) -> None:
    """Print what was changed or refused, newest first.

    \b
    kunsthalle audit --account publisher --since 7d
    kunsthalle audit --output json
    """
    try:
        click.echo(show(data, account, since, limit, output))
    except folder.NoSuchWorld as error:
        raise click.ClickException(f"{data} holds no scenario yet.") from error
    except CallFailed as error:
        raise click.ClickException(str(error)) from error
