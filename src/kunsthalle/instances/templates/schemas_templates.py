"""Templates as the VPC API shows them: the prototype they keep, with what they are themselves (vpc-api.md B3, F)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupResponse
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.instances.models import Template

Echo = Any
"""As the request had it, with references resolved to ids."""


class TemplateResponse(ResponseBody):
    """A template. What the request did not say is absent, except for defaults that servers made of it will have."""

    created_at: str
    crn: str
    href: str
    id: str
    name: str
    resource_group: GroupResponse
    zone: dict[str, str]
    profile: dict[str, str]
    vpc: dict[str, str]
    primary_network_interface: dict[str, Echo] | UnsetType = UNSET
    image: dict[str, str] | UnsetType = UNSET
    catalog_offering: dict[str, Echo] | UnsetType = UNSET
    boot_volume_attachment: dict[str, Echo] | UnsetType = UNSET
    keys: list[dict[str, str]] | UnsetType = UNSET
    network_interfaces: list[dict[str, Echo]] | UnsetType = UNSET
    user_data: str | UnsetType = UNSET
    availability: Echo | UnsetType = UNSET
    availability_policy: Echo | UnsetType = UNSET
    metadata_service: Echo | UnsetType = UNSET
    reservation_affinity: Echo | UnsetType = UNSET
    enable_secure_boot: bool | UnsetType = UNSET
    confidential_compute_mode: str | UnsetType = UNSET
    threads_per_core: int | UnsetType = UNSET
    total_volume_bandwidth: int | UnsetType = UNSET
    volume_bandwidth_qos_mode: str | UnsetType = UNSET
    vcpu: Echo | UnsetType = UNSET
    network_attachments: Echo | UnsetType = UNSET
    volume_attachments: Echo | UnsetType = UNSET
    cluster_network_attachments: Echo | UnsetType = UNSET
    placement_target: Echo | UnsetType = UNSET
    primary_network_attachment: Echo | UnsetType = UNSET
    default_trusted_profile: Echo | UnsetType = UNSET


def template_response(template: Template, session: Session) -> TemplateResponse:
    """References are ids; that to the image is kept in full, and nothing is asked of the image itself (R6)."""
    ctx = session.ctx
    shown = dict(template.prototype)
    if "image" in shown:
        shown["image"] = {**shown["image"], "href": href(ctx, f"/images/{shown['image']['id']}")}
    return TemplateResponse(
        **shown,
        created_at=rfc3339(template.created_at),
        crn=template.crn,
        href=href(ctx, f"/instance/templates/{template.id}"),
        id=template.id,
        name=template.name,
        resource_group=group_response(session, template.resource_group_id),
        zone={"name": template.zone},
    )
