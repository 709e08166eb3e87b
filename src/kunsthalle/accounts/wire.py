"""Resource groups as Resource Manager shows them (catalog-iam-enterprise.md 4.2)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.accounts.model import ResourceGroup
from kunsthalle.accounts.queries import group_name
from kunsthalle.api.shapes import GroupWire
from kunsthalle.api.wire import Body, Wire, form
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.context import Context
from kunsthalle.store.unit import Unit

_GROUP_NAME = form(r"^[A-Za-z0-9 _.-]+$", "letters, digits, blanks and the signs _ . -")
GroupName = Annotated[str, Meta(min_length=1, max_length=64, pattern=_GROUP_NAME)]


class CreateGroupBody(Body):
    """`account_id`, if given, is the caller's own."""

    name: GroupName
    account_id: str | None = None


class UpdateGroupBody(Body):
    """What may be changed of a resource group; its only state is `ACTIVE`."""

    name: GroupName | UnsetType = UNSET
    state: Literal["ACTIVE"] | UnsetType = UNSET


class GroupMadeWire(Wire):
    """A new group."""

    id: str
    crn: str


class ResourceQuotaWire(Wire):
    """A limit on one kind of resource."""

    id: str
    resource_id: str
    crn: str
    limit: int


class QuotaWire(Wire):
    """A quota definition. It says what an account may have; nothing here enforces it."""

    id: str
    name: str
    type: str
    number_of_apps: int
    number_of_service_instances: int
    default_number_of_instances_per_lite_plan: int
    instances_per_app: int
    instance_memory: str
    total_app_memory: str
    vsi_limit: int
    resource_quotas: list[ResourceQuotaWire]
    created_at: str
    updated_at: str


class QuotasWire(Wire):
    """All quota definitions."""

    resources: list[QuotaWire]


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
_LONG_AGO = "2019-01-01T00:00:00.000Z"
QUOTAS = {
    QUOTA: QuotaWire(
        id=QUOTA,
        name="Pay-as-you-go Quota",
        type="PAYG",
        number_of_apps=-1,
        number_of_service_instances=-1,
        default_number_of_instances_per_lite_plan=1,
        instances_per_app=-1,
        instance_memory="8G",
        total_app_memory="512G",
        vsi_limit=-1,
        resource_quotas=[],
        created_at=_LONG_AGO,
        updated_at=_LONG_AGO,
    )
}
"""The one quota that every group names; static, as the service's own are (4.2)."""


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
        updated_at=rfc3339(group.updated_at),
    )


def group_wire(unit: Unit, id_: str) -> GroupWire:
    """The reference to a resource group that things of the VPC API carry."""
    return GroupWire(href=f"{unit.ctx.origin}/v2/resource_groups/{id_}", id=id_, name=group_name(unit, id_))
