"""The jobs of this room."""

from __future__ import annotations

from kunsthalle.catalogs import publishing, reclamation, validation
from kunsthalle.store import jobs


def catalog_handlers(rehearse: validation.Rehearse) -> tuple[jobs.Handler, ...]:
    """Validation, the end of a deprecation, the end of a reclamation."""
    return validation.handler(rehearse), publishing.HANDLER, reclamation.HANDLER
