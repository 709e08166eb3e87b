"""The audit: `/v1/audit` for an account's Administrator, `/_kunsthalle/audit` for the operator."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.accounts.queries import user
from kunsthalle.api import access
from kunsthalle.api.access import Access
from kunsthalle.api.pagination import PLATFORM_PAGES, Key, next_page, next_url, sized
from kunsthalle.api.query_params import Fault, Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR, PLATFORM
from kunsthalle.authz.access_refusals import missing_action
from kunsthalle.core.clock import duration, moment, rfc3339
from kunsthalle.db import audit
from kunsthalle.db.session import Session

READ = "iam-access-management.audit.inspect"
DEFAULT, MOST = 50, 200


class Whole(Access, frozen=True):
    """For who may do the action on everything in the account: 403 for those who may on a part."""

    def check(self, session: Session, request: Request) -> None:  # noqa: ARG002  the rule's shape
        if not session.ctx.grants.scope(self.action).everything:
            raise missing_action(self.action)


class EntryResponse(ResponseBody):
    """One action. `outcome` is the HTTP status; `account_id` is the actor's account. `initiator` is on whose behalf the
    product did something by itself, later than it was asked to. `client` is the network address that a request came
    from; of other accounts' actions on one's resources it is not shown."""

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
    client: str | UnsetType = UNSET


class AuditResponse(ResponseBody):
    """A page, newest first."""

    limit: int
    entries: list[EntryResponse]
    next_url: str | UnsetType = UNSET


def _moment(text: str) -> tuple[int | None, int]:
    """A moment (RFC 3339), or a duration (`7d`, `PT30M`) back from now: the moment there is, and what to take off."""
    for read in (lambda text: (moment(text), 0), lambda text: (None, duration(text))):
        try:
            return read(text)
        except (ValueError, OverflowError):
            continue
    raise Fault("form", "a moment (RFC 3339) or a duration such as 7d")


When = tuple[int | None, int] | None


class AuditParameters(Parameters, frozen=True):
    """Of the lists of what was done."""

    account_id: Annotated[str | None, Meta(description="Only actions by this account.")] = None
    action: Annotated[str | None, Meta(description="Only actions of this name.")] = None
    target: Annotated[str | None, Meta(description="Only actions on paths and CRNs that begin with this.")] = None
    since: Annotated[
        When,
        Meta(
            description="Only actions since this time (RFC 3339), or since this duration ago: 7d, PT30M.",
            extra={"parse": _moment},
        ),
    ] = None
    until: Annotated[
        When,
        Meta(description="Only actions before this time, or before this duration ago.", extra={"parse": _moment}),
    ] = None
    start: Annotated[Key | None, next_page(PLATFORM_PAGES)] = None
    limit: Annotated[int, sized(MOST)] = DEFAULT


def _when(session: Session, asked: When) -> int | None:
    if asked is None:
        return None
    return session.ctx.now() - asked[1] if asked[0] is None else asked[0]


def entry_response(session: Session, entry: audit.Entry, *, everywhere: bool = False) -> EntryResponse:
    own = everywhere or entry.account_id == session.ctx.account_id
    who = user(session, entry.account_id, entry.actor)
    asked = user(session, entry.account_id, entry.initiator) if entry.initiator else None
    return EntryResponse(
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
        client=(entry.client or UNSET) if own else UNSET,
    )


def _list(session: Session, request: Request, query: AuditParameters, *, everywhere: bool) -> AuditResponse:
    limit = query.limit or DEFAULT
    page = audit.page(
        session,
        everywhere=everywhere,
        account_id=query.account_id,
        about=[query.target] if query.target else [],
        action=query.action,
        since=_when(session, query.since),
        until=_when(session, query.until),
        after=query.start,
        limit=limit,
    )
    shown = [entry_response(session, entry, everywhere=everywhere) for entry in page.items]
    return AuditResponse(limit=limit, entries=shown, next_url=next_url(request, PLATFORM_PAGES, page.last) or UNSET)


def _own(session: Session, request: Request, query: AuditParameters) -> AuditResponse:
    """What was done in the account and to its resources, sign-ins and refusals included; for its Administrators."""
    return _list(session, request, query, everywhere=False)


def _all(session: Session, request: Request, query: AuditParameters) -> AuditResponse:
    """What was done in every account; for the operator."""
    return _list(session, request, query, everywhere=True)


def routes() -> tuple[Route, ...]:
    make = partial(route, "GET", query=AuditParameters, answer=AuditResponse)
    whole, operator = Whole(READ), access.operator("kunsthalle.audit.read")
    return (
        make("/v1/audit", _own, surface=PLATFORM, access=whole),
        make("/_kunsthalle/audit", _all, surface=OPERATOR, access=operator),
    )
