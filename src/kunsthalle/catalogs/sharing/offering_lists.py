"""Where the offerings are that an account may use: a row for each entry of an access list that is in effect, and one
for the owner, in the order of the lists.

A list would otherwise ask every offering there is whether it is shared. The rows say where to look, and how many there
are; what is shown is still looked up with its own visibility (`db.visibility`), so that a row too many shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, bindparam

from kunsthalle.accounts.models import Account
from kunsthalle.accounts.resources import ACCOUNT
from kunsthalle.catalogs.models import Offering
from kunsthalle.catalogs.resources import IN_CATALOG, OFFERING, RETRIEVE
from kunsthalle.catalogs.sharing.offering_visibility import (
    LIVE,
    STRANGER,
    TYPE,
    Terms,
    decide,
    load_terms,
    receiver_of,
)
from kunsthalle.catalogs.tables import catalogs, listings, offerings, share_approvals
from kunsthalle.db import list_versions
from kunsthalle.db.compiled_selects import among
from kunsthalle.db.list_versions import Listed, changed, stamps
from kunsthalle.db.page_bytes import Window
from kunsthalle.db.pages import leaf, matching_window
from kunsthalle.db.scope_conditions import exists
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import (
    any_row,
    columns_of,
    first_ids,
    fixed_select,
    ids_where,
    number_of,
    put_rows,
    remove_rows,
    remove_some,
)
from kunsthalle.db.visibility import unscoped
from kunsthalle.jobs.slices import SlicedWork

ANYBODY = "*"
"""The identifier of what is published to all; and the source, for that is one list, whoever they are from."""
_LISTS = "listings"
"""What an account has in lists, its own catalogs' and others': stamped anew whenever its rows here, or what the pages
of its catalogs are made from, have changed. What is for all has a stamp of its own."""


def relist(session: Session, *offering_ids: str) -> None:
    """Writes the rows of offerings anew: to be said whenever what decides about them, or is shown of them in a list,
    has changed.
    """
    unlist(session, *offering_ids)
    for offering in unscoped(session, OFFERING, offerings.c.id.in_(offering_ids)):
        terms = load_terms(session, offering)
        if LIVE.holds(terms, STRANGER):
            _list(session, offering, terms)


def unlist(session: Session, *offering_ids: str) -> None:
    """Takes the rows of offerings away; their owners' lists, and those that they were on, are others than before."""
    theirs = listings.c.offering_id.in_(offering_ids)
    owners = columns_of(session, offerings.c.account_id, where=[offerings.c.id.in_(offering_ids)])
    changed(session, _LISTS, *(str(owner) for (owner,) in owners))
    if any_row(session, listings, theirs, listings.c.identifier == ANYBODY):
        changed(session, _LISTS, ANYBODY)
    remove_rows(session, listings, theirs)


def relist_catalog(session: Session, catalog_id: str) -> None:
    """The same for everything in a catalog that has gone, or come back: what is much, by a job."""
    RELISTING.begin(session, catalog_id)


