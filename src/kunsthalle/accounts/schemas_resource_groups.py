"""Resource groups as Resource Manager shows them (catalog-iam-enterprise.md 4.2)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.accounts.models import ResourceGroup
from kunsthalle.accounts.queries import group_name
from kunsthalle.api.common_schemas import GroupResponse
from kunsthalle.api.serialization import RequestBody, ResponseBody, form
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session

_GROUP_NAME = form(r"^[A-Za-z0-9 _.-]+$", "letters, digits, blanks and the signs _ . -")
GroupName = Annotated[str, Meta(min_length=1, max_length=64, pattern=_GROUP_NAME)]


class CreateGroupRequest(RequestBody):
    """`account_id`, if given, is the caller's own."""

    name: GroupName
    account_id: str | None = None


class UpdateGroupRequest(RequestBody):
    """What may be changed of a resource group; its only state is `ACTIVE`."""

    name: GroupName | UnsetType = UNSET
    state: Literal["ACTIVE"] | UnsetType = UNSET


class GroupMadeResponse(ResponseBody):
    """A new group."""

    id: str
    crn: str


class ResourceQuotaResponse(ResponseBody):
    """A limit on one kind of resource."""

    id: str
    resource_id: str
    crn: str
    limit: int


class QuotaResponse(ResponseBody):
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
    resource_quotas: list[ResourceQuotaResponse]
    created_at: str
    updated_at: str


class QuotasResponse(ResponseBody):
    """All quota definitions."""

    resources: list[QuotaResponse]


class ResourceGroupResponse(ResponseBody):
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


class ResourceGroups(ResponseBody):
    """All at once: this list has no pages."""

    resources: list[ResourceGroupResponse]


QUOTA = "a3d7b8d01e261c24677937c29ab33f3c"
_LONG_AGO = "2019-01-01T00:00:00.000Z"
QUOTAS = {
    QUOTA: QuotaResponse(
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


def to_response(group: ResourceGroup, _ctx: Context) -> ResourceGroupResponse:
    made = rfc3339(group.created_at)
    base = f"/v2/resource_groups/{group.id}"
    return ResourceGroupResponse(
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


def group_response(session: Session, id_: str) -> GroupResponse:
    """The reference to a resource group that resources of the VPC API carry."""
    return GroupResponse(href=f"{session.ctx.origin}/v2/resource_groups/{id_}", id=id_, name=group_name(session, id_))
