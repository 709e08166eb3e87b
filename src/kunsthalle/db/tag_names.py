"""The names of an account's tags, which outlive the resources they were attached to, until they are deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kunsthalle.db.session import Session
from kunsthalle.db.tag_tables import tags
from kunsthalle.db.unscoped import put_row


def remember(session: Session, type_: str, names: Iterable[str]) -> None:
    """Add tags of a type (`user`, `access`) to those of the caller's account, where they are not there yet."""
    for name in names:
        row: dict[str, Any] = {"account_id": session.ctx.account_id, "type": type_, "name": name.lower()}
        put_row(session, tags, ("account_id", "type", "name"), **row, created_at=session.ctx.now())
