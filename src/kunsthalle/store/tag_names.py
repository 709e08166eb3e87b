"""The names of an account's tags, which outlive the resources they were attached to, until they are deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kunsthalle.store.schema.search import tags
from kunsthalle.store.tables import put_row
from kunsthalle.store.unit import Unit


def remember(unit: Unit, type_: str, names: Iterable[str]) -> None:
    """Add tags of a type (`user`, `access`) to those of the caller's account, where they are not there yet."""
    for name in names:
        row: dict[str, Any] = {"account_id": unit.ctx.account_id, "type": type_, "name": name.lower()}
        put_row(unit, tags, ("account_id", "type", "name"), **row, created_at=unit.ctx.now())
