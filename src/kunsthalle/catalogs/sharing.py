"""Sharing: the access list of an offering, and the handshake between source and receiver (1.9)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kunsthalle.accounts.queries import enterprise_of, enterprise_of_identifier
from kunsthalle.catalogs.kinds import OFFERING, TYPE
from kunsthalle.catalogs.model import Offering
from kunsthalle.core.errors import forbidden, invalid
from kunsthalle.store.rows import update
from kunsthalle.store.schema.catalogs import access_entries, share_approvals
from kunsthalle.store.scope import Granted, find
from kunsthalle.store.tables import put_row, remove_rows, rows_of
from kunsthalle.store.unit import Unit

_IDENTIFIER = re.compile(r"(-acct-|-ent-|-entgrp-)?([0-9a-f]{32})")
STATES = ("approved", "pending", "rejected")
TYPES = ("offering", "vpe", "proxy_source", "preset_configuration")
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of an access list. `approval` is `pending`, `approved` or `rejected`."""

    id: str
    identifier: str
    created_at: int
    approval: str


@dataclass(frozen=True, slots=True)
class Approval:
    """One handshake: what `identifier` has answered to `source`."""

    id: str
    source: str
    identifier: str
    type: str
    state: str
    created_at: int


def normal(identifier: str) -> str:
    """Accounts in their bare form, enterprises and groups with their prefix; 400 for anything else."""
    found = _IDENTIFIER.fullmatch(identifier)
    if found is None:
        raise invalid("bad_request", "Identifiers are <account>, -acct-<account>, -ent-<id> or -entgrp-<id>.", "body")
    return found[2] if found[1] in {None, "-acct-"} else identifier


def share(unit: Unit, offering: Granted[Offering], *, ibm: bool, public: bool, enabled: bool) -> Offering:
    """Switches the access list on or off. IBM and the public need an approval that this server never has given."""
    if ibm or public:
        raise forbidden("Sharing with IBM or the public needs an approval first (publish_approved).")
    update(unit, OFFERING, offering.it.id, share_enabled=enabled, updated_at=unit.ctx.now())
    return find(unit, OFFERING, offering.it.id)


def entries(unit: Unit, offering: Offering) -> list[Entry]:
    """The access list, oldest first."""
    found = rows_of(
        unit, access_entries, access_entries.c.offering_id == offering.id, order=access_entries.c.created_at
    )
    states = {row.identifier: row.state for row in _approvals(unit, offering.account_id)}
    return [Entry(row.id, row.identifier, row.created_at, states.get(row.identifier, "pending")) for row in found]


def _approvals(unit: Unit, source: str) -> list[Approval]:
    where = (share_approvals.c.source_account_id == source, share_approvals.c.type == TYPE)
    return [Approval(*row) for row in rows_of(unit, share_approvals, *where, order=share_approvals.c.created_at)]


def add(unit: Unit, offering: Granted[Offering], identifiers: list[str]) -> dict[str, str]:
    """Adds identifiers; those outside the owner's enterprise are not added but named with the reason.

    The first time between this account and a receiver a request goes to the receiver and waits for its answer.
    """
    errors: dict[str, str] = {}
    enterprise = enterprise_of(unit, offering.it.account_id)
    for given in identifiers[:MOST]:
        identifier = normal(given)
        if enterprise is None or enterprise_of_identifier(unit, identifier) != enterprise:
            errors[given] = "The account, group or enterprise is unknown or outside the enterprise of the catalog."
            continue
        put_row(
            unit,
            access_entries,
            ("offering_id", "identifier"),
            id=unit.ctx.ids.uuid(),
            offering_id=offering.it.id,
            identifier=identifier,
            created_at=unit.ctx.now(),
        )
        ask(unit, identifier, TYPE)
    return errors


def ask(unit: Unit, identifier: str, type_: str) -> None:
    """A request to a receiver, once; what was answered before stands."""
    put_row(
        unit,
        share_approvals,
        ("source_account_id", "identifier", "type"),
        id=unit.ctx.ids.uuid(),
        source_account_id=unit.ctx.account_id,
        identifier=identifier,
        type=type_,
        state="pending",
        created_at=unit.ctx.now(),
    )


def remove(unit: Unit, offering: Granted[Offering], identifiers: list[str]) -> None:
    """Takes identifiers off the list, `["*"]` all. Whoever was shared with sees the offering no more."""
    mine = access_entries.c.offering_id == offering.it.id
    if identifiers == ["*"]:
        remove_rows(unit, access_entries, mine)
        return
    remove_rows(unit, access_entries, mine, access_entries.c.identifier.in_([normal(one) for one in identifiers]))


def sent(unit: Unit, type_: str) -> list[Approval]:
    """The requests that this account has sent."""
    mine = (share_approvals.c.source_account_id == unit.ctx.account_id, share_approvals.c.type == type_)
    return [Approval(*row) for row in rows_of(unit, share_approvals, *mine, order=share_approvals.c.created_at)]


def withdraw(unit: Unit, type_: str, identifiers: list[str]) -> None:
    """Takes requests back, `["*"]` all; an acceptance is lost with its request."""
    mine = [share_approvals.c.source_account_id == unit.ctx.account_id, share_approvals.c.type == type_]
    if identifiers != ["*"]:
        mine.append(share_approvals.c.identifier.in_([normal(one) for one in identifiers]))
    remove_rows(unit, share_approvals, *mine)


def received(unit: Unit, type_: str, state: str) -> list[Approval]:
    """The requests to this account, to a group above it or to its enterprise, by what this account makes of them.

    Its own answer goes before that of its enterprise or group.
    """
    ctx = unit.ctx
    where = (share_approvals.c.type == type_, share_approvals.c.identifier.in_(ctx.audience))
    decided: dict[str, Approval] = {}
    for row in rows_of(unit, share_approvals, *where, order=share_approvals.c.created_at):
        one = Approval(*row)
        if one.source == ctx.account_id:
            continue
        known = decided.get(one.source)
        if known is None or _weight(one, ctx.account_id) > _weight(known, ctx.account_id):
            decided[one.source] = one
    return [one for one in decided.values() if one.state == state]


def _weight(one: Approval, account_id: str) -> int:
    """An answer of the account itself counts most, then an approval from above, then any open request."""
    if one.identifier == account_id and one.state != "pending":
        return 2
    return 1 if one.state == "approved" else 0


def answer(unit: Unit, type_: str, state: str, sources: list[str]) -> list[Approval]:
    """Moves the requests of sources to a state, on behalf of this account alone. 400 for a source that never asked."""
    asked = {one.source: one for every in STATES for one in received(unit, type_, every)}
    found = []
    for given in sources[:MOST]:
        source = normal(given)
        if source not in asked:
            raise invalid("bad_request", "There is no share request from one of the sources.", "body")
        put_row(
            unit,
            share_approvals,
            ("source_account_id", "identifier", "type"),
            replacing=("state",),
            id=unit.ctx.ids.uuid(),
            source_account_id=source,
            identifier=unit.ctx.account_id,
            type=type_,
            state=state,
            created_at=unit.ctx.now(),
        )
        found.append(asked[source])
    return found
