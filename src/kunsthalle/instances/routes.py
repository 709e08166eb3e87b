"""`/v1/instances`, `/v1/instance/templates` and `/v1/instance/profiles`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC, collection, paging
from kunsthalle.api.regular import Resource, among, listing, making, reading, removing, updating
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import not_found
from kunsthalle.instances import templates
from kunsthalle.instances.bodies import ActionBody, CreateInstanceBody, UpdateInstanceBody
from kunsthalle.instances.interface_wire import InterfacesWire, InterfaceWire, interface_wire
from kunsthalle.instances.kinds import INSTANCE, TEMPLATE
from kunsthalle.instances.model import Instance, Interface
from kunsthalle.instances.profile_wire import InstanceProfileWire, profile_wire
from kunsthalle.instances.profiles import INSTANCE_PROFILES, named
from kunsthalle.instances.queries import interfaces_of, list_instances
from kunsthalle.instances.service import InstanceService
from kunsthalle.instances.wire import (
    ActionWire,
    InitializationWire,
    InstanceWire,
    action_wire,
    initialization_wire,
    instance_wire,
    template_wire,
)
from kunsthalle.storage.attachments import one_attachment
from kunsthalle.storage.queries import attached_to
from kunsthalle.storage.wire import VolumeAttachments, VolumeAttachmentWire, attachment_wire
from kunsthalle.store.unit import Unit

_ONE = "/v1/instances/{id}"
_BELOW = "/v1/instances/{instance_id}"


def shown(unit: Unit, instance: Instance) -> InstanceWire:
    """A server with its volumes and interfaces."""
    ids = [instance.id]
    return instance_wire(instance, attached_to(unit, ids)[instance.id], interfaces_of(unit, ids)[instance.id], unit)


def _list(unit: Unit, request: Request) -> dict[str, Any]:
    """List the servers."""
    after, limit = paging(request)
    page = list_instances(unit, request, after, limit)
    ids = [instance.id for instance in page.items]
    volumes, interfaces = attached_to(unit, ids), interfaces_of(unit, ids)

    def to_wire(one: Instance, within: Unit) -> InstanceWire:
        return instance_wire(one, volumes[one.id], interfaces[one.id], within)

    return collection(request, unit, "instances", page, to_wire, limit)


def _get(unit: Unit, request: Request) -> InstanceWire:
    """Get a server."""
    return shown(unit, request.granted.it)


def _initialization(unit: Unit, request: Request) -> InitializationWire:
    """Get what a server was given at its creation."""
    return initialization_wire(request.granted.it, unit.ctx)


def _interfaces(unit: Unit, request: Request) -> InterfacesWire:
    """List the network interfaces of a server."""
    found = interfaces_of(unit, [request.granted.it.id])[request.granted.it.id]
    return InterfacesWire(network_interfaces=[interface_wire(one, unit) for one in found])


def _interface(unit: Unit, request: Request) -> InterfaceWire:
    """Get a network interface of a server."""
    return interface_wire(_chosen(interfaces_of(unit, [request.granted.it.id])[request.granted.it.id], request), unit)


def _chosen(found: list[Interface], request: Request) -> Interface:
    for one in found:
        if one.id == request.params["id"]:
            return one
    raise not_found()


def _attachments(unit: Unit, request: Request) -> VolumeAttachments:
    """List the volumes attached to a server."""
    found = attached_to(unit, [request.granted.it.id])[request.granted.it.id]
    return VolumeAttachments(volume_attachments=[attachment_wire(volume, unit.ctx) for volume in found])


def _attachment(unit: Unit, request: Request) -> VolumeAttachmentWire:
    """Get a volume attachment of a server."""
    return attachment_wire(one_attachment(unit, request.granted.it.id, request.params["id"]), unit.ctx)


def _profiles(unit: Unit, request: Request) -> dict[str, Any]:
    """List the instance profiles."""
    every = sorted(INSTANCE_PROFILES.values(), key=lambda profile: profile.name)
    page, limit = among(request, every, lambda profile: profile.name)
    return collection(request, unit, "profiles", page, lambda one, u: profile_wire(one, u.ctx), limit)


def _profile(unit: Unit, request: Request) -> InstanceProfileWire:
    """Get an instance profile by its name."""
    return profile_wire(named(request.params["name"]), unit.ctx)


def _changes(service: InstanceService) -> tuple[Route, ...]:
    def create(unit: Unit, request: Request) -> InstanceWire:
        """Make a server of an image, a catalog offering, a template, a volume or a snapshot."""
        return shown(unit, service.create(unit, request.body))

    def update(unit: Unit, request: Request) -> InstanceWire:
        """Change a server."""
        return shown(unit, service.update(unit, request.granted, request.body))

    def delete(unit: Unit, request: Request) -> None:
        """Delete a server, and the volumes that go with it."""
        service.delete(unit, request.granted)

    def act(unit: Unit, request: Request) -> ActionWire:
        """Start, stop or reboot a server."""
        return action_wire(service.act(unit, request.granted, request.body), unit.ctx)

    many, wire = "/v1/instances", InstanceWire
    make = access.create("is.instance.instance.create")
    change, remove = (access.item(INSTANCE, f"is.instance.instance.{verb}") for verb in ("update", "delete"))
    operate = access.item(INSTANCE, "is.instance.instance.operate", "instance_id")
    actions = f"{_BELOW}/actions"
    return (
        route("POST", many, create, family=VPC, access=make, body=CreateInstanceBody, answer=wire, status=201),
        route("PATCH", _ONE, update, family=VPC, access=change, body=UpdateInstanceBody, answer=wire),
        route("DELETE", _ONE, delete, family=VPC, access=remove, status=204),
        route("POST", actions, act, family=VPC, access=operate, body=ActionBody, answer=ActionWire, status=201),
    )


def _reads() -> tuple[Route, ...]:
    own, below = access.item(INSTANCE), access.item(INSTANCE, param="instance_id")
    interfaces, attachments = f"{_BELOW}/network_interfaces", f"{_BELOW}/volume_attachments"
    starting = f"{_ONE}/initialization"
    return (
        route("GET", "/v1/instances", _list, family=VPC, access=access.listing(INSTANCE)),
        route("GET", _ONE, _get, family=VPC, access=own, answer=InstanceWire),
        route("GET", starting, _initialization, family=VPC, access=own, answer=InitializationWire),
        route("GET", interfaces, _interfaces, family=VPC, access=below, answer=InterfacesWire),
        route("GET", f"{interfaces}/{{id}}", _interface, family=VPC, access=below, answer=InterfaceWire),
        route("GET", attachments, _attachments, family=VPC, access=below, answer=VolumeAttachments),
        route("GET", f"{attachments}/{{id}}", _attachment, family=VPC, access=below, answer=VolumeAttachmentWire),
    )


_TEMPLATES = Resource(TEMPLATE, "instance template", "/v1/instance/templates", template_wire, dict)


def routes(service: InstanceService) -> tuple[Route, ...]:
    anybody = access.member("is.instance.instance.read")
    profiles = "/v1/instance/profiles"
    return (
        *_reads(),
        *_changes(service),
        listing(_TEMPLATES),
        reading(_TEMPLATES),
        making(_TEMPLATES, templates.create, CreateInstanceBody),
        updating(_TEMPLATES),
        removing(_TEMPLATES, templates.remove),
        route("GET", profiles, _profiles, family=VPC, access=anybody),
        route("GET", f"{profiles}/{{name}}", _profile, family=VPC, access=anybody, answer=InstanceProfileWire),
    )
