"""Members of access groups by rules: who signs in with a provider is in the groups whose rules meet the claims.

A membership begins with the sign-in and ends so many hours later as its rule says, by the product clock. The next
sign-in with the same provider puts what holds then in its place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kunsthalle.authz.permissions import PERMISSIONS
from kunsthalle.core.clock import HOUR
from kunsthalle.core.log import get_logger
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import put_row, remove_rows, rows_of
from kunsthalle.iam.claim_rules import is_met
from kunsthalle.iam.tables import access_group_rules, dynamic_members

log = get_logger("identity")
MAX_RULES = 5_000
"""Rules that a sign-in looks at."""
MAX_MEMBERSHIPS = 100
"""Groups that a sign-in gives in all accounts."""


def apply_rules(
    session: Session, iam_id: str, realm: str, claims: Mapping[str, Any], accounts: Collection[str]
) -> None:
    """Put a person into the groups of accounts whose rules their claims meet, and out of the others of that realm."""
    table, rules, now = dynamic_members.c, access_group_rules.c, session.ctx.now()
    session.invalidate(PERMISSIONS)
    remove_rows(session, dynamic_members, table.expires_at <= now)
    remove_rows(session, dynamic_members, table.iam_id == iam_id, table.realm == realm)
    conditions = (rules.account_id.in_(list(accounts)), rules.realm_name == realm)
    known = rows_of(session, access_group_rules, *conditions, order=rules.id, most=MAX_RULES)
    met = [rule for rule in known if is_met(rule.conditions, claims)]
    if len(known) == MAX_RULES or len(met) > MAX_MEMBERSHIPS:
        log.warning("a sign-in meets more rules than are looked at", realm=realm, iam_id=iam_id, rules=len(met))
    for rule in met[:MAX_MEMBERSHIPS]:
        put_row(
            session,
            dynamic_members,
            ("rule_id", "iam_id"),
            rule_id=rule.id,
            iam_id=iam_id,
            group_id=rule.group_id,
            account_id=rule.account_id,
            realm=realm,
            created_at=now,
            expires_at=now + rule.expiration * HOUR,
        )


def dynamic_groups(session: Session, account_id: str, iam_id: str) -> dict[str, int]:
    """The groups that a person is in by rules now, and until when, in microseconds since the epoch."""
    table = dynamic_members.c
    groups: dict[str, int] = {}
    for row in rows_of(session, dynamic_members, table.account_id == account_id, table.iam_id == iam_id):
        if row.expires_at > session.ctx.now():
            groups[row.group_id] = max(groups.get(row.group_id, 0), row.expires_at)
    return groups


def dynamic_members_of(session: Session, group_id: str) -> list[Any]:
    """Rows of a group's members by rules, one a person."""
    table = dynamic_members.c
    conditions = (table.group_id == group_id, table.expires_at > session.ctx.now())
    rows = rows_of(session, dynamic_members, *conditions, order=table.expires_at)
    return list({row.iam_id: row for row in rows}.values())


def forget_rule(session: Session, rule_id: str) -> None:
    """Take out of its group whoever is there by a rule that is changed or gone: the next sign-in asks anew."""
    session.invalidate(PERMISSIONS)
    remove_rows(session, dynamic_members, dynamic_members.c.rule_id == rule_id)
