"""`kunsthalle usage`: which versions of an offering still run, for its owner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click

from kunsthalle.cli import common
from kunsthalle.local.lineage_graph import KINDS

Doc = dict[str, Any]
_CATALOGS = "/api/v1-beta/catalogs"
_PAGE = 100


@click.command()
@click.argument("offering")
@click.option(
    "--version", "wanted_version", default="", help="A version, or the beginning of some: 1.2.0 or 1.2; default: all"
)
@common.DATA
@common.ACCOUNT
@common.OUTPUT
def usage(offering: str, wanted_version: str, data: Path, account: str, output: str) -> None:
    """Show who still runs which version of an offering of the account: numbers, by version and account.

    OFFERING is a name or an id. Of other accounts you see names and counts only.

    \b
    kunsthalle usage golden
    kunsthalle usage golden --version 1.2
    """
    id_ = _offering_id(data, account, offering)
    path = f"/_kunsthalle/offerings/{quote(id_, safe='')}/usage"
    report = common.act(data, account, "GET", f"{path}?{urlencode({'version': wanted_version})}")
    if output == "json":
        click.echo(common.as_json(report))
    elif report["versions"]:
        click.echo(_table(report["versions"]))
    else:
        which = f" {wanted_version!r}" if wanted_version else ""
        click.echo(f"{report['offering']['name']!r} has no version{which}.")


def _table(versions: list[Doc]) -> str:
    """A line for each version, and below it one for each account that made something of it."""
    rows: list[tuple[object, ...]] = []
    for version in versions:
        rows.append((version["version"], version["state"], f"{version['accounts']} in all", *_numbers(version["uses"])))
        rows += [("", "", account["name"], *_numbers(account["uses"])) for account in version["by_account"]]
    names = ("RUNNING" if key == "running_servers" else many.upper() for key, _, many in KINDS)
    return common.table(("VERSION", "STATE", "ACCOUNT", *names), rows)


def _numbers(uses: Doc) -> list[int]:
    return [uses[key] for key, _, _ in KINDS]


def _every(data: Path, account: str, path: str) -> Iterator[Doc]:
    """The resources of a list of Catalog Management, page by page."""
    offset = 0
    while True:
        page = common.act(data, account, "GET", f"{path}?limit={_PAGE}&offset={offset}")
        yield from page["resources"]
        offset += len(page["resources"])
        if not page["resources"] or offset >= page["total_count"]:
            return


def _offering_id(data: Path, account: str, name: str) -> str:
    """The id of the account's offering that has the name; a text that is no name is taken for an id."""
    offerings = [
        (offering["id"], catalog["label"])
        for catalog in _every(data, account, _CATALOGS)
        for offering in _every(data, account, f"{_CATALOGS}/{catalog['id']}/offerings")
        if offering["name"] == name
    ]
    if len(offerings) > 1:
        named = ", ".join(f"{id_} in {label!r}" for id_, label in offerings)
        raise click.ClickException(f"{len(offerings)} offerings are named {name!r}; give the id of one: {named}.")
    return str(offerings[0][0]) if offerings else name
