"""The surface of Key Protect: `/api/v2` with the header `Bluemix-Instance`, and its collections of errors.

Bodies: the Go client reads `errorMsg` and `reasons` (code, message, status, moreInfo, target).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kunsthalle.api.request import Request
from kunsthalle.api.surfaces import Surface
from kunsthalle.authz.context import Context
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.core.errors import Problem, Reason, Target

BASE = "/api/v2"
INSTANCE = "Bluemix-Instance"
"""The header that says in which instance keys are looked for: its ID."""
_COLLECTION = "application/vnd.ibm.kms.error+json"
_PHRASES = ClosedTable(
    "reason",
    Reason,
    {
        Reason.INVALID: ("Bad Request", "BAD_REQUEST_ERR"),
        Reason.UNAUTHENTICATED: ("Unauthorized", "UNAUTHORIZED_ERR"),
        Reason.FORBIDDEN: ("Forbidden", "FORBIDDEN_ERR"),
        Reason.NOT_FOUND: ("Not Found", "KEY_NOT_FOUND_ERR"),
        Reason.METHOD: ("Method Not Allowed", "METHOD_NOT_ALLOWED_ERR"),
        Reason.CONFLICT: ("Conflict", "CONFLICT_ERR"),
        Reason.PRECONDITION: ("Precondition Failed", "PRECONDITION_FAILED_ERR"),
        Reason.TOO_LARGE: ("Payload Too Large", "PAYLOAD_TOO_LARGE_ERR"),
        Reason.TOO_MANY: ("Too Many Requests", "TOO_MANY_REQUESTS_ERR"),
        Reason.INTERNAL: ("Internal Server Error", "INTERNAL_SERVER_ERR"),
        Reason.NOT_IMPLEMENTED: ("Not Implemented", "NOT_IMPLEMENTED_ERR"),
        Reason.BAD_GATEWAY: ("Bad Gateway", "BAD_GATEWAY_ERR"),
        Reason.UNAVAILABLE: ("Service Unavailable", "SERVICE_UNAVAILABLE_ERR"),
        Reason.TIMEOUT: ("Gateway Timeout", "GATEWAY_TIMEOUT_ERR"),
    },
)
_OWN_CODE = "_ERR"
"""How the service's codes end, but for some; others are the product's, and the reason's code stands for them."""
_OTHER_CODES = frozenset(("AUTHORIZATIONS_NOT_MET", "KEY_RESTORE_EXPIRED", "KEY_ROTATION_NOT_PERMITTED"))


def _is_own(code: str) -> bool:
    return code.endswith(_OWN_CODE) or code in _OTHER_CODES


def _problem(problem: Problem, _ctx: Context) -> dict[str, Any]:
    phrase, code = _PHRASES[problem.reason]
    reason: dict[str, Any] = {
        "code": problem.code if _is_own(problem.code) else code,
        "message": problem.message,
        "status": problem.reason.value,
        "moreInfo": "",
    }
    if problem.target is not None:
        reason["target"] = {"type": problem.target.type, "name": problem.target.name}
    error = {"errorMsg": f"{phrase}: {problem.message}", "reasons": [reason]}
    return {"metadata": {"collectionType": _COLLECTION, "collectionTotal": 1}, "resources": [error]}


def _headers(ctx: Context) -> Mapping[str, str]:
    return {"Correlation-Id": ctx.trace, "X-Request-Id": ctx.trace}


def _admit(request: Request, ctx: Context) -> Context:
    if not request.headers.get(INSTANCE.lower(), ""):
        text = f"The header {INSTANCE} must name the instance of Key Protect by its ID (its `guid`)."
        raise Problem(Reason.INVALID, "BAD_REQUEST_ERR", text, Target(INSTANCE, "header"))
    return ctx


KMS = Surface("kms", _problem, _headers, admit=_admit)
