"""Every page of the console."""

from __future__ import annotations

from kunsthalle.console import catalogs, images, new_server, products, rehearsal, servers, sharing, signin
from kunsthalle.console.frame import Page

PAGES: tuple[Page, ...] = (
    *signin.PAGES,
    *images.PAGES,
    *products.PAGES,
    *catalogs.PAGES,
    *sharing.PAGES,
    *new_server.PAGES,
    *servers.PAGES,
    *rehearsal.PAGES,
)
