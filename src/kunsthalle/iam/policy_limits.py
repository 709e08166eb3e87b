"""How many access policies one identity may hold, its own and those of its groups.

Each of them is evaluated when the identity calls (docs/decisions/0021-bounded-work.md).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement

from kunsthalle.core.errors import Problem, Reason
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import any_row, ids_where, number_of, numbers_by
from kunsthalle.iam.tables import access_group_members, policies

MAX_EFFECTIVE = 200
"""Active access policies of one identity with its groups, and of one group."""

_policy, _member = policies.c, access_group_members.c


def _active(account_id: str) -> tuple[ColumnElement[bool], ...]:
    return _policy.account_id == account_id, _policy.type == "access", _policy.state == "active"


def _effective(session: Session, account_id: str, iam_ids: Any) -> Counter[str]:
    """How many policies identities hold. `iam_ids` is the right side of an `in_`."""
    own = numbers_by(session, _policy.subject_id, *_active(account_id), _policy.subject_id.in_(iam_ids))
    member = (_member.account_id == account_id, _member.iam_id.in_(iam_ids))
    by_groups = numbers_by(
        session, _member.iam_id, *_active(account_id), *member, _policy.subject_id == _member.group_id
    )
    return Counter(dict(own)) + Counter(dict(by_groups))


def _of_subject(session: Session, account_id: str, subject_id: str) -> int:
    return number_of(session, policies, *_active(account_id), _policy.subject_id == subject_id)


def refuse_excess_policy(session: Session, account_id: str, subject_id: str) -> None:
    """409 when one more access policy of an identity or a group would give an identity too many."""
    members = access_group_members.alias()
    of_group = ids_where(members.c.iam_id, members.c.account_id == account_id, members.c.group_id == subject_id)
    held = [
        _of_subject(session, account_id, subject_id),
        *_effective(session, account_id, [subject_id]).values(),
        *_effective(session, account_id, of_group).values(),
    ]
    if max(held) >= MAX_EFFECTIVE:
        raise _too_many("The policy would give its subject, or a member of it,", max(held) + 1)


def refuse_excess_member(session: Session, account_id: str, group_id: str, iam_id: str) -> None:
    """409 when a group's policies would give a new member too many."""
    if any_row(session, access_group_members, _member.group_id == group_id, _member.iam_id == iam_id):
        return
    count = _effective(session, account_id, [iam_id])[iam_id] + _of_subject(session, account_id, group_id)
    if count > MAX_EFFECTIVE:
        raise _too_many("The membership would give the identity", count)


def refuse_excess(session: Session, account_id: str, iam_id: str) -> None:
    """409 when an identity, which has just been given what an invitation had, holds too many."""
    count = _effective(session, account_id, [iam_id])[iam_id]
    if count > MAX_EFFECTIVE:
        text = (
            f"The invitation would give the user {count} access policies, those of its access groups included; an"
            f" identity may hold {MAX_EFFECTIVE}. An administrator of the account must delete some first."
        )
        raise Problem(Reason.CONFLICT, "policy_conflict_error", text)


def _too_many(whom: str, count: int) -> Problem:
    text = (
        f"{whom} {count} access policies; an identity may hold {MAX_EFFECTIVE}, those of its access groups included. "
        "Delete some, or replace several by one on a resource group or a whole service."
    )
    return Problem(Reason.CONFLICT, "policy_conflict_error", text)
