"""A group and its members, brought to what the group is meant to be: by one job that may be repeated at any point.

Growth asks everything anew that the creation asked (R9, D3): the authorization, the catalog, the image. What is
refused leaves the members that run alone, is said on the group, and is tried again: after a minute, then ever later,
and at once when the group is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import Problem
from kunsthalle.core.log import get_logger
from kunsthalle.db.rows import delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.visibility import resolve, unscoped
from kunsthalle.instances.groups import managers
from kunsthalle.instances.groups.member_creation import acting, member_body, refuse_ungranted
from kunsthalle.instances.groups.memberships import EMPTY, SCALE, Member, Seat, members, seats, wake
from kunsthalle.instances.groups.models import InstanceGroup, Membership
from kunsthalle.instances.groups.resources import GROUP, MEMBERSHIP
from kunsthalle.instances.resources import INSTANCE, TEMPLATE
from kunsthalle.instances.service import InstanceService
from kunsthalle.jobs import queue
from kunsthalle.networks.queries import named

log = get_logger("groups")

AT_ONCE = 20
"""So many members are made, or released, in one transaction, and with the call itself."""
_FIRST_PAUSE, _LONGEST_PAUSE = 60 * SECOND, 6 * 3_600 * SECOND


class Scaler:
    """`instances` makes and deletes the members."""

    def __init__(self, instances: InstanceService) -> None:
        self._instances = instances

    def handlers(self) -> tuple[queue.Handler, ...]:
        return queue.Handler(SCALE, self.run, self._give_up), queue.Handler(EMPTY, self._empty, self._give_up)

    def run(self, run: queue.Run) -> None:
        """Step by step, each a transaction, until nothing is left to do or growth is refused."""
        group_id = run.job.subject
        try:
            while run.write(lambda session: self.step(acting(session), group_id)):
                pass
        except Problem as problem:
            about = f" ({problem.target.name})" if problem.target else ""
            reason = {"code": problem.code, "message": problem.message + about}
            log.info("group does not grow", group=group_id, **reason)
            run.finish(lambda session: _stall(session, group_id, reason))

    def _give_up(self, session: Session, job: queue.Claimed, error: Exception) -> None:
        log.error("group not scaled", group=job.subject, error=queue.text_of(error))
        text = "The group could not be scaled; the server's log has the details."
        _stall(session, job.subject, {"code": "internal_error", "message": text})

    def step(self, session: Session, group_id: str) -> bool:
        """One step towards what the group is meant to be; whether there may be another."""
        groups = unscoped(session, GROUP, GROUP.table.c.id == group_id, lock=True)
        if not groups:
            return False
        group, taken = groups[0], seats(session, group_id)
        if group.status == "deleting":
            return self._remove(session, group, taken)
        live = [membership for membership in taken if membership.status != "deleting"]
        if len(live) > group.membership_count:
            transition(session, GROUP, group.id, "scaling", reasons=[])
            self.release_some(session, _surplus(live)[: len(live) - group.membership_count])
            return True
        if len(live) < group.membership_count:
            self.grow(session, group, live)
            transition(session, GROUP, group.id, "scaling", reasons=[])
            return True
        _settle(session, group, taken)
        return False

    def grow(self, session: Session, group: InstanceGroup, live: list[Seat]) -> None:
        """Makes the next members, at most so many at once. Refused as the creation of each server is, and by R9."""
        template = named(session, TEMPLATE, group.template_id)
        refuse_ungranted(session, template)
        taken = Counter(seat.subnet_id for seat in live)
        for _ in range(min(AT_ONCE, group.membership_count - len(live))):
            subnet = min(group.subnets, key=lambda subnet: taken[subnet["id"]])
            taken[subnet["id"]] += 1
            instance = self._instances.create(session, member_body(template, group, subnet))
            made = Membership(
                id=session.ctx.ids.resource(session.ctx.region.prefix),
                account_id=group.account_id,
                name=session.ctx.ids.name(),
                instance_group_id=group.id,
                resource_group_id=group.resource_group_id,
                instance_id=instance.id,
                subnet_id=subnet["id"],
                template={"id": template.id, "crn": template.crn, "name": template.name},
                delete_instance_on_membership_delete=True,
                updated_at=session.ctx.now(),
                instance={"id": instance.id, "crn": instance.crn, "name": instance.name},
                created_at=session.ctx.now(),
            )
            insert(session, MEMBERSHIP, made)

    def release_some(self, session: Session, leaving: Sequence[Seat]) -> bool:
        """Takes the first members from their group, at most so many at once; whether there are more."""
        for member in members(session, leaving[:AT_ONCE]):
            self.release(session, member, keep=not member.membership.delete_instance_on_membership_delete)
        return len(leaving) > AT_ONCE

    def empty(self, session: Session, group_id: str, until: int) -> bool:
        """Takes members that came before a moment from their group, at most so many at once; whether there are more."""
        there = [seat for seat in seats(session, group_id) if seat.created_at <= until and seat.status != "deleting"]
        return self.release_some(session, there)

    def _empty(self, run: queue.Run) -> None:
        group_id, until = run.job.subject, int(run.job.payload["until"])
        while run.write(lambda session: self.empty(acting(session), group_id, until)):
            pass

    def release(self, session: Session, member: Member, *, keep: bool) -> None:
        """Takes a member from its group: its server goes, too, unless it is to be kept."""
        if keep:
            delete(session, MEMBERSHIP, member.membership.id, member.membership.account_id)
        elif member.status != "deleting":
            system = acting(session)
            granted = resolve(system, INSTANCE, member.instance.id, "is.instance.instance.delete")
            self._instances.delete(system, granted)

    def _remove(self, session: Session, group: InstanceGroup, taken: list[Seat]) -> bool:
        """All its servers go with a group, and it goes with the last of them."""
        left = [seat for seat in taken if seat.status != "deleting"]
        for member in members(session, left[:AT_ONCE]):
            self.release(session, member, keep=False)
        if not taken:
            managers.remove_all(session, group.id)
            delete(session, GROUP, group.id, group.account_id)
        return len(left) > AT_ONCE


def _surplus(live: list[Seat]) -> list[Seat]:
    """Who goes first: what does not serve, then the newest."""
    return sorted(live, key=lambda seat: seat.status == "healthy")


def _settle(session: Session, group: InstanceGroup, taken: list[Seat]) -> None:
    """The group has its number of members: are they well? Whoever is on the way wakes it again."""
    statuses = {seat.status for seat in taken}
    failed = sum(seat.instance_status == "failed" for seat in taken)
    if failed:
        text = f"{failed} of {len(taken)} members could not be started; start them again, or delete them."
        _unwell(session, group, {"code": "cannot_start", "message": text})
    elif not statuses & {"pending", "deleting"}:
        transition(session, GROUP, group.id, "healthy", reasons=[], tries=0)


def _unwell(session: Session, group: InstanceGroup, reason: dict[str, str], tries: int = 0) -> None:
    values = {"reasons": [reason], "tries": tries}
    if not transition(session, GROUP, group.id, "unhealthy", **values):
        update(session, GROUP, group.id, GROUP.table.c.status == "unhealthy", **values)


def _stall(session: Session, group_id: str, reason: dict[str, str]) -> None:
    """Says why the group does not grow, and when it tries again."""
    for group in unscoped(session, GROUP, GROUP.table.c.id == group_id, lock=True):
        _unwell(session, group, reason, group.tries + 1)
        pause = min(_FIRST_PAUSE << min(group.tries, 16), _LONGEST_PAUSE)
        wake(session, group_id, session.ctx.now() + pause)
