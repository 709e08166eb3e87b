"""What can be done with bare metal servers. Each function runs in the transaction of its request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.crud import NameRequest, given
from kunsthalle.api.references import name_of, refer
from kunsthalle.block_storage.service import zone_named
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.db.rows import insert_named, name_taken, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.visibility import Authorized, find, may_create
from kunsthalle.instances.bare_metal import bare_metal_interfaces
from kunsthalle.instances.bare_metal.bare_metal_initialization import prepared, refuse_use
from kunsthalle.instances.bare_metal.bare_metal_interfaces import Site
from kunsthalle.instances.bare_metal.bare_metal_profiles import BARE_METAL_PROFILES, BareMetalProfile, chosen
from kunsthalle.instances.bare_metal.jobs import MOVE
from kunsthalle.instances.bare_metal.models import BareMetalServer
from kunsthalle.instances.bare_metal.requests import (
    CreateBareMetalRequest,
    InitializationRequest,
    MetalAttachmentRequest,
    MetalInterfaceRequest,
    MetalOptionsRequest,
    StopRequest,
)
from kunsthalle.instances.bare_metal.resources import BARE_METAL
from kunsthalle.jobs import queue
from kunsthalle.networks.queries import locked, named
from kunsthalle.networks.resources import VPC
from kunsthalle.networks.virtual_network_interfaces import check_addresses

_OPTIONS = ("bandwidth", "enable_secure_boot", "metadata_service", "reservation_affinity", "trusted_platform_module")
_PRIMARY = ("primary_network_interface", "primary_network_attachment")
_MORE = ("network_interfaces", "network_attachments")
_NEW = "virtual_network_interface"


def create(session: Session, body: CreateBareMetalRequest) -> BareMetalServer:
    """A new server, `pending`; 400 for an image that a catalog manages (R3)."""
    zone = zone_named(session, name_of(body.zone, "zone"))
    profile = chosen(name_of(body.profile, "profile"))
    _refuse_options(body, profile)
    made_from = prepared(
        session, body.initialization, secure_boot=body.enable_secure_boot is True, at="initialization."
    )
    wishes = _wishes(body)
    group = chosen_group(session, None if isinstance(body.resource_group, UnsetType) else body.resource_group.id)
    may_create(session.ctx, "is.bare-metal-server.bare-metal-server.create", {"resourceGroupId": group.id})
    vpc_id = None if isinstance(body.vpc, UnsetType) else refer(session, VPC, body.vpc, "vpc").resource.id
    site = Site(session.ctx.ids.resource(session.ctx.region.zones[zone]), group.id, zone, vpc_id)
    there: list[Any] = []
    for field, wish in wishes:
        interface, subnet = bare_metal_interfaces.make(session, site, wish, field, there)
        there.append(interface)
        site = replace(site, vpc_id=subnet.vpc_id)
    vpc = named(session, VPC, str(site.vpc_id))
    server = BareMetalServer(
        id=site.server_id,
        account_id=session.ctx.account_id,
        name=given(body.name, "") or session.ctx.ids.name(),
        status="pending",
        status_reasons=[],
        resource_group_id=group.id,
        zone=zone,
        profile=profile.name,
        vpc_id=vpc.id,
        vpc_crn=vpc.crn,
        vpc_name=vpc.name,
        **made_from,
        disks=[{"id": session.ctx.ids.uuid(), "name": session.ctx.ids.name()} for _disk in profile.each_disk],
        options=_options(body),
        created_at=session.ctx.now(),
    )
    insert_named(session, BARE_METAL, server)
    queue.enqueue(session, MOVE, server.id)
    return server


def _wishes(body: CreateBareMetalRequest) -> list[tuple[str, MetalInterfaceRequest | MetalAttachmentRequest]]:
    """The interfaces or attachments that are asked for, the primary one first, each with where it is."""
    surfaces = [at for at, field in enumerate(_PRIMARY) if getattr(body, field) is not UNSET]
    if not surfaces:
        raise invalid("validation_required_field", "Missing a required field.", _PRIMARY[0])
    if len(surfaces) > 1:
        raise invalid("validation_only_one", f"Only one of {' and '.join(_PRIMARY)} may be given.", _PRIMARY[1])
    (surface,) = surfaces
    if getattr(body, _MORE[1 - surface]) is not UNSET:
        raise invalid(
            "validation_only_one", f"{_MORE[1 - surface]} does not go with {_PRIMARY[surface]}.", _MORE[1 - surface]
        )
    more = given(getattr(body, _MORE[surface]), [])
    wishes = [
        (f"{_PRIMARY[surface]}.", getattr(body, _PRIMARY[surface])),
        *((f"{_MORE[surface]}.{at}.", wish) for at, wish in enumerate(more)),
    ]
    attachments = [(field, wish) for field, wish in wishes if isinstance(wish, MetalAttachmentRequest)]
    check_addresses([(f"{field}{_NEW}.", wish.virtual_network_interface) for field, wish in attachments])
    return wishes


def _refuse_options(body: MetalOptionsRequest, profile: BareMetalProfile) -> None:
    if body.bandwidth not in {UNSET, profile.bandwidth}:
        raise invalid("bad_field", f"The profile's bandwidth is {profile.bandwidth} Mb/s.", "bandwidth")


def _options(body: MetalOptionsRequest) -> dict[str, Any]:
    values = {name: getattr(body, name) for name in _OPTIONS}
    return {name: msgspec.to_builtins(value) for name, value in values.items() if value is not UNSET}


def change(session: Session, granted: Authorized[BareMetalServer], body: MetalOptionsRequest) -> None:
    """PATCH of all but the name. 409 for secure boot and the module of a server that is not stopped."""
    _refuse_options(body, BARE_METAL_PROFILES[granted.resource.profile])
    server = locked(session, BARE_METAL, granted.resource.id)
    for field in ("enable_secure_boot", "trusted_platform_module"):
        if getattr(body, field) is not UNSET and server.status != "stopped":
            raise conflict("invalid_state", "It can be changed only while the server is stopped.", field)
    if not isinstance(body.enable_secure_boot, UnsetType):
        refuse_use(server.allowed_use, secure_boot=body.enable_secure_boot)
    changed = dict(server.options)
    for name, value in _options(body).items():
        changed[name] = {**changed.get(name, {}), **value} if isinstance(value, dict) else value
    update(session, BARE_METAL, server.id, options=changed)


def delete(session: Session, granted: Authorized[BareMetalServer]) -> None:
    """Has the server removed, with its interfaces."""
    must(
        transition(session, BARE_METAL, granted.resource.id, "deleting", status_reasons=[]),
        "It is being deleted already.",
    )
    queue.enqueue(session, MOVE, granted.resource.id)


def _move(session: Session, server: BareMetalServer, to: str, verb: str, *already: str, **values: Any) -> None:
    if server.status in already:
        return
    moved = transition(session, BARE_METAL, server.id, to, BARE_METAL.table.c.status == server.status, **values)
    must(moved, f"A bare metal server that is {server.status} cannot be {verb}.")
    queue.enqueue(session, MOVE, server.id)


def start(session: Session, server: BareMetalServer) -> None:
    """409 unless it is stopped, or runs already."""
    must(server.status in {"stopped", "starting", "running"}, f"A server that is {server.status} cannot be started.")
    _move(session, server, "starting", "started", "starting", "running")


def stop(session: Session, server: BareMetalServer, _body: StopRequest) -> None:
    """409 unless it runs, or is stopped already."""
    _move(session, server, "stopping", "stopped", "stopping", "stopped")


def restart(session: Session, server: BareMetalServer) -> None:
    """409 unless it runs."""
    _move(session, server, "restarting", "restarted")


def initialize(session: Session, server: BareMetalServer, body: InitializationRequest) -> BareMetalServer:
    """Puts another image on a server that is stopped, and has it start. 400 for one that a catalog manages (R3)."""
    values = prepared(session, body, secure_boot=server.options.get("enable_secure_boot") is True, at="")
    _move(session, server, "reinitializing", "reinitialized", **values)
    return find(session, BARE_METAL, server.id)


def disk_of(server: BareMetalServer, disk_id: str) -> dict[str, str]:
    """A disk of a server, else 404."""
    for disk in server.disks:
        if disk["id"] == disk_id:
            return disk
    raise not_found()


def rename_disk(session: Session, server: BareMetalServer, disk_id: str, body: NameRequest) -> BareMetalServer:
    """PATCH of a disk."""
    server, wanted_disk = locked(session, BARE_METAL, server.id, "bare_metal_server_id"), disk_of(server, disk_id)
    name = given(body.name, wanted_disk["name"])
    if any(disk["name"] == name and disk["id"] != disk_id for disk in server.disks):
        raise name_taken(name)
    disks = [{**disk, "name": name} if disk["id"] == disk_id else disk for disk in server.disks]
    update(session, BARE_METAL, server.id, disks=disks)
    return find(session, BARE_METAL, server.id)
