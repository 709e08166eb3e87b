"""Numbers that are kept in the transactions which change them: how many resources there are, how often a list
changed."""

from __future__ import annotations

from sqlalchemy import bindparam, select, text

from kunsthalle.db.compiled_changes import CompiledChange
from kunsthalle.db.compiled_selects import CompiledSelect
from kunsthalle.db.session import Session
from kunsthalle.db.tables import tallies

# The same text on both engines; the row lock that PostgreSQL takes here is held until the commit.
_ADD = CompiledChange(
    lambda: text(
        "INSERT INTO tallies (account_id, kind, n) VALUES (:account, :kind, :step)"
        " ON CONFLICT (account_id, kind) DO UPDATE SET n = tallies.n + :step"
    )
)
_NUMBER = CompiledSelect(
    lambda: select(tallies.c.n).where(
        tallies.c.account_id == bindparam("account"), tallies.c.kind == bindparam("kind")
    ),
    of_account=tallies,
)


def add(session: Session, account_id: str, kind: str, step: int) -> None:
    """Counts a number up or down; one that is not there yet is 0."""
    _ADD.count(session, {"account": account_id, "kind": kind, "step": step}, (account_id,))


def number(session: Session, account_id: str, kind: str) -> int:
    """The number as it is in this transaction."""
    row = _NUMBER.first(session, {"account": account_id, "kind": kind})
    return int(row[0]) if row else 0
