"""How the hold of a catalog on an image ends, as the image's owner is told when a change is refused."""

from __future__ import annotations

from kunsthalle.catalogs.models import Reclamation
from kunsthalle.catalogs.resources import RECLAMATION, VERSION
from kunsthalle.catalogs.tables import reclamations, versions
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import may, unscoped
from kunsthalle.images.models import Image

_LIVE = "Remove it from that version first."


def reclamation_of(session: Session, catalog_id: str) -> Reclamation | None:
    """The reclamation that a deleted catalog waits for; None for a live one."""
    found = unscoped(session, RECLAMATION, reclamations.c.catalog_id == catalog_id)
    return found[0] if found else None


class CatalogHolds:
    """What the images package asks of those who hold images."""

    def advice(self, session: Session, image: Image) -> str:
        """How the hold ends. The reclamation is named to who may read it: it is a resource of its own."""
        holder = unscoped(session, VERSION, versions.c.id == str(image.hold_crn).rsplit("/", 1)[-1])
        waiting = reclamation_of(session, holder[0].catalog_id) if holder else None
        if waiting is None:
            return _LIVE
        named = f" {waiting.id}" if may(session, RECLAMATION, waiting, RECLAMATION.read) else ""
        return (
            f"The catalog was deleted and holds the image until it is reclaimed, at {rfc3339(waiting.target_at)}. "
            f"To free the image now, end the reclamation{named} with the action reclaim. With the action restore the "
            "catalog is back and still holds the image: then remove it from that version."
        )
