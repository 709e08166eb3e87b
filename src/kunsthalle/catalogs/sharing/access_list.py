"""Sharing: the access list of an offering, the handshake between source and receiver,
and the approval of publication outside the enterprise (1.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from kunsthalle.accounts.queries import (
    account,
    enterprise_of,
    enterprise_of_identifier,
    enterprises_of_identifiers,
    recipients,
)
from kunsthalle.catalogs.models import Offering, PublishApproval, Version
from kunsthalle.catalogs.resources import OFFERING, PUBLISH_APPROVAL
from kunsthalle.catalogs.sharing.offering_lists import relist
from kunsthalle.catalogs.sharing.offering_visibility import OFFERINGS, TYPE, in_live_catalog
from kunsthalle.catalogs.states import PUBLISHED
from kunsthalle.catalogs.tables import access_entries, offerings, publish_approvals, share_approvals, versions
from kunsthalle.catalogs.versions.version_steps import publish
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import conflict, forbidden, invalid, not_found
from kunsthalle.core.records import dataclass
from kunsthalle.db.row_models import reader
from kunsthalle.db.rows import insert, update
from kunsthalle.db.scope_conditions import exists
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.unscoped import number_of, put_row, put_rows, remove_rows, rows_of
from kunsthalle.db.visibility import Authorized, find, unscoped

_IDENTIFIER = re.compile(r"(-acct-|-ent-|-entgrp-)?([0-9a-f]{32})")
STATES = ("approved", "pending", "rejected")
TYPES = ("offering", "vpe", "proxy_source", "preset_configuration")
MOST = 1_000
"""How many identifiers one call may name, and how many entries an access list may hold."""
_TOLD = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of an access list. `approval` is `pending`, `approved` or `rejected`."""

    id: str
    identifier: str
    created_at: int
    approval: str


@dataclass(frozen=True, slots=True)
class Approval:
    """One handshake: what `identifier` has answered to the account that shares."""

    id: str
    source_account_id: str
    identifier: str
    type: str
    state: str
    created_at: int


_approval = reader(Approval, share_approvals.columns)


def normal(identifier: str) -> str:
    """Accounts in their bare form, enterprises and groups with their prefix; 400 for anything else."""
    match = _IDENTIFIER.fullmatch(identifier)
    if match is None:
        raise invalid("bad_request", "Identifiers are <account>, -acct-<account>, -ent-<id> or -entgrp-<id>.", "body")
    return match[2] if match[1] in {None, "-acct-"} else identifier


def bounded(identifiers: list[str]) -> list[str]:
    """Return the identifiers of a call; 400 where there are too many."""
    if len(identifiers) > MOST:
        raise invalid(
            "bad_request", f"At most {MOST} identifiers can be named at once, not {len(identifiers)}.", "body"
        )
    return identifiers


def check_size(entries: int) -> None:
    """Raise 400 for an access list that has become too long."""
    if entries > MOST:
        text = f"An access list holds at most {MOST} entries; share with account groups or with the enterprise instead."
        raise invalid("bad_request", text, "body")


def is_enterprise_account(session: Session) -> bool:
    """Whether the caller acts in an enterprise's own account."""
    here = account(session, session.ctx.account_id)
    return here is not None and here.is_enterprise


def share(session: Session, offering: Authorized[Offering], *, ibm: bool, public: bool, enabled: bool) -> Offering:
    """Switches the access list on or off; IBM and the public only once the operator has approved that."""
    if (ibm or public) and not is_granted(session, offering.resource.id):
        raise forbidden(REFUSAL)
    flags = {"share_with_ibm": ibm, "share_with_all": public, "share_enabled": enabled}
    update(session, OFFERING, offering.resource.id, updated_at=session.ctx.now(), **flags)
    relist(session, offering.resource.id)
    return find(session, OFFERING, offering.resource.id)


