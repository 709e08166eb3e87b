"""From what a server is meant to be to what its machine is, by jobs that may be repeated, overtaken and killed.

Every job does the same: it reads what the server's state asks for, drives the engine there, and says so with a
compare-and-set. If the state has moved meanwhile, it begins again. Whoever acted last on the engine has therefore
looked at the state after that, and no machine is left that nobody asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from kunsthalle.block_storage import boot_volumes, data_volumes
from kunsthalle.block_storage.disk_specs import DiskDrivers
from kunsthalle.block_storage.jobs import forget_volume
from kunsthalle.block_storage.models import Volume
from kunsthalle.block_storage.provisioning import DiskLost, provide_for_server, volume_of
from kunsthalle.block_storage.queries import attached_to
from kunsthalle.block_storage.volume_keys import passphrases
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.core.log import get_logger
from kunsthalle.core.outages import Outage
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import delete
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.disk_images.file_refusals import Refused
from kunsthalle.hypervisor.disk_protocol import FAULTS, DiskKind
from kunsthalle.hypervisor.protocol import (
    NOT_ENCRYPTED,
    DataDisk,
    DiskFull,
    HypervisorError,
    NoRoom,
    NotApart,
    NotRunning,
    Passphrases,
    SeedSpec,
    ServerSpec,
    Status,
)
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.instances import initialization, placement
from kunsthalle.instances.consoles import grants
from kunsthalle.instances.ended_machines import settle, unsettled
from kunsthalle.instances.groups import memberships
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES
from kunsthalle.instances.models import Instance, Interface
from kunsthalle.instances.queries import instance_of, interfaces_of
from kunsthalle.instances.resources import INSTANCE, INTERFACE
from kunsthalle.instances.service import BOOT, CUT, DELETE, DISKS, RESTART, SETTLE, STOP
from kunsthalle.instances.states import INSTANCE_STATES
from kunsthalle.jobs import queue
from kunsthalle.key_protect.data_keys import Cause, KeyRefused

log = get_logger("machines")

_UP, _DOWN, _AGAIN, _WAITING = "up", "down", "again", "waiting"
_LEFT = tuple(state for state in INSTANCE_STATES.states if state != "deleting")
"""States in which a machine is left to converge: one that is being deleted has been taken away before."""
_WANTED = ClosedTable(
    "state of an instance",
    _LEFT,
    {
        "pending": _UP,
        "starting": _UP,
        "running": _UP,
        "restarting": _AGAIN,
        "stopping": _DOWN,
        "stopped": _DOWN,
        "failed": _DOWN,
    },
)
_SETTLED = ClosedTable(
    "state of an instance",
    _LEFT,
    {
        "pending": None,
        "starting": "running",
        "running": None,
        "restarting": "running",
        "stopping": "stopped",
        "stopped": None,
        "failed": None,
    },
)
PATIENCE_SECONDS, PATIENCE_ELSEWHERE_SECONDS = 2.0, 10.0
_MESSAGE = "The server could not be started; the log of the host has the details."


@dataclass(frozen=True, slots=True)
class Found:
    """A server with everything its machine is made of. It always has a boot volume and a primary interface."""

    instance: Instance
    volumes: list[Volume]
    interfaces: list[Interface]

    @property
    def data(self) -> list[Volume]:
        """The volumes besides the one it boots from."""
        return [volume for volume in self.volumes if volume.attachment_type == "data"]


class HeldOn(Exception):
    """A guest has not let go of a disk."""


@dataclass(frozen=True, slots=True)
class Machines:
    """`patience` is how many seconds a job waits for a guest to shut down. If it takes longer, whoever looks after
    machines notices its end, and the job `CUT` ends it when its grace is over on the product's clock. An engine of many
    hosts takes seconds for what another does at once, so that a job waits for it longer than for the next look.
    """

    disks: DiskDrivers
    patience: float = PATIENCE_SECONDS

    def handlers(self) -> tuple[queue.Handler, ...]:
        """The jobs of this package."""
        made = (queue.Handler(kind, self.converge, _give_up) for kind in (BOOT, STOP, RESTART, CUT, DELETE))
        more = (
            queue.Handler(DISKS, self.converge, _keep_disks),
            queue.Handler(SETTLE, partial(settle, hypervisor=self.disks.hypervisor), unsettled),
        )
        return (*made, *more)

    def converge(self, run: queue.Run) -> None:
        """Drives the machine to what its server's state asks for."""
        made = ""
        while True:
            server: Found | None = run.read(partial(_found, id_=run.job.subject))
            if server is None or server.instance.status == "deleting":
                self._remove(run, server)
                return
            instance = server.instance
            if instance.status == "pending":
                run.write(partial(_move, id_=instance.id, to="starting"))
                continue
            aim = _WANTED[instance.status]
            if aim == made or (aim == _UP and made == _AGAIN):
                if self._settled(run, instance):
                    return
                continue
            if made == _WAITING and aim == _DOWN:
                return
            if self._drive(run, server, aim):
                made = aim
            else:
                made = _WAITING if aim == _DOWN else ""

    def _settled(self, run: queue.Run, instance: Instance) -> bool:
        """Whether nothing is left to say of the state in which the server was seen."""
        to = _SETTLED[instance.status]
        return to is None or bool(run.write(partial(_move, id_=instance.id, to=to, was=instance.status)))

    def _drive(self, run: queue.Run, server: Found, aim: str) -> bool:
        """False when the server turned out `failed`: the next round sees to it that nothing of it runs; or when a
        guest takes its time to shut down.
        """
        id_ = server.instance.id
        if aim == _DOWN:
            cut = bool(run.job.payload.get("force")) or server.instance.status != "stopping"
            hypervisor = self.disks.hypervisor
            patience = max(self.patience, PATIENCE_ELSEWHERE_SECONDS) if hypervisor.shared else self.patience
            down = hypervisor.stop(id_, 0 if cut else patience, cut=cut)
            if down:
                run.write(partial(data_volumes.settle, instance_id=id_, attached=set(), held=set()))
            return down
        try:
            for volume in server.volumes:
                self._provide(run, server.instance, volume)
            made: Found | None = run.read(partial(_found, id_=id_))
            self._up(run, made or server, again=aim == _AGAIN)
        except Outage:
            raise  # nothing is known: the server goes on being started when there is an answer
        except (*FAULTS, KeyRefused) as fault:
            log.error("server not started", instance=id_, error=str(fault), detail=getattr(fault, "detail", ""))  # noqa: TRY400  the engine's word is what counts
            code, message = _reason(fault)
            run.write(partial(_fail, id_=id_, message=message, code=code, was=server.instance.status))
            return False
        self._settled(run, server.instance)  # it runs; the engine may be asked for a while about disks
        self._set_disks(run, id_)
        return True

    def _provide(self, run: queue.Run, instance: Instance, volume: Volume) -> None:
        """A data volume that cannot be made does not keep a server from running that runs already."""
        try:
            provide_for_server(run, self.disks, volume)
        except Outage:
            raise
        except (*FAULTS, KeyRefused) as fault:
            if instance.status != "running" or volume.attachment_type == "boot":
                raise
            log.error("volume not made", instance=instance.id, volume=volume.id, error=str(fault))  # noqa: TRY400  as above
            run.write(partial(boot_volumes.fail, volume_id=volume.id))

    def _set_disks(self, run: queue.Run, id_: str) -> None:
        """Brings the data disks of a machine that runs to what its server has; a job of its own sees to the rest."""
        server: Found | None = run.read(partial(_found, id_=id_))
        if server is None or server.instance.status in {"deleting", "failed"}:
            return
        condition = run.job.kind == DISKS
        try:
            data_disks = self._data(server, self._opened(run, server))
            held = self.disks.hypervisor.set_disks(id_, data_disks)
            attached = {disk.id for disk in data_disks}
            run.write(partial(data_volumes.settle, instance_id=id_, attached=attached, held=held))
            if held and condition:
                raise HeldOn(f"the guest of {id_} has not let go of {len(held)} disks")
        except (NotRunning, KeyRefused):
            return  # it ended meanwhile, or is being stopped: the next start opens its disks, or says why not
        except HypervisorError as error:
            if condition:
                raise
            log.error("disks not set", instance=id_, error=str(error))  # noqa: TRY400  the engine's word is what counts
            held = {"unknown"}
        if held:
            run.write(lambda session: queue.enqueue(session, DISKS, id_))

    def _opened(self, run: queue.Run, server: Found) -> dict[str, Passphrases]:
        """The passphrases of a server's volumes, by their ids. KeyRefused.

        A machine that runs has its disks open, and goes on though a key cannot be used any more.
        """
        opened = dict.fromkeys((volume.id for volume in server.volumes), NOT_ENCRYPTED)
        for volume in server.volumes:
            try:
                if volume.sealing.keys:
                    opened[volume.id] = run.read(partial(passphrases, disk=volume))
            except KeyRefused:
                if not self.disks.hypervisor.lives(server.instance.id):
                    raise
        return opened

    def _data(self, server: Found, opened: Mapping[str, Passphrases]) -> tuple[DataDisk, ...]:
        """The disks of the data volumes that the machine is to have: those that are made."""
        made = [volume for volume in server.data if volume.status in {"available", "updating"}]
        attached = [volume for volume in made if volume.attachment_status != "detaching"]
        disks = [DataDisk(str(volume.attachment_id), volume.id, opened[volume.id]) for volume in attached]
        return tuple(disk for disk in disks if self.disks.disks.exists(DiskKind.VOLUME, disk.disk))

    def _up(self, run: queue.Run, server: Found, *, again: bool) -> None:
        hypervisor, id_ = self.disks.hypervisor, server.instance.id
        if again and hypervisor.status(id_) is Status.RUNNING:
            with suppress(NotRunning):  # it ended between the question and the reset
                hypervisor.reset(id_)
                return
        hypervisor.start(self._spec(server, self._opened(run, server)))
        if (facts := hypervisor.facts(id_)) is not None:
            size = {"vcpus": facts.vcpus, "memory_mib": facts.memory_mib}
            log.info("server started", instance=id_, engine=hypervisor.name, accelerator=facts.accelerator, **size)

    def _spec(self, server: Found, opened: Mapping[str, Passphrases]) -> ServerSpec:
        instance = server.instance
        profile = INSTANCE_PROFILES[instance.profile]
        seed = SeedSpec(
            instance_id=instance.id,
            hostname=instance.name,
            user_data=instance.user_data or "",
            ssh_keys=tuple(key["public_key"] for key in instance.keys),
            keys_in_metadata=_is_windows(server.volumes[0]),
        )
        return ServerSpec(
            id=instance.id,
            name=instance.name,
            disk=server.volumes[0].id,
            vcpus=profile.vcpus,
            memory_mib=profile.memory * 1024,
            seed=seed,
            mac=server.interfaces[0].mac,
            data=self._data(server, opened),
            passphrases=opened[server.volumes[0].id],
            apart=instance.placement_group_id,
            zone=instance.zone,
        )

    def _remove(self, run: queue.Run, server: Found | None) -> None:
        """The machine, then the disks that go with it, then the rows; each step may find its work done."""
        self.disks.hypervisor.delete(run.job.subject)
        if server is None:
            self._remove_orphan(run)
            return
        for volume in server.volumes:
            if volume.status == "pending_deletion":
                self.disks.disks.delete(DiskKind.VOLUME, volume.id)
        run.finish(partial(_forget, server=server))

    def _remove_orphan(self, run: queue.Run) -> None:
        """A job that was overtaken by the server's deletion may have made the disk anew."""
        volume_id = run.job.payload.get("volume")
        if volume_id is None:
            return
        volume = run.read(partial(volume_of, id_=volume_id))
        if volume is None or volume.status == "pending_deletion":
            self.disks.disks.delete(DiskKind.VOLUME, volume_id)


