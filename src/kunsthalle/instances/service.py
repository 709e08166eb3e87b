"""What can be done with servers. One public method a use case; each runs in the transaction of its request."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.references import name_of
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.block_storage import boot_volumes, volume_keys
from kunsthalle.block_storage.boot_volumes import Host
from kunsthalle.block_storage.data_volumes import attach_data
from kunsthalle.block_storage.queries import attached_to
from kunsthalle.block_storage.requests import BootAttachmentRequest
from kunsthalle.block_storage.service import VolumeService
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import insert_named, rename, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.visibility import Authorized, find
from kunsthalle.instances import initialization, placement
from kunsthalle.instances.boot_checks import Boot, check_allowed
from kunsthalle.instances.instance_options import check, options_of, over, refuse_running
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES, InstanceProfile, chosen
from kunsthalle.instances.models import Instance
from kunsthalle.instances.placement_groups.members import enter
from kunsthalle.instances.prototype_planning import plan
from kunsthalle.instances.queries import interfaces_of, taken
from kunsthalle.instances.requests import ActionRequest, CreateInstanceRequest, UpdateInstanceRequest
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.instances.vcpu_quota import refuse_vcpus
from kunsthalle.jobs import queue

BOOT, STOP, RESTART, DELETE = "instance.boot", "instance.stop", "instance.restart", "instance.delete"
SETTLE, CUT = "instance.settle", "instance.cut"
GRACE = 30 * SECOND
"""How long a guest has to shut down, on the product's clock, before its power is cut."""
DISKS = "instance.disks"


@dataclass(frozen=True, slots=True)
class Action:
    """What was asked of a server; `completed` where it was so already."""

    id: str
    instance_id: str
    type: str
    force: bool
    completed: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class _Move:
    """An action: the state it leads to, the job that does it, and the states in which nothing is left to do."""

    to: str
    job: str
    nothing: tuple[str, ...]


_MOVES = {
    "start": _Move("starting", BOOT, ("starting", "running", "restarting")),
    "stop": _Move("stopping", STOP, ("stopping", "stopped")),
    "reboot": _Move("restarting", RESTART, ("restarting",)),
}


class InstanceService:
    """`blobs` is what boot volumes stand on; `volumes` make the others."""

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs
        self.volumes = VolumeService(blobs)

    def create(self, session: Session, request: CreateInstanceRequest) -> Instance:
        """A new server, `pending`, with its volumes and addresses; and the job that boots it."""
        planned = plan(session, request, "is.instance.instance.create")
        body, zone = planned.body, planned.place.zone
        prefix = session.ctx.region.zones[zone]
        instance = Instance(
            id=session.ctx.ids.resource(prefix, "_"),
            account_id=session.ctx.account_id,
            name=session.ctx.ids.name() if body.name is UNSET else body.name,
            status="pending",
            status_reasons=[],
            resource_group_id=planned.group_id,
            zone=zone,
            profile=planned.profile.name,
            vpc_id=planned.place.vpc.id,
            vpc_crn=planned.place.vpc.crn,
            vpc_name=planned.place.vpc.name,
            image=planned.boot.image,
            catalog_offering=planned.boot.catalog_offering,
            keys=planned.given.kept_keys,
            user_data=planned.given.user_data,
            options=planned.options,
            default_trusted_profile=planned.given.kept_profile,
            password=initialization.password(session, planned.boot.operating_system, planned.given.keys),
            disk_name=None,
            created_at=session.ctx.now(),
            placement_group_id=enter(session, planned.placement_group),
        )
        refuse_vcpus(session, planned.profile)
        insert_named(session, INSTANCE, instance)
        host = host_of(session, instance)
        volume_id = boot_from(session, self.blobs, host, planned.boot, body.boot_volume_attachment)
        for at, wish in enumerate(planned.volumes):
            attach_data(session, self.volumes, host, wish, active=True, field=f"volume_attachments.{at}.volume")
        placement.settle(session, planned.place, instance.id)
        initialization.link(session, instance, planned.given)
        queue.enqueue(session, BOOT, instance.id, volume=volume_id)
        return instance

    def update(self, session: Session, instance: Authorized[Instance], body: UpdateInstanceRequest) -> Instance:
        """Changes the name, the profile of a stopped server, and what is only shown again."""
        server = instance.resource
        values = _changed(taken(session, server), body)
        if values:
            disks = attached_to(session, [server.id])[server.id]
            boots = [disk.uses for disk in disks if disk.attachment_type == "boot"]
            check_allowed(boots, INSTANCE_PROFILES[values["profile"]], values["options"])
            _refuse_crowd(session, server, INSTANCE_PROFILES[values["profile"]])
            refuse_vcpus(session, INSTANCE_PROFILES[values["profile"]], INSTANCE_PROFILES[server.profile])
            update(session, INSTANCE, server.id, **values)
        if body.name is not UNSET and body.name != server.name:
            rename(session, INSTANCE, server.id, body.name)
            boot_volumes.rename_host(session, server.id, body.name)
        return find(session, INSTANCE, server.id)

    def act(self, session: Session, instance: Authorized[Instance], body: ActionRequest) -> Action:
        """Starts, stops or reboots. 409 while the server is being made or deleted, or cannot do it now."""
        server, move = instance.resource, _MOVES[body.type]
        if server.status in {"pending", "deleting"}:
            raise conflict("invalid_state", f"A server that is {server.status} cannot {body.type}.")
        completed = server.status in move.nothing
        if not completed:
            if move.to == "starting":
                self._refuse_without_disk(session, server)
            moved = transition(session, INSTANCE, server.id, move.to, status_reasons=[])
            must(moved, f"A server that is {server.status} cannot {body.type}.")
            if move.to == "starting":
                boot_volumes.set_active(session, server.id, True)
            queue.cancel(session, CUT, server.id)
            queue.enqueue(session, move.job, server.id, force=body.force)
            if move.job == STOP and not body.force:
                queue.enqueue(session, CUT, server.id, due_at=session.ctx.now() + GRACE, force=True)
        return Action(session.ctx.ids.uuid(), server.id, body.type, body.force, completed, session.ctx.now())

    def _refuse_without_disk(self, session: Session, instance: Instance) -> None:
        volumes = attached_to(session, [instance.id])[instance.id]
        if not volumes or volumes[0].status not in {"available", "pending"}:
            raise conflict("invalid_state", "The server's boot volume is not available.")
        volume_keys.refuse_unusable(session, volumes)

    def delete(self, session: Session, instance: Authorized[Instance]) -> None:
        """Has the server removed, with the volumes that go with it; its addresses are free at once."""
        server = instance.resource
        moved = transition(session, INSTANCE, server.id, "deleting", status_reasons=[])
        must(moved, "The server is being deleted already.", "instance_delete_conflict")
        queue.cancel(session, CUT, server.id)
        volumes = attached_to(session, [server.id])[server.id]
        boot_volumes.begin_detach(session, server.id)
        placement.give_back(session, interfaces_of(session, [server.id])[server.id])
        queue.enqueue(session, DELETE, server.id, volume=volumes[0].id if volumes else None)


