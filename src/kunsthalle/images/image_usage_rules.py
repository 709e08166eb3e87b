"""What something bootable may be used for, as requests say it and images, boot volumes and snapshots keep it (D1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.surfaces.vpc import EARLIEST, NEWEST_KNOWN
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import invalid
from kunsthalle.db.session import Session
from kunsthalle.images import allowed_use
from kunsthalle.images.schemas import AllowedUseRequest

ANY: Mapping[str, str] = {"api_version": EARLIEST, "instance": "true", "bare_metal_server": "true"}
"""What is kept of something whose use nobody restricted."""


def uses(
    session: Session, body: AllowedUseRequest | UnsetType, before: Mapping[str, Any], field: str = "allowed_use"
) -> dict[str, str]:
    """What is given over what was before; 400 `bad_field` for what cannot be read or is not allowed."""
    merged = {**ANY, **before}
    if isinstance(body, UnsetType):
        return merged
    for name, variables in (("instance", allowed_use.INSTANCE), ("bare_metal_server", allowed_use.BARE_METAL)):
        expression = getattr(body, name)
        if expression is UNSET:
            continue
        try:
            allowed_use.check(expression, variables)
        except allowed_use.BadExpression as error:
            raise invalid("bad_field", f"Invalid expression: {error}.", f"{field}.{name}") from error
        merged[name] = expression
    if not isinstance(body.api_version, UnsetType):
        merged["api_version"] = _api_version(session, body.api_version, f"{field}.api_version")
    return merged


def _api_version(session: Session, value: str, field: str) -> str:
    try:
        known = date.fromisoformat(value).isoformat() == value
    except ValueError:
        known = False
    if not known or not EARLIEST <= value <= max(rfc3339(session.ctx.now())[:10], NEWEST_KNOWN):
        raise invalid("bad_field", "The version must be a date (YYYY-MM-DD) between 2019-01-01 and today.", field)
    return value
