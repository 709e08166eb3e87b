"""What can be done with bare metal servers. Each function runs in the transaction of its request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import name_of, refer
from kunsthalle.api.regular import NameBody, given
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.instances.metal import interfaces
from kunsthalle.instances.metal.bodies import (
    CreateBareMetalBody,
    InitializationBody,
    MetalAttachmentBody,
    MetalInterfaceBody,
    MetalOptionsBody,
    StopBody,
)
from kunsthalle.instances.metal.initialization import prepared, refuse_use
from kunsthalle.instances.metal.interfaces import Site
from kunsthalle.instances.metal.jobs import MOVE
from kunsthalle.instances.metal.kinds import BARE_METAL
from kunsthalle.instances.metal.model import BareMetalServer
from kunsthalle.instances.metal.profiles import BARE_METAL_PROFILES, BareMetalProfile, chosen
from kunsthalle.networks.kinds import VPC
from kunsthalle.networks.queries import locked, named
from kunsthalle.storage.service import zone_named
from kunsthalle.store import jobs
from kunsthalle.store.rows import insert_named, name_taken, update
from kunsthalle.store.scope import Granted, find, may_create
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

_OPTIONS = ("bandwidth", "enable_secure_boot", "metadata_service", "reservation_affinity", "trusted_platform_module")
_PRIMARY = ("primary_network_interface", "primary_network_attachment")
_MORE = ("network_interfaces", "network_attachments")


def create(unit: Unit, body: CreateBareMetalBody) -> BareMetalServer:
    """A new server, `pending`; 400 for an image that a catalog manages (R3)."""
    zone = zone_named(unit, name_of(body.zone, "zone"))
    profile = chosen(name_of(body.profile, "profile"))
    _refuse_options(body, profile)
    made_from = prepared(unit, body.initialization, secure_boot=body.enable_secure_boot is True, at="initialization.")
    wishes = _wishes(body)
    group = chosen_group(unit, None if isinstance(body.resource_group, UnsetType) else body.resource_group.id)
    may_create(unit.ctx, "is.bare-metal-server.bare-metal-server.create", {"resourceGroupId": group.id})
    vpc_id = None if isinstance(body.vpc, UnsetType) else refer(unit, VPC, body.vpc, "vpc").it.id
    site = Site(unit.ctx.ids.resource(unit.ctx.region.zones[zone]), group.id, zone, vpc_id)
    there: list[Any] = []
    for field, wish in wishes:
        interface, subnet = interfaces.make(unit, site, wish, field, there)
        there.append(interface)
        site = replace(site, vpc_id=subnet.vpc_id)
    vpc = named(unit, VPC, str(site.vpc_id))
    server = BareMetalServer(
        id=site.server_id,
        account_id=unit.ctx.account_id,
        name=given(body.name, "") or unit.ctx.ids.name(),
        status="pending",
        status_reasons=[],
        resource_group_id=group.id,
        zone=zone,
        profile=profile.name,
        vpc_id=vpc.id,
        vpc_crn=vpc.crn,
        vpc_name=vpc.name,
        **made_from,
        disks=[{"id": unit.ctx.ids.uuid(), "name": unit.ctx.ids.name()} for _disk in profile.each_disk],
        options=_options(body),
        created_at=unit.ctx.now(),
    )
    insert_named(unit, BARE_METAL, server)
    jobs.enqueue(unit, MOVE, server.id)
    return server


def _wishes(body: CreateBareMetalBody) -> list[tuple[str, MetalInterfaceBody | MetalAttachmentBody]]:
    """The interfaces or attachments that are asked for, the primary one first, each with where it is."""
    families = [at for at, field in enumerate(_PRIMARY) if getattr(body, field) is not UNSET]
    if not families:
        raise invalid("validation_required_field", "Missing a required field.", _PRIMARY[0])
    if len(families) > 1:
        raise invalid("validation_only_one", f"Only one of {' and '.join(_PRIMARY)} may be given.", _PRIMARY[1])
    (mine,) = families
    if getattr(body, _MORE[1 - mine]) is not UNSET:
        raise invalid("validation_only_one", f"{_MORE[1 - mine]} does not go with {_PRIMARY[mine]}.", _MORE[1 - mine])
    more = given(getattr(body, _MORE[mine]), [])
    return [
        (f"{_PRIMARY[mine]}.", getattr(body, _PRIMARY[mine])),
        *((f"{_MORE[mine]}.{at}.", wish) for at, wish in enumerate(more)),
    ]


def _refuse_options(body: MetalOptionsBody, profile: BareMetalProfile) -> None:
    if body.bandwidth not in {UNSET, profile.bandwidth}:
        raise invalid("bad_field", f"The profile's bandwidth is {profile.bandwidth} Mb/s.", "bandwidth")


def _options(body: MetalOptionsBody) -> dict[str, Any]:
    values = {name: getattr(body, name) for name in _OPTIONS}
    return {name: msgspec.to_builtins(value) for name, value in values.items() if value is not UNSET}


def change(unit: Unit, granted: Granted[BareMetalServer], body: MetalOptionsBody) -> None:
    """PATCH of all but the name. 409 for secure boot and the module of a server that is not stopped."""
    _refuse_options(body, BARE_METAL_PROFILES[granted.it.profile])
    server = locked(unit, BARE_METAL, granted.it.id)
    for field in ("enable_secure_boot", "trusted_platform_module"):
        if getattr(body, field) is not UNSET and server.status != "stopped":
            raise conflict("invalid_state", "It can be changed only while the server is stopped.", field)
    if not isinstance(body.enable_secure_boot, UnsetType):
        refuse_use(server.allowed_use, secure_boot=body.enable_secure_boot)
    changed = dict(server.options)
    for name, value in _options(body).items():
        changed[name] = {**changed.get(name, {}), **value} if isinstance(value, dict) else value
    update(unit, BARE_METAL, server.id, options=changed)


def delete(unit: Unit, granted: Granted[BareMetalServer]) -> None:
    """Has the server removed, with its interfaces."""
    must(transition(unit, BARE_METAL, granted.it.id, "deleting", status_reasons=[]), "It is being deleted already.")
    jobs.enqueue(unit, MOVE, granted.it.id)


def _move(unit: Unit, server: BareMetalServer, to: str, verb: str, *already: str, **values: Any) -> None:
    if server.status in already:
        return
    moved = transition(unit, BARE_METAL, server.id, to, BARE_METAL.table.c.status == server.status, **values)
    must(moved, f"A bare metal server that is {server.status} cannot be {verb}.")
    jobs.enqueue(unit, MOVE, server.id)


def start(unit: Unit, server: BareMetalServer) -> None:
    """409 unless it is stopped, or runs already."""
    must(server.status in {"stopped", "starting", "running"}, f"A server that is {server.status} cannot be started.")
    _move(unit, server, "starting", "started", "starting", "running")


def stop(unit: Unit, server: BareMetalServer, _body: StopBody) -> None:
    """409 unless it runs, or is stopped already."""
    _move(unit, server, "stopping", "stopped", "stopping", "stopped")


def restart(unit: Unit, server: BareMetalServer) -> None:
    """409 unless it runs."""
    _move(unit, server, "restarting", "restarted")


def initialize(unit: Unit, server: BareMetalServer, body: InitializationBody) -> BareMetalServer:
    """Puts another image on a server that is stopped, and has it start. 400 for one that a catalog manages (R3)."""
    values = prepared(unit, body, secure_boot=server.options.get("enable_secure_boot") is True, at="")
    _move(unit, server, "reinitializing", "reinitialized", **values)
    return find(unit, BARE_METAL, server.id)


def disk_of(server: BareMetalServer, disk_id: str) -> dict[str, str]:
    """A disk of a server, else 404."""
    for disk in server.disks:
        if disk["id"] == disk_id:
            return disk
    raise not_found()


def rename_disk(unit: Unit, server: BareMetalServer, disk_id: str, body: NameBody) -> BareMetalServer:
    """PATCH of a disk."""
    server, wanted = locked(unit, BARE_METAL, server.id, "bare_metal_server_id"), disk_of(server, disk_id)
    name = given(body.name, wanted["name"])
    if any(disk["name"] == name and disk["id"] != disk_id for disk in server.disks):
        raise name_taken(name)
    disks = [{**disk, "name": name} if disk["id"] == disk_id else disk for disk in server.disks]
    update(unit, BARE_METAL, server.id, disks=disks)
    return find(unit, BARE_METAL, server.id)
