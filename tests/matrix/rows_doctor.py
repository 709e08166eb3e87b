"""The row of the doctor."""

from __future__ import annotations

BODIES = {"POST /_kunsthalle/doctor": lambda _realm: {"deep": True}}
