"""`/v1/instances`, `/v1/instance/templates` and `/v1/instance/profiles`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.crud import among
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC, PageParameters, collection
from kunsthalle.db.pages import Page
from kunsthalle.db.session import Session
from kunsthalle.instances import (
    initialization,
    local_disks,
    network_attachments,
    network_interfaces,
    reinitialization,
    unsupported,
    volume_attachments,
)
from kunsthalle.instances.instance_profiles import SORTED, named
from kunsthalle.instances.queries import InstanceParameters, list_instances, list_templates, parts_of
from kunsthalle.instances.requests import (
    ActionRequest,
    CreateInstanceRequest,
    UpdateInstanceRequest,
    UpdateTemplateRequest,
)
from kunsthalle.instances.resources import INSTANCE, TEMPLATE
from kunsthalle.instances.schemas import ActionResponse, InstanceResponse, action_response, one_response, to_response
from kunsthalle.instances.schemas_profiles import InstanceProfileResponse, profile_response
from kunsthalle.instances.service import InstanceService
from kunsthalle.instances.templates.schemas_templates import TemplateResponse, template_response
from kunsthalle.instances.templates.service import TemplateService

_PAGED_FROM = "2026-04-07"
"""Older versions of the API list every profile at once, and clients of theirs ask for no second page."""


def _list(session: Session, request: Request, query: InstanceParameters) -> dict[str, Any]:
    """List the servers."""
    page = list_instances(session, query)
    parts = parts_of(session, [instance.id for instance in page.items])
    return collection(
        request, session, "instances", page, lambda one, u: to_response(one, parts[one.id], u), query.limit
    )


def _get(session: Session, request: Request) -> InstanceResponse:
    """Get a server."""
    return one_response(request.authorized.resource, session)


def _list_profiles(session: Session, request: Request, query: PageParameters) -> dict[str, Any]:
    """List the instance profiles."""
    if session.ctx.api_version < _PAGED_FROM:
        page, limit = Page(list(SORTED), len(SORTED), None), len(SORTED)
    else:
        page, limit = among(query, SORTED, lambda one: one.name), query.limit
    return collection(request, session, "profiles", page, lambda one, u: profile_response(one, u.ctx), limit)


def _get_profile(session: Session, request: Request) -> InstanceProfileResponse:
    """Get an instance profile by its name."""
    return profile_response(named(request.params["name"]), session.ctx)


def _list_templates(session: Session, request: Request, query: PageParameters) -> dict[str, Any]:
    """List the instance templates."""
    return collection(request, session, "templates", list_templates(session, query), template_response, query.limit)


def _get_template(session: Session, request: Request) -> TemplateResponse:
    """Get an instance template."""
    return template_response(request.authorized.resource, session)


_EVERY, _ONE = "/v1/instances", "/v1/instances/{id}"
_BELOW = "/v1/instances/{instance_id}"


def _changes(service: InstanceService) -> tuple[Route, ...]:
    def create(session: Session, request: Request) -> InstanceResponse:
        """Make a server from an image, a catalog, a template, a snapshot or a volume."""
        return one_response(service.create(session, request.body), session)

    def update(session: Session, request: Request) -> InstanceResponse:
        """Change a server's name."""
        return one_response(service.update(session, request.authorized, request.body), session)

    def delete(session: Session, request: Request) -> None:
        """Delete a server, and the volumes that go with it."""
        service.delete(session, request.authorized)

    def act(session: Session, request: Request) -> ActionResponse:
        """Start, stop or reboot a server."""
        return action_response(service.act(session, request.authorized, request.body), session.ctx)

    make = access.create("is.instance.instance.create")
    change, remove = (access.item(INSTANCE, f"is.instance.instance.{verb}") for verb in ("update", "delete"))
    operate = access.item(INSTANCE, "is.instance.instance.operate", param="instance_id")
    actions = f"{_BELOW}/actions"
    return (
        route(
            "POST",
            _EVERY,
            create,
            surface=VPC,
            access=make,
            body=CreateInstanceRequest,
            answer=InstanceResponse,
            status=201,
        ),
        route("PATCH", _ONE, update, surface=VPC, access=change, body=UpdateInstanceRequest, answer=InstanceResponse),
        route("DELETE", _ONE, delete, surface=VPC, access=remove, status=204),
        route("POST", actions, act, surface=VPC, access=operate, body=ActionRequest, answer=ActionResponse, status=201),
    )


def _template_routes(service: TemplateService) -> tuple[Route, ...]:
    def create(session: Session, request: Request) -> TemplateResponse:
        """Make an instance template."""
        return template_response(service.create(session, request.body), session)

    def update(session: Session, request: Request) -> TemplateResponse:
        """Change an instance template's name."""
        return template_response(service.update(session, request.authorized, request.body), session)

    def delete(session: Session, request: Request) -> None:
        """Delete an instance template."""
        service.delete(session, request.authorized)

    every, one, action = "/v1/instance/templates", "/v1/instance/templates/{id}", TEMPLATE.read.removesuffix("read")
    change, remove = (access.item(TEMPLATE, f"{action}{verb}") for verb in ("update", "delete"))
    make = access.create(f"{action}create")
    return (
        route("GET", every, _list_templates, surface=VPC, access=access.listing(TEMPLATE), query=PageParameters),
        route("GET", one, _get_template, surface=VPC, access=access.item(TEMPLATE), answer=TemplateResponse),
        route(
            "POST",
            every,
            create,
            surface=VPC,
            access=make,
            body=CreateInstanceRequest,
            answer=TemplateResponse,
            status=201,
        ),
        route("PATCH", one, update, surface=VPC, access=change, body=UpdateTemplateRequest, answer=TemplateResponse),
        route("DELETE", one, delete, surface=VPC, access=remove, status=204),
    )


def routes(instances: InstanceService, templates: TemplateService) -> tuple[Route, ...]:
    anybody, profiles = access.member("is.instance.instance.read"), "/v1/instance/profiles"
    return (
        route("GET", _EVERY, _list, surface=VPC, access=access.listing(INSTANCE), query=InstanceParameters),
        route("GET", _ONE, _get, surface=VPC, access=access.item(INSTANCE), answer=InstanceResponse),
        *_changes(instances),
        *initialization.routes(),
        *network_interfaces.routes(),
        *network_attachments.routes(),
        *volume_attachments.routes(instances.volumes),
        *local_disks.routes(),
        *unsupported.routes(),
        *reinitialization.routes(instances.blobs),
        *_template_routes(templates),
        route("GET", profiles, _list_profiles, surface=VPC, access=anybody, query=PageParameters),
        route("GET", f"{profiles}/{{name}}", _get_profile, surface=VPC, access=anybody, answer=InstanceProfileResponse),
    )
