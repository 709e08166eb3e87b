"""The surfaces of the platform: IAM tokens, IAM identity, policies, and the plain one of enterprise and resources.

Bodies and codes: reference/catalog-iam-enterprise.md 3.1 to 3.3, 3.7 and 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kunsthalle.api.surfaces import Surface
from kunsthalle.api.surfaces.catalog import code_of
from kunsthalle.authz.context import Context
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.core.errors import Problem, Reason

_WITHOUT_OWN = (
    Reason.METHOD,
    Reason.TOO_LARGE,
    Reason.TOO_MANY,
    Reason.INTERNAL,
    Reason.NOT_IMPLEMENTED,
    Reason.BAD_GATEWAY,
    Reason.UNAVAILABLE,
    Reason.TIMEOUT,
)
"""Reasons for which the services have no code of their own."""
_POLICY_CODES = ClosedTable(
    "reason",
    Reason,
    {
        Reason.UNAUTHENTICATED: "invalid_token",
        Reason.FORBIDDEN: "insufficent_permissions",  # spelled as the service spells it
        Reason.NOT_FOUND: "policy_not_found",
        Reason.CONFLICT: "policy_conflict_error",
        Reason.PRECONDITION: "request_not_processed",
        Reason.INVALID: "invalid_body",
        **dict.fromkeys(_WITHOUT_OWN, "unable_to_process"),
    },
)
_IDENTITY_CODES = ClosedTable(
    "reason",
    Reason,
    {
        Reason.UNAUTHENTICATED: "BXNIM0308E",
        Reason.FORBIDDEN: "BXNIM0513E",
        Reason.NOT_FOUND: "BXNIM0145E",
        Reason.CONFLICT: "BXNIM0146E",
        Reason.INVALID: "BXNIM0106E",
        Reason.PRECONDITION: "BXNIM0101E",
        **dict.fromkeys(_WITHOUT_OWN, "BXNIM0101E"),
    },
)


def _token_problem(problem: Problem, ctx: Context) -> dict[str, Any]:
    code = problem.code if problem.code.startswith("BXNIM") else "BXNIM0106E"
    return {
        "errorCode": code,
        "errorMessage": problem.message,
        "errorDetails": problem.message,
        "context": {"requestId": ctx.trace, "requestType": "incoming.Identity_Token", "url": ctx.origin},
    }


def _identity_problem(problem: Problem, ctx: Context) -> dict[str, Any]:
    code = _IDENTITY_CODES[problem.reason]
    details = problem.target.name if problem.target is not None else ""
    return {
        "context": {"transaction_id": ctx.trace, "operation": "", "instance_id": "kunsthalle"},
        "status_code": problem.reason.value,
        "errors": [{"code": code_of(problem), "message_code": code, "message": problem.message, "details": details}],
        "trace": ctx.trace,
    }


def _policy_problem(problem: Problem, ctx: Context) -> dict[str, Any]:
    code = _POLICY_CODES[problem.reason]
    error: dict[str, Any] = {"code": code, "message": problem.message, "more_info": ""}
    return {"errors": [error], "trace": ctx.trace, "status_code": problem.reason.value}


def _plain_problem(problem: Problem, ctx: Context) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code_of(problem), "message": problem.message}
    if problem.target is not None:
        error["target"] = {"name": problem.target.name, "type": problem.target.type}
    return {"errors": [error], "trace": ctx.trace, "status_code": problem.reason.value}


def _headers(ctx: Context) -> Mapping[str, str]:
    return {"Transaction-Id": ctx.trace, "X-Request-Id": ctx.trace}


TOKEN = Surface("iam-token", _token_problem, _headers)
IDENTITY = Surface("iam-identity", _identity_problem, _headers)
POLICY = Surface("iam-policy", _policy_problem, _headers)
PLATFORM = Surface("platform", _plain_problem, _headers)
OPERATOR = Surface("operator", _plain_problem, _headers)
