"""The refusal of a caller who sees a resource and lacks an action."""

from __future__ import annotations

from functools import lru_cache

from kunsthalle.authz.roles import ROLES, permits
from kunsthalle.core.errors import Problem, forbidden


@lru_cache(maxsize=512)
def _text(action: str) -> str:
    roles = ", ".join(name for role, name in ROLES.items() if permits(role, action))
    return f"The request is not authorized. Missing action: {action}. Roles with this action: {roles or 'none'}."


def missing_action(action: str) -> Problem:
    """403 that names the action and the roles that carry it. Only for what the caller sees: anything else is 404."""
    return forbidden(_text(action))


def foreign() -> Problem:
    """403 for a change of what another account shares with the caller's: no role of the caller's account allows it."""
    return forbidden("The request is not authorized. The resource belongs to another account, which alone changes it.")