def promote(session: Session, version: Authorized[Version], flag: str) -> None:
    """Publishes a version to IBM or to the public, `share_with_ibm` or `share_with_all`, in the old surface's one step:
    it becomes consumable unless it is, and its offering is shared. 403 before the operator has approved that (1.3).
    """
    if not is_granted(session, version.resource.offering_id):
        raise forbidden(REFUSAL)
    if version.resource.state != "consumable":
        publish(session, version)
    update(session, OFFERING, version.resource.offering_id, updated_at=session.ctx.now(), **{flag: True})
    relist(session, version.resource.offering_id)


def entries(session: Session, offering: Offering) -> list[Entry]:
    """The access list, oldest first."""
    rows = rows_of(
        session, access_entries, access_entries.c.offering_id == offering.id, order=access_entries.c.created_at
    )
    states = {row.identifier: row.state for row in _approvals(session, offering.account_id)}
    return [Entry(row.id, row.identifier, row.created_at, states.get(row.identifier, "pending")) for row in rows]


def _approvals(session: Session, source: str) -> list[Approval]:
    where = (share_approvals.c.source_account_id == source, share_approvals.c.type == TYPE)
    return [_approval(row) for row in rows_of(session, share_approvals, *where, order=share_approvals.c.created_at)]


def add(session: Session, offering: Authorized[Offering], identifiers: list[str]) -> dict[str, str]:
    """Adds identifiers; those outside the owner's enterprise are not added but named with the reason.

    The first time between this account and a receiver a request goes to the receiver and waits for its answer.
    """
    enterprise = enterprise_of(session, offering.resource.account_id)
    approved = is_granted(session, offering.resource.id)
    fields = {text: normal(text) for text in bounded(identifiers)}
    errors = _unreachable(session, fields, enterprise, approved=approved)
    fit = [identifier for text, identifier in fields.items() if text not in errors]
    rows = entries_of(session, fit, offering_id=offering.resource.id)
    put_rows(session, access_entries, ("offering_id", "identifier"), rows)
    ask(session, fit, TYPE)
    check_size(number_of(session, access_entries, access_entries.c.offering_id == offering.resource.id))
    relist(session, offering.resource.id)
    return errors


def entries_of(session: Session, identifiers: Iterable[str], **of: str) -> list[dict[str, Any]]:
    """The rows of identifiers on an access list, each once; `of` is the column that names what is shared."""
    now, ids = session.ctx.now(), session.ctx.ids
    different = dict.fromkeys(identifiers)
    return [{"id": ids.uuid(), **of, "identifier": identifier, "created_at": now} for identifier in different]


def _unreachable(
    session: Session, identifiers: dict[str, str], enterprise: str | None, *, approved: bool
) -> dict[str, str]:
    """Why identifiers cannot be on an access list, by how they were given. Unknown and outside are told alike."""
    known = enterprises_of_identifiers(session, set(identifiers.values()))
    if approved:
        text = "The account, group or enterprise is unknown."
        return {text_: text for text_, identifier in identifiers.items() if identifier not in known}
    reason = "The account, group or enterprise is unknown or outside the enterprise of the catalog."
    text = f"{reason} {REFUSAL}"
    return {
        text_: text
        for text_, identifier in identifiers.items()
        if enterprise is None or known.get(identifier) != enterprise
    }


