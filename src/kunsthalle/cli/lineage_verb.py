"""`kunsthalle lineage`: where an image went, for its owner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from kunsthalle.cli import common
from kunsthalle.local.text_tables import line

Doc = dict[str, Any]


FORMATS = ("table", "tree", "json", "dot", "mermaid", "svg")


@click.command()
@click.argument("image")
@common.DATA
@common.ACCOUNT
@click.option(
    "--format",
    "--output",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="Output format; dot is for Graphviz, svg needs no other program",
)
def lineage(image: str, data: Path, account: str, form: str) -> None:
    """Show the version of an image, the accounts it is shared with, and the resources created from it.

    IMAGE is the name or id of an image of the account. Of other accounts you see names and counts only.

    \b
    kunsthalle lineage golden
    kunsthalle lineage golden --format tree
    kunsthalle lineage golden --format svg > golden.svg
    """
    id_ = common.image_id(data, account, image)
    lineage = common.act(data, account, "GET", f"/_kunsthalle/images/{quote(id_, safe='')}/lineage")
    click.echo(_written(lineage, form))


def _written(lineage: Doc, form: str) -> str:
    if form == "table":
        return "\n".join(_told(lineage))
    if form == "json":
        return common.as_json(lineage)
    from kunsthalle.cli import lineage_formats

    return lineage_formats.FORMATS[form](lineage)


def _told(lineage: Doc) -> Iterator[str]:
    image, version, offering = lineage["image"], lineage["version"], lineage["offering"]
    yield line(f"{image['name']}  {image['status']}  {image['operating_system']}  {image['id']}")
    if version and "version" in version:
        where = f" of {offering['name']} in the catalog {offering['catalog']['label']}" if offering else ""
        yield line(f"  version {version['version']}{where}: {version['state']}")
    elif version:
        yield line(f"  in the version {version['crn']}")
    else:
        yield "  in no catalog"
    yield from (f"    shared with {_entry(entry)}" for entry in (lineage["sharing"] or {"entries": []})["entries"])
    yield from _accounts(lineage["accounts"] or [])
    yield from (line(f"! {warning['message']}") for warning in lineage["warnings"])


def _entry(entry: Doc) -> str:
    name = f"{entry['name']} ({entry['identifier']})" if entry["name"] else entry["identifier"]
    return line(f"{entry['type'].replace('_', ' ')} {name}: {entry['approval']}")


def _accounts(accounts: list[Doc]) -> Iterator[str]:
    if not accounts:
        return
    kinds = list(accounts[0]["uses"])
    columns = ("ACCOUNT", "MAY BOOT", *(kind.upper().replace("_", " ") for kind in kinds), "WHY")
    rows = [
        (
            account["name"],
            "yes" if account["may_boot"] else "no",
            *(account["uses"][kind] for kind in kinds),
            account["reason"],
        )
        for account in accounts
    ]
    yield ""
    yield common.table(columns, rows)
