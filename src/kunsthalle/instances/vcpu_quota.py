"""The quota of the virtual CPUs of an account's instances."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func

from kunsthalle.db import quotas
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import grouped
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES, InstanceProfile
from kunsthalle.instances.tables import instances


def used_vcpus(session: Session, account_id: str) -> int:
    """Virtual CPUs of all instances of an account, whatever their state."""
    return vcpus_by_account(session, account_id).get(account_id, 0)


def vcpus_by_account(session: Session, *account_ids: str) -> dict[str, int]:
    """The same of these accounts, or of all that have any."""
    c, used = instances.c, Counter[str]()
    only = (c.account_id.in_(account_ids),) if account_ids else ()
    for account_id, name, number in grouped(session, (c.account_id, c.profile), (func.count(),), instances, *only):
        used[account_id] += INSTANCE_PROFILES[name].vcpus * int(number)
    return used


def refuse_vcpus(session: Session, profile: InstanceProfile, instead_of: InstanceProfile | None = None) -> None:
    """Refuse an instance of a profile, or one that gets it instead of another. 400 `over_quota`."""
    account_id = session.ctx.account_id
    more = profile.vcpus - (instead_of.vcpus if instead_of is not None else 0)
    if more > 0:
        quotas.refuse_more(session, account_id, "vcpus", more, lambda: used_vcpus(session, account_id))
