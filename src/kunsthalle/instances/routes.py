"""`/v1/instances`, `/v1/instance/templates` and `/v1/instance/profiles`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, among, changing, making, reading, removing
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC, PageParameters, collection
from kunsthalle.db.pages import Page
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
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
from kunsthalle.instances.models import Instance
from kunsthalle.instances.queries import InstanceParameters, list_instances, list_templates, parts_of
from kunsthalle.instances.requests import (
    ActionRequest,
    CreateInstanceRequest,
    UpdateInstanceRequest,
    UpdateTemplateRequest,
)
from kunsthalle.instances.resources import INSTANCE, TEMPLATE
from kunsthalle.instances.schemas import ActionResponse, InstanceResponse, action_response, one_response, to_response
from kunsthalle.instances.schemas_instance_profiles import InstanceProfileResponse, profile_response
from kunsthalle.instances.service import InstanceService
from kunsthalle.instances.templates.schemas_templates import TemplateResponse, template_response
from kunsthalle.instances.templates.service import TemplateService

_PAGED_FROM = "2026-04-07"
"""Older versions of the API list every profile at once, and clients of theirs ask for no second page."""
INSTANCES = Resource(INSTANCE, "/v1/instances", one_response, InstanceResponse)
TEMPLATES = Resource(TEMPLATE, "/v1/instance/templates", template_response, TemplateResponse)


def _list(session: Session, request: Request, query: InstanceParameters) -> dict[str, Any]:
    """List the servers."""
    page = list_instances(session, query)
    parts = parts_of(session, page.items)
    return collection(
        request,
        session,
        "instances",
        page,
        lambda instance, u: to_response(instance, parts[instance.id], u),
        query.limit,
    )


def _list_profiles(session: Session, request: Request, query: PageParameters) -> dict[str, Any]:
    """List the instance profiles."""
    if session.ctx.api_version < _PAGED_FROM:
        page, limit = Page(list(SORTED), len(SORTED), None), len(SORTED)
    else:
        page, limit = among(query, SORTED, lambda profile: profile.name), query.limit
    return collection(request, session, "profiles", page, lambda profile, u: profile_response(profile, u.ctx), limit)


def _get_profile(session: Session, request: Request) -> InstanceProfileResponse:
    """Get an instance profile by its name."""
    return profile_response(named(request.params["name"]), session.ctx)


def _list_templates(session: Session, request: Request, query: PageParameters) -> dict[str, Any]:
    """List the instance templates."""
    return collection(request, session, "templates", list_templates(session, query), template_response, query.limit)


_BELOW = "/v1/instances/{instance_id}"
_SOURCES = "Make a server from an image, a catalog, a template, a snapshot or a volume."


def _actions(service: InstanceService) -> Route:
    def act(session: Session, request: Request, instance: Authorized[Instance]) -> ActionResponse:
        """Start, stop or reboot a server."""
        return action_response(service.act(session, instance, request.body), session.ctx)

    operate = access.item(INSTANCE, INSTANCES.action("operate"), param="instance_id")
    path = f"{_BELOW}/actions"
    return route("POST", path, act, surface=VPC, access=operate, body=ActionRequest, answer=ActionResponse, status=201)


def _template_routes(service: TemplateService) -> tuple[Route, ...]:
    return (
        route(
            "GET", TEMPLATES.path, _list_templates, surface=VPC, access=access.listing(TEMPLATE), query=PageParameters
        ),
        reading(TEMPLATES, "Get an instance template."),
        making(TEMPLATES, "Make an instance template.", service.create, CreateInstanceRequest),
        changing(TEMPLATES, "Change an instance template's name.", service.update, UpdateTemplateRequest),
        removing(TEMPLATES, "Delete an instance template.", service.delete),
    )


def routes(instances: InstanceService, templates: TemplateService) -> tuple[Route, ...]:
    anybody, profiles = access.member("is.instance.instance.read"), "/v1/instance/profiles"
    return (
        route("GET", INSTANCES.path, _list, surface=VPC, access=access.listing(INSTANCE), query=InstanceParameters),
        reading(INSTANCES, "Get a server."),
        making(INSTANCES, _SOURCES, instances.create, CreateInstanceRequest),
        changing(INSTANCES, "Change a server's name.", instances.update, UpdateInstanceRequest),
        removing(INSTANCES, "Delete a server, and the volumes that go with it.", instances.delete),
        _actions(instances),
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
