"""Sharing: the access list of an offering, and the handshake between source and receiver (1.9)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kunsthalle.accounts.queries import account, enterprise_of, enterprise_of_identifier
from kunsthalle.catalogs import outside
from kunsthalle.catalogs.kinds import OFFERING, TYPE
from kunsthalle.catalogs.listings import relist
from kunsthalle.catalogs.model import Offering, Version
from kunsthalle.catalogs.policy import sharing
from kunsthalle.catalogs.publishing import publish
from kunsthalle.core.errors import forbidden, invalid
from kunsthalle.store.rows import update
from kunsthalle.store.schema.catalogs import access_entries, share_approvals
from kunsthalle.store.scope import Granted, find
from kunsthalle.store.tables import number_of, put_row, remove_rows, rows_of
from kunsthalle.store.unit import Unit

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


def is_enterprise_account(unit: Unit) -> bool:
    """Whether the caller acts in an enterprise's own account."""
    here = account(unit, unit.ctx.account_id)
    return here is not None and here.is_enterprise


def share(unit: Unit, offering: Granted[Offering], *, ibm: bool, public: bool, enabled: bool) -> Offering:
    """Switches the access list on or off; IBM and the public only once the operator has approved that."""
    if (ibm or public) and not outside.is_granted(unit, offering.it.id):
        raise forbidden(outside.REFUSAL)
    flags = {"share_with_ibm": ibm, "share_with_all": public, "share_enabled": enabled}
    update(unit, OFFERING, offering.it.id, updated_at=unit.ctx.now(), **flags)
    relist(unit, offering.it.id)
    return find(unit, OFFERING, offering.it.id)


def promote(unit: Unit, version: Granted[Version], flag: str) -> None:
    """Publishes a version to IBM or to the public, `share_with_ibm` or `share_with_all`, in the old dialect's one step:
    it becomes consumable unless it is, and its offering is shared. 403 before the operator has approved that (1.3).
    """
    if not outside.is_granted(unit, version.it.offering_id):
        raise forbidden(outside.REFUSAL)
    if version.it.state != "consumable":
        publish(unit, version)
    update(unit, OFFERING, version.it.offering_id, updated_at=unit.ctx.now(), **{flag: True})
    relist(unit, version.it.offering_id)


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
    anybody = sharing(unit).scope == "any" or outside.is_granted(unit, offering.it.id)
    for given in bounded(identifiers):
        identifier = normal(given)
        wrong = _unreachable(unit, identifier, enterprise, anybody)
        if wrong is not None:
            errors[given] = wrong
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
    check_size(number_of(unit, access_entries, access_entries.c.offering_id == offering.it.id))
    relist(unit, offering.it.id)
    return errors


def _unreachable(unit: Unit, identifier: str, enterprise: str | None, anybody: bool) -> str | None:
    """Why an identifier cannot be on an access list, or None. Unknown and outside are told alike."""
    if anybody:
        return None if exists(unit, identifier) else "The account, group or enterprise is unknown."
    if enterprise is None or enterprise_of_identifier(unit, identifier) != enterprise:
        return (
            f"The account, group or enterprise is unknown or outside the enterprise of the catalog. {outside.REFUSAL}"
        )
    return None


def exists(unit: Unit, identifier: str) -> bool:
    """Whether an access-list identifier names anything."""
    if identifier.startswith("-"):
        return enterprise_of_identifier(unit, identifier) is not None
    return account(unit, identifier) is not None


