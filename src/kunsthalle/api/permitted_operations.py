"""`/_kunsthalle/refused_operations`: which operations a caller has no role for, so that a client offers none of them.

An operation is refused where the caller's grants cover it for no resource at all. For one resource, the call decides.
"""

from __future__ import annotations

from typing import Annotated
from weakref import WeakKeyDictionary

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.access import Access
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.authz.permissions import Grants
from kunsthalle.core.errors import invalid
from kunsthalle.db.session import Session

PATH = "/_kunsthalle/refused_operations"


class OperationsParameters(Parameters, frozen=True):
    """Which operations are asked about; all where none is named."""

    operation: Annotated[
        tuple[str, ...],
        Meta(description="Method and path of an operation, as `POST /v1/images`; may be repeated. None asks for all."),
    ] = ()


class RefusedOperationsResponse(ResponseBody):
    """Those of the operations that the caller has no role for, whatever they name."""

    refused: list[str]


def _is_refused(grants: Grants, rule: Access) -> bool:
    """Whether the rule is about an action that none of the grants has."""
    return rule.by_role and grants.scope(rule.action).empty


def with_questions(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """The routes, and the one that is asked about them."""
    rules = {entry.name: entry.access for entry in routes}
    known: WeakKeyDictionary[Grants, list[str]] = WeakKeyDictionary()

    def every(grants: Grants) -> list[str]:
        """Kept as long as the grants are: who gets or loses a role holds others from the next request on."""
        names = known.get(grants)
        if names is None:
            names = known[grants] = [name for name, rule in rules.items() if _is_refused(grants, rule)]
        return names

    def refused(session: Session, _request: Request, query: OperationsParameters) -> RefusedOperationsResponse:
        """Say which operations the caller has no role for."""
        if not query.operation:
            return RefusedOperationsResponse(refused=every(session.ctx.grants))
        unknown = [name for name in query.operation if name not in rules]
        if unknown:
            text = f"There is no operation '{unknown[0]}'."
            raise invalid("bad_request", text, "operation", type_="parameter")
        names = [name for name in query.operation if _is_refused(session.ctx.grants, rules[name])]
        return RefusedOperationsResponse(refused=names)

    return (
        *routes,
        route(
            "GET",
            PATH,
            refused,
            surface=OPERATOR,
            access=access.member("kunsthalle.permission.read"),
            query=OperationsParameters,
            answer=RefusedOperationsResponse,
        ),
    )
