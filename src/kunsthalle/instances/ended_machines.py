"""When a machine is found to have ended: what its server's state is then (C2 of the VPC reference; U where marked)."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.block_storage import boot_volumes
from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.log import get_logger
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.hypervisor.protocol import Facts, Hypervisor, Status
from kunsthalle.instances.models import Instance
from kunsthalle.instances.queries import instance_of
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.instances.service import RESTART, STOP
from kunsthalle.jobs import queue

log = get_logger("machines")
HOST = "stopped_by_host_failure"
"""The reason that the VPC API has for servers that stand still and were not told to."""

_OF_HOST = "The host was restarted, and the server's policy is to stay off then."
_OF_LOST_HOST = "The host is lost, and the server's policy is to stay off then."
_OF_ITSELF = "The server's machine ended without having been told to; the log of the host has the details."


def settle(run: queue.Run, hypervisor: Hypervisor) -> None:
    """Writes down what became of a machine that is meant to run. A machine that runs is left alone.

    Powered off from within: `stopped`. The host was restarted: started again, or `stopped`, as its availability policy
    says. Its host is lost: started elsewhere, or `failed`, as that policy says. Ended in any other way: `failed`; but a
    guest that KVM broke off is started anew without KVM (U).
    """
    instance = run.read(partial(instance_of, id_=run.job.subject))
    if instance is None or instance.status != "running":
        return
    before = hypervisor.facts(instance.id)
    status = hypervisor.status(instance.id)
    if status in {Status.RUNNING, Status.UNREACHABLE}:
        return
    broken = status is Status.FAILED and _by_kvm(before, hypervisor)
    again = broken or (status in {Status.LOST, Status.STRANDED} and _policy(instance) == "restart")
    log.warning("machine ended", instance=instance.id, how=status.value, again=again)
    run.finish(partial(_started_again if again else _ended, instance=instance, status=status))


def unsettled(_session: Session, job: queue.Claimed, error: Exception) -> None:
    """After the last try nothing is known of the machine, and so nothing is said; it is looked at again."""
    log.error("machine not settled", instance=job.subject, error=queue.text_of(error))


def _by_kvm(facts: Facts | None, hypervisor: Hypervisor) -> bool:
    return facts is not None and facts.accelerator == "kvm" and hypervisor.accelerator()[0] == "tcg"


def _policy(instance: Instance) -> str:
    return str(instance.options.get("availability_policy", {}).get("host_failure", "restart"))


def _moved(session: Session, instance: Instance, to: str, **values: Any) -> bool:
    """Unless the server was acted on since it was read: an action sees to the machine itself."""
    return transition(session, INSTANCE, instance.id, to, INSTANCE.table.c.revision == instance.revision, **values)


def _started_again(session: Session, instance: Instance, status: Status) -> None:  # noqa: ARG001  as _ended
    if _moved(session, instance, "restarting", status_reasons=[]):
        queue.enqueue(session, RESTART, instance.id)


def _ended(session: Session, instance: Instance, status: Status) -> None:
    match status:
        case Status.STOPPED:
            moved = _moved(session, instance, "stopped", status_reasons=[])
        case Status.LOST:
            moved = _moved(session, instance, "stopped", status_reasons=[{"code": HOST, "message": _OF_HOST}])
        case Status.FAILED | Status.ABSENT | Status.STRANDED:
            message = _OF_LOST_HOST if status is Status.STRANDED else _OF_ITSELF
            moved = _moved(session, instance, "failed", status_reasons=[{"code": HOST, "message": message}])
            queue.enqueue(session, STOP, instance.id)  # what stands still is still there
        case _:
            raise UnknownMember("status of a machine that has ended", status)
    if moved:
        boot_volumes.set_active(session, instance.id, False)
