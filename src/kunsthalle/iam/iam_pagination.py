"""How the IAM services page: by token (identity), by offset (access groups), by start (policies)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Protocol, TypeVar

from msgspec import Meta
from sqlalchemy import Column, ColumnElement

from kunsthalle.api.pagination import ACCESS_GROUP_PAGES, FURTHEST, IDENTITY_PAGES, POLICY_PAGES, offset_of
from kunsthalle.api.query_params import Fault, Parameters
from kunsthalle.api.request import Request
from kunsthalle.core.errors import Problem, Reason, Target, invalid
from kunsthalle.db.page_bytes import Window, fitting
from kunsthalle.db.pages import window
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType, count
from kunsthalle.iam.models import entity_tag, sent_tag

M = TypeVar("M")


class Identity(Protocol):
    """What an `entity_tag` is made of."""

    @property
    def id(self) -> str: ...
    @property
    def revision(self) -> int: ...


Account = Annotated[str | None, Meta(description="The account, by its ID; the caller's own, unless it is given.")]
Flag = Annotated[bool, Meta(description="Whether the answer shows this, too.")]
History = Annotated[bool, Meta(description="Whether to show the history of changes.")]


def _place(cursor: str) -> int:
    """The offset that a cursor of a list stands for."""
    offset = offset_of(cursor)
    if offset is None:
        raise Fault("form", "one that a list has given")
    return offset


def _following(offset: int, window: Window[Any]) -> int | None:
    return offset + window.passed if window.passed else None


class HistoryParameters(Parameters, frozen=True):
    """Of reading one identity."""

    include_history: History = False


class TokenParameters(HistoryParameters, frozen=True):
    """Of a list of identities (3.2)."""

    account_id: Account = None
    pagesize: Annotated[int, Meta(ge=1, le=100, description="How many resources a page holds at most.")] = 20
    pagetoken: Annotated[
        int,
        Meta(description="Where the page begins: `pagetoken` in the `next` of another page.", extra={"parse": _place}),
    ] = 0
    order: Annotated[Literal["asc", "desc"], Meta(description="Whether the list ascends or descends.")] = "asc"
    filter: Annotated[str | None, Meta(description="A filter expression: known, and answered with 501.")] = None


class OffsetParameters(Parameters, frozen=True):
    """Of a list of access groups or of their members."""

    limit: Annotated[int, Meta(ge=0, le=100, description="How many resources a page holds at most.")] = 50
    offset: Annotated[int, Meta(ge=0, le=FURTHEST, description="How many resources come before the page.")] = 0


class StartParameters(Parameters, frozen=True):
    """Of a list of policies: everything at once, unless one of these is given."""

    limit: Annotated[int, Meta(ge=1, le=100, description="How many resources a page holds at most.")] | None = None
    start: Annotated[
        int | None,
        Meta(description="Where the page begins: `start` in the `next` of another page.", extra={"parse": _place}),
    ] = None


def no_filter(query: TokenParameters) -> None:
    """501 for the filter language, which is known and not offered."""
    if query.filter is not None:
        target = Target("filter", "parameter")
        raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", "The parameter filter is not offered.", target)


def by_token(
    session: Session,
    request: Request,
    query: TokenParameters,
    kind: ResourceType[M],
    sort: Column[Any],
    *where: ColumnElement[bool],
) -> tuple[dict[str, Any], list[M]]:
    """A page of an identity list: `offset`, `limit`, `first`, and `previous` and `next` where there is one (3.2)."""
    no_filter(query)
    size, offset = query.pagesize, query.pagetoken
    order = sort.desc() if query.order == "desc" else sort.asc()
    rows = window(session, kind, *where, order=order, offset=offset, limit=size)
    links = IDENTITY_PAGES.links(session.ctx.origin, request, offset, size, _following(offset, rows))
    return {"offset": offset, "limit": size, **links}, rows.items


def by_offset(
    session: Session, request: Request, query: OffsetParameters, total: int, find: Callable[[int, int], list[M]]
) -> tuple[dict[str, Any], list[M]]:
    """A page of an access-group list: `limit`, `offset`, `total_count` and addresses as objects."""
    limit, offset = query.limit, query.offset
    rows = find(offset, limit) if limit else []
    following = offset + len(rows)
    links = ACCESS_GROUP_PAGES.links(
        session.ctx.origin, request, offset, limit, following if rows and following < total else None, total
    )
    return {"limit": limit, "offset": offset, "total_count": total, **links}, rows


def by_start(
    session: Session,
    request: Request,
    query: StartParameters,
    kind: ResourceType[M],
    order: Any,
    *where: ColumnElement[bool],
    shown_bytes: Callable[[M], int] | None = None,
) -> tuple[dict[str, Any], list[M]]:
    """A page of policies; `first`, `next` and `previous` as objects. Without a `limit` it is everything that fits.

    `shown_bytes` is what the answer has of an item besides what is stored. A page ends early where either is large.
    """
    whole = query.limit is None and query.start is None
    limit, offset = (FURTHEST, 0) if whole else (query.limit or 50, query.start or 0)
    rows = window(session, kind, *where, order=order, offset=offset, limit=limit)
    if shown_bytes is not None:
        rows = _shortened(rows, shown_bytes)
    if whole and not rows.passed:
        return {}, rows.items

    limit = len(rows.items) if whole else limit
    links = POLICY_PAGES.links(session.ctx.origin, request, offset, limit, _following(offset, rows))
    return {"limit": limit, **links}, rows.items


def _shortened(window: Window[M], shown_bytes: Callable[[M], int]) -> Window[M]:
    sizes = [(shown_bytes(row),) for row in window.items]
    shown, more = fitting(sizes, len(sizes))
    return Window(window.items[: len(shown)], len(shown)) if more else window


def total_of(session: Session, kind: ResourceType[Any], *where: ColumnElement[bool]) -> int:
    """How many of a kind the caller may read."""
    return count(session, kind, *where)


def if_match(request: Request, tag: str, revision: int) -> int | None:
    """The revision that an identity's `If-Match` insists on; None for `*`. 400 without, 409 for another version."""
    tags = sent_tag(request.headers.get("if-match", ""))
    if not tags:
        raise invalid("bad_request", "If-Match is required: the entity_tag, or *.", "If-Match", type_="header")
    if tags == "*":
        return None
    if tags != tag:
        target = Target("If-Match", "header")
        raise Problem(Reason.CONFLICT, "conflict", "If-Match is not the present entity_tag.", target)
    return revision


def matched(request: Request, identity: Identity) -> int | None:
    """The revision of an identity that its `If-Match` insists on, as `if_match` says."""
    return if_match(request, entity_tag(identity.id, identity.revision), identity.revision)


def given(body: Any, *names: str) -> dict[str, Any]:
    """The fields of a body that were sent, null left out: clients send null for what they leave as it is."""
    return {name: value for name in names if isinstance(value := getattr(body, name), str | bool | int | list)}
