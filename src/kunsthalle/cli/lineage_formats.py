"""The lineage of an image as a tree of text, as DOT, as Mermaid, and as an SVG that needs nothing else.

Names are anybody's: in each format a name is text and nothing but text, whatever is in it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kunsthalle.local.graph_drawing import Box, Drawing
from kunsthalle.local.lineage_graph import Node, drawn, tree
from kunsthalle.local.text_tables import line

Doc = Mapping[str, Any]
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
_PLAIN = re.compile(r"[A-Za-z0-9 ._,()\-]")
"""What Mermaid never takes for anything but text between quotes."""
_STYLE = """\
text{font:13px system-ui,sans-serif;fill:#161616}.name{font-weight:600}
rect{fill:#fff;stroke:#8d8d8d}path{fill:none;stroke:#8d8d8d}.page{fill:#f4f4f4;stroke:none}
@media(prefers-color-scheme:dark){text{fill:#f4f4f4}rect{fill:#262626;stroke:#6f6f6f}.page{fill:#161616}}"""


def as_tree(lineage: Doc) -> str:
    """Text with a line for each node, below the one that it belongs to."""
    return "\n".join(_branch(tree(lineage), "", ""))


def _branch(node: Node, first: str, rest: str) -> Iterator[str]:
    name, *more = (line(text) for text in node.lines)
    yield first + name + (f" ({', '.join(more)})" if more else "")
    for child in node.children:
        last = child is node.children[-1]
        yield from _branch(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def as_dot(lineage: Doc) -> str:
    """A directed graph for Graphviz, from left to right."""
    nodes, edges = _numbered(tree(lineage))
    lines = [
        "digraph lineage {",
        '  graph [rankdir="LR"];',
        '  node [shape="box", fontname="sans-serif"];',
        *(f'  n{number} [label="{_dot(node)}"];' for number, node in enumerate(nodes)),
        *(f"  n{parent} -> n{child};" for parent, child in edges),
        "}",
    ]
    return "\n".join(lines)


def _dot(node: Node) -> str:
    """The lines of a node within DOT's quotes. A backslash is doubled, and `&` spelled out: `\\N` and `&lt;` would
    stand for something.
    """
    written = (line(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for text in node.lines)
    return r"\n".join(written)


def as_mermaid(lineage: Doc) -> str:
    """A flowchart from left to right."""
    nodes, edges = _numbered(tree(lineage))
    lines = [
        "flowchart LR",
        *(f'  n{number}["{"<br/>".join(map(_mermaid, node.lines))}"]' for number, node in enumerate(nodes)),
        *(f"  n{parent} --> n{child}" for parent, child in edges),
    ]
    return "\n".join(lines)


def _mermaid(text: str) -> str:
    """Everything else than letters, digits and a few marks becomes `#code;`, which Mermaid shows as the character."""
    return "".join(
        character if _PLAIN.match(character) or character.isalpha() else f"#{ord(character)};"
        for character in line(text)
    )


def _numbered(root: Node) -> tuple[list[Node], list[tuple[int, int]]]:
    """All nodes, and the edges between their numbers."""
    nodes: list[Node] = []
    edges: list[tuple[int, int]] = []

    def add(node: Node) -> int:
        number = len(nodes)
        nodes.append(node)
        edges.extend((number, add(child)) for child in node.children)
        return number

    add(root)
    return nodes, edges


def as_svg(lineage: Doc) -> str:
    """A picture that is whole in itself: for light and dark pages, without scripts, fonts and addresses."""
    drawing = drawn(lineage, most=len(lineage["accounts"] or []))
    size = f'width="{drawing.width}" height="{drawing.height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {drawing.width} {drawing.height}" role="img">',
        f"<title>Lineage of {_xml(lineage['image']['name'])}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" {size}/>',
        *(f'<path d="{path}"/>' for path in drawing.paths),
        *(text for box in drawing.boxes for text in _box(drawing, box)),
        "</svg>",
    ]
    return "\n".join(lines)


def _box(drawing: Drawing, box: Box) -> Iterator[str]:
    yield f'<rect x="{box.x}" y="{box.y}" width="{drawing.box_width}" height="{box.height}"/>'
    for number, (y, text) in enumerate(box.texts):
        name = "" if number else ' class="name"'
        yield f'<text x="{box.x + drawing.pad}" y="{y}"{name}>{_xml(text)}</text>'


def _xml(text: str) -> str:
    return html.escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", line(text)))


FORMATS: Mapping[str, Callable[[Doc], str]] = {
    "tree": as_tree,
    "dot": as_dot,
    "mermaid": as_mermaid,
    "svg": as_svg,
}