def _found(session: Session, id_: str) -> Found | None:
    instance = instance_of(session, id_)
    if instance is None:
        return None
    return Found(instance, attached_to(session, [id_])[id_], interfaces_of(session, [id_])[id_])


def _move(session: Session, id_: str, to: str, was: str = "pending") -> bool:
    moved = transition(session, INSTANCE, id_, to, INSTANCE.table.c.status == was, status_reasons=[])
    if moved and to == "stopped":
        queue.cancel(session, CUT, id_)
        boot_volumes.set_active(session, id_, False)
    if moved and to in {"running", "stopped"}:
        memberships.moved(session, id_)
    return moved


def _is_windows(volume: Volume) -> bool:
    system = OPERATING_SYSTEMS.get(volume.operating_system or "")
    return system is not None and system.family.startswith("Windows")


def _reason(fault: Exception) -> tuple[str, str]:
    """Code and words for who asked for the server: nothing of the host, and nothing of what others have on it."""
    if isinstance(fault, DiskFull):
        return "cannot_start_storage", "The host has no room left for the disks of this server."
    if isinstance(fault, DiskLost):
        text = f"The disk of the {fault.shown} is gone: an empty one does not take its place."
        return "cannot_start_storage", text
    if isinstance(fault, NotApart):
        text = "Every host that is left has an instance of the same placement group: stop one, and start this."
        return "cannot_start_placement_group", text
    if isinstance(fault, NoRoom):
        return "cannot_start_capacity", "The host has no memory left for this server: stop another one, and start it."
    if isinstance(fault, KeyRefused):
        code = fault.cause.value if fault.cause is Cause.DELETED else "cannot_start_storage"
        return code, f"A volume of this server cannot be opened. {fault.message}"
    return "cannot_start", fault.message if isinstance(fault, Refused) else _MESSAGE


