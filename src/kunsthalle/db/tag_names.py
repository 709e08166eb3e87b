"""The names of an account's tags, which outlive the resources they were attached to, until they are deleted."""

from __future__ import annotations

from collections.abc import Iterable

from kunsthalle.db.session import Session
from kunsthalle.db.tag_tables import tags
from kunsthalle.db.unscoped import put_rows


def remember(session: Session, type_: str, names: Iterable[str]) -> None:
    """Add tags of a type (`user`, `access`) to those of the caller's account, where they are not there yet."""
    now = session.ctx.now()
    rows = [
        {"account_id": session.ctx.account_id, "type": type_, "name": name.lower(), "created_at": now} for name in names
    ]
    put_rows(session, tags, ("account_id", "type", "name"), rows)
