"""The surface of the VPC API: `version` and `generation`, error container, paging, hrefs (reference/vpc-api.md A)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from msgspec import Meta

from kunsthalle.api.pagination import VPC_PAGES, Key, key_cursor, key_of
from kunsthalle.api.query_params import Parameters, as_sent
from kunsthalle.api.request import Request
from kunsthalle.api.serialization import form
from kunsthalle.api.surfaces import Surface
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.core.errors import Problem, Target
from kunsthalle.db.pages import Page
from kunsthalle.db.session import Session

M = TypeVar("M")

EARLIEST = "2019-01-01"
NEWEST_KNOWN = "2026-10-07"
"""The SDK's own date is always accepted, even by a server whose clock stands before it (U)."""
DEFAULT_LIMIT, MOST = 50, 100
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
NAME_PATTERN = form(
    r"^([a-z]|[a-z][-a-z0-9]*[a-z0-9]|[0-9][-a-z0-9]*([a-z]|[-a-z][-a-z0-9]*[a-z0-9]))$",
    "lower-case letters, digits and hyphens, begins and ends with a letter or a digit, and is no number",
)
"""Names of resources (vpc-api.md A7), for requests: at most 63 characters."""


def _admit(request: Request, ctx: Context) -> Context:
    version = request.raw_query.get("version")
    if version is None:
        raise as_sent("missing_version", "The version parameter is required, in the form YYYY-MM-DD.", "version")
    if not _is_date(version):
        raise as_sent("invalid_version", "The version must be a date in the form YYYY-MM-DD.", "version")
    if version < EARLIEST or (version > NEWEST_KNOWN and version > _day(ctx.now() + DAY)):
        raise as_sent("invalid_version_range", "The version must be between 2019-01-01 and today.", "version")
    generation = request.raw_query.get("generation")
    if generation is None:
        raise as_sent("missing_generation_parameter", "The generation parameter is required.", "generation")
    if generation != "2":
        raise as_sent("invalid_generation_parameter", "The generation must be 2.", "generation")
    return ctx.speaking(version)


@lru_cache(maxsize=64)
def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _day(moment: int) -> str:
    return rfc3339(moment)[:10]


def _target(target: Target) -> dict[str, str]:
    shown = {"name": target.name, "type": target.type}
    return shown if target.value is None else {**shown, "value": target.value}


def _problem(problem: Problem, ctx: Context) -> dict[str, Any]:
    error: dict[str, Any] = {"code": problem.code, "message": problem.message}
    if problem.target is not None:
        error["target"] = _target(problem.target)
    return {"errors": [error], "trace": ctx.trace}


def _headers(ctx: Context) -> Mapping[str, str]:
    return {"X-Request-Id": ctx.trace, "X-Correlation-Id": ctx.trace}


_CODES = {
    "type": "validation_invalid_field_type",
    "min": "validation_min_value",
    "max": "validation_max_value",
    "choice": "validation_enum",
    "form": "bad_field",
    "required": "validation_required_field",
}


def _malformed(kind: str, message: str, name: str) -> Problem:
    return as_sent(_CODES[kind], message, name)


VPC = Surface("vpc", _problem, _headers, admit=_admit, entities=True, malformed=_malformed)


def href(ctx: Context, path: str) -> str:
    """The address of a resource at the origin the client called."""
    return f"{ctx.origin}/v1{path}"


def _key(token: str) -> Key:
    """The place a token stands for: creation time and id of the last item seen, nothing else's."""
    key = key_of(token)
    if key is None:
        text = "Invalid start token. Use the start value of a previous page."
        raise as_sent("invalid_id_format", text, "start")
    return key


class PageParameters(Parameters, frozen=True):
    """Of every list that has pages: the key to go on behind, and the size of the page."""

    start: Annotated[
        Key | None,
        Meta(description="Where the page begins: `start` in the `next` of another page.", extra={"parse": _key}),
    ] = None
    limit: Annotated[int, Meta(ge=1, le=MOST, description="How many resources a page holds at most.")] = DEFAULT_LIMIT


def collection(
    request: Request, session: Session, key: str, page: Page[M], to_response: Callable[[M, Session], Any], limit: int
) -> dict[str, Any]:
    """The envelope of a paged list (vpc-api.md A5). `next` repeats every filter."""
    origin, size = session.ctx.origin, None if "limit" in request.raw_query else limit
    answer: dict[str, Any] = {
        "first": VPC_PAGES.link(origin, request, limit=size),
        "limit": limit,
        "total_count": page.total,
        key: [to_response(item, session) for item in page.items],
    }
    if page.last is not None:
        answer["next"] = VPC_PAGES.link(origin, request, key_cursor(page.last), size)
    return answer
