"""Machines and the servers they run for: one for each that is meant to run, none for any other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from kunsthalle.block_storage.disk_specs import DiskDrivers
from kunsthalle.hypervisor.protocol import HypervisorError, Status
from kunsthalle.instances.service import SETTLE, STOP
from kunsthalle.jobs import queue
from kunsthalle.operator.doctor.findings import CheckContext, ExpectedReferences, Finding

_OFF = {"stopped", "failed"}
_THERE = {Status.RUNNING, Status.UNREACHABLE, Status.STRANDED}
"""Of a machine that does not answer nothing is said; one on a lost host is seen to already."""


def machines(books: ExpectedReferences, disks: DiskDrivers, *, alone: bool) -> Iterator[Finding]:
    """`alone`: whether this host is the only one, so that a machine that is not here is nowhere."""
    engine = disks.hypervisor
    there = engine.servers()
    running_ids = {id_ for id_, server in books.servers.items() if server.status == "running"}
    states = engine.states(sorted(running_ids.union(there)), thorough=False)
    for id_ in there:
        server = books.servers.get(id_)
        if id_ in books.busy:
            continue
        if server is None:
            yield Finding("machine_without_server", id_, "There is a machine of no server.", partial(_end, id_))
        elif server.status in _OFF and states[id_] is Status.RUNNING:
            text = f"The server is {server.status}, and its machine runs."
            yield Finding("machine_of_stopped_server", id_, text, partial(_enqueue, STOP, id_, server.account_id))
    for id_, server in sorted(books.servers.items()):
        if id_ not in running_ids or id_ in books.busy or not (alone or id_ in there) or states[id_] in _THERE:
            continue
        mend = partial(_enqueue, SETTLE, id_, server.account_id)
        yield Finding("server_without_machine", id_, "The server is running, and its machine is not there.", mend)


def zones(disks: DiskDrivers) -> Iterator[Finding]:
    """The zones that nothing can be started in: what the settings name for them the engine does not have."""
    for absent in disks.hypervisor.absent_zones():
        yield Finding("absent_availability_zone", absent.zone, f"--openstack-zones: {absent.message}.")


def _end(id_: str, ward: CheckContext) -> bool:
    try:
        ward.disks.hypervisor.delete(id_)
    except HypervisorError:
        return False
    return True


def _enqueue(kind: str, id_: str, account: str, ward: CheckContext) -> bool:
    ward.store.write(ward.ctx.as_system(account), partial(queue.enqueue, kind=kind, subject=id_))
    return True
