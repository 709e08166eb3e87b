"""What can be done with servers. One public method a use case; each runs in the transaction of its request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import name_of
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.instances import places
from kunsthalle.instances.bodies import ActionBody, CreateInstanceBody, OptionsBody, UpdateInstanceBody
from kunsthalle.instances.boot import Boot, check_allowed, check_fit, choose
from kunsthalle.instances.kinds import INSTANCE
from kunsthalle.instances.model import Instance
from kunsthalle.instances.profiles import DEFAULT, chosen
from kunsthalle.instances.prototypes import complete
from kunsthalle.instances.queries import interfaces_of
from kunsthalle.networks.model import Key
from kunsthalle.networks.queries import refer_key
from kunsthalle.storage import attachments
from kunsthalle.storage.attachments import Host
from kunsthalle.storage.bodies import BootAttachmentBody
from kunsthalle.storage.queries import attached_to
from kunsthalle.store import jobs
from kunsthalle.store.rows import insert_named, rename, update
from kunsthalle.store.scope import Granted, find, may_create
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

BOOT, STOP, RESTART, DELETE = "instance.boot", "instance.stop", "instance.restart", "instance.delete"
SETTLE, CUT = "instance.settle", "instance.cut"
GRACE = 30 * SECOND
"""How long a guest has to shut down, on the product's clock, before its power is cut."""


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
    """`blobs` is what boot volumes stand on."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def create(self, unit: Unit, given: CreateInstanceBody) -> Instance:
        """A new server, `pending`, with its boot volume and addresses; and the job that boots it."""
        body, source = complete(unit, given)
        boot = choose(unit, body, source)
        profile = chosen(DEFAULT if body.profile is UNSET else name_of(body.profile, "profile"))
        place = places.plan(unit, body)
        keys = keys_of(unit, body)
        check_fit(boot, profile, keys)
        check_allowed(boot, profile, body)
        group = chosen_group(unit, None if body.resource_group is UNSET else body.resource_group.id)
        may_create(unit.ctx, "is.instance.instance.create", {"resourceGroupId": group.id})
        prefix = unit.ctx.region.zones[place.zone]
        instance = Instance(
            id=unit.ctx.ids.resource(prefix, "_"),
            account_id=unit.ctx.account_id,
            name=unit.ctx.ids.name() if body.name is UNSET else body.name,
            status="pending",
            status_reasons=[],
            resource_group_id=group.id,
            zone=place.zone,
            profile=profile.name,
            vpc_id=place.vpc.id,
            vpc_crn=place.vpc.crn,
            vpc_name=place.vpc.name,
            image=boot.image,
            catalog_offering=boot.catalog_offering,
            keys=[_kept(key) for key in keys],
            user_data=None if body.user_data is UNSET else body.user_data,
            options=options_of(body),
            created_at=unit.ctx.now(),
        )
        insert_named(unit, INSTANCE, instance)
        volume_id = self._attach(unit, boot, Host(instance.id, instance.name, place.zone, prefix, group.id), body)
        places.settle(unit, place, instance.id)
        jobs.enqueue(unit, BOOT, instance.id, volume=volume_id)
        return instance

    def _attach(self, unit: Unit, boot: Boot, host: Host, body: CreateInstanceBody) -> str:
        wish = body.boot_volume_attachment
        wish = BootAttachmentBody() if isinstance(wish, UnsetType) else wish
        if boot.content is not None:
            return attachments.attach_new(unit, self._blobs, host, boot.content, wish).id
        assert boot.volume is not None  # noqa: S101  one of both, by Boot's word; for the type checker
        attachments.attach_existing(unit, host, boot.volume, wish)
        return boot.volume.id

    def update(self, unit: Unit, instance: Granted[Instance], body: UpdateInstanceBody) -> Instance:
        """Changes the name, and what is only shown again. 400 for another profile."""
        it = instance.it
        if body.profile is not UNSET and name_of(body.profile, "profile") != it.profile:
            raise invalid("bad_field", "The profile of a server cannot be changed here.", "profile")
        changed = options_of(body)
        if changed:
            update(unit, INSTANCE, it.id, options=_over(it.options, changed))
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


def keys_of(unit: Unit, body: CreateInstanceBody) -> list[Key]:
    """The public keys that are meant; each once."""
    if isinstance(body.keys, UnsetType):
        return []
    found = [refer_key(unit, one, "keys").it for one in body.keys]
    return list({key.id: key for key in found}.values())


def _kept(key: Key) -> dict[str, str]:
    """What the server keeps of a key, whatever becomes of it."""
    return {
        "id": key.id,
        "crn": key.crn,
        "name": key.name,
        "fingerprint": key.fingerprint,
        "public_key": key.public_key,
    }


def options_of(body: OptionsBody) -> dict[str, Any]:
    """What the request sets of the options, in the words of the wire."""
    given = {name: getattr(body, name) for name in OptionsBody.__struct_fields__}
    return {name: msgspec.to_builtins(value) for name, value in given.items() if value is not UNSET}


def _over(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for name, value in new.items():
        kept = old.get(name)
        merged[name] = {**kept, **value} if isinstance(kept, dict) and isinstance(value, dict) else value
    return merged
