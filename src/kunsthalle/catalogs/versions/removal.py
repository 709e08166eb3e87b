"""Taking a version away: its row, its claim on images, and the hold on each of them, in one transaction (R4)."""

from __future__ import annotations

from kunsthalle.catalogs.models import Version
from kunsthalle.catalogs.resources import VERSION
from kunsthalle.catalogs.tables import version_images
from kunsthalle.db.rows import delete
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.images import holds


def remove_version(session: Session, version: Version) -> None:
    """The version is gone and its images are free from this transaction on; their status stays as it was."""
    holds.release(session, version.crn)
    remove_rows(session, version_images, version_images.c.version_id == version.id)
    delete(session, VERSION, version.id, version.account_id)
