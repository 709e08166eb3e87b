"""What can be done with servers. One public method a use case; each runs in the transaction of its request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.references import name_of
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.instances import initialization, places
from kunsthalle.instances.bodies import ActionBody, CreateInstanceBody, UpdateInstanceBody
from kunsthalle.instances.boot import Boot, check_allowed
from kunsthalle.instances.kinds import INSTANCE
from kunsthalle.instances.model import Instance
from kunsthalle.instances.options import check, options_of, over, refuse_running
from kunsthalle.instances.planning import plan
from kunsthalle.instances.profiles import INSTANCE_PROFILES, InstanceProfile, chosen
from kunsthalle.instances.queries import interfaces_of, taken
from kunsthalle.storage import attachments
from kunsthalle.storage.attachments import Host
from kunsthalle.storage.bodies import BootAttachmentBody
from kunsthalle.storage.data_volumes import attach_data
from kunsthalle.storage.queries import attached_to
from kunsthalle.storage.service import VolumeService
from kunsthalle.store import jobs
from kunsthalle.store.rows import insert_named, rename, update
from kunsthalle.store.scope import Granted, find
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

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

    def create(self, unit: Unit, given: CreateInstanceBody) -> Instance:
        """A new server, `pending`, with its volumes and addresses; and the job that boots it."""
        wanted = plan(unit, given, "is.instance.instance.create")
        body, zone = wanted.body, wanted.place.zone
        prefix = unit.ctx.region.zones[zone]
        instance = Instance(
            id=unit.ctx.ids.resource(prefix, "_"),
            account_id=unit.ctx.account_id,
            name=unit.ctx.ids.name() if body.name is UNSET else body.name,
            status="pending",
            status_reasons=[],
            resource_group_id=wanted.group_id,
            zone=zone,
            profile=wanted.profile.name,
            vpc_id=wanted.place.vpc.id,
            vpc_crn=wanted.place.vpc.crn,
            vpc_name=wanted.place.vpc.name,
            image=wanted.boot.image,
            catalog_offering=wanted.boot.catalog_offering,
            keys=wanted.given.kept_keys,
            user_data=wanted.given.user_data,
            options=wanted.options,
            default_trusted_profile=wanted.given.kept_profile,
            password=initialization.password(unit, wanted.boot.operating_system, wanted.given.keys),
            disk_name=None,
            created_at=unit.ctx.now(),
        )
        insert_named(unit, INSTANCE, instance)
        host = host_of(unit, instance)
        volume_id = boot_from(unit, self.blobs, host, wanted.boot, body.boot_volume_attachment)
        for at, wish in enumerate(wanted.volumes):
            attach_data(unit, self.volumes, host, wish, active=True, field=f"volume_attachments.{at}.volume")
        places.settle(unit, wanted.place, instance.id)
        initialization.link(unit, instance, wanted.given)
        jobs.enqueue(unit, BOOT, instance.id, volume=volume_id)
        return instance

    def update(self, unit: Unit, instance: Granted[Instance], body: UpdateInstanceBody) -> Instance:
        """Changes the name, the profile of a stopped server, and what is only shown again."""
        it = instance.it
        values = _changed(taken(unit, it), body)
        if values:
            disks = attached_to(unit, [it.id])[it.id]
            boots = [one.uses for one in disks if one.attachment_type == "boot"]
            check_allowed(boots, INSTANCE_PROFILES[values["profile"]], values["options"])
            _refuse_crowd(unit, it, INSTANCE_PROFILES[values["profile"]])
            update(unit, INSTANCE, it.id, **values)
        if body.name is not UNSET and body.name != it.name:
            rename(unit, INSTANCE, it.id, body.name)
            attachments.rename_host(unit, it.id, body.name)
        return find(unit, INSTANCE, it.id)

    def act(self, unit: Unit, instance: Granted[Instance], body: ActionBody) -> Action:
        """Starts, stops or reboots. 409 while the server is being made or deleted, or cannot do it now."""
        it, move = instance.it, _MOVES[body.type]
        if it.status in {"pending", "deleting"}:
            raise conflict("invalid_state", f"A server that is {it.status} cannot {body.type}.")
        completed = it.status in move.nothing
        if not completed:
            if move.to == "starting":
                self._refuse_without_disk(unit, it)
            moved = transition(unit, INSTANCE, it.id, move.to, status_reasons=[])
            must(moved, f"A server that is {it.status} cannot {body.type}.")
            if move.to == "starting":
                attachments.set_active(unit, it.id, True)
            jobs.cancel(unit, CUT, it.id)
            jobs.enqueue(unit, move.job, it.id, force=body.force)
            if move.job == STOP and not body.force:
                jobs.enqueue(unit, CUT, it.id, due_at=unit.ctx.now() + GRACE, force=True)
        return Action(unit.ctx.ids.uuid(), it.id, body.type, body.force, completed, unit.ctx.now())

    def _refuse_without_disk(self, unit: Unit, it: Instance) -> None:
        volumes = attached_to(unit, [it.id])[it.id]
        if not volumes or volumes[0].status not in {"available", "pending"}:
            raise conflict("invalid_state", "The server's boot volume is not available.")

    def delete(self, unit: Unit, instance: Granted[Instance]) -> None:
        """Has the server removed, with the volumes that go with it; its addresses are free at once."""
        it = instance.it
        moved = transition(unit, INSTANCE, it.id, "deleting", status_reasons=[])
        must(moved, "The server is being deleted already.", "instance_delete_conflict")
        jobs.cancel(unit, CUT, it.id)
        volumes = attached_to(unit, [it.id])[it.id]
        attachments.begin_detach(unit, it.id)
        places.give_back(unit, interfaces_of(unit, [it.id])[it.id])
        jobs.enqueue(unit, DELETE, it.id, volume=volumes[0].id if volumes else None)


def host_of(unit: Unit, instance: Instance) -> Host:
    """The server as its volumes know it."""
    prefix = unit.ctx.region.zones[instance.zone]
    return Host(instance.id, instance.name, instance.zone, prefix, instance.resource_group_id)


def boot_from(unit: Unit, blobs: Blobs, host: Host, boot: Boot, asked: BootAttachmentBody | UnsetType) -> str:
    """Attaches what a server is to boot from, made or there; its id."""
    wish = BootAttachmentBody() if isinstance(asked, UnsetType) else asked
    if boot.content is not None:
        return attachments.attach_new(unit, blobs, host, boot.content, wish).id
    assert boot.volume is not None  # noqa: S101  one of both, by Boot's word; for the type checker
    attachments.attach_existing(unit, host, boot.volume, wish)
    return boot.volume.id


def _changed(it: Instance, body: UpdateInstanceBody) -> dict[str, Any]:
    """The columns that a change sets; 400 or 409 for what cannot be."""
    if body.placement_target is not UNSET:
        text = "Dedicated hosts and placement groups are not offered here."
        raise invalid("bad_field", text, "placement_target")
    profile = _profile(it, body)
    changed = options_of(body)
    refuse_running(changed, it.options, it.status)
    options = over(it.options, changed)
    if not changed and profile.name == it.profile:
        return {}
    check(options, profile)
    return {"options": options, "profile": profile.name}


def _profile(it: Instance, body: UpdateInstanceBody) -> InstanceProfile:
    """409 unless the server is stopped, 400 for a profile of another architecture."""
    old = INSTANCE_PROFILES[it.profile]
    if isinstance(body.profile, UnsetType):
        return old
    new = chosen(name_of(body.profile, "profile"))
    if new.name != old.name and it.status not in {"stopping", "stopped"}:
        raise conflict("invalid_state", f"The server must be stopped, and is {it.status}.", "profile")
    if new.architecture != old.architecture:
        text = f"The server's architecture is {old.architecture}, the profile's {new.architecture}."
        raise invalid("bad_field", text, "profile")
    return new


def _refuse_crowd(unit: Unit, it: Instance, profile: InstanceProfile) -> None:
    """400 where the server has more network interfaces than the profile allows."""
    present = len(interfaces_of(unit, [it.id])[it.id])
    if present > profile.interfaces:
        text = f"The profile {profile.name} allows {profile.interfaces} network interfaces; the server has {present}."
        raise invalid("bad_field", text, "profile")
