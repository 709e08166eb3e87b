"""Resource groups as Resource Manager shows them (catalog-iam-enterprise.md 4.2)."""

from __future__ import annotations

from kunsthalle.accounts.model import ResourceGroup
from kunsthalle.accounts.queries import group_name
from kunsthalle.api.shapes import GroupWire
from kunsthalle.api.wire import Wire
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.context import Context
from kunsthalle.store.unit import Unit


class ResourceGroupWire(Wire):
    """`state` is `ACTIVE`."""

    id: str
    crn: str
    account_id: str
    name: str
    state: str
    default: bool
    quota_id: str
    quota_url: str
    payment_methods_url: str
    resource_linkages: list[str]
    teams_url: str
    created_at: str
    updated_at: str


class ResourceGroups(Wire):
    """All at once: this list has no pages."""

    resources: list[ResourceGroupWire]


QUOTA = "a3d7b8d01e261c24677937c29ab33f3c"


def to_wire(group: ResourceGroup, _ctx: Context) -> ResourceGroupWire:
    made = rfc3339(group.created_at)
    base = f"/v2/resource_groups/{group.id}"
    return ResourceGroupWire(
        id=group.id,
        crn=group.crn,
        account_id=group.account_id,
        name=group.name,
        state=group.state,
        default=group.is_default,
        quota_id=QUOTA,
        quota_url=f"/v2/quota_definitions/{QUOTA}",
        payment_methods_url=f"{base}/payment_methods",
        resource_linkages=[],
        teams_url=f"{base}/teams",
        created_at=made,
        updated_at=made,
    )


def group_wire(unit: Unit, id_: str) -> GroupWire:
    """The reference to a resource group that things of the VPC API carry."""
    return GroupWire(href=f"{unit.ctx.origin}/v2/resource_groups/{id_}", id=id_, name=group_name(unit, id_))
