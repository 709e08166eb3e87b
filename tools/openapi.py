"""Writes openapi/<family>.json anew from the routes of a server that is built for it and never started."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kunsthalle import __version__
from kunsthalle.api.openapi import documents
from kunsthalle.api.router import Route
from kunsthalle.app import build
from kunsthalle.config import Settings
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


def main() -> int:
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