def request(session: Session, type_: str, identifiers: list[str]) -> None:
    """Send share requests. Accounts outside the enterprise of the caller are refused like those that do not exist:
    400 names them, and no request is sent. An approved offering asks them when it is shared with them.
    """
    enterprise = enterprise_of(session, session.ctx.account_id)
    fields = {sent: normal(sent) for sent in bounded(identifiers)}
    wrong = list(_unreachable(session, fields, enterprise, approved=False))
    if wrong:
        named = ", ".join(wrong[:_TOLD]) + (f" and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else "")
        text = f"Unknown, or outside the enterprise of this account: {named}. {REFUSAL}"
        raise invalid("bad_request", text, "body")
    ask(session, fields.values(), type_)


_APPROVAL_KEY = ("source_account_id", "identifier", "type")


def ask(session: Session, identifiers: Iterable[str], type_: str) -> None:
    """Send a request to each receiver, once; what was answered before stands."""
    rows = entries_of(session, identifiers, source_account_id=session.ctx.account_id, type=type_, state="pending")
    put_rows(session, share_approvals, _APPROVAL_KEY, rows)


def remove(session: Session, offering: Authorized[Offering], identifiers: list[str]) -> None:
    """Takes identifiers off the list, `["*"]` all. Whoever was shared with sees the offering no more."""
    where = [access_entries.c.offering_id == offering.resource.id]
    if identifiers != ["*"]:
        where.append(access_entries.c.identifier.in_([normal(text) for text in bounded(identifiers)]))
    remove_rows(session, access_entries, *where)
    relist(session, offering.resource.id)


def sent(session: Session, type_: str) -> list[Approval]:
    """The requests that this account has sent."""
    conditions = (share_approvals.c.source_account_id == session.ctx.account_id, share_approvals.c.type == type_)
    return [
        _approval(row) for row in rows_of(session, share_approvals, *conditions, order=share_approvals.c.created_at)
    ]


def withdraw(session: Session, type_: str, identifiers: list[str]) -> None:
    """Takes requests back, `["*"]` all; an acceptance is lost with its request."""
    conditions = [share_approvals.c.source_account_id == session.ctx.account_id, share_approvals.c.type == type_]
    if identifiers != ["*"]:
        conditions.append(share_approvals.c.identifier.in_([normal(text) for text in bounded(identifiers)]))
    remove_rows(session, share_approvals, *conditions)


def addressed(session: Session, for_: str | None) -> tuple[str, ...]:
    """The identifiers that a receiver answers for: an account those of itself and above it; an enterprise's own
    account, when it names the enterprise or one of its groups, those. 403 for anybody else who names one.
    """
    ctx = session.ctx
    if for_ is None:
        return tuple(ctx.recipients)
    enterprise = enterprise_of(session, ctx.account_id)
    entitled = is_enterprise_account(session) and not ctx.grants.scope("enterprise.enterprise.update").empty
    id_ = for_.removeprefix("-entgrp-").removeprefix("-ent-")
    if entitled and enterprise == id_:
        return (f"-ent-{id_}",)
    if entitled and enterprise is not None and enterprise_of_identifier(session, f"-entgrp-{id_}") == enterprise:
        return (f"-entgrp-{id_}",)
    raise forbidden("Only the enterprise's own account answers for it and its account groups.")


def received(session: Session, type_: str, state: str, for_: str | None = None) -> list[Approval]:
    """The requests to this account, to a group above it or to its enterprise, by what this account makes of them.

    Its own answer goes before that of its enterprise or group.
    """
    ctx = session.ctx
    where = (share_approvals.c.type == type_, share_approvals.c.identifier.in_(addressed(session, for_)))
    decided: dict[str, Approval] = {}
    for row in rows_of(session, share_approvals, *where, order=share_approvals.c.created_at):
        approval = _approval(row)
        if approval.source_account_id == ctx.account_id and for_ is None:
            continue
        known = decided.get(approval.source_account_id)
        if known is None or _weight(approval, ctx.account_id) > _weight(known, ctx.account_id):
            decided[approval.source_account_id] = approval
    return [approval for approval in decided.values() if approval.state == state]


def _weight(approval: Approval, account_id: str) -> int:
    """An answer of the account itself counts most, then an approval from above, then any open request."""
    if approval.identifier == account_id and approval.state != "pending":
        return 2
    return 1 if approval.state == "approved" else 0


def answer(session: Session, type_: str, state: str, sources: list[str], for_: str | None = None) -> list[Approval]:
    """Moves the requests of sources to a state, on behalf of this account alone, or of the enterprise or group that
    `for_` names. 400 for a source that never asked.
    """
    receiver = session.ctx.account_id if for_ is None else addressed(session, for_)[0]
    asked = {
        approval.source_account_id: approval for every in STATES for approval in received(session, type_, every, for_)
    }
    answers = []
    for text in bounded(sources):
        source = normal(text)
        if source not in asked:
            raise invalid("bad_request", "There is no share request from one of the sources.", "body")
        put_row(
            session,
            share_approvals,
            _APPROVAL_KEY,
            replacing=("state",),
            id=session.ctx.ids.uuid(),
            source_account_id=source,
            identifier=receiver,
            type=type_,
            state=state,
            created_at=session.ctx.now(),
        )
        answers.append(asked[source])
    return answers


# Publishing outside the enterprise: an offering's owner asks, the operator answers (1.9, and the source page).
#
# Without a granted approval an offering is shared inside the enterprise only; a revoked one takes back at once what
# it had opened.

REFUSAL = (
    "Publishing outside the enterprise needs the operator's approval of this offering first:"
    " ask with publish/allow_request/true; the operator grants it with `kunsthalle approvals grant`."
)


def approval(session: Session, offering_id: str) -> PublishApproval | None:
    """What has been asked and answered about an offering."""
    rows = unscoped(session, PUBLISH_APPROVAL, publish_approvals.c.offering_id == offering_id)
    return rows[0] if rows else None


def is_granted(session: Session, offering_id: str) -> bool:
    """Whether the operator's approval of an offering stands."""
    known = approval(session, offering_id)
    return known is not None and known.state == "granted"


def request_publication(session: Session, offering: Offering) -> bool:
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


def withdraw_publication(session: Session, offering: Offering) -> bool:
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
    rows = unscoped(session, OFFERING, offerings.c.id == offering_id)
    if not rows:
        raise not_found("offering")
    known = approval(session, offering_id)
    if known is None and state == "revoked":
        raise conflict("conflict", "There is no request to publish this offering outside its enterprise.", "offering")
    known = known or insert(session, PUBLISH_APPROVAL, _asked(session, rows[0]))
    if known.state == state:
        raise conflict("conflict", f"The approval is {known.state} already.")
    _answer(session, rows[0], known.id, state)
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
    asked = sorted(
        unscoped(session, PUBLISH_APPROVAL),
        key=lambda publish_approval: (publish_approval.created_at, publish_approval.id),
    )
    known = {
        offering.id: offering
        for offering in unscoped(
            session, OFFERING, offerings.c.id.in_([publish_approval.offering_id for publish_approval in asked])
        )
    }
    return [(publish_approval, known[publish_approval.offering_id]) for publish_approval in asked]


# What a share request is about: who asks, and the offerings that the one who is asked would see. Before it is accepted
# an offering does not exist for the account that is asked. A request tells of it no more than what its owner offers:
# names, descriptions, published versions; no IDs of images, and no CRN that boots.


def received_requests(session: Session) -> list[dict[str, Any]]:
    """Every request that the caller's account has received, in whatever state, with what is offered under it."""
    return [
        {
            "account": {"id": approval.source_account_id, "name": _name(session, approval.source_account_id)},
            "addressed_to": approval.identifier,
            "state": state,
            "created": rfc3339(approval.created_at),
            "offerings": [_offering(session, entry) for entry in offered(session, approval.source_account_id)],
        }
        for state in STATES
        for approval in received(session, TYPE, state)
    ]


def offered(session: Session, source: str) -> list[Offering]:
    """The offerings of an account whose access lists name the caller's account and are in effect."""
    caller, table = session.ctx.account_id, OFFERING.table.c
    named = OFFERINGS.entries.c.identifier.in_(recipients(session, caller))
    conditions = (
        table.account_id == source,
        OFFERINGS.enabled,
        OFFERINGS.published,
        in_live_catalog(table.catalog_id),
        exists(OFFERINGS.entries, OFFERINGS.on_entry, named),
    )
    results = unscoped(session, OFFERING, *conditions)
    enterprise = enterprise_of(session, caller)
    inside = enterprise is not None and enterprise == enterprise_of(session, source)
    return [entry for entry in results if inside or is_granted(session, entry.id)]


def _offering(session: Session, offering: Offering) -> dict[str, Any]:
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
