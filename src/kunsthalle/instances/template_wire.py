"""Templates as the VPC API shows them: the prototype they keep, with what they are themselves (vpc-api.md B3, F)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.wire import group_wire
from kunsthalle.api.families.vpc import href
from kunsthalle.api.shapes import GroupWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.instances.model import Template
from kunsthalle.store.unit import Unit

Echo = Any
"""As the request had it, with references resolved to ids."""


class TemplateWire(Wire):
    """A template. What the request did not say is absent, except for defaults that servers made of it will have."""

    created_at: str
    crn: str
    href: str
    id: str
    name: str
    resource_group: GroupWire
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


def template_wire(template: Template, unit: Unit) -> TemplateWire:
    """References are ids; that to the image is kept in full, and nothing is asked of the image itself (R6)."""
    ctx = unit.ctx
    shown = dict(template.prototype)
    if "image" in shown:
        shown["image"] = {**shown["image"], "href": href(ctx, f"/images/{shown['image']['id']}")}
    return TemplateWire(
        **shown,
        created_at=rfc3339(template.created_at),
        crn=template.crn,
        href=href(ctx, f"/instance/templates/{template.id}"),
        id=template.id,
        name=template.name,
        resource_group=group_wire(unit, template.resource_group_id),
        zone={"name": template.zone},
    )
