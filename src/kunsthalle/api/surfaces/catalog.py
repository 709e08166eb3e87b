"""The surface of Catalog Management: one error body that both SDK cores read (catalog-iam-enterprise.md 1.10, U)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from kunsthalle.api.pagination import CATALOG_PAGES
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.surfaces import Surface
from kunsthalle.authz.context import Context
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.core.errors import NOT_FOUND, Problem, Reason

BASE = "/api/v1-beta"
DEFAULT_LIMIT, MOST = 100, 200

_CODES = ClosedTable(
    "reason",
    Reason,
    {
        Reason.INVALID: "bad_request",
        Reason.UNAUTHENTICATED: "unauthorized",
        Reason.FORBIDDEN: "forbidden",
        Reason.NOT_FOUND: "not_found",
        Reason.METHOD: "method_not_allowed",
        Reason.CONFLICT: "conflict",
        Reason.PRECONDITION: "precondition_failed",
        Reason.TOO_LARGE: "payload_too_large",
        Reason.TOO_MANY: "too_many_requests",
        Reason.INTERNAL: "internal",
        Reason.NOT_IMPLEMENTED: "not_implemented",
        Reason.BAD_GATEWAY: "bad_gateway",
        Reason.UNAVAILABLE: "unavailable",
        Reason.TIMEOUT: "timeout",
    },
)


def code_of(problem: Problem) -> str:
    """The family's word for a reason."""
    return _CODES[problem.reason]


_NOUNS = {
    "catalog_id": "catalog",
    "offering_id": "offering",
    "version_loc_id": "version",
    "version_id": "version",
    "object_id": "object",
    "plan_id": "plan",
    "kind_id": "kind",
    "image": "image",
}
"""What the parameter of a path stands for. All but a catalog are looked for in the catalog of their path."""


def _message(problem: Problem) -> str:
    """Says what of a path was looked for in vain. That follows from the path alone: absent and masked read the same."""
    name = "" if problem.target is None else problem.target.name
    if problem.message != NOT_FOUND or name not in _NOUNS:
        return problem.message
    return NOT_FOUND.replace("requested resource", _NOUNS[name])


def _problem(problem: Problem, ctx: Context) -> dict[str, Any]:
    message = _message(problem)
    error: dict[str, Any] = {"code": code_of(problem), "message": message}
    if problem.target is not None:
        error["target"] = {"name": problem.target.name, "type": problem.target.type}
    return {
        "errors": [error],
        "message": message,
        "status_code": problem.reason.value,
        "trace": ctx.trace,
    }


def _headers(ctx: Context) -> Mapping[str, str]:
    return {"X-Global-Transaction-ID": ctx.trace, "X-Request-Id": ctx.trace}


CATALOG = Surface("catalog", _problem, _headers)


Limit = Annotated[int, Meta(ge=1, le=MOST, description="How many resources a page holds at most.")]
Digest = Annotated[bool, Meta(description="Whether to leave out what is long: documents, licences, configurations.")]


class WindowParameters(Parameters, frozen=True):
    """Of every list that is paged by offset (1.4)."""

    offset: Annotated[int, Meta(ge=0, le=10**8, description="How many resources come before the page.")] = 0
    limit: Limit = DEFAULT_LIMIT


def results(
    request: Request, query: WindowParameters, total: int, items: list[Any], passed: int | None = None
) -> dict[str, Any]:
    """The offset envelope: `first`, `last`, `prev`, `next` are relative addresses as strings.

    `passed` is how many places of the list the page takes up; less than the limit where it ends early.
    """
    offset, limit = query.offset, query.limit
    following = offset + (limit if passed is None else passed)
    return {
        "offset": offset,
        "limit": limit,
        "total_count": total,
        "resource_count": len(items),
        **CATALOG_PAGES.links("", request, offset, limit, following if following < total else None, total),
        "resources": items,
    }