def _fail(session: Session, id_: str, message: str, code: str = "cannot_start", was: str | None = None) -> None:
    """Unless the state has moved on from what it `was`."""
    reason: list[dict[str, Any]] = [{"code": code, "message": message}]
    unmoved = [] if was is None else [INSTANCE.table.c.status == was]
    if transition(session, INSTANCE, id_, "failed", *unmoved, status_reasons=reason):
        for volume in attached_to(session, [id_])[id_]:
            boot_volumes.fail(session, volume.id)
        boot_volumes.set_active(session, id_, False)
        memberships.moved(session, id_)


def _forget(session: Session, server: Found) -> None:
    """Once: a second job that came to the same end finds nothing left to do."""
    if not delete(session, INSTANCE, server.instance.id, server.instance.account_id):
        return
    initialization.unlink(session, server.instance)
    placement.let_go(session, interfaces_of(session, [server.instance.id])[server.instance.id])
    for volume in server.volumes:
        if volume.status == "pending_deletion":
            forget_volume(session, volume)
        else:
            boot_volumes.detach(session, volume)
    remove_rows(session, INTERFACE.table, INTERFACE.table.c.instance_id == server.instance.id)
    grants.forget(session, server.instance.id)
    memberships.gone(session, server.instance.id)


def _keep_disks(_session: Session, job: queue.Claimed, error: Exception) -> None:
    """After the last try: what the guest holds on to leaves with the next stop; what it lacks, it gets at a start."""
    log.error("disks not as they should be", instance=job.subject, error=queue.text_of(error))


def _give_up(session: Session, job: queue.Claimed, error: Exception) -> None:
    """After the last try: the server is `failed` and may be deleted, or started once more."""
    log.error("machine work failed", kind=job.kind, instance=job.subject, error=queue.text_of(error))
    _fail(session, job.subject, _MESSAGE)
