"""All routes and jobs of Catalog Management, and the reclamations of catalogs."""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.router import Route, not_implemented
from kunsthalle.api.surfaces.catalog import BASE, CATALOG
from kunsthalle.catalogs import (
    reclamation,
    routes_account,
    routes_audits,
    routes_catalogs,
    routes_explain,
    routes_objects,
    routes_sharing,
    routes_versions,
)
from kunsthalle.catalogs.explain import ImageUsage
from kunsthalle.catalogs.offerings import plans_and_instances
from kunsthalle.catalogs.sharing.offering_lists import RELISTING
from kunsthalle.catalogs.versions import version_steps
from kunsthalle.catalogs.versions.version_steps import Rehearse
from kunsthalle.jobs import queue


def routes(rehearse: Rehearse, usage: ImageUsage, reclamation_period: int) -> tuple[Route, ...]:
    """`rehearse` is how higher layers judge the place of a test deployment; the period is in microseconds."""
    return (
        *routes_catalogs.routes(reclamation_period),
        *routes_versions.routes(),
        *routes_versions.editing_routes(rehearse),
        *routes_sharing.routes(),
        *routes_account.routes(),
        *routes_objects.routes(),
        *plans_and_instances.routes(),
        *routes_audits.routes(),
        *routes_explain.routes(usage, reclamation_period),
    )


# The jobs of this package.


def catalog_handlers(rehearse: version_steps.Rehearse) -> tuple[queue.Handler, ...]:
    """Validation, the ends of deprecations, the end of a reclamation, lists of catalogs that have gone or come back."""
    return (
        version_steps.validation_handler(rehearse),
        version_steps.DEPRECATION_HANDLER,
        plans_and_instances.HANDLER,
        reclamation.HANDLER,
        RELISTING.handler(),
    )


# Operations of Catalog Management that are known and not offered: they deploy software onto clusters, or hand out
# the archives that such software comes in. An image has neither. Nor are there versions in test, which chosen accounts
# alone see. Answered with 501.

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
    "POST /versions/{version_loc_id}/test-publish",
    "PUT /catalogs/{catalog_id}/offerings/{offering_id}/access/{access_identifier}",
)


def not_implemented_routes() -> tuple[Route, ...]:
    """The table as routes that refuse."""
    member = access.member("globalcatalog-collection.operation.not-implemented")
    full = (operation.replace(" /", f" {BASE}/", 1) for operation in OPERATIONS)
    return not_implemented(full, CATALOG, member)
