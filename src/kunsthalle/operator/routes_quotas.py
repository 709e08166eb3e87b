"""`/_kunsthalle/quotas`: how much accounts have of what a quota counts, and how much they may have."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api import access
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.core.errors import invalid
from kunsthalle.core.quota_names import LARGEST, QUOTAS
from kunsthalle.db.session import Session
from kunsthalle.operator import account_quotas
from kunsthalle.operator.account_quotas import AccountQuota, BadQuota

PATH = "/_kunsthalle/quotas"
CHANGE = "kunsthalle.quota.update"
NEAR_PERCENT = 80
"""From so many percent on a quota is told without being asked for."""
MOST_NEAR = 20


class QuotaParameters(Parameters, frozen=True):
    """Whose quotas are listed."""

    account: Annotated[
        str, Meta(description=f"Id or name of an account; without it those that have used {NEAR_PERCENT} % or more.")
    ] = ""


class ChangeQuotaRequest(RequestBody):
    """`account` is an id or a name; without `limit`, or with null, the default applies to it again."""

    account: Annotated[str, Meta(max_length=512)]
    limit: Annotated[int, Meta(ge=0, le=LARGEST)] | None = None


class QuotaResponse(ResponseBody):
    """A quota of an account. `limit` is left out where there is none; `set_for` is `account` or `default`."""

    account_id: str
    account: str
    name: str
    counts: str
    used: int
    limit: int | UnsetType = UNSET
    set_for: str | UnsetType = UNSET


class QuotasResponse(ResponseBody):
    """Quotas of one account, in the order of their names' table; or of many, the fullest first."""

    quotas: list[QuotaResponse]


def _named(session: Session, text: str) -> str:
    try:
        return account_quotas.account_named(session, text)
    except BadQuota as error:
        raise invalid("bad_request", str(error), "account", type_="parameter") from error


def _response(account_id: str, account: str, quota: AccountQuota) -> QuotaResponse:
    return QuotaResponse(
        account_id=account_id,
        account=account,
        name=quota.name,
        counts=QUOTAS[quota.name],
        used=quota.used,
        limit=UNSET if quota.limit is None else quota.limit,
        set_for="account" if quota.own else "default",
    )


def _near(session: Session) -> list[QuotaResponse]:
    return [
        QuotaResponse(
            account_id=row.account_id,
            account=row.account,
            name=row.name,
            counts=QUOTAS[row.name],
            used=row.used,
            limit=row.limit,
        )
        for row in account_quotas.nearest(session, NEAR_PERCENT, MOST_NEAR)
    ]


def _list(session: Session, _request: Request, query: QuotaParameters) -> QuotasResponse:
    """List the quotas of an account, or those of which most is used."""
    if not query.account:
        return QuotasResponse(quotas=_near(session))
    account_id = _named(session, query.account)
    name, rows = account_quotas.name_of(session, account_id), account_quotas.every(session, account_id)
    return QuotasResponse(quotas=[_response(account_id, name, row) for row in rows])


def _put(session: Session, account_id: str, quota: str, limit: int | None) -> None:
    try:
        if limit is None:
            account_quotas.clear(session, account_id, quota)
        else:
            account_quotas.put(session, account_id, quota, limit)
    except BadQuota as error:
        raise invalid("bad_request", str(error), "name", type_="parameter") from error


def _change(session: Session, request: Request) -> QuotaResponse:
    """Set a quota of an account, or have the default apply to it again."""
    body: ChangeQuotaRequest = request.body
    account_id, quota = _named(session, body.account), request.params["name"]
    _put(session, account_id, quota, body.limit)
    row = next(row for row in account_quotas.every(session, account_id) if row.name == quota)
    return _response(account_id, account_quotas.name_of(session, account_id), row)


def quota_routes() -> tuple[Route, ...]:
    read, change = access.operator("kunsthalle.quota.read"), access.operator(CHANGE)
    return (
        route(
            "GET", PATH, _list, surface=OPERATOR, access=read, query=QuotaParameters, answer=QuotasResponse, long=True
        ),
        route(
            "PUT",
            f"{PATH}/{{name}}",
            _change,
            surface=OPERATOR,
            access=change,
            body=ChangeQuotaRequest,
            answer=QuotaResponse,
        ),
    )