def request(unit: Unit, type_: str, identifiers: list[str]) -> None:
    """Send share requests. Accounts outside the enterprise of the caller are refused like those that do not exist:
    400 names them, and no request is sent. An approved offering asks them when it is shared with them.
    """
    enterprise, anybody = enterprise_of(unit, unit.ctx.account_id), sharing(unit).scope == "any"
    wanted = {given: normal(given) for given in bounded(identifiers)}
    wrong = [given for given, one in wanted.items() if _unreachable(unit, one, enterprise, anybody)]
    if wrong:
        named = ", ".join(wrong[:_TOLD]) + (f" and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else "")
        text = f"Unknown, or outside the enterprise of this account: {named}. {outside.REFUSAL}"
        raise invalid("bad_request", text, "body")
    for identifier in wanted.values():
        ask(unit, identifier, type_)


def ask(unit: Unit, identifier: str, type_: str) -> None:
    """A request to a receiver, once; what was answered before stands.

    With `sharing.auto_accept` = `same-enterprise` a receiver in the enterprise of the source has accepted at once.
    """
    ctx = unit.ctx
    state = "pending"
    if sharing(unit).auto_accept == "same-enterprise":
        own = enterprise_of(unit, ctx.account_id)
        state = "approved" if own is not None and enterprise_of_identifier(unit, identifier) == own else "pending"
    put_row(
        unit,
        share_approvals,
        ("source_account_id", "identifier", "type"),
        id=ctx.ids.uuid(),
        source_account_id=ctx.account_id,
        identifier=identifier,
        type=type_,
        state=state,
        created_at=ctx.now(),
    )


def remove(unit: Unit, offering: Granted[Offering], identifiers: list[str]) -> None:
    """Takes identifiers off the list, `["*"]` all. Whoever was shared with sees the offering no more."""
    where = [access_entries.c.offering_id == offering.it.id]
    if identifiers != ["*"]:
        where.append(access_entries.c.identifier.in_([normal(one) for one in bounded(identifiers)]))
    remove_rows(unit, access_entries, *where)
    relist(unit, offering.it.id)


def sent(unit: Unit, type_: str) -> list[Approval]:
    """The requests that this account has sent."""
    mine = (share_approvals.c.source_account_id == unit.ctx.account_id, share_approvals.c.type == type_)
    return [Approval(*row) for row in rows_of(unit, share_approvals, *mine, order=share_approvals.c.created_at)]


def withdraw(unit: Unit, type_: str, identifiers: list[str]) -> None:
    """Takes requests back, `["*"]` all; an acceptance is lost with its request."""
    mine = [share_approvals.c.source_account_id == unit.ctx.account_id, share_approvals.c.type == type_]
    if identifiers != ["*"]:
        mine.append(share_approvals.c.identifier.in_([normal(one) for one in bounded(identifiers)]))
    remove_rows(unit, share_approvals, *mine)


def addressed(unit: Unit, for_: str | None) -> tuple[str, ...]:
    """The identifiers that a receiver answers for: an account those of itself and above it; an enterprise's own
    account, when it names the enterprise or one of its groups, those. 403 for anybody else who names one.
    """
    ctx = unit.ctx
    if for_ is None:
        return tuple(ctx.audience)
    mine = enterprise_of(unit, ctx.account_id)
    entitled = is_enterprise_account(unit) and not ctx.grants.reach("enterprise.enterprise.update").empty
    id_ = for_.removeprefix("-entgrp-").removeprefix("-ent-")
    if entitled and mine == id_:
        return (f"-ent-{id_}",)
    if entitled and mine is not None and enterprise_of_identifier(unit, f"-entgrp-{id_}") == mine:
        return (f"-entgrp-{id_}",)
    raise forbidden("Only the enterprise's own account answers for it and its account groups.")


def received(unit: Unit, type_: str, state: str, for_: str | None = None) -> list[Approval]:
    """The requests to this account, to a group above it or to its enterprise, by what this account makes of them.

    Its own answer goes before that of its enterprise or group.
    """
    ctx = unit.ctx
    where = (share_approvals.c.type == type_, share_approvals.c.identifier.in_(addressed(unit, for_)))
    decided: dict[str, Approval] = {}
    for row in rows_of(unit, share_approvals, *where, order=share_approvals.c.created_at):
        one = Approval(*row)
        if one.source == ctx.account_id and for_ is None:
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


def answer(unit: Unit, type_: str, state: str, sources: list[str], for_: str | None = None) -> list[Approval]:
    """Moves the requests of sources to a state, on behalf of this account alone, or of the enterprise or group that
    `for_` names. 400 for a source that never asked.
    """
    receiver = unit.ctx.account_id if for_ is None else addressed(unit, for_)[0]
    asked = {one.source: one for every in STATES for one in received(unit, type_, every, for_)}
    found = []
    for given in bounded(sources):
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
            identifier=receiver,
            type=type_,
            state=state,
            created_at=unit.ctx.now(),
        )
        found.append(asked[source])
    return found
