"""Who may see and boot an offering: one rule, which look-ups, lists, boots and explanations read.

`RULE` is a decision list: its conditions are asked in order, and the first one that decides, decides. Each condition
states one fact twice, side by side: over loaded `Terms`, and as SQL. `decide` evaluates the rule and says why;
`seen_by_others` compiles it. The rule is that of catalog-iam-enterprise.md 1.9 and of the source page (R5).

The rule is about accounts. A user also needs Viewer on the catalog service in their own account.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, and_, false, literal, not_, or_

from kunsthalle.accounts.queries import enterprise_of, recipients
from kunsthalle.accounts.resources import enterprise_id
from kunsthalle.accounts.tables import accounts
from kunsthalle.authz.context import Context
from kunsthalle.authz.permissions import PermissionScope
from kunsthalle.catalogs.models import Offering
from kunsthalle.catalogs.states import PUBLISHED as PUBLISHED_STATES
from kunsthalle.catalogs.tables import (
    access_entries,
    catalog_objects,
    catalogs,
    object_entries,
    offerings,
    publish_approvals,
    share_approvals,
    versions,
)
from kunsthalle.core.records import dataclass
from kunsthalle.db.scope_conditions import exists
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import any_row, rows_of
from kunsthalle.db.visibility import either, every

TYPE = "offering"
"""The type of the share approvals that are about offerings."""

Predicate = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Terms:
    """What of an offering decides who may boot it. A dry run changes some of it.

    `answers` are the states of the owner's share approvals by identifier.
    """

    owner: str
    live: bool
    published: bool
    public: bool
    approved: bool
    enabled: bool
    listed: frozenset[str]
    enterprise: str | None
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receiver:
    """An account that an offering may be shared with. `identifiers` are those by which an access list names it."""

    account_id: str
    enterprise: str | None
    identifiers: frozenset[str]


STRANGER = Receiver("", None, frozenset())
"""An account that no access list names."""


class Caller(NamedTuple):
    """What decides which resources of other accounts a caller sees.

    `by_id` is for look-ups of one resource, which evaluate every condition, so that they take as long for what is
    hidden.
    """

    account_id: str
    enterprise: str | None
    recipients: tuple[str, ...]
    scope: PermissionScope
    by_id: bool

    def all_of(self, *conditions: Predicate) -> Predicate:
        return every(*conditions) if self.by_id else and_(*conditions)

    def any_of(self, *conditions: Predicate) -> Predicate:
        return either(*conditions) if self.by_id else or_(*conditions)


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """A table whose rows are shared by access lists, and what in it stands for each of the `Terms`."""

    owner: ColumnElement[str]
    type_: ColumnElement[str]
    published: Predicate
    public: Predicate
    approved: Predicate
    enabled: Predicate
    entries: Table
    on_entry: Predicate


def in_live_catalog(catalog_id: ColumnElement[str]) -> Predicate:
    """Whether a row is in a catalog that is not deleted."""
    return exists(catalogs, _live(catalog_id))


def _live(catalog_id: ColumnElement[str] | str) -> Predicate:
    return and_(catalogs.c.id == catalog_id, catalogs.c.state == "live")


def _published(offering_id: ColumnElement[str] | str) -> Predicate:
    return and_(versions.c.offering_id == offering_id, versions.c.state.in_(PUBLISHED_STATES))


def _granted(offering_id: ColumnElement[str] | str) -> Predicate:
    return and_(publish_approvals.c.offering_id == offering_id, publish_approvals.c.state == "granted")


OFFERINGS = Shared(
    owner=offerings.c.account_id,
    type_=literal(TYPE),
    published=exists(versions, _published(offerings.c.id)),
    public=offerings.c.share_with_all,
    approved=exists(publish_approvals, _granted(offerings.c.id)),
    enabled=offerings.c.share_enabled,
    entries=access_entries,
    on_entry=access_entries.c.offering_id == offerings.c.id,
)

OBJECTS = Shared(
    owner=catalog_objects.c.account_id,
    type_=catalog_objects.c.kind,
    published=catalog_objects.c.state == "consumable",
    public=false(),
    approved=false(),
    enabled=catalog_objects.c.share_enabled,
    entries=object_entries,
    on_entry=object_entries.c.object_id == catalog_objects.c.id,
)
"""Catalog objects follow the rule of offerings, but are never published outside their enterprise."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of the rule, over terms and as SQL.

    One that `grants` allows an account for which it holds; any other refuses an account for which it does not hold.
    Otherwise the next condition is asked. `reason` is told where this one decides. `sql` is None for what
    `db.visibility` asks of every resource type: whether the row is live, and whether the caller's account owns it.
    """

    grants: bool
    reason: str
    holds: Callable[[Terms, Receiver], bool]
    sql: Callable[[Caller, Shared], Predicate] | None


class Decision(NamedTuple):
    """Whether an account may boot an offering, and why or why not."""

    may_boot: bool
    reason: str


def _within_reach(terms: Terms, receiver: Receiver) -> bool:
    inside = terms.enterprise is not None and terms.enterprise == receiver.enterprise
    return inside or terms.approved


def _within_reach_sql(caller: Caller, rows: Shared) -> Predicate:
    inside: Predicate = false()
    if caller.enterprise is not None:
        inside = exists(accounts, accounts.c.id == rows.owner, accounts.c.enterprise_id == caller.enterprise)
    return caller.any_of(inside, rows.approved)


def _named_sql(caller: Caller, rows: Shared) -> Predicate:
    return exists(rows.entries, rows.on_entry, rows.entries.c.identifier.in_(caller.recipients))


def _answered_sql(rows: Shared, identifier: ColumnElement[str] | str, state: str) -> Predicate:
    same = (share_approvals.c.source_account_id == rows.owner, share_approvals.c.type == rows.type_)
    return exists(share_approvals, *same, share_approvals.c.identifier == identifier, share_approvals.c.state == state)


def _accepted_by_entry(terms: Terms, receiver: Receiver) -> bool:
    return any(terms.answers.get(identifier) == "approved" for identifier in terms.listed & receiver.identifiers)


def _accepted_by_entry_sql(caller: Caller, rows: Shared) -> Predicate:
    entry = rows.entries.c.identifier
    if not caller.by_id:
        named = entry.in_(caller.recipients)
        return exists(rows.entries, rows.on_entry, named, _answered_sql(rows, entry, "approved"))
    each = (
        every(exists(rows.entries, rows.on_entry, entry == recipient), _answered_sql(rows, recipient, "approved"))
        for recipient in caller.recipients
    )  # each by itself: whether a list names the caller changes nothing of the work
    return either(false(), *each)


LIVE = Condition(
    grants=False,
    reason="the catalog is deleted",
    holds=lambda terms, _: terms.live,
    sql=None,
)
PUBLISHED = Condition(
    grants=False,
    reason="nothing is published",
    holds=lambda terms, _: terms.published,
    sql=lambda _, rows: rows.published,
)
OWNED = Condition(
    grants=True,
    reason="it is the owner",
    holds=lambda terms, receiver: terms.owner == receiver.account_id,
    sql=None,
)
PUBLIC = Condition(
    grants=True,
    reason="it is published to all",
    holds=lambda terms, _: terms.public and terms.approved,
    sql=lambda caller, rows: caller.all_of(rows.public, rows.approved),
)
ENABLED = Condition(
    grants=False,
    reason="sharing is switched off",
    holds=lambda terms, _: terms.enabled,
    sql=lambda _, rows: rows.enabled,
)
WITHIN_REACH = Condition(
    grants=False,
    reason="it is unknown, or outside the enterprise",
    holds=_within_reach,
    sql=_within_reach_sql,
)
NAMED = Condition(
    grants=False,
    reason="it is not on the access list",
    holds=lambda terms, receiver: not terms.listed.isdisjoint(receiver.identifiers),
    sql=_named_sql,
)
NOT_REJECTED = Condition(
    grants=False,
    reason="it has rejected the source",
    holds=lambda terms, receiver: terms.answers.get(receiver.account_id) != "rejected",
    sql=lambda caller, rows: not_(_answered_sql(rows, caller.account_id, "rejected")),
)
ACCEPTED = Condition(
    grants=True,
    reason="it has accepted the source",
    holds=lambda terms, receiver: terms.answers.get(receiver.account_id) == "approved",
    sql=lambda caller, rows: _answered_sql(rows, caller.account_id, "approved"),
)
ACCEPTED_BY_ENTRY = Condition(
    grants=True,
    reason="its enterprise or group has accepted the source",
    holds=_accepted_by_entry,
    sql=_accepted_by_entry_sql,
)
RULE = (
    LIVE,
    PUBLISHED,
    OWNED,
    PUBLIC,
    ENABLED,
    WITHIN_REACH,
    NAMED,
    NOT_REJECTED,
    ACCEPTED,
    ACCEPTED_BY_ENTRY,
)
UNDECIDED = Decision(False, "it has not answered yet")


def decide(terms: Terms, receiver: Receiver) -> Decision:
    """Evaluate the rule for one account."""
    for condition in RULE:
        if condition.holds(terms, receiver) == condition.grants:
            return Decision(condition.grants, condition.reason)
    return UNDECIDED


def seen_by_others(caller: Caller, rows: Shared) -> Predicate:
    """Compile the rule for the rows of other accounts that are live.

    An owner sees also what is not published; `boot_resolution` asks for a published version.
    """
    compiled: list[Predicate] = []
    for grants, group in groupby(reversed(RULE), key=lambda condition: condition.grants):
        predicates = [condition.sql(caller, rows) for condition in group if condition.sql is not None]
        if predicates:
            predicates = [*reversed(predicates), *compiled]
            compiled = [caller.any_of(*predicates) if grants else caller.all_of(*predicates)]
    return compiled[0]


def caller_of(session: Session, scope: PermissionScope, *, by_id: bool = False) -> Caller:
    """Return the caller of a transaction; `scope` is what their roles let them read."""
    ctx = session.ctx
    return Caller(ctx.account_id, enterprise_id(ctx) or None, tuple(ctx.recipients), scope, by_id)


def load_terms(session: Session, offering: Offering) -> Terms:
    """Load the terms of an offering as they are, without `answers`, which are many and only some callers need."""
    entries = rows_of(session, access_entries, access_entries.c.offering_id == offering.id)
    return Terms(
        owner=offering.account_id,
        live=any_row(session, catalogs, _live(offering.catalog_id)),
        published=any_row(session, versions, _published(offering.id)),
        public=offering.share_with_all,
        approved=any_row(session, publish_approvals, _granted(offering.id)),
        enabled=offering.share_enabled,
        listed=frozenset(entry.identifier for entry in entries),
        enterprise=enterprise_of(session, offering.account_id),
    )


def load_answers(session: Session, owner: str, type_: str = TYPE) -> dict[str, str]:
    """Load what has been answered to an account's share requests, by the identifier that each was sent to."""
    sent = (share_approvals.c.source_account_id == owner, share_approvals.c.type == type_)
    return {row.identifier: row.state for row in rows_of(session, share_approvals, *sent)}


def load_receiver(session: Session, account_id: str) -> Receiver:
    """Load an account as one that an offering may be shared with. An unknown account is in no enterprise."""
    return Receiver(account_id, enterprise_of(session, account_id), frozenset(recipients(session, account_id)))


def receiver_of(ctx: Context) -> Receiver:
    """Return the caller's own account as one that an offering may be shared with."""
    return Receiver(ctx.account_id, enterprise_id(ctx) or None, frozenset(ctx.recipients))
