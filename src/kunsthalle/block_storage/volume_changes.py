"""Changing what a volume is: larger, faster, of another profile (reference/vpc-api.md B1, C2, E2)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.references import name_of
from kunsthalle.block_storage.models import Volume
from kunsthalle.block_storage.queries import captures_of
from kunsthalle.block_storage.requests import UpdateVolumeRequest
from kunsthalle.block_storage.resources import VOLUME
from kunsthalle.block_storage.volume_profiles import PROFILES, VolumeProfile, check_capacity, chosen
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.disk_images.growth import CLUSTER_DISK_GB
from kunsthalle.jobs import queue

UPDATE = "volume.update"


def apply(session: Session, volume: Volume, body: UpdateVolumeRequest) -> None:
    """Has the volume `updating` to what is asked for, if it is not so already. 400 or 409 where it cannot be."""
    size = _wanted(volume, body)
    changed = [field for field, value in size.items() if value != getattr(volume, field)]
    if not changed:
        return
    adjustable = PROFILES[volume.profile].adjustable
    state = "unattached" if volume.instance_id is None else "attached"
    if state not in adjustable:
        text = f"A volume of the profile {volume.profile} is changed while it is {' or '.join(adjustable)}."
        raise conflict("invalid_state", text, changed[0])
    same = VOLUME.table.c.revision == volume.revision
    if not transition(session, VOLUME, volume.id, "updating", VOLUME.table.c.status == "available", same, **size):
        raise conflict("invalid_state", f"A volume that is {volume.status} cannot be changed.", changed[0])
    if captures_of(session, volume.id):
        raise conflict("invalid_state", f"A snapshot of the volume {volume.name} is being taken; try again.")
    queue.enqueue(session, UPDATE, volume.id)


def _wanted(volume: Volume, body: UpdateVolumeRequest) -> dict[str, Any]:
    profile = _profile(volume, body)
    capacity = _capacity(volume, profile, body.capacity)
    asked = None if isinstance(body.iops, UnsetType) else body.iops
    if asked is None and profile.tier is None and profile.name == volume.profile:
        asked = volume.iops
    iops = profile.iops_for(capacity, asked)
    keeps_iops = body.bandwidth is UNSET and profile.generation > 1 and iops == volume.iops
    bandwidth = volume.bandwidth if keeps_iops else profile.bandwidth_asked(iops, body.bandwidth)
    return {"profile": profile.name, "capacity": capacity, "iops": iops, "bandwidth": bandwidth}


def _profile(volume: Volume, body: UpdateVolumeRequest) -> VolumeProfile:
    old = PROFILES[volume.profile]
    if isinstance(body.profile, UnsetType):
        return old
    new = chosen(name_of(body.profile, "profile"), "profile")
    if (new.family, new.generation) != (old.family, old.generation):
        text = f"A volume of the profile {old.name} can change to profiles of its family and generation only."
        raise invalid("bad_field", text, "profile")
    return new


def _capacity(volume: Volume, profile: VolumeProfile, asked: int | UnsetType) -> int:
    """Never less than now; with data on it, at most as far as the disk can grow in place."""
    if asked is UNSET and profile.name == volume.profile:
        return volume.capacity
    capacity = volume.capacity if isinstance(asked, UnsetType) else asked
    least, most = profile.boot_capacity if volume.attachment_type == "boot" else profile.capacity
    if volume.digest is not None:
        most = min(most, -(-volume.capacity // CLUSTER_DISK_GB) * CLUSTER_DISK_GB)
    return check_capacity(capacity, (max(least, volume.capacity), most), "capacity")
