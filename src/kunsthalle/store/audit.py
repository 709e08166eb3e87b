"""What was decided and done: who, what, on what, with which outcome. Never a secret, never a body."""

from __future__ import annotations

from sqlalchemy import insert

from kunsthalle.store.schema.base import audit
from kunsthalle.store.unit import Unit

_insert = insert(audit)


def record(unit: Unit, action: str, target: str, outcome: int, code: str | None = None) -> None:
    """Adds a row to the unit's transaction. Refusals are recorded in a transaction of their own."""
    ctx = unit.ctx
    unit.execute(
        _insert,
        {
            "id": ctx.ids.uuid(),
            "account_id": ctx.account_id,
            "at": ctx.now(),
            "actor": ctx.actor.iam_id or "nobody",
            "action": action,
            "target": target[:512],
            "outcome": outcome,
            "code": code,
            "trace": ctx.trace,
        },
    )
