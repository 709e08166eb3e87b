"""Taking an offering away with everything that hangs on it: versions, holds, shares, approvals, plans (R4)."""

from __future__ import annotations

from kunsthalle.catalogs.kinds import OFFERING, VERSION
from kunsthalle.catalogs.listings import unlist
from kunsthalle.catalogs.model import Offering
from kunsthalle.catalogs.publishing import JOB as TIMER
from kunsthalle.catalogs.removal import remove_version
from kunsthalle.store import jobs
from kunsthalle.store.rows import delete
from kunsthalle.store.schema.catalogs import access_entries, plans, publish_approvals, versions
from kunsthalle.store.scope import unguarded
from kunsthalle.store.tables import remove_rows
from kunsthalle.store.unit import Unit


def erase_offering(unit: Unit, offering: Offering) -> None:
    """Removes an offering with everything that hangs on it."""
    for version in unguarded(unit, VERSION, versions.c.offering_id == offering.id):
        jobs.cancel(unit, TIMER, version.id)
        remove_version(unit, version)
    unlist(unit, offering.id)
    for table in (access_entries, publish_approvals, plans):
        remove_rows(unit, table, table.c.offering_id == offering.id)
    delete(unit, OFFERING, offering.id, offering.account_id)
