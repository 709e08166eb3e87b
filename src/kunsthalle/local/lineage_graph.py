"""The lineage of an image as a graph, from what the server answers: for the console's page and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    return [f"{uses[key]} {one if uses[key] == 1 else many}" for key, one, many in KINDS if uses[key]]


def tree(found: Doc) -> Node:
    """The image; below it its version, if it has one; below that, accounts with what they made, and open shares."""
    accounts = [Node((one["name"], _standing(one)), _made(one["uses"])) for one in found["accounts"] or []]
    entries = (found["sharing"] or {"entries": []})["entries"]
    shares = [_share(one) for one in entries if one["approval"] != "approved" or one["type"] != "account"]
    below = (*accounts, *shares)
    version = _version(found)
    return Node(_image(found), (Node(tuple(version), below),) if version else below)


def drawn(found: Doc, most: int = DRAWN) -> Drawing:
    """The graph as boxes and lines: the image, its version, the accounts, and what each has made. At most `most`
    accounts are drawn.
    """
    version = _version(found)
    columns: list[list[Lines]] = [[list(_image(found))], *([[version]] if version else [])]
    accounts = (found["accounts"] or [])[:most]
    more = len(found["accounts"] or []) - len(accounts)
    rows = [[one["name"], _standing(one)] for one in accounts]
    made = [counted(one["uses"]) or ["nothing yet"] for one in accounts]
    if more > 0:
        rows, made = [*rows, [f"{more} more accounts", "see the table"]], [*made, []]
    return arranged(columns, rows, made)


def _image(found: Doc) -> tuple[str, ...]:
    return found["image"]["name"], f"image, {found['image']['status']}"


def _version(found: Doc) -> Lines:
    """Nothing for an image that no catalog manages."""
    version, offering = found["version"], found["offering"]
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
