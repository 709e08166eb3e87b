"""Lineage in each format: what it shows, and that no name is taken for anything but text."""

from __future__ import annotations

import html
import re
from typing import Any
from xml.etree import ElementTree as ET

import pydot
import pytest

from kunsthalle.cli import lineage_formats
from kunsthalle.local.lineage_graph import KINDS, Node, tree

_SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    'quoted "name"',
    'end"]; n9[label="made up',
    "back\\slash \\N \\G \\",
    "line\nfeed",
    "<script>alert(1)</script>",
    "<b>&amp;</b>",
    "%%{init: {'theme':'dark'}}%%",
    "style:x#34; classDef a:#b;",
    "`markdown`",
    "subgraph end",
    "#quot;#35;",
    "\x1b[31mred\x00",
    "\u202egnp.exe",
    "\ud800\ufffe",
    "名前 naïve",
    "a --> b; c{d}|e|",
    "]]> <![CDATA[",
)
"""Names that try to be something else in one of the formats."""


def _uses(**counts: int) -> dict[str, int]:
    return dict.fromkeys((key for key, _, _ in KINDS), 0) | counts


def _found(name: str = "golden", accounts: int = 1) -> dict[str, Any]:
    """What the server answers for an image whose names are all `name`."""
    account = {"name": name, "owner": False, "may_boot": True, "uses": _uses(servers=2, running_servers=1, volumes=1)}
    entry = {"name": None, "identifier": name, "type": "enterprise", "approval": "pending"}
    return {
        "image": {"name": name, "status": "available"},
        "version": {"version": "1.0.0", "state": "consumable"},
        "offering": {"label": name, "name": "golden"},
        "sharing": {"entries": [entry]},
        "accounts": [account] * accounts,
    }


def _all(node: Node) -> list[Node]:
    return [node, *(one for child in node.children for one in _all(child))]


def test_a_tree_has_a_line_for_each_node() -> None:
    assert lineage_formats.as_tree(_found()).splitlines() == [
        "golden (image, available)",
        "└─ golden 1.0.0 (version, consumable)",
        "   ├─ golden (may boot)",
        "   │  ├─ 2 instances",
        "   │  ├─ 1 of them running",
        "   │  └─ 1 volume",
        "   └─ golden (shared with this enterprise, pending)",
    ]


def test_an_image_in_no_catalog_has_its_accounts_below_it() -> None:
    found = _found() | {"version": None, "offering": None, "sharing": None}
    assert lineage_formats.as_tree(found).splitlines()[:2] == ["golden (image, available)", "└─ golden (may boot)"]
    for written in lineage_formats.FORMATS.values():
        assert "version" not in written(found).replace('version="', "")


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", HOSTILE)
def test_dot_is_read_as_the_same_graph(name: str) -> None:
    root = tree(_found(name))
    read = pydot.graph_from_dot_data(lineage_formats.as_dot(_found(name)))
    assert read is not None
    (graph,) = read
    labels = [one.get("label") for one in graph.get_nodes() if one.get("label")]
    assert len(labels) == len(_all(root))
    assert len(graph.get_edges()) == len(_all(root)) - 1
    assert [_undone(label) for label in labels] == [_shown(one) for one in _all(root)]


def _undone(label: str) -> list[str]:
    """The lines that Graphviz shows: `\\n` ends a line, `\\\\` is a backslash, `&amp;` an ampersand, and nothing else
    is left to stand for something.
    """
    inner = label[1:-1]
    assert not re.search(r'(?<!\\)(?:\\\\)*"', inner), "an open quote"
    parts = re.findall(r"\\.|[^\\]", inner)
    assert {one for one in parts if one.startswith("\\")} <= {"\\n", "\\\\", '\\"'}
    text = "".join("\n" if one == "\\n" else one.removeprefix("\\") or "\\" for one in parts)
    return html.unescape(text).split("\n")


def _shown(node: Node) -> list[str]:
    from kunsthalle.local.text_tables import line

    return [line(one) for one in node.lines]


@pytest.mark.parametrize("name", HOSTILE)
def test_mermaid_has_a_line_for_each_node_and_edge(name: str) -> None:
    first, *lines = lineage_formats.as_mermaid(_found(name)).split("\n")
    assert first == "flowchart LR"
    nodes = [found for one in lines if (found := re.fullmatch(r'  n(\d+)\["([^"\[\]{}|`;%:]*(?:#\d+;[^"]*)*)"\]', one))]
    edges = [found for one in lines if (found := re.fullmatch(r"  n(\d+) --> n(\d+)", one))]
    assert len(nodes) + len(edges) == len(lines)
    assert [found[1] for found in nodes] == [str(number) for number in range(len(nodes))]
    texts = [re.sub(r"#(\d+);", "", found[2]).split("<br/>") for found in nodes]
    assert not [text for text in texts if re.search(r"[\"#;%{}\[\]<>&`:|\\\n]", "".join(text))]
    decoded = [re.sub(r"#(\d+);", lambda code: chr(int(code[1])), found[2].replace("<br/>", "\n")) for found in nodes]
    assert decoded == ["\n".join(_shown(one)) for one in _all(tree(_found(name)))]


def _parsed(written: str) -> ET.Element:
    """Strict: what is no XML raises."""
    return ET.fromstring(written.encode())  # noqa: S314  we wrote it


@pytest.mark.parametrize("name", HOSTILE)
def test_an_svg_is_xml_with_the_names_as_text(name: str) -> None:
    written = lineage_formats.as_svg(_found(name))
    root = _parsed(written)
    assert {one.tag.removeprefix(_SVG) for one in root.iter()} == {"svg", "title", "style", "rect", "path", "text"}
    assert "href" not in written
    assert "url(" not in written
    title = root.findtext(f"{_SVG}title")
    assert title is not None
    assert title.startswith("Lineage of ")
    texts = [one.text for one in root.iter(f"{_SVG}text")]
    assert "2 instances" in texts


def test_an_svg_draws_every_account_inside_its_page() -> None:
    root = _parsed(lineage_formats.as_svg(_found(accounts=40)))
    texts = [one.text for one in root.iter(f"{_SVG}text")]
    assert texts.count("may boot") == 40
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    boxes = [one.attrib for one in root.iter(f"{_SVG}rect") if "x" in one.attrib]
    assert all(int(one["x"]) + int(one["width"]) <= width for one in boxes)
    assert all(int(one["y"]) + int(one["height"]) <= height for one in boxes)
    places = {(one["x"], one["y"]) for one in boxes}
    assert len(places) == len(boxes)
