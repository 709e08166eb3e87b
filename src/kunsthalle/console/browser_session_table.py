"""Sessions of the web console."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from kunsthalle.db.column_types import Moment
from kunsthalle.db.tables import metadata

# Neither the secret in the browser's cookie is kept nor anything that opens without it: `id` is its hash, `sealed` is
# encrypted with a key made of it. `ends_at` is real time, whatever the product clock says.
console_sessions = Table(
    "console_sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Index("ix_console_sessions_ends_at", "ends_at"),
)
