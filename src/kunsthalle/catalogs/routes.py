"""Everything of Catalog Management, and the reclamations of catalogs."""

from __future__ import annotations

from kunsthalle.api.routing import Route
from kunsthalle.catalogs import routes_catalogs, routes_sharing, routes_versions


def routes() -> tuple[Route, ...]:
    return (*routes_catalogs.routes(), *routes_versions.routes(), *routes_sharing.routes())
