"""Taking an offering away with everything that hangs on it: versions, holds, shares, approvals, plans (R4)."""

from __future__ import annotations

from kunsthalle.catalogs.models import Offering
from kunsthalle.catalogs.resources import OFFERING, VERSION
from kunsthalle.catalogs.sharing.offering_lists import unlist
from kunsthalle.catalogs.tables import access_entries, plans, publish_approvals, versions
from kunsthalle.catalogs.versions.publishing import JOB as TIMER
from kunsthalle.catalogs.versions.removal import remove_version
from kunsthalle.db.rows import delete
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.db.visibility import unscoped
from kunsthalle.jobs import queue


def erase_offering(session: Session, offering: Offering) -> None:
    """Removes an offering with everything that hangs on it."""
    for version in unscoped(session, VERSION, versions.c.offering_id == offering.id):
        queue.cancel(session, TIMER, version.id)
        remove_version(session, version)
    unlist(session, offering.id)
    for table in (access_entries, publish_approvals, plans):
        remove_rows(session, table, table.c.offering_id == offering.id)
    delete(session, OFFERING, offering.id, offering.account_id)
