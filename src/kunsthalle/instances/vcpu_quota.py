"""The quota of the virtual CPUs of an account's instances."""

from __future__ import annotations

from kunsthalle.db import quotas
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import numbers_by
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES, InstanceProfile
from kunsthalle.instances.tables import instances


def used_vcpus(session: Session, account_id: str) -> int:
    """Virtual CPUs of all instances of an account, whatever their state."""
    numbers = numbers_by(session, instances.c.profile, instances.c.account_id == account_id)
    return sum(INSTANCE_PROFILES[name].vcpus * number for name, number in numbers)


def refuse_vcpus(session: Session, profile: InstanceProfile, instead_of: InstanceProfile | None = None) -> None:
    """Refuse an instance of a profile, or one that gets it instead of another. 400 `over_quota`."""
    account_id = session.ctx.account_id
    more = profile.vcpus - (instead_of.vcpus if instead_of is not None else 0)
    if more > 0:
        quotas.refuse_more(session, account_id, "vcpus", more, lambda: used_vcpus(session, account_id))
