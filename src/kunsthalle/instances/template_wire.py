"""Templates as the VPC API shows them: the prototype they keep, with what they are themselves (vpc-api.md B3, F)."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.wire import group_wire
from kunsthalle.api.families.vpc import href
from kunsthalle.core.clock import rfc3339
from kunsthalle.instances.model import Template
from kunsthalle.store.unit import Unit


def template_wire(template: Template, unit: Unit) -> dict[str, Any]:
    """References are ids; that to the image is kept in full, and nothing is asked of the image itself (R6)."""
    ctx = unit.ctx
    shown = dict(template.prototype)
    if "image" in shown:
        shown["image"] = {**shown["image"], "href": href(ctx, f"/images/{shown['image']['id']}")}
    return {
        **shown,
        "created_at": rfc3339(template.created_at),
        "crn": template.crn,
        "href": href(ctx, f"/instance/templates/{template.id}"),
        "id": template.id,
        "name": template.name,
        "resource_group": group_wire(unit, template.resource_group_id),
        "zone": {"name": template.zone},
    }
