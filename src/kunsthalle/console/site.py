"""Every page of the console."""

from __future__ import annotations

from kunsthalle.console import (
    api_keys,
    catalogs,
    groups,
    images,
    lineage,
    new_server,
    people,
    policies,
    products,
    rehearsal,
    server_templates,
    servers,
    sharing,
    signin,
    storage,
)
from kunsthalle.console.frame import Page

PAGES: tuple[Page, ...] = (
    *signin.PAGES,
    *images.PAGES,
    *products.PAGES,
    *catalogs.PAGES,
    *sharing.PAGES,
    *new_server.PAGES,
    *servers.PAGES,
    *server_templates.PAGES,
    *groups.PAGES,
    *storage.PAGES,
    *lineage.PAGES,
    *people.PAGES,
    *policies.PAGES,
    *api_keys.PAGES,
    *rehearsal.PAGES,
)
