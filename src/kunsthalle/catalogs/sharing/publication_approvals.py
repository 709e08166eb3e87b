"""Publishing outside the enterprise: an offering's owner asks, the operator answers (1.9, and the source page).

Without a granted approval an offering is shared inside the enterprise only; a revoked one takes back at once what it
had opened.
"""

from __future__ import annotations

from kunsthalle.catalogs.models import Offering
from kunsthalle.catalogs.records import PublishApproval
from kunsthalle.catalogs.resources import OFFERING, PUBLISH_APPROVAL
from kunsthalle.catalogs.sharing.offering_lists import relist
from kunsthalle.catalogs.tables import offerings, publish_approvals
from kunsthalle.core.errors import conflict, not_found
from kunsthalle.db.rows import insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.visibility import unscoped

REFUSAL = (
    "Publishing outside the enterprise needs the operator's approval of this offering first:"
    " ask with publish/allow_request/true; the operator grants it with `kunsthalle approvals grant`."
)


def approval(session: Session, offering_id: str) -> PublishApproval | None:
    """What has been asked and answered about an offering."""
    found = unscoped(session, PUBLISH_APPROVAL, publish_approvals.c.offering_id == offering_id)
    return found[0] if found else None


def is_granted(session: Session, offering_id: str) -> bool:
    """Whether the operator's approval of an offering stands."""
    known = approval(session, offering_id)
    return known is not None and known.state == "granted"


def request(session: Session, offering: Offering) -> bool:
    """Asks the operator; whether that changed anything."""
    known = approval(session, offering.id)
    if known is None:
        insert(session, PUBLISH_APPROVAL, _asked(session, offering))
    elif known.state == "revoked":
        must(
            transition(session, PUBLISH_APPROVAL, known.id, "requested", updated_at=session.ctx.now()),
            "Changed meanwhile.",
        )
    else:
        return False
    update(session, OFFERING, offering.id, updated_at=session.ctx.now())
    return True


def _asked(session: Session, offering: Offering) -> PublishApproval:
    now = session.ctx.now()
    return PublishApproval(
        id=session.ctx.ids.uuid(),
        account_id=offering.account_id,
        offering_id=offering.id,
        catalog_id=offering.catalog_id,
        state="requested",
        asked_by=session.ctx.actor.iam_id or "operator",
        updated_at=now,
        created_at=now,
    )


def withdraw(session: Session, offering: Offering) -> bool:
    """The owner wants no approval any more: what it had opened is closed; whether that changed anything."""
    known = approval(session, offering.id)
    if known is None or known.state == "revoked":
        return False
    _answer(session, offering, known.id, "revoked")
    return True


def decide(session: Session, offering_id: str, state: str) -> PublishApproval:
    """The operator's answer, `granted` (asked for or not) or `revoked`.

    404 without such an offering, 409 when it is repeated, or when there is nothing to refuse.
    """
    found = unscoped(session, OFFERING, offerings.c.id == offering_id)
    if not found:
        raise not_found("offering")
    known = approval(session, offering_id)
    if known is None and state == "revoked":
        raise conflict("conflict", "There is no request to publish this offering outside its enterprise.", "offering")
    known = known or insert(session, PUBLISH_APPROVAL, _asked(session, found[0]))
    if known.state == state:
        raise conflict("conflict", f"The approval is {known.state} already.")
    _answer(session, found[0], known.id, state)
    return unscoped(session, PUBLISH_APPROVAL, publish_approvals.c.id == known.id)[0]


def _answer(session: Session, offering: Offering, id_: str, state: str) -> None:
    must(
        transition(session, PUBLISH_APPROVAL, id_, state, updated_at=session.ctx.now()),
        "Changed meanwhile.",
        "conflict",
    )
    update(session, OFFERING, offering.id, updated_at=session.ctx.now())
    relist(session, offering.id)


def every(session: Session) -> list[tuple[PublishApproval, Offering]]:
    """All that was asked, oldest first, for the operator."""
    asked = sorted(unscoped(session, PUBLISH_APPROVAL), key=lambda one: (one.created_at, one.id))
    known = {one.id: one for one in unscoped(session, OFFERING, offerings.c.id.in_([one.offering_id for one in asked]))}
    return [(one, known[one.offering_id]) for one in asked]
