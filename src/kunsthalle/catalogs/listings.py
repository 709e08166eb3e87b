"""Where the offerings are that an account may use: a row for each entry of an access list that is in effect, and one
for the owner, in the order of the lists.

A list would otherwise ask every offering there is whether it is shared. The rows say where to look, and how many there
are; what is shown is still looked up with its own sight (`store.scope`), so that a row too many shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_

from kunsthalle.accounts.kinds import ACCOUNT
from kunsthalle.catalogs.kinds import CATALOG, OFFERING, PUBLISH_APPROVAL, RETRIEVE, TYPE, VERSION, enterprise_id
from kunsthalle.catalogs.model import Offering
from kunsthalle.catalogs.policy import sharing
from kunsthalle.catalogs.states import PUBLISHED
from kunsthalle.store.schema.catalogs import (
    access_entries,
    listings,
    offerings,
    publish_approvals,
    share_approvals,
    versions,
)
from kunsthalle.store.scope import some, unguarded
from kunsthalle.store.tables import add_row, any_row, different, number_of, places, remove_rows, rows_of
from kunsthalle.store.unit import Unit

ANYBODY = "*"
"""The identifier of what is published to all."""


def relist(unit: Unit, *offering_ids: str) -> None:
    """Writes the rows of offerings anew: to be said whenever what decides about them has changed."""
    remove_rows(unit, listings, listings.c.offering_id.in_(offering_ids))
    for offering in unguarded(unit, OFFERING, offerings.c.id.in_(offering_ids)):
        if any_row(unit, CATALOG.table, CATALOG.table.c.id == offering.catalog_id, CATALOG.table.c.state == "live"):
            _list(unit, offering)


def relist_catalog(unit: Unit, catalog_id: str) -> None:
    """The same for everything in a catalog that has gone, or come back."""
    relist(unit, *(one.id for one in unguarded(unit, OFFERING, offerings.c.catalog_id == catalog_id)))


def _list(unit: Unit, offering: Offering) -> None:
    granted = (publish_approvals.c.offering_id == offering.id, publish_approvals.c.state == "granted")
    approved = any_row(unit, PUBLISH_APPROVAL.table, *granted)
    identifiers = {offering.account_id}
    if any_row(unit, VERSION.table, versions.c.offering_id == offering.id, versions.c.state.in_(PUBLISHED)):
        if offering.share_enabled:
            mine = access_entries.c.offering_id == offering.id
            identifiers |= {row.identifier for row in rows_of(unit, access_entries, mine)}
        if offering.share_with_all and approved:
            identifiers.add(ANYBODY)
    for identifier in sorted(identifiers):
        add_row(
            unit,
            listings,
            offering_id=offering.id,
            identifier=identifier,
            account_id=offering.account_id,
            label=offering.label,
            hidden=offering.hidden,
            public=offering.share_with_all,
            approved=approved,
        )


def page(unit: Unit, offset: int, limit: int, *, hidden: bool, public: bool) -> tuple[int, list[Offering]]:
    """A page by label of what the account may use, its own included, and how many there are.

    `hidden` has hidden ones too, `public` those of others that are published to all.
    """
    reached, once = _reached(unit, public)
    if not reached:
        return 0, []
    where = [or_(*reached)]
    if not hidden:
        where.append(listings.c.hidden.is_(False))
    if not public:
        where.append(or_(listings.c.public.is_(False), listings.c.account_id == unit.ctx.account_id))
    ids = places(
        unit,
        listings.c.offering_id,
        *where,
        order=[listings.c.label, listings.c.offering_id],
        offset=offset,
        limit=limit,
        once=once,
    )
    total = number_of(unit, listings, *where) if once else different(unit, listings.c.offering_id, *where)
    known = {one.id: one for one in some(unit, OFFERING, offerings.c.id.in_(ids))}
    return total, [known[id_] for id_ in ids if id_ in known]


def serves(unit: Unit) -> bool:
    """Whether the rows can answer for the caller: not for one who may look at some catalogs only."""
    return unit.ctx.grants.reach(RETRIEVE).everything


def _reached(unit: Unit, public: bool) -> tuple[list[ColumnElement[bool]], bool]:
    """The rows that mean the caller: its own, those that it or what stands above it has accepted, those for all.

    And whether no offering can be among them twice.
    """
    me, columns = unit.ctx.account_id, listings.c
    own = and_(columns.identifier == me, columns.account_id == me)
    found, once = [own] if any_row(unit, listings, own) else [], True
    for source, identifiers, inside in _accepted(unit):
        one = columns.identifier == identifiers[0] if len(identifiers) == 1 else columns.identifier.in_(identifiers)
        theirs = (one, columns.account_id == source)
        found.append(and_(*theirs) if inside else and_(*theirs, columns.approved.is_(True)))
        once = once and len(identifiers) == 1
    for_all = columns.identifier == ANYBODY
    if public and any_row(unit, listings, for_all):
        found.append(and_(for_all, columns.account_id != me))
        once = False
    return found, once


def _accepted(unit: Unit) -> list[tuple[str, Sequence[str], bool]]:
    """By source: the identifiers by which it may share with the caller, and whether it is inside the enterprise."""
    ctx = unit.ctx
    addressed = (share_approvals.c.type == TYPE, share_approvals.c.identifier.in_(ctx.audience))
    answers: dict[str, dict[str, str]] = {}
    for row in rows_of(unit, share_approvals, *addressed):
        answers.setdefault(row.source_account_id, {})[row.identifier] = row.state
    inside = _inside(unit, [one for one in answers if one != ctx.account_id])
    found: list[tuple[str, Sequence[str], bool]] = []
    for source, answer in sorted(answers.items()):
        own = answer.get(ctx.account_id)
        accepted = [one for one in ctx.audience if "approved" in {own, answer.get(one)}]
        listed = [one for one in accepted if any_row(unit, listings, *_from(source, one))]
        if source != ctx.account_id and own != "rejected" and listed:
            found.append((source, listed, source in inside))
    return found


def _from(source: str, identifier: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return listings.c.identifier == identifier, listings.c.account_id == source


def _inside(unit: Unit, sources: list[str]) -> set[str]:
    mine = enterprise_id(unit.ctx)
    known = unguarded(unit, ACCOUNT, ACCOUNT.table.c.id.in_(sources)) if sources else []
    anybody = sharing(unit).scope == "any"
    return {one.id for one in known if anybody or (mine is not None and one.enterprise_id == mine)}
