"""Reinitializing servers: a stopped one boots from another volume, and is told anew what it is told at its start.

What it was before is gone: its boot volume, its keys, user data, trusted profile and password (vpc-api.md B1, D3).
"""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.instances import initialization
from kunsthalle.instances.bodies import CreateInstanceBody, ReinitializeBody
from kunsthalle.instances.boot import Boot, check_allowed, check_fit, choose
from kunsthalle.instances.kinds import INSTANCE
from kunsthalle.instances.model import Instance
from kunsthalle.instances.profiles import INSTANCE_PROFILES
from kunsthalle.instances.prototypes import IMAGE, sources
from kunsthalle.instances.queries import taken
from kunsthalle.instances.service import BOOT, boot_from, host_of
from kunsthalle.storage import attachments
from kunsthalle.storage.model import Volume
from kunsthalle.storage.queries import attached_to
from kunsthalle.store import jobs
from kunsthalle.store.rows import update
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit


def reinitialize(unit: Unit, blobs: Blobs, instance: Instance, body: ReinitializeBody) -> None:
    """Replaces what a stopped server boots from, and starts it. 409 for one that runs, or that came from a catalog."""
    it = taken(unit, instance)
    if it.catalog_offering is not None:
        raise conflict("invalid_state", "A server from a catalog cannot be reinitialized.")
    if it.status != "stopped":
        raise conflict("invalid_state", f"The server must be stopped, and is {it.status}.")
    old = attached_to(unit, [it.id])[it.id][0]
    boot, given = _wanted(unit, it, old, body), _given(unit, body)
    check_fit(boot, INSTANCE_PROFILES[it.profile], given.keys)
    attachments.replace(unit, old)
    initialization.unlink(unit, it)
    values = {
        "image": boot.image,
        "catalog_offering": boot.catalog_offering,
        "keys": given.kept_keys,
        "user_data": given.user_data,
        "default_trusted_profile": given.kept_profile,
        "password": initialization.password(unit, boot.operating_system, given.keys),
    }
    update(unit, INSTANCE, it.id, **values)
    must(transition(unit, INSTANCE, it.id, "starting", status_reasons=[]), "The server was acted on meanwhile.")
    volume_id = boot_from(unit, blobs, host_of(unit, it), boot, body.boot_volume_attachment)
    attachments.set_active(unit, it.id, True)
    initialization.link(unit, it, given)
    jobs.enqueue(unit, BOOT, it.id, volume=volume_id)


def _given(unit: Unit, body: ReinitializeBody) -> initialization.Initialization:
    return initialization.read(unit, body.keys, body.user_data, body.default_trusted_profile)


def _wanted(unit: Unit, it: Instance, old: Volume, body: ReinitializeBody) -> Boot:
    """What the server is to boot from. 400 for no source or several, and for an image of another system's family."""
    asked = CreateInstanceBody(image=body.image, boot_volume_attachment=body.boot_volume_attachment)
    found = sources(asked)
    if not found:
        raise invalid("validation_required_field", "An image, a boot volume or a snapshot is needed.", IMAGE)
    if len(found) > 1:
        raise invalid("validation_only_one", "Exactly one source of the boot volume must be given.", found[1])
    boot = choose(unit, asked, found[0])
    present = OPERATING_SYSTEMS.get(str(old.operating_system))
    if found[0] == IMAGE and present is not None and present.family != boot.operating_system.family:
        raise invalid("bad_field", f"The server's system is {present.family}; the image's must be, too.", IMAGE)
    check_allowed(boot.uses, INSTANCE_PROFILES[it.profile], it.options)
    return boot


def routes(blobs: Blobs) -> tuple[Route, ...]:
    def call(unit: Unit, request: Request) -> None:
        """Have a stopped server begin anew from an image, a volume or a snapshot, and start it."""
        reinitialize(unit, blobs, request.granted.it, request.body)

    path, change = "/v1/instances/{id}/reinitialize", access.item(INSTANCE, "is.instance.instance.update")
    return (route("POST", path, call, family=VPC, access=change, body=ReinitializeBody, status=204),)
