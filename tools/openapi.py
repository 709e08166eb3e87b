"""Writes openapi/<family>.json, and the table of the parameters of lists, anew from the routes of a server.

The server is built for it and never started.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from kunsthalle import __version__
from kunsthalle.api.openapi import documents
from kunsthalle.api.query_params import documented
from kunsthalle.api.router import Route
from kunsthalle.app import build
from kunsthalle.local.list_parameters import FILE, narrows, plain_path
from kunsthalle.settings import Settings
from kunsthalle.wiring import not_implemented

FOLDER = Path(__file__).resolve().parents[1] / "openapi"


def routes() -> tuple[Route, ...]:
    """Every route that is served."""
    with tempfile.TemporaryDirectory() as data:
        server = build(Settings(data=Path(data), hypervisor="simulated"), "operator")
        server.store.close()
        return tuple(server.pipeline.router)


def files() -> Iterator[tuple[str, bytes]]:
    """Names and contents of the documents."""
    for name, document in documents(routes(), not_implemented(), __version__).items():
        encoded = msgspec.json.encode(document, order="deterministic")
        yield f"{name}.json", msgspec.json.format(encoded, indent=1) + b"\n"


def _list_parameter(shown: dict[str, Any]) -> dict[str, Any]:
    """A parameter as command lines read it, from how OpenAPI shows it. What has its default says nothing."""
    schema = shown["schema"]
    value = schema.get("items", schema)
    kind = {"integer": "int", "boolean": "bool"}.get(value.get("type", "string"), "text")
    row = {"name": shown["name"], "kind": kind, "description": shown.get("description", "")}
    more = {"choices": value.get("enum"), "several": schema.get("type") == "array"}
    return row | {name: said for name, said in more.items() if said}


def list_parameters() -> bytes:
    """The table of `local/list_parameters.py`: the parameters of reads that narrow what is listed, by path."""
    table: dict[str, list[dict[str, Any]]] = {}
    for route in sorted(routes(), key=lambda route: route.path):
        if route.method == "GET":
            shown = [] if route.query is None else documented(route.query)
            table[plain_path(route.path)] = [_list_parameter(one) for one in shown if narrows(one["name"])]
    filled = {path: rows for path, rows in table.items() if rows}
    return msgspec.json.format(msgspec.json.encode(filled), indent=1) + b"\n"


def main() -> int:
    content = list_parameters()
    FILE.write_bytes(content)
    print(f"{FILE.relative_to(FOLDER.parent)}: {len(content)} bytes")
    made = dict(files())
    for path in FOLDER.glob("*.json"):
        if path.name not in made:
            path.unlink()
    for name, content in made.items():
        (FOLDER / name).write_bytes(content)
        print(f"openapi/{name}: {len(content)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