def _relist_some(session: Session, catalog_id: str) -> bool:
    """A slice of it: rows of a catalog that has gone, or offerings that are not listed yet; whether there is more."""
    if not any_row(session, catalogs, catalogs.c.id == catalog_id, catalogs.c.state == "live"):
        return _unlist_some(session, catalog_id)
    own = exists(listings, listings.c.offering_id == offerings.c.id, listings.c.identifier == offerings.c.account_id)
    missing = first_ids(session, offerings.c.id, _SLICE // 40, offerings.c.catalog_id == catalog_id, ~own)
    written = 0
    for id_ in missing:
        relist(session, id_)
        written += number_of(session, listings, listings.c.offering_id == id_)
        if written >= _SLICE:
            return True
    return bool(written)


def _unlist_some(session: Session, catalog_id: str) -> bool:
    theirs = listings.c.offering_id.in_(ids_where(offerings.c.id, offerings.c.catalog_id == catalog_id))
    owners = columns_of(session, catalogs.c.account_id, where=[catalogs.c.id == catalog_id])
    anybody = (ANYBODY,) if any_row(session, listings, theirs, listings.c.identifier == ANYBODY) else ()
    changed(session, _LISTS, *(str(owner) for (owner,) in owners), *anybody)
    return remove_some(session, listings, _SLICE, theirs) == _SLICE


_SLICE = 1_000
"""Rows of one slice, and those of one offering beyond."""
RELISTING = SlicedWork("catalog.relist", _relist_some)


def _list(session: Session, offering: Offering, terms: Terms) -> None:
    identifiers = {offering.account_id, *_identifiers(terms)}
    if ANYBODY in identifiers:
        changed(session, _LISTS, ANYBODY)
    rows = [
        {
            "offering_id": offering.id,
            "identifier": identifier,
            "account_id": ANYBODY if identifier == ANYBODY else offering.account_id,
            "label": offering.label,
            "hidden": offering.hidden,
            "public": offering.share_with_all,
            "approved": terms.approved,
        }
        for identifier in sorted(identifiers)
    ]
    put_rows(session, listings, ("offering_id", "identifier"), rows)


def _identifiers(terms: Terms) -> frozenset[str]:
    """Return the identifiers whose accounts may boot an offering, if they are within reach and have accepted."""
    identifiers = frozenset({ANYBODY}) if decide(terms, STRANGER).may_boot else frozenset()
    entry = "entry"
    accepted = replace(terms, public=False, approved=True, listed=frozenset({entry}), answers={entry: "approved"})
    named = decide(accepted, replace(STRANGER, account_id=entry, identifiers=frozenset({entry})))
    return identifiers | terms.listed if named.may_boot else identifiers


def page(session: Session, offset: int, limit: int, *, hidden: bool, public: bool) -> tuple[int, Window[Offering]]:
    """A page by label of what the account may use, its own included, and how many there are.

    `hidden` has hidden ones too, `public` those of others that are published to all.
    """
    ranges = tuple(_ranges(session, public))
    if not ranges:
        return 0, Window([])
    stamp = stamps(session, _LISTS, *sorted({span.source for span in ranges}))
    order = (listings.c.label, listings.c.offering_id)
    name = (_LISTS, ranges, hidden, public)
    listed = Listed(name, stamp, order, lambda: tuple(_arms(session, ranges, hidden, public)))
    total, ids = list_versions.page(session, listed, offset, limit)
    if not ids:
        return total, Window([])
    rows = matching_window(session, OFFERING, _KNOWN, offerings.c.label, len(ids), ids=ids)
    passed = ids.index(rows.items[-1].id) + 1 if rows.passed else None  # a row too many takes up a place, too
    return total, Window(rows.items, passed)


def page_of_catalog(
    session: Session, catalog_id: str, offset: int, limit: int, *, hidden: bool
) -> tuple[int, Window[Offering]]:
    """A page by label of a catalog of the caller's own, and how many offerings there are."""
    equal: dict[Column[Any], Any] = {offerings.c.catalog_id: catalog_id}
    if not hidden:
        equal[offerings.c.hidden] = False
    stamp = stamps(session, _LISTS, session.ctx.account_id)
    return leaf(session, IN_CATALOG, equal, stamp, order=offerings.c.label, offset=offset, limit=limit)


def serves(session: Session) -> bool:
    """Whether the rows can answer for the caller: not for one who may look at some catalogs only."""
    return session.ctx.grants.scope(RETRIEVE).everything


class _ListingRange(NamedTuple):
    """Rows that mean the caller: those of an identifier from a source, `approved` ones alone where it is outside."""

    identifier: str
    source: str
    approved: bool


def _arms(
    session: Session, ranges: Sequence[_ListingRange], hidden: bool, public: bool
) -> Iterator[tuple[ColumnElement[bool], ...]]:
    """Conditions for the rows, each of them a range of the index."""
    columns = listings.c
    for span, shown in product(ranges, (False, True) if hidden else (False,)):
        arm = [columns.identifier == span.identifier, columns.account_id == span.source, columns.hidden.is_(shown)]
        if span.approved:
            arm.append(columns.approved.is_(True))
        if not public and span.source != session.ctx.account_id:
            arm.append(columns.public.is_(False))
        yield tuple(arm)


def _ranges(session: Session, public: bool) -> Iterator[_ListingRange]:
    """Its own, what it or what stands above it has accepted, what is for all."""
    me = session.ctx.account_id
    if _any_from(session, me, me):
        yield _ListingRange(me, me, approved=False)
    yield from _accepted(session)
    if public and _any_from(session, ANYBODY, ANYBODY):
        yield _ListingRange(ANYBODY, ANYBODY, approved=False)


def _accepted(session: Session) -> Iterator[_ListingRange]:
    """By source: the identifiers by which it may share with the caller."""
    ctx, receiver = session.ctx, receiver_of(session.ctx)
    answers: dict[str, dict[str, str]] = {}
    for source_id, identifier, state in _ANSWERS.all(session, {"recipients": list(ctx.recipients)}):
        answers.setdefault(source_id, {})[identifier] = state
    answers.pop(ctx.account_id, None)
    rows = _SOURCES.all(session, {"ids": sorted(answers)}) if answers else []
    sources = [ACCOUNT.from_row(row) for row in rows]
    for source in sorted(sources, key=lambda account: account.id):
        for identifier in ctx.recipients:
            terms = _terms_of_entry(source, identifier, answers[source.id])
            inside = decide(terms, receiver).may_boot
            seen = inside or decide(replace(terms, approved=True), receiver).may_boot
            if seen and _any_from(session, source.id, identifier):
                yield _ListingRange(identifier, source.id, approved=not inside)


def _terms_of_entry(source: Account, identifier: str, answers: Mapping[str, str]) -> Terms:
    """Return the terms of what an account shares with one identifier alone, without the operator's approval."""
    return Terms(
        owner=source.id,
        live=True,
        published=True,
        public=False,
        approved=False,
        enabled=True,
        listed=frozenset({identifier}),
        enterprise=source.enterprise_id,
        answers=answers,
    )


def _any_from(session: Session, source: str, identifier: str) -> bool:
    return _ANY_FROM.first(session, {"source": source, "identifier": identifier}) is not None


_KNOWN = (among(offerings.c.id, "ids"),)
_ANSWERS = fixed_select(
    (share_approvals.c.source_account_id, share_approvals.c.identifier, share_approvals.c.state),
    share_approvals.c.type == TYPE,
    among(share_approvals.c.identifier, "recipients"),
)
_SOURCES = fixed_select(tuple(ACCOUNT.table.c), among(ACCOUNT.table.c.id, "ids"))
_ANY_FROM = fixed_select(
    (listings.c.offering_id,),
    listings.c.identifier == bindparam("identifier"),
    listings.c.account_id == bindparam("source"),
    most=1,
)
