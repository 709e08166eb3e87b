"""Refusals of Key Protect, with the codes that its documentation names."""

from __future__ import annotations

from kunsthalle.core.errors import Problem, Reason, Target


def bad_request(code: str, message: str, field: str | None = None, *, type_: str = "field") -> Problem:
    return Problem(Reason.INVALID, code, message, Target(field, type_) if field else None)


def wrong_state(message: str) -> Problem:
    """409: the key is in no state for what is asked."""
    return Problem(Reason.CONFLICT, "KEY_ACTION_INVALID_STATE_ERR", message)


def in_use(message: str) -> Problem:
    """409: something is protected by the key."""
    return Problem(Reason.CONFLICT, "PROTECTED_RESOURCE_ERR", message)


def taken(code: str, message: str, field: str) -> Problem:
    return Problem(Reason.CONFLICT, code, message, Target(field))


def rotated_lately() -> Problem:
    """409: a root key is rotated once an hour at most."""
    text = "This root key has been rotated within the last hour: only one rotate action per hour is permitted."
    return Problem(Reason.CONFLICT, "KEY_ROTATION_NOT_PERMITTED", text)
