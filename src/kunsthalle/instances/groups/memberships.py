"""Which servers are in which group. What becomes of a member is told here, and wakes its group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.core.records import dataclass
from kunsthalle.db.row_models import reader
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import columns_of, remove_rows
from kunsthalle.db.visibility import unscoped
from kunsthalle.instances.groups.models import InstanceGroup, Membership
from kunsthalle.instances.groups.resources import GROUP, MEMBERSHIP
from kunsthalle.instances.models import Instance
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.instances.states import INSTANCE_STATES
from kunsthalle.jobs import queue

SCALE, EMPTY = "group.scale", "group.empty"
_TABLE = MEMBERSHIP.table


@dataclass(frozen=True, slots=True)
class Member:
    """A membership with its server as it is now."""

    membership: Membership
    instance: Instance

    @property
    def status(self) -> str:
        return status_of(self.instance)


_STATUSES = ClosedTable(
    "state of an instance",
    INSTANCE_STATES.states,
    {
        "pending": "pending",
        "starting": "pending",
        "running": "healthy",
        "restarting": "unhealthy",
        "stopping": "unhealthy",
        "stopped": "unhealthy",
        "failed": "unhealthy",
        "deleting": "deleting",
    },
)


def status_of(instance: Instance | None) -> str:
    """`pending` until the server runs, `unhealthy` when it stands still or failed (vpc-api.md C2)."""
    return "deleting" if instance is None else _STATUSES[instance.status]


@dataclass(frozen=True, slots=True)
class Seat:
    """What a group's own work asks of each membership: a large group has a thousand."""

    id: str
    subnet_id: str
    created_at: int
    instance_status: str

    @property
    def status(self) -> str:
        return _STATUSES[self.instance_status]


_SEAT = (_TABLE.c.id, _TABLE.c.subnet_id, _TABLE.c.created_at, INSTANCE.table.c.status.label("instance_status"))
_seat = reader(Seat, _SEAT)


def seats(session: Session, group_id: str) -> list[Seat]:
    """The members of a group, the newest first; but for those whose servers have just gone."""
    conditions = [_TABLE.c.instance_group_id == group_id, INSTANCE.table.c.id == _TABLE.c.instance_id]
    shown_seats = (_seat(row) for row in columns_of(session, *_SEAT, where=conditions))
    return sorted(shown_seats, key=lambda seat: (seat.created_at, seat.id), reverse=True)


def members(session: Session, chosen: Sequence[Seat]) -> list[Member]:
    """The whole of some members, in the same order."""
    rows = {row.id: row for row in unscoped(session, MEMBERSHIP, _TABLE.c.id.in_([seat.id for seat in chosen]))}
    servers = by_id(session, (row.instance_id for row in rows.values()))
    chosen_rows = (rows[seat.id] for seat in chosen if seat.id in rows)
    return [Member(row, servers[row.instance_id]) for row in chosen_rows if row.instance_id in servers]


def by_id(session: Session, ids: Iterable[str]) -> dict[str, Instance]:
    """Servers of memberships, by id."""
    wanted_ids = list(ids)
    instances: list[Instance] = []
    for at in range(0, len(wanted_ids), 500):
        instances += unscoped(session, INSTANCE, INSTANCE.table.c.id.in_(wanted_ids[at : at + 500]))
    return {instance.id: instance for instance in instances}


Belonging = tuple[Membership, InstanceGroup]
"""The membership of a server, and the group."""


def of_instances(session: Session, instance_ids: Iterable[str]) -> dict[str, Belonging]:
    """The memberships of servers, and their groups, by the servers' ids; nothing for a server on its own."""
    rows = unscoped(session, MEMBERSHIP, _TABLE.c.instance_id.in_(list(instance_ids)))
    instance_group_ids = {row.instance_group_id for row in rows}
    groups = (
        {group.id: group for group in unscoped(session, GROUP, GROUP.table.c.id.in_(instance_group_ids))}
        if instance_group_ids
        else {}
    )
    return {row.instance_id: (row, groups[row.instance_group_id]) for row in rows if row.instance_group_id in groups}


def wake(session: Session, group_id: str, due_at: int | None = None) -> None:
    """Has a group look after its members; one such job waits at a time."""
    queue.cancel(session, SCALE, group_id)
    queue.enqueue(session, SCALE, group_id, due_at=due_at)


def moved(session: Session, instance_id: str) -> None:
    """To be said when a server came to run, stopped or failed."""
    for row in unscoped(session, MEMBERSHIP, _TABLE.c.instance_id == instance_id):
        wake(session, row.instance_group_id)


def gone(session: Session, instance_id: str) -> None:
    """To be said when a server is no more: its membership goes with it."""
    moved(session, instance_id)
    remove_rows(session, _TABLE, _TABLE.c.instance_id == instance_id)
