"""The documentation at `/docs/`: the site that `./dev docs` built, or a page that says how to have it.

It asks nobody who they are, and its pages load nothing from other hosts.
"""

from __future__ import annotations

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

PATH = "/docs"
SITE = Path(__file__).parent / "site"
SCRIPTS = "scripts.json"
"""The digests of the scripts within the pages of a site, written when it is built."""
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Kunsthalle: documentation</title></head>
<body><h1>The documentation is not part of this installation</h1>
<p>In a checkout, <code>./dev docs</code> builds it; what is installed from that checkout afterwards has it here.
Its pages are the files of the folder <code>docs</code>.</p></body></html>
"""


class Site(StaticFiles):
    """The files of a built site, with a Content-Security-Policy that allows its own scripts alone."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)
        scripts = " ".join(f"'{digest}'" for digest in json.loads((folder / SCRIPTS).read_text()))
        self._policy = (
            f"default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
        )

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file as Starlette answers it, and what browsers may do with it."""
        response = await super().get_response(path, scope)
        response.headers["content-security-policy"] = self._policy
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["cache-control"] = "no-cache"
        return response


async def _not_built(scope: Scope, receive: Receive, send: Send) -> None:
    await HTMLResponse(_NOT_BUILT, status_code=404)(scope, receive, send)


class Documentation:
    """The ASGI application for paths that begin with `PATH`. `folder`: a built site, which need not be there."""

    def __init__(self, folder: Path = SITE) -> None:
        built = (folder / SCRIPTS).is_file()
        self._application = Starlette(routes=[Mount(PATH, Site(folder))]) if built else _not_built

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)
