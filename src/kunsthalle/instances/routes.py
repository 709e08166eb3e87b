"""`/v1/instances`, `/v1/instance/templates` and `/v1/instance/profiles`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC, collection, paging
from kunsthalle.api.regular import among
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.instances import (
    disks,
    initialization,
    interfaces,
    network_attachments,
    nothing,
    reinitializing,
    volume_attachments,
)
from kunsthalle.instances.bodies import ActionBody, CreateInstanceBody, UpdateInstanceBody, UpdateTemplateBody
from kunsthalle.instances.kinds import INSTANCE, TEMPLATE
from kunsthalle.instances.profile_wire import InstanceProfileWire, profile_wire
from kunsthalle.instances.profiles import SORTED, named
from kunsthalle.instances.queries import list_instances, list_templates, parts_of
from kunsthalle.instances.service import InstanceService
from kunsthalle.instances.template_wire import TemplateWire, template_wire
from kunsthalle.instances.templates import TemplateService
from kunsthalle.instances.wire import ActionWire, InstanceWire, action_wire, one_wire, to_wire
from kunsthalle.store.scope import Page
from kunsthalle.store.unit import Unit

_PAGED_FROM = "2026-04-07"
"""Older versions of the API list every profile at once, and clients of theirs ask for no second page."""


def _list(unit: Unit, request: Request) -> dict[str, Any]:
    """List the servers."""
    after, limit = paging(request)
    page = list_instances(unit, request, after, limit)
    parts = parts_of(unit, [instance.id for instance in page.items])
    return collection(request, unit, "instances", page, lambda one, u: to_wire(one, parts[one.id], u), limit)


def _get(unit: Unit, request: Request) -> InstanceWire:
    """Get a server."""
    return one_wire(request.granted.it, unit)


def _list_profiles(unit: Unit, request: Request) -> dict[str, Any]:
    """List the instance profiles."""
    if unit.ctx.api_version < _PAGED_FROM:
        page, limit = Page(list(SORTED), len(SORTED), None), len(SORTED)
    else:
        page, limit = among(request, SORTED, lambda one: one.name)
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
    anybody, profiles = access.member("is.instance.instance.read"), "/v1/instance/profiles"
    return (
        route("GET", _EVERY, _list, family=VPC, access=access.listing(INSTANCE)),
        route("GET", _ONE, _get, family=VPC, access=access.item(INSTANCE), answer=InstanceWire),
        *_changes(instances),
        *initialization.routes(),
        *interfaces.routes(),
        *network_attachments.routes(),
        *volume_attachments.routes(instances.volumes),
        *disks.routes(),
        *nothing.routes(),
        *reinitializing.routes(instances.blobs),
        *_template_routes(templates),
        route("GET", profiles, _list_profiles, family=VPC, access=anybody),
        route("GET", f"{profiles}/{{name}}", _get_profile, family=VPC, access=anybody, answer=InstanceProfileWire),
    )
