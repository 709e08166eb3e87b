"""The jobs of this package."""

from __future__ import annotations

from kunsthalle.catalogs import reclamation
from kunsthalle.catalogs.offerings import plans
from kunsthalle.catalogs.versions import publishing, validation
from kunsthalle.jobs import queue


def catalog_handlers(rehearse: validation.Rehearse) -> tuple[queue.Handler, ...]:
    """Validation, the ends of deprecations, the end of a reclamation."""
    return validation.handler(rehearse), publishing.HANDLER, plans.HANDLER, reclamation.HANDLER
