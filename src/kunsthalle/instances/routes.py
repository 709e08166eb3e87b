"""`/v1/instances`, `/v1/instance/templates` and `/v1/instance/profiles`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC, collection, paging
from kunsthalle.api.regular import among
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import not_found
from kunsthalle.instances.bodies import ActionBody, CreateInstanceBody, UpdateInstanceBody, UpdateTemplateBody
from kunsthalle.instances.kinds import INSTANCE, TEMPLATE
from kunsthalle.instances.profile_wire import InstanceProfileWire, profile_wire
from kunsthalle.instances.profiles import INSTANCE_PROFILES, named
from kunsthalle.instances.queries import interfaces_of, list_instances, list_templates
from kunsthalle.instances.service import InstanceService
from kunsthalle.instances.template_wire import TemplateWire, template_wire
from kunsthalle.instances.templates import TemplateService
from kunsthalle.instances.wire import (
    ActionWire,
    InitializationWire,
    InstanceWire,
    Interfaces,
    InterfaceWire,
    action_wire,
    initialization_wire,
    interface_wire,
    one_wire,
    to_wire,
)
from kunsthalle.storage.attachments import one_attachment
from kunsthalle.storage.queries import attached_to
from kunsthalle.storage.wire import VolumeAttachments, VolumeAttachmentWire, attachment_wire
from kunsthalle.store.unit import Unit


def _list(unit: Unit, request: Request) -> dict[str, Any]:
    """List the servers."""
    after, limit = paging(request)
    page = list_instances(unit, request, after, limit)
    ids = [instance.id for instance in page.items]
    volumes, interfaces = attached_to(unit, ids), interfaces_of(unit, ids)
    shown = {one.id: to_wire(one, volumes[one.id], interfaces[one.id], unit) for one in page.items}
    return collection(request, unit, "instances", page, lambda one, _unit: shown[one.id], limit)


def _get(unit: Unit, request: Request) -> InstanceWire:
    """Get a server."""
    return one_wire(request.granted.it, unit)


def _initialization(unit: Unit, request: Request) -> InitializationWire:
    """Get what a server was given at its first start."""
    return initialization_wire(request.granted.it, unit.ctx)


def _list_interfaces(unit: Unit, request: Request) -> Interfaces:
    """List a server's network interfaces."""
    id_ = request.granted.it.id
    return Interfaces(network_interfaces=[interface_wire(one, unit) for one in interfaces_of(unit, [id_])[id_]])


def _get_interface(unit: Unit, request: Request) -> InterfaceWire:
    """Get one of a server's network interfaces."""
    id_ = request.granted.it.id
    for interface in interfaces_of(unit, [id_])[id_]:
        if interface.id == request.params["id"]:
            return interface_wire(interface, unit)
    raise not_found()


def _list_attachments(unit: Unit, request: Request) -> VolumeAttachments:
    """List what volumes are attached to a server."""
    id_ = request.granted.it.id
    return VolumeAttachments(
        volume_attachments=[attachment_wire(one, unit.ctx) for one in attached_to(unit, [id_])[id_]]
    )


def _get_attachment(unit: Unit, request: Request) -> VolumeAttachmentWire:
    """Get one of a server's volume attachments."""
    volume = one_attachment(unit, request.granted.it.id, request.params["id"])
    return attachment_wire(volume, unit.ctx)


def _list_profiles(unit: Unit, request: Request) -> dict[str, Any]:
    """List the instance profiles."""
    page, limit = among(request, sorted(INSTANCE_PROFILES.values(), key=lambda one: one.name), lambda one: one.name)
    return collection(request, unit, "profiles", page, lambda one, u: profile_wire(one, u.ctx), limit)


def _get_profile(unit: Unit, request: Request) -> InstanceProfileWire:
    """Get an instance profile by its name."""
    return profile_wire(named(request.params["name"]), unit.ctx)


def _list_templates(unit: Unit, request: Request) -> dict[str, Any]:
    """List the instance templates."""
    after, limit = paging(request)
    return collection(request, unit, "templates", list_templates(unit, after, limit), template_wire, limit)


def _get_template(unit: Unit, request: Request) -> TemplateWire:
    """Get an instance template."""
    return template_wire(request.granted.it, unit)


_EVERY, _ONE = "/v1/instances", "/v1/instances/{id}"
_BELOW = "/v1/instances/{instance_id}"


