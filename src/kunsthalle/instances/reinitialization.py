"""Reinitializing servers: a stopped one boots from another volume, and is told anew what it is told at its start.

What it was before is gone: its boot volume, its keys, user data, trusted profile and password (vpc-api.md B1, D3).
"""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.block_storage import boot_volumes
from kunsthalle.block_storage.models import Volume
from kunsthalle.block_storage.queries import attached_to
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.instances import initialization
from kunsthalle.instances.boot_checks import Boot, check_allowed, check_fit, choose
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES
from kunsthalle.instances.models import Instance
from kunsthalle.instances.queries import taken
from kunsthalle.instances.requests import CreateInstanceRequest, ReinitializeRequest
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.instances.service import BOOT, boot_from, host_of
from kunsthalle.instances.templates.template_merge import IMAGE, sources
from kunsthalle.jobs import queue


def reinitialize(session: Session, blobs: Blobs, instance: Instance, body: ReinitializeRequest) -> None:
    """Replaces what a stopped server boots from, and starts it. 409 for one that runs, or that came from a catalog."""
    server = taken(session, instance)
    if server.catalog_offering is not None:
        raise conflict("invalid_state", "A server from a catalog cannot be reinitialized.")
    if server.status != "stopped":
        raise conflict("invalid_state", f"The server must be stopped, and is {server.status}.")
    old = attached_to(session, [server.id])[server.id][0]
    boot, sent = _wanted(session, server, old, body), _given(session, body)
    check_fit(boot, INSTANCE_PROFILES[server.profile], sent.keys)
    boot_volumes.replace(session, old)
    initialization.unlink(session, server)
    values = {
        "image": boot.image,
        "catalog_offering": boot.catalog_offering,
        "keys": sent.kept_keys,
        "user_data": sent.user_data,
        "default_trusted_profile": sent.kept_profile,
        "password": initialization.password(session, boot.operating_system, sent.keys),
    }
    update(session, INSTANCE, server.id, **values)
    must(transition(session, INSTANCE, server.id, "starting", status_reasons=[]), "The server was acted on meanwhile.")
    volume_id = boot_from(session, blobs, host_of(session, server), boot, body.boot_volume_attachment)
    boot_volumes.set_active(session, server.id, True)
    initialization.link(session, server, sent)
    queue.enqueue(session, BOOT, server.id, volume=volume_id)


def _given(session: Session, body: ReinitializeRequest) -> initialization.Initialization:
    return initialization.read(session, body.keys, body.user_data, body.default_trusted_profile)


def _wanted(session: Session, instance: Instance, old: Volume, body: ReinitializeRequest) -> Boot:
    """What the server is to boot from. 400 for no source or several, and for an image of another system's family."""
    asked = CreateInstanceRequest(image=body.image, boot_volume_attachment=body.boot_volume_attachment)
    named_sources = sources(asked)
    if not named_sources:
        raise invalid("validation_required_field", "An image, a boot volume or a snapshot is needed.", IMAGE)
    if len(named_sources) > 1:
        raise invalid("validation_only_one", "Exactly one source of the boot volume must be given.", named_sources[1])
    boot = choose(session, asked, named_sources[0])
    present = OPERATING_SYSTEMS.get(str(old.operating_system))
    if named_sources[0] == IMAGE and present is not None and present.family != boot.operating_system.family:
        raise invalid("bad_field", f"The server's system is {present.family}; the image's must be, too.", IMAGE)
    check_allowed(boot.uses, INSTANCE_PROFILES[instance.profile], instance.options)
    return boot


def routes(blobs: Blobs) -> tuple[Route, ...]:
    def call(session: Session, request: Request, instance: Instance) -> None:
        """Have a stopped server begin anew from an image, a volume or a snapshot, and start it."""
        reinitialize(session, blobs, instance, request.body)

    path, change = "/v1/instances/{id}/reinitialize", access.item(INSTANCE, "is.instance.instance.update")
    return (route("POST", path, call, surface=VPC, access=change, body=ReinitializeRequest, status=204),)
