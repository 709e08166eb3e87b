"""Instances of whose machines nothing can be known: they stay `running`, and say so (U: the API has no code for it)."""

from __future__ import annotations

from typing import Any

from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.instances.models import Instance
from kunsthalle.instances.resources import INSTANCE

UNREACHABLE = "host_unreachable"
"""The code among an instance's `status_reasons`."""

_MESSAGE = "The host does not answer for this instance, which may be running or not."


def is_noted(instance: Instance) -> bool:
    """Whether the instance says that its machine does not answer."""
    return any(reason["code"] == UNREACHABLE for reason in instance.status_reasons)


def note(session: Session, instance: Instance) -> bool:
    """Has a running instance say so, unless it was acted on since it was read."""
    return _write(session, instance, [{"code": UNREACHABLE, "message": _MESSAGE}])


def withdraw(session: Session, instance: Instance) -> bool:
    """Its machine answers again."""
    return _write(session, instance, [])


def _write(session: Session, instance: Instance, reasons: list[dict[str, Any]]) -> bool:
    columns = INSTANCE.table.c
    unmoved = (columns.revision == instance.revision, columns.status == "running")
    return update(session, INSTANCE, instance.id, *unmoved, status_reasons=reasons)
