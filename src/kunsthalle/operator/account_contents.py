"""`/_kunsthalle/account_contents`: what an account holds, before its enterprise deletes it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from kunsthalle.accounts.resources import USER
from kunsthalle.api import access
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of
from kunsthalle.operator.accounts import find_account
from kunsthalle.search.searchable_resources import SEARCHED

PATH = "/_kunsthalle/account_contents"


class ContentsParameters(Parameters, frozen=True):
    """Whose contents."""

    account: Annotated[str, Meta(description="Id or name of the account.")]


class ContentResponse(ResponseBody):
    """How many resources of a type there are; types are those of CRNs, and `user`."""

    type: str
    number: int


class ContentsResponse(ResponseBody):
    """What an account holds, by type; types without any are left out."""

    account_id: str
    account: str
    contents: list[ContentResponse]


def _contents(session: Session, _request: Request, query: ContentsParameters) -> ContentsResponse:
    """Say how many resources of each type an account has."""
    account = find_account(session, query.account)
    tables = [*((searched.type, searched.kind.table) for searched in SEARCHED), ("user", USER.table)]
    numbers = dict[str, int]()
    for name, table in tables:
        number = number_of(session, table, table.c.account_id == account.id)
        numbers[name] = numbers.get(name, 0) + number
    contents = [ContentResponse(type=name, number=number) for name, number in numbers.items() if number]
    return ContentsResponse(account_id=account.id, account=account.name, contents=contents)


def routes() -> tuple[Route, ...]:
    """What accounts hold, for the operator: nobody else is told of another account."""
    read = access.operator("kunsthalle.account.read")
    return (
        route(
            "GET",
            PATH,
            _contents,
            surface=OPERATOR,
            access=read,
            query=ContentsParameters,
            answer=ContentsResponse,
            long=True,
        ),
    )
