"""After a root key was rotated: the data keys that it wraps are wrapped with its new version, and no byte of a disk
changes.

Until a data key's turn comes it is unwrapped with the version that wrapped it, which the key keeps. The job may be
killed anywhere and begins again: what is wrapped with the version in force stays as it is.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Column

from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.core.log import get_logger
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of
from kunsthalle.db.visibility import ResourceType, unscoped
from kunsthalle.images.resources import IMAGE
from kunsthalle.jobs import queue
from kunsthalle.key_protect import data_keys
from kunsthalle.key_protect.data_keys import KeyRefused
from kunsthalle.key_protect.resources import PROTECTED_KEY
from kunsthalle.key_protect.service import REWRAP_JOB

log = get_logger("storage")
SLICE = 100
"""Data keys of one transaction."""

_WRAPPED: tuple[tuple[ResourceType[Any], str, str, str], ...] = (
    (IMAGE, "encryption_key", "encrypted_data_key", "image"),
    (VOLUME, "encryption_key", "encrypted_data_key", "volume"),
    (VOLUME, "base_key", "base_data_key", "image"),
    (SNAPSHOT, "encryption_key", "encrypted_data_key", "volume"),
    (SNAPSHOT, "base_key", "base_data_key", "image"),
)
"""Where data keys are kept: the columns of a root key and of what it wrapped, and the kind that they are asked for."""


def handler() -> queue.Handler:
    """The job. What is left of its work after its last failure is done with the next rotation, and harms nobody."""
    return queue.Handler(REWRAP_JOB, _run, _left)


def _run(run: queue.Run) -> None:
    keys = run.read(lambda session: unscoped(session, PROTECTED_KEY, PROTECTED_KEY.table.c.id == run.job.subject))
    for key in keys:
        for place in _WRAPPED:
            after: str | None = ""
            while after is not None:
                after = run.write(partial(_slice, place=place, crn=key.crn, after=after))


def _slice(session: Session, place: tuple[ResourceType[Any], str, str, str], crn: str, after: str) -> str | None:
    """The next data keys of a place after an id; the last id, None when there are no more."""
    kind, key_column, data_column, asked_for = place
    columns = kind.table.c
    where = (columns[key_column] == crn, columns.id > after)
    rows = rows_of(session, kind.table, *where, order=columns.id, most=SLICE)
    for row in rows:
        _rewrap(session, kind, kind.from_row(row), columns[data_column], crn, asked_for)
    return str(rows[-1].id) if rows else None


def _rewrap(
    session: Session, kind: ResourceType[Any], resource: Any, column: Column[Any], crn: str, asked_for: str
) -> None:
    wrapped = str(getattr(resource, column.name))
    account = session.as_context(session.ctx.as_system(resource.account_id))
    try:
        again = data_keys.rewrap(account, crn, wrapped, asked_for)
    except KeyRefused as refusal:
        log.warning("data key not rewrapped", kind=kind.name, id=resource.id, code=refusal.cause.value)
        return
    if again != wrapped and update(session, kind, resource.id, column == wrapped, **{column.name: again}):
        data_keys.register(account, crn, resource.crn)


def _left(_session: Session, job: queue.Claimed, error: Exception) -> None:
    log.error("data keys not rewrapped", key=job.subject, error=queue.text_of(error))
