"""What a share request is about: who asks, and the offerings that the one who is asked would see.

Before it is accepted an offering does not exist for the account that is asked. A request tells of it no more than what
its owner offers: names, descriptions, published versions; no IDs of images, and no CRN that boots.
"""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.queries import account, enterprise_of, recipients
from kunsthalle.catalogs import resources
from kunsthalle.catalogs.models import Offering
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.catalogs.sharing.offering_visibility import OFFERINGS, TYPE, in_live_catalog
from kunsthalle.catalogs.states import PUBLISHED
from kunsthalle.catalogs.tables import versions
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.scope_conditions import exists
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of
from kunsthalle.db.visibility import unscoped

Doc = dict[str, Any]


def requests(session: Session) -> list[Doc]:
    """Every request that the caller's account has received, in whatever state, with what is offered under it."""
    return [
        {
            "account": {"id": approval.source_account_id, "name": _name(session, approval.source_account_id)},
            "addressed_to": approval.identifier,
            "state": state,
            "created": rfc3339(approval.created_at),
            "offerings": [_offering(session, entry) for entry in offered(session, approval.source_account_id)],
        }
        for state in access_list.STATES
        for approval in access_list.received(session, TYPE, state)
    ]


def offered(session: Session, source: str) -> list[Offering]:
    """The offerings of an account whose access lists name the caller's account and are in effect."""
    caller, table = session.ctx.account_id, resources.OFFERING.table.c
    named = OFFERINGS.entries.c.identifier.in_(recipients(session, caller))
    conditions = (
        table.account_id == source,
        OFFERINGS.enabled,
        OFFERINGS.published,
        in_live_catalog(table.catalog_id),
        exists(OFFERINGS.entries, OFFERINGS.on_entry, named),
    )
    results = unscoped(session, resources.OFFERING, *conditions)
    enterprise = enterprise_of(session, caller)
    inside = enterprise is not None and enterprise == enterprise_of(session, source)
    return [entry for entry in results if inside or access_list.is_granted(session, entry.id)]


def _offering(session: Session, offering: Offering) -> Doc:
    published = (versions.c.offering_id == offering.id, versions.c.state.in_(PUBLISHED))
    return {
        "name": offering.name,
        "label": offering.label,
        "short_description": str(offering.document.get("short_description") or ""),
        "versions": [str(row.version) for row in rows_of(session, versions, *published, order=versions.c.created_at)],
    }


def _name(session: Session, account_id: str) -> str:
    results = account(session, account_id)
    return results.name if results else ""
