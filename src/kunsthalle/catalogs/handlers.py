"""The jobs of this room."""

from __future__ import annotations

from kunsthalle.catalogs import plans, publishing, reclamation, validation
from kunsthalle.store import jobs


def catalog_handlers(rehearse: validation.Rehearse) -> tuple[jobs.Handler, ...]:
    """Validation, the ends of deprecations, the end of a reclamation."""
    return validation.handler(rehearse), publishing.HANDLER, plans.HANDLER, reclamation.HANDLER
