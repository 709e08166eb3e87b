"""Access groups: identities that hold the same policies. One public function a use case."""

from __future__ import annotations

import re
from typing import Any

from kunsthalle.accounts.queries import user
from kunsthalle.authz.permissions import PERMISSIONS
from kunsthalle.core.errors import Problem, Reason, Target, conflict, invalid, not_found
from kunsthalle.db.rows import IntegrityError, delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import any_row, number_of, put_row, remove_rows, rows_of
from kunsthalle.db.visibility import Authorized, find, some
from kunsthalle.iam import erasure
from kunsthalle.iam.api_keys import no_more_than_held
from kunsthalle.iam.claim_rules import check_conditions
from kunsthalle.iam.dynamic_members import forget_rule
from kunsthalle.iam.models import AccessGroup, AccessGroupRule
from kunsthalle.iam.policies import drop_subject
from kunsthalle.iam.policy_limits import refuse_excess_member
from kunsthalle.iam.queries import all_groups_of, is_identity, profile_by, service_id
from kunsthalle.iam.resources import GROUP, GROUP_RULE, PROFILE
from kunsthalle.iam.tables import access_group_members, access_group_rules

TYPES = {"user": "", "service": "iam-ServiceId-", "profile": "iam-Profile-"}
MEMBER_CREATE, MEMBER_DELETE = "iam-groups.group-member.create", "iam-groups.group-member.delete"
_PERSON = re.compile(r"IBMid-[0-9A-Za-z]{1,100}")
MOST = 50
"""How many members one call may name."""
MAX_GROUPS = 500
"""Access groups of an account: whoever is taken out of all of them is taken out in one transaction (U)."""


def create_group(session: Session, name: str, description: str | None = None) -> AccessGroup:
    """A new group of the account, which nobody is in and which holds nothing. 409 for a taken name."""
    ctx, now = session.ctx, session.ctx.now()
    _named(name)
    if number_of(session, GROUP.table, GROUP.table.c.account_id == ctx.account_id) >= MAX_GROUPS:
        raise conflict("conflict", f"An account has at most {MAX_GROUPS} access groups: delete one first.")
    by = ctx.actor.iam_id
    made = AccessGroup(f"AccessGroupId-{ctx.ids.uuid()}", ctx.account_id, name, description, by, now, by, now)
    try:
        return insert(session, GROUP, made)
    except IntegrityError as error:
        raise _taken() from error


def _taken() -> Problem:
    return conflict("conflict", "An access group of this name exists already.", "name")


def _named(name: str) -> None:
    if not 1 <= len(name) <= 100:
        raise invalid("bad_request", "A name has 1 to 100 characters.", "name")


def _touched(session: Session) -> dict[str, Any]:
    return {"modified_at": session.ctx.now(), "modified_by": session.ctx.actor.iam_id}


def stale() -> Problem:
    """409: somebody else has changed it since it was read."""
    return Problem(Reason.CONFLICT, "conflict", "If-Match is not the present ETag.", Target("If-Match", "header"))


def change_group(session: Session, granted: Authorized[AccessGroup], **changes: Any) -> AccessGroup:
    """Changes what is given of name and description."""
    if "name" in changes:
        _named(changes["name"])
    old = granted.resource
    try:
        done = update(session, GROUP, old.id, GROUP.table.c.revision == old.revision, **_touched(session), **changes)
    except IntegrityError as error:
        raise _taken() from error
    if not done:
        raise stale()
    return find(session, GROUP, old.id)


def delete_group(session: Session, granted: Authorized[AccessGroup], force: bool) -> None:
    """The group and its policies are gone. 409 while it has members or rules, unless forced."""
    group = granted.resource
    session.invalidate(PERMISSIONS)
    members, rules = access_group_members.c.group_id == group.id, access_group_rules.c.group_id == group.id
    left = any_row(session, access_group_members, members) or any_row(session, access_group_rules, rules)
    if left and not force:
        raise conflict("conflict", "The group has members or rules; force=true deletes it with them.")
    erasure.GROUP.begin(session, group.id)
    drop_subject(session, group.account_id, group.id)
    delete(session, GROUP, group.id, group.account_id)


def members_of(session: Session, group: AccessGroup, type_: str | None = None) -> list[Any]:
    """Rows of a group's members by name, first come first."""
    table = access_group_members
    where = [table.c.group_id == group.id] + ([table.c.type == type_] if type_ else [])
    return sorted(rows_of(session, table, *where), key=lambda row: (row.created_at, row.iam_id))


def is_member(session: Session, group: AccessGroup, iam_id: str) -> bool:
    return group.id in all_groups_of(session, group.account_id, iam_id)


