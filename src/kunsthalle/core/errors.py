"""What can go wrong, in the words of the domain. API families translate these to their envelopes, once.

`message` is for the caller; `private` is for the log and never leaves the process.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

NOT_FOUND = "The requested resource does not exist, or cannot be accessed."
"""The one text for everything that is hidden or absent (the source page, R6)."""


class Reason(Enum):
    """Why a request is refused; each family maps these to a status and a code."""

    INVALID = 400
    UNAUTHENTICATED = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    METHOD = 405
    CONFLICT = 409
    PRECONDITION = 412
    TOO_LARGE = 413
    TOO_MANY = 429
    INTERNAL = 500
    NOT_IMPLEMENTED = 501
    BAD_GATEWAY = 502
    UNAVAILABLE = 503
    TIMEOUT = 504


class Target(Struct, frozen=True):
    """What in the request is meant: a `field` of the body (dotted), a `parameter` or a `header`."""

    name: str
    type: str = "field"
    value: str | None = None


class Problem(Exception):
    """A refusal. Raising one always rolls the transaction back.

    `retry_after`: seconds after which the same request may succeed; sent as the header `Retry-After`.
    """

    def __init__(
        self,
        reason: Reason,
        code: str,
        message: str,
        target: Target | None = None,
        private: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code
        self.message = message
        self.target = target
        self.private = private
        self.retry_after = retry_after


class Unaudited(Problem):
    """A refusal that says nothing of what the caller may do, or repeats one that is audited: it is not audited."""


def invalid(code: str, message: str, field: str | None = None, *, type_: str = "field") -> Problem:
    """400 with the code of the reference and the field named."""
    return Problem(Reason.INVALID, code, message, Target(field, type_) if field else None)


def not_found(name: str = "id", type_: str = "parameter", hint: str = "") -> Problem:
    """404: the same for what never existed, is gone, or belongs to somebody else.

    `hint` is added to the text, for names that everybody may know.
    """
    return Problem(Reason.NOT_FOUND, "not_found", NOT_FOUND + hint, Target(name, type_))


def forbidden(message: str = "The request is not authorized.") -> Problem:
    """403: the caller sees the resource and lacks the role for the action."""
    return Problem(Reason.FORBIDDEN, "not_authorized", message)


def unauthenticated(message: str = "The token is missing, invalid or expired.") -> Problem:
    """401."""
    return Problem(Reason.UNAUTHENTICATED, "not_authorized", message)


def conflict(code: str, message: str, field: str | None = None) -> Problem:
    """409: the state of the resource forbids it; nothing changed."""
    return Problem(Reason.CONFLICT, code, message, Target(field) if field else None)


def too_many(message: str, retry_after: int) -> Problem:
    """429: the account has as many of something under way as it may have; some end by themselves.

    `retry_after`: seconds after which a place may be free.
    """
    text = f"{message} Try again when some have ended."
    return Problem(Reason.TOO_MANY, "rate_limit_exceeded", text, retry_after=retry_after)
