"""Taking a version away: its row, its claim on images, and the hold on each of them, in one transaction (R4)."""

from __future__ import annotations

from kunsthalle.catalogs.kinds import VERSION
from kunsthalle.catalogs.model import Version
from kunsthalle.images import holds
from kunsthalle.store.rows import delete
from kunsthalle.store.schema.catalogs import version_images
from kunsthalle.store.tables import remove_rows
from kunsthalle.store.unit import Unit


def remove_version(unit: Unit, version: Version) -> None:
    """The version is gone and its images are free from this transaction on; their status stays as it was."""
    holds.release(unit, version.crn)
    remove_rows(unit, version_images, version_images.c.version_id == version.id)
    delete(unit, VERSION, version.id, version.account_id)
