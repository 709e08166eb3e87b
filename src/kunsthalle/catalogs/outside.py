"""Publishing outside the enterprise: an offering's owner asks, the operator answers (1.9, and the source page).

Without a granted approval an offering is shared inside the enterprise only; a revoked one takes back at once what it
had opened.
"""

from __future__ import annotations

from kunsthalle.catalogs.kinds import OFFERING, PUBLISH_APPROVAL
from kunsthalle.catalogs.listings import relist
from kunsthalle.catalogs.model import Offering
from kunsthalle.catalogs.records import PublishApproval
from kunsthalle.core.errors import conflict, not_found
from kunsthalle.store.rows import insert, update
from kunsthalle.store.schema.catalogs import offerings, publish_approvals
from kunsthalle.store.scope import unguarded
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

REFUSAL = (
    "Publishing outside the enterprise needs the operator's approval of this offering first:"
    " ask with publish/allow_request/true; the operator grants it with `kunsthalle approvals grant`."
)


def approval(unit: Unit, offering_id: str) -> PublishApproval | None:
    """What has been asked and answered about an offering."""
    found = unguarded(unit, PUBLISH_APPROVAL, publish_approvals.c.offering_id == offering_id)
    return found[0] if found else None


def is_granted(unit: Unit, offering_id: str) -> bool:
    """Whether the operator's approval of an offering stands."""
    known = approval(unit, offering_id)
    return known is not None and known.state == "granted"


def request(unit: Unit, offering: Offering) -> bool:
    """Asks the operator; whether that changed anything."""
    known = approval(unit, offering.id)
    if known is None:
        insert(unit, PUBLISH_APPROVAL, _asked(unit, offering))
    elif known.state == "revoked":
        must(transition(unit, PUBLISH_APPROVAL, known.id, "requested", updated_at=unit.ctx.now()), "Changed meanwhile.")
    else:
        return False
    update(unit, OFFERING, offering.id, updated_at=unit.ctx.now())
    return True


def _asked(unit: Unit, offering: Offering) -> PublishApproval:
    now = unit.ctx.now()
    return PublishApproval(
        id=unit.ctx.ids.uuid(),
        account_id=offering.account_id,
        offering_id=offering.id,
        catalog_id=offering.catalog_id,
        state="requested",
        asked_by=unit.ctx.actor.iam_id or "operator",
        updated_at=now,
        created_at=now,
    )


def withdraw(unit: Unit, offering: Offering) -> bool:
    """The owner wants no approval any more: what it had opened is closed; whether that changed anything."""
    known = approval(unit, offering.id)
    if known is None or known.state == "revoked":
        return False
    _answer(unit, offering, known.id, "revoked")
    return True


def decide(unit: Unit, offering_id: str, state: str) -> PublishApproval:
    """The operator's answer, `granted` (asked for or not) or `revoked`.

    404 without such an offering, 409 when it is repeated, or when there is nothing to refuse.
    """
    found = unguarded(unit, OFFERING, offerings.c.id == offering_id)
    if not found:
        raise not_found("offering")
    known = approval(unit, offering_id)
    if known is None and state == "revoked":
        raise conflict("conflict", "Nobody has asked to publish this offering outside its enterprise.", "offering")
    known = known or insert(unit, PUBLISH_APPROVAL, _asked(unit, found[0]))
    if known.state == state:
        raise conflict("conflict", f"The approval is {known.state} already.")
    _answer(unit, found[0], known.id, state)
    return unguarded(unit, PUBLISH_APPROVAL, publish_approvals.c.id == known.id)[0]


def _answer(unit: Unit, offering: Offering, id_: str, state: str) -> None:
    must(transition(unit, PUBLISH_APPROVAL, id_, state, updated_at=unit.ctx.now()), "Changed meanwhile.", "conflict")
    update(unit, OFFERING, offering.id, updated_at=unit.ctx.now())
    relist(unit, offering.id)


def every(unit: Unit) -> list[tuple[PublishApproval, Offering]]:
    """All that was asked, oldest first, for the operator."""
    asked = sorted(unguarded(unit, PUBLISH_APPROVAL), key=lambda one: (one.created_at, one.id))
    known = {one.id: one for one in unguarded(unit, OFFERING, offerings.c.id.in_([one.offering_id for one in asked]))}
    return [(one, known[one.offering_id]) for one in asked]
