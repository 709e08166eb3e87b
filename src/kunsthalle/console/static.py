"""Style sheets, scripts and fonts, from memory; their addresses change with their bytes: browsers keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
_MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}


@cache
def _files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}


@cache
def address(name: str) -> str:
    """Where a file is, with the mark of its bytes."""
    return f"/console/static/{name}?v={hashlib.sha256(_files()[name]).hexdigest()[:16]}"


def serve(request: Request, name: str) -> Response:
    """A file; kept by browsers for a year if its mark is in the address."""
    content = _files().get(name)
    if content is None:
        return Response(status_code=404)
    marked = address(name).endswith(f"?{request.url.query}")
    stored = "public, max-age=31536000, immutable" if marked else "no-cache"
    return Response(content, headers={"cache-control": stored, "content-type": _MEDIA[Path(name).suffix]})