def _may_be_member(session: Session, account_id: str, iam_id: str, type_: str) -> bool:
    """Service IDs and profiles of the account, and people, also those whom the account does not know (yet).

    Being in a group gives nothing to anybody who may not act in the account (`grants_of`), and nobody is looked up
    beyond it: whether there is such a person is not told.
    """
    if type_ != "user":
        return iam_id.startswith(TYPES[type_]) and is_identity(session, account_id, iam_id)
    return _PERSON.fullmatch(iam_id) is not None or user(session, account_id, iam_id) is not None


def add_member(session: Session, group: AccessGroup, iam_id: str, type_: str) -> None:
    """Brings an identity into a group. 403 unless the caller holds whatever the group holds."""
    if type_ not in TYPES:
        raise invalid("bad_request", f"type must be one of {', '.join(TYPES)}.", "type")
    if not _may_be_member(session, group.account_id, iam_id, type_):
        raise invalid("bad_request", "There is no such identity in the account.", "iam_id")
    no_more_than_held(session, group.id)
    refuse_excess_member(session, group.account_id, group.id, iam_id)
    session.invalidate(PERMISSIONS)
    put_row(
        session,
        access_group_members,
        ("group_id", "iam_id"),
        group_id=group.id,
        iam_id=iam_id,
        account_id=group.account_id,
        type=type_,
        created_at=session.ctx.now(),
        created_by=session.ctx.actor.iam_id,
    )


def move_memberships(session: Session, account_id: str, iam_id: str, to: str) -> None:
    """Puts one identity in the place of another in every group of an account."""
    session.invalidate(PERMISSIONS)
    table = access_group_members
    conditions = (table.c.account_id == account_id, table.c.iam_id == iam_id)
    for row in rows_of(session, table, *conditions):
        values = {column.key: getattr(row, column.key) for column in table.columns}
        put_row(session, table, ("group_id", "iam_id"), **{**values, "iam_id": to})
    remove_rows(session, table, *conditions)


def remove_member(session: Session, group: AccessGroup, iam_id: str) -> None:
    """Takes an identity out of a group; 404 for one that is not in it."""
    session.invalidate(PERMISSIONS)
    table = access_group_members
    if not remove_rows(session, table, table.c.group_id == group.id, table.c.iam_id == iam_id):
        raise not_found("iam_id")


def tried(function: Any, *arguments: Any, done: int = 200) -> dict[str, Any]:
    """The outcome of one of many: its status, and its error if it is refused. Nothing is written by a refusal."""
    try:
        function(*arguments)
    except Problem as problem:
        error = {"code": problem.code, "message": problem.message}
        return {"status_code": problem.reason.value, "errors": [error]}
    return {"status_code": done}


def name_of(session: Session, account_id: str, iam_id: str) -> dict[str, str]:
    """What `verbose` adds of a member."""
    program = service_id(session, iam_id) or profile_by(session, PROFILE.table.c.iam_id == iam_id)
    if program is not None:
        return {"name": program.name}
    person = user(session, account_id, iam_id)
    return {"name": person.name, "email": person.user_id} if person is not None else {}


def _rule(rule: dict[str, Any]) -> None:
    if not 1 <= rule["expiration"] <= 24:
        raise invalid("bad_request", "expiration is 1 to 24 hours.", "expiration")
    check_conditions(rule["conditions"])


def add_rule(session: Session, granted: Authorized[AccessGroup], **changes: Any) -> AccessGroupRule:
    """A new rule of the group: whoever signs in from now on with claims that meet it is a member for a time.

    403 unless the caller holds whatever the group holds.
    """
    _rule(changes)
    ctx, now = session.ctx, session.ctx.now()
    no_more_than_held(session, granted.resource.id)
    id_ = f"ClaimRule-{ctx.ids.uuid()}"
    common = {"created_by": ctx.actor.iam_id, "created_at": now, **_touched(session)}
    return insert(session, GROUP_RULE, AccessGroupRule(id_, ctx.account_id, granted.resource.id, **changes, **common))


def change_rule(session: Session, granted: Authorized[AccessGroupRule], **changes: Any) -> AccessGroupRule:
    """Replace a rule; whoever was a member by it is one again at their next sign-in. 403 unless the caller holds
    whatever its group holds.
    """
    _rule(changes)
    old = granted.resource
    no_more_than_held(session, old.group_id)
    if not update(
        session, GROUP_RULE, old.id, GROUP_RULE.table.c.revision == old.revision, **_touched(session), **changes
    ):
        raise stale()
    forget_rule(session, old.id)
    return find(session, GROUP_RULE, old.id)


def delete_rule(session: Session, granted: Authorized[AccessGroupRule]) -> None:
    """The rule is gone, and its group's members by it are members no more."""
    forget_rule(session, granted.resource.id)
    delete(session, GROUP_RULE, granted.resource.id, granted.resource.account_id)


def rules_of(session: Session, group: AccessGroup) -> list[AccessGroupRule]:
    return some(session, GROUP_RULE, GROUP_RULE.table.c.group_id == group.id)
