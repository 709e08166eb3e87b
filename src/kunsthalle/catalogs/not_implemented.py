"""Operations of Catalog Management that are known and not offered: they deploy software onto clusters, or hand out
the archives that such software comes in. An image has neither. Answered with 501.
"""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.router import Route, not_implemented
from kunsthalle.api.surfaces.catalog import BASE, CATALOG

OPERATIONS = (
    "GET /offering/source",
    "GET /offering/source/archive",
    "GET /offering/source/url/{key_identifier}",
    "GET /deploy/kubernetes/clusters/{cluster_id}",
    "GET /deploy/kubernetes/clusters/{cluster_id}/namespaces",
    "POST /deploy/kubernetes/olm/operator",
    "GET /deploy/kubernetes/olm/operator",
    "PUT /deploy/kubernetes/olm/operator",
    "DELETE /deploy/kubernetes/olm/operator",
    "POST /versions/{version_loc_id}/install",
    "POST /versions/{version_loc_id}/preinstall",
    "GET /versions/{version_loc_id}/preinstall",
)


def not_implemented_routes() -> tuple[Route, ...]:
    """The table as routes that refuse."""
    member = access.member("globalcatalog-collection.operation.not-implemented")
    full = (operation.replace(" /", f" {BASE}/", 1) for operation in OPERATIONS)
    return not_implemented(full, CATALOG, member)
