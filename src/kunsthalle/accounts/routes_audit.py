"""The audit: `/v1/audit` for an account's Administrator, `/_kunsthalle/audit` for the operator."""

from __future__ import annotations

from functools import partial

from msgspec import UNSET, UnsetType

from kunsthalle.accounts import paging
from kunsthalle.accounts.queries import user
from kunsthalle.api import access
from kunsthalle.api.access import Access
from kunsthalle.api.families.iam import OPERATOR, PLATFORM
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import duration, moment, rfc3339
from kunsthalle.core.errors import forbidden, invalid
from kunsthalle.store import audit
from kunsthalle.store.unit import Unit

READ = "iam-access-management.audit.inspect"
DEFAULT, MOST = 50, 200


class Whole(Access, frozen=True):
    """For who may do the action on everything in the account: 403 for those who may on a part."""

    def check(self, unit: Unit, request: Request) -> None:  # noqa: ARG002  the rule's shape
        if not unit.ctx.grants.reach(self.action).everything:
            raise forbidden()


class EntryWire(Wire):
    """One deed. `outcome` is the HTTP status; `account_id` is the actor's account. `initiator` is on whose behalf the
    product did something by itself, later than it was asked to."""

    id: str
    at: str
    account_id: str
    actor: str
    action: str
    target: str
    outcome: int
    trace: str
    actor_email: str | UnsetType = UNSET
    initiator: str | UnsetType = UNSET
    initiator_email: str | UnsetType = UNSET
    resource_crn: str | UnsetType = UNSET
    code: str | UnsetType = UNSET


class AuditWire(Wire):
    """A page, newest first."""

    limit: int
    entries: list[EntryWire]
    next_url: str | UnsetType = UNSET


def _when(unit: Unit, request: Request, name: str) -> int | None:
    """A moment (RFC 3339), or a duration back from now (`7d`, `PT30M`)."""
    text = request.query.get(name)
    if text is None:
        return None
    for read in (moment, lambda given: unit.ctx.now() - duration(given)):
        try:
            return read(text)
        except (ValueError, OverflowError):
            continue
    raise invalid("bad_request", f"{name} is a moment (RFC 3339) or a duration such as 7d.", name, type_="parameter")


def entry_wire(unit: Unit, entry: audit.Entry) -> EntryWire:
    who = user(unit, entry.account_id, entry.actor)
    asked = user(unit, entry.account_id, entry.initiator) if entry.initiator else None
    return EntryWire(
        id=entry.id,
        at=rfc3339(entry.at),
        account_id=entry.account_id,
        actor=entry.actor,
        action=entry.action,
        target=entry.target,
        outcome=entry.outcome,
        trace=entry.trace,
        actor_email=who.user_id if who else UNSET,
        initiator=entry.initiator or UNSET,
        initiator_email=asked.user_id if asked else UNSET,
        resource_crn=entry.thing_crn or UNSET,
        code=entry.code or UNSET,
    )


def _list(unit: Unit, request: Request, *, everywhere: bool) -> AuditWire:
    query, limit = request.query, paging.size(request, DEFAULT, MOST)
    found = audit.page(
        unit,
        everywhere=everywhere,
        account_id=query.get("account_id"),
        about=[query["target"]] if query.get("target") else [],
        action=query.get("action"),
        since=_when(unit, request, "since"),
        until=_when(unit, request, "until"),
        after=paging.behind(request, "start"),
        limit=limit,
    )
    shown = [entry_wire(unit, entry) for entry in found.items]
    return AuditWire(limit=limit, entries=shown, next_url=paging.next_url(request, "start", found.last) or UNSET)


def _own(unit: Unit, request: Request) -> AuditWire:
    """What was done in the account and to its things, sign-ins and refusals included; for its Administrators."""
    return _list(unit, request, everywhere=False)


def _all(unit: Unit, request: Request) -> AuditWire:
    """What was done in every account; for the operator."""
    return _list(unit, request, everywhere=True)


def routes() -> tuple[Route, ...]:
    make = partial(route, "GET", answer=AuditWire)
    whole, operator = Whole(READ), access.operator("kunsthalle.audit.read")
    return (
        make("/v1/audit", _own, family=PLATFORM, access=whole),
        make("/_kunsthalle/audit", _all, family=OPERATOR, access=operator),
    )
