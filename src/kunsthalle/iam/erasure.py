"""What is left of accounts, access groups and profiles that are gone, erased in slices (`jobs.slices`).

None of it grants anything any more: the account is cancelled, or the id is nobody's and is never given again.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table

from kunsthalle.authz.permissions import PERMISSIONS, VALIDITY
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import first_ids, remove_rows, remove_some
from kunsthalle.iam.history import forget
from kunsthalle.iam.tables import (
    access_group_members,
    access_group_rules,
    api_keys,
    dynamic_members,
    policies,
    profile_identities,
    profile_links,
    profile_rules,
)
from kunsthalle.jobs.queue import Handler
from kunsthalle.jobs.slices import SlicedWork

MOST = 1_000
"""Rows of one slice."""


def _remove(session: Session, *parts: tuple[Table, ColumnElement[bool]]) -> bool:
    """Removes at most `MOST` rows of tables, one table after the other; whether there may be more."""
    removed = 0
    for table, condition in parts:
        removed += remove_some(session, table, MOST - removed, condition)
        if removed >= MOST:
            return True
    return False


def _of_account(session: Session, account_id: str) -> bool:
    session.invalidate(PERMISSIONS)
    session.invalidate(VALIDITY)
    keys = first_ids(session, api_keys.c.id, MOST // 2, api_keys.c.account_id == account_id)
    if keys:
        forget(session, *keys)
        remove_rows(session, api_keys, api_keys.c.id.in_(keys))
        return True
    return _remove(session, *((table, table.c.account_id == account_id) for table in (policies, dynamic_members)))


def _of_group(session: Session, group_id: str) -> bool:
    session.invalidate(PERMISSIONS)
    tables = (access_group_members, access_group_rules, dynamic_members)
    return _remove(session, *((table, table.c.group_id == group_id) for table in tables))


def _of_profile(session: Session, profile_id: str) -> bool:
    session.invalidate(VALIDITY)
    tables = (profile_identities, profile_rules, profile_links)
    return _remove(session, *((table, table.c.profile_id == profile_id) for table in tables))


ACCOUNT = SlicedWork("iam.account.erase", _of_account)
GROUP = SlicedWork("iam.access-group.erase", _of_group)
PROFILE = SlicedWork("iam.profile.erase", _of_profile)


def handlers() -> tuple[Handler, ...]:
    """The jobs that erase what the deletion itself has left."""
    return tuple(work.handler() for work in (ACCOUNT, GROUP, PROFILE))
