"""What was decided and done: who, what, on what, with which outcome. Never a secret, never a body, never a query.

A request is one entry. What a job does later is audited too, step by step as it changes the state of resources: by the
product itself, on behalf of whoever asked, under the trace of that request. The new state of the resource is the verb
of
its action (`is.image.image.available`); its outcome is 200, or 422 where the work has failed for a reason that is the
code, or 500 where it was given up.

Sign-ins are audited in the account whose key it was, and in the one that was entered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, or_, select, true

from kunsthalle.core.crn import parse
from kunsthalle.db import compiled_changes
from kunsthalle.db.row_models import reader
from kunsthalle.db.session import Session
from kunsthalle.db.tables import audit


class Entry(Struct, frozen=True):
    """One action. `account_id` is the actor's account; `thing_crn` and `thing_account_id` say what it was done to,
    where
    that is known. `outcome` is the HTTP status. `at` is in microseconds since the epoch. `initiator` is on whose behalf
    the product did what it did by itself. `client` is the network address that a request came from.
    `seq` is its number among those that are sent elsewhere, once somebody sends (`db/audit_cursors.py`).
    """

    id: str
    account_id: str
    at: int
    actor: str
    action: str
    target: str
    outcome: int
    code: str | None
    trace: str
    thing_crn: str | None
    thing_account_id: str | None
    initiator: str | None = None
    client: str | None = None
    seq: int | None = None


COLUMNS = tuple(audit.c[name] for name in Entry.__struct_fields__)
entry_of = reader(Entry, COLUMNS)
"""The entry of a row of these columns."""


class Entries(Struct, frozen=True):
    """A page, newest first; `last` is the key of its last entry when more follow."""

    items: list[Entry]
    last: tuple[int, str] | None


def record(
    session: Session, action: str, target: str, outcome: int, code: str | None = None, subject: Any = None
) -> None:
    """Adds a row to the session's transaction. Refusals are recorded in a transaction of their own.

    `subject` is the resource, or the answer that shows it; anything with a CRN is noted by it.
    """
    ctx = session.ctx
    crn = _crn(subject)
    compiled_changes.add(
        session,
        audit,
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
            "thing_crn": crn,
            "thing_account_id": _owner(subject, crn),
            "initiator": (ctx.initiator or None) if ctx.job else None,
            "client": ctx.client[:45] or None,
        },
    )


_FAILED = frozenset({"failed", "invalid"})


def worked(session: Session, read: str, subject: Any, state: str) -> None:
    """What a job has made of a resource. `read` is the action that reads resources of its kind, `state` what it is
    now."""
    resource = read.rsplit(".", 1)[0]
    target = _crn(subject) or f"{resource}/{subject.id}"
    if state not in _FAILED:
        record(session, f"{resource}.{state.lower()}", target, 200, subject=subject)
        return
    reasons = getattr(subject, "status_reasons", None)
    record(session, f"{resource}.{state}", target, 422, str(reasons[0]["code"]) if reasons else state, subject=subject)


def gave_up(session: Session, subject: str) -> None:
    """A job that has failed for good; what became of its subject is audited beside it."""
    record(session, f"kunsthalle.job.{session.ctx.job}", subject, 500, "job_failed")


def _crn(subject: Any) -> str | None:
    crn = subject.get("crn") if isinstance(subject, dict) else getattr(subject, "crn", None)
    return crn[:512] if isinstance(crn, str) else None


def _owner(subject: Any, crn: str | None) -> str | None:
    owner = getattr(subject, "account_id", None)
    if isinstance(owner, str):
        return owner[:32]
    try:
        return parse(crn).account[:32] if crn else None
    except ValueError:
        return None


def page(
    session: Session,
    *,
    everywhere: bool = False,
    account_id: str | None = None,
    about: Sequence[str] = (),
    action: str | None = None,
    since: int | None = None,
    until: int | None = None,
    after: tuple[int, str] | None = None,
    limit: int = 50,
) -> Entries:
    """What was done by the context's account and to its resources; with `everywhere`, the operator's view of all.

    `account_id` narrows to one account, `about` to targets (paths) and CRNs that begin with one of these, `action` to
    one action. `since` is the first moment that counts and `until` the first that does not. Whether the caller may
    read an audit at all is the route's to ask.
    """
    table = audit.c
    where: list[ColumnElement[bool]] = [true() if everywhere else _of(session.ctx.account_id)]
    if account_id is not None:
        where.append(_of(account_id))
    if about:
        where.append(or_(*(_begins(text) for text in about)))
    if action is not None:
        where.append(table.action == action)
    where += [condition for condition in (_from(since), _before(until), _behind(after)) if condition is not None]
    statement = select(*COLUMNS).where(*where).order_by(table.at.desc(), table.id.desc()).limit(limit + 1)
    entries = [entry_of(row) for row in session.all(statement)]
    more = entries[limit - 1] if len(entries) > limit else None
    return Entries(entries[:limit], (more.at, more.id) if more else None)


def _of(account_id: str) -> ColumnElement[bool]:
    return or_(audit.c.account_id == account_id, audit.c.thing_account_id == account_id)


def _begins(text: str) -> ColumnElement[bool]:
    starts = (column.startswith(text, autoescape=True) for column in (audit.c.target, audit.c.thing_crn))
    return or_(*starts)


def _from(since: int | None) -> ColumnElement[bool] | None:
    return None if since is None else audit.c.at >= since


def _before(until: int | None) -> ColumnElement[bool] | None:
    return None if until is None else audit.c.at < until


def _behind(after: tuple[int, str] | None) -> ColumnElement[bool] | None:
    if after is None:
        return None
    moment, id_ = after
    return (audit.c.at <= moment) & or_(audit.c.at < moment, audit.c.id < id_)