def host_of(session: Session, instance: Instance) -> Host:
    """The server as its volumes know it."""
    prefix = session.ctx.region.zones[instance.zone]
    return Host(instance.id, instance.name, instance.zone, prefix, instance.resource_group_id)


def boot_from(session: Session, blobs: Blobs, host: Host, boot: Boot, asked: BootAttachmentRequest | UnsetType) -> str:
    """Attaches what a server is to boot from, made or there; its id."""
    wish = BootAttachmentRequest() if isinstance(asked, UnsetType) else asked
    if boot.content is not None:
        return boot_volumes.attach_new(session, blobs, host, boot.content, wish).id
    assert boot.volume is not None  # noqa: S101  one of both, by Boot's word; for the type checker
    boot_volumes.attach_existing(session, host, boot.volume, wish)
    return boot.volume.id


def _changed(instance: Instance, body: UpdateInstanceRequest) -> dict[str, Any]:
    """The columns that a change sets; 400 or 409 for what cannot be."""
    if body.placement_target is not UNSET:
        text = "Dedicated hosts are not offered here, and a placement group is chosen when an instance is made."
        raise invalid("bad_field", text, "placement_target")
    profile = _profile(instance, body)
    changed = options_of(body)
    refuse_running(changed, instance.options, instance.status)
    options = over(instance.options, changed)
    if not changed and profile.name == instance.profile:
        return {}
    check(options, profile)
    return {"options": options, "profile": profile.name}


def _profile(instance: Instance, body: UpdateInstanceRequest) -> InstanceProfile:
    """409 unless the server is stopped, 400 for a profile of another architecture."""
    old = INSTANCE_PROFILES[instance.profile]
    if isinstance(body.profile, UnsetType):
        return old
    new = chosen(name_of(body.profile, "profile"))
    if new.name != old.name and instance.status not in {"stopping", "stopped"}:
        raise conflict("invalid_state", f"The server must be stopped, and is {instance.status}.", "profile")
    if new.architecture != old.architecture:
        text = f"The server's architecture is {old.architecture}, the profile's {new.architecture}."
        raise invalid("bad_field", text, "profile")
    return new


def _refuse_crowd(session: Session, instance: Instance, profile: InstanceProfile) -> None:
    """400 where the server has more network interfaces than the profile allows."""
    present = len(interfaces_of(session, [instance.id])[instance.id])
    if present > profile.interfaces:
        text = f"The profile {profile.name} allows {profile.interfaces} network interfaces; the server has {present}."
        raise invalid("bad_field", text, "profile")
