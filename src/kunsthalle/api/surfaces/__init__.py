"""A family of APIs: its error envelope, its headers, and what it asks of every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kunsthalle.api.query_params import BAD_REQUEST, Malformed
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem

if TYPE_CHECKING:
    from kunsthalle.api.request import Request


def _admit(_request: Request, ctx: Context) -> Context:
    return ctx


class Surface(Struct, frozen=True, eq=False):
    """`problem` makes the body of a refusal, `headers` go on every answer, `admit` checks what every call must have.

    `malformed` refuses a query parameter whose value is none that it takes.

    `entities` says that single resources are answered with a tag, and that changes may name the one they mean.
    """

    name: str
    problem: Callable[[Problem, Context], Any]
    headers: Callable[[Context], Mapping[str, str]]
    status: Callable[[Problem], int] = lambda problem: problem.reason.value
    admit: Callable[[Request, Context], Context] = _admit
    entities: bool = False
    malformed: Malformed = BAD_REQUEST
