"""The lineage of an image as a graph, from what the server answers: for the console's page and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kunsthalle.core.records import dataclass
from kunsthalle.local.graph_drawing import Drawing, Lines, arranged

Doc = Mapping[str, Any]
KINDS = (
    ("servers", "instance", "instances"),
    ("running_servers", "of them running", "of them running"),
    ("bare_metal_servers", "bare metal server", "bare metal servers"),
    ("templates", "template", "templates"),
    ("instance_groups", "group", "groups"),
    ("volumes", "volume", "volumes"),
    ("snapshots", "snapshot", "snapshots"),
)
"""What an account can have made of an image: the API's word, one, and many."""
DRAWN = 12
"""So many accounts a page draws; its table has them all."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph, which is a tree: `lines` begin with the name."""

    lines: tuple[str, ...]
    children: tuple[Node, ...] = ()


def counted(uses: Doc) -> list[str]:
    """`2 instances`, `1 snapshot`: what there is of each kind, if anything."""
    return [f"{uses[key]} {single if uses[key] == 1 else many}" for key, single, many in KINDS if uses[key]]


def tree(lineage: Doc) -> Node:
    """The image; below it its version, if it has one; below that, accounts with what they made, and open shares."""
    accounts = [
        Node((account["name"], _standing(account)), _made(account["uses"])) for account in lineage["accounts"] or []
    ]
    entries = (lineage["sharing"] or {"entries": []})["entries"]
    shares = [_share(entry) for entry in entries if entry["approval"] != "approved" or entry["type"] != "account"]
    below = (*accounts, *shares)
    version = _version(lineage)
    return Node(_image(lineage), (Node(tuple(version), below),) if version else below)


def drawn(lineage: Doc, most: int = DRAWN) -> Drawing:
    """The graph as boxes and lines: the image, its version, the accounts, and what each has made. At most `most`
    accounts are drawn.
    """
    version = _version(lineage)
    columns: list[list[Lines]] = [[list(_image(lineage))], *([[version]] if version else [])]
    accounts = (lineage["accounts"] or [])[:most]
    more = len(lineage["accounts"] or []) - len(accounts)
    rows = [[account["name"], _standing(account)] for account in accounts]
    made = [counted(account["uses"]) or ["nothing yet"] for account in accounts]
    if more > 0:
        rows, made = [*rows, [f"{more} more accounts", "see the table"]], [*made, []]
    return arranged(columns, rows, made)


def _image(lineage: Doc) -> tuple[str, ...]:
    return lineage["image"]["name"], f"image, {lineage['image']['status']}"


def _version(lineage: Doc) -> Lines:
    """Nothing for an image that no catalog manages."""
    version, offering = lineage["version"], lineage["offering"]
    if version is None:
        return []
    label = offering["label"] or offering["name"] if offering else ""
    name = f"{label} {version.get('version', '')}".strip() or "Version"
    return [name, f"version, {version.get('state', '')}".strip(", ")]


def _made(uses: Doc) -> tuple[Node, ...]:
    return tuple(Node((text,)) for text in counted(uses) or ["nothing yet"])


def _share(entry: Doc) -> Node:
    kind = entry["type"].replace("_", " ")
    return Node((entry["name"] or entry["identifier"], f"shared with this {kind}, {entry['approval']}"))


def _standing(account: Doc) -> str:
    return "owner" if account["owner"] else "may boot" if account["may_boot"] else "may not boot"