def _changes(service: InstanceService) -> tuple[Route, ...]:
    def create(unit: Unit, request: Request) -> InstanceWire:
        """Make a server from an image, a catalog, a template, a snapshot or a volume."""
        return one_wire(service.create(unit, request.body), unit)

    def update(unit: Unit, request: Request) -> InstanceWire:
        """Change a server's name."""
        return one_wire(service.update(unit, request.granted, request.body), unit)

    def delete(unit: Unit, request: Request) -> None:
        """Delete a server, and the volumes that go with it."""
        service.delete(unit, request.granted)

    def act(unit: Unit, request: Request) -> ActionWire:
        """Start, stop or reboot a server."""
        return action_wire(service.act(unit, request.granted, request.body), unit.ctx)

    make = access.create("is.instance.instance.create")
    change, remove = (access.item(INSTANCE, f"is.instance.instance.{verb}") for verb in ("update", "delete"))
    operate = access.item(INSTANCE, "is.instance.instance.operate", param="instance_id")
    actions = f"{_BELOW}/actions"
    return (
        route(
            "POST", _EVERY, create, family=VPC, access=make, body=CreateInstanceBody, answer=InstanceWire, status=201
        ),
        route("PATCH", _ONE, update, family=VPC, access=change, body=UpdateInstanceBody, answer=InstanceWire),
        route("DELETE", _ONE, delete, family=VPC, access=remove, status=204),
        route("POST", actions, act, family=VPC, access=operate, body=ActionBody, answer=ActionWire, status=201),
    )


def _template_routes(service: TemplateService) -> tuple[Route, ...]:
    def create(unit: Unit, request: Request) -> TemplateWire:
        """Make an instance template."""
        return template_wire(service.create(unit, request.body), unit)

    def update(unit: Unit, request: Request) -> TemplateWire:
        """Change an instance template's name."""
        return template_wire(service.update(unit, request.granted, request.body), unit)

    def delete(unit: Unit, request: Request) -> None:
        """Delete an instance template."""
        service.delete(unit, request.granted)

    every, one, action = "/v1/instance/templates", "/v1/instance/templates/{id}", TEMPLATE.read.removesuffix("read")
    change, remove = (access.item(TEMPLATE, f"{action}{verb}") for verb in ("update", "delete"))
    make = access.create(f"{action}create")
    return (
        route("GET", every, _list_templates, family=VPC, access=access.listing(TEMPLATE)),
        route("GET", one, _get_template, family=VPC, access=access.item(TEMPLATE), answer=TemplateWire),
        route("POST", every, create, family=VPC, access=make, body=CreateInstanceBody, answer=TemplateWire, status=201),
        route("PATCH", one, update, family=VPC, access=change, body=UpdateTemplateBody, answer=TemplateWire),
        route("DELETE", one, delete, family=VPC, access=remove, status=204),
    )


def routes(instances: InstanceService, templates: TemplateService) -> tuple[Route, ...]:
    anybody = access.member("is.instance.instance.read")
    one, below = access.item(INSTANCE), access.item(INSTANCE, param="instance_id")
    profiles, interfaces, attached = (
        "/v1/instance/profiles",
        f"{_BELOW}/network_interfaces",
        f"{_BELOW}/volume_attachments",
    )
    start = f"{_ONE}/initialization"
    attachment = f"{attached}/{{id}}"
    return (
        route("GET", _EVERY, _list, family=VPC, access=access.listing(INSTANCE)),
        route("GET", _ONE, _get, family=VPC, access=one, answer=InstanceWire),
        *_changes(instances),
        route("GET", start, _initialization, family=VPC, access=one, answer=InitializationWire),
        route("GET", interfaces, _list_interfaces, family=VPC, access=below, answer=Interfaces),
        route("GET", f"{interfaces}/{{id}}", _get_interface, family=VPC, access=below, answer=InterfaceWire),
        route("GET", attached, _list_attachments, family=VPC, access=below, answer=VolumeAttachments),
        route("GET", attachment, _get_attachment, family=VPC, access=below, answer=VolumeAttachmentWire),
        *_template_routes(templates),
        route("GET", profiles, _list_profiles, family=VPC, access=anybody),
        route("GET", f"{profiles}/{{name}}", _get_profile, family=VPC, access=anybody, answer=InstanceProfileWire),
    )
