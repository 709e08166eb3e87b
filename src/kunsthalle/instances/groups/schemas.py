"""Instance groups and memberships as the VPC API shows them (reference/vpc-api.md B3)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupResponse, ReasonResponse
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.instances.groups import managers
from kunsthalle.instances.groups.memberships import Belonging, by_id, status_of
from kunsthalle.instances.groups.models import InstanceGroup, Manager, Membership
from kunsthalle.instances.resources import TEMPLATE
from kunsthalle.networks.network_references import CrnReferenceResponse, ItemReferenceResponse, TypedReferenceResponse
from kunsthalle.networks.queries import named


class InstanceGroupResponse(ResponseBody):
    """An instance group. `lifecycle_reasons` say why it does not have its members."""

    created_at: str
    crn: str
    href: str
    id: str
    instance_template: CrnReferenceResponse
    lifecycle_reasons: list[ReasonResponse]
    lifecycle_state: str
    managers: list[ItemReferenceResponse]
    membership_count: int
    name: str
    resource_group: GroupResponse
    status: str
    subnets: list[TypedReferenceResponse]
    updated_at: str
    vpc: TypedReferenceResponse


class MembershipResponse(ResponseBody):
    """A server in a group."""

    created_at: str
    delete_instance_on_membership_delete: bool
    href: str
    id: str
    instance: CrnReferenceResponse
    instance_template: CrnReferenceResponse
    name: str
    status: str
    updated_at: str


class MembershipReferenceResponse(ResponseBody):
    """A membership, from the side of its server."""

    href: str
    id: str
    instance_group: CrnReferenceResponse
    name: str


def group_path(group_id: str) -> str:
    return f"/instance_groups/{group_id}"


def manager_path(manager: Manager) -> str:
    return f"{group_path(manager.instance_group_id)}/managers/{manager.id}"


def _template_path(id_: str) -> str:
    return f"/instance/templates/{id_}"


def _crn_ref(stored: dict[str, str], path: str, ctx: Context) -> CrnReferenceResponse:
    return CrnReferenceResponse(crn=stored["crn"], href=href(ctx, path), id=stored["id"], name=stored["name"])


def _typed_ref(stored: dict[str, str], path: str, type_: str, ctx: Context) -> TypedReferenceResponse:
    place = href(ctx, path)
    return TypedReferenceResponse(
        crn=stored["crn"], href=place, id=stored["id"], name=stored["name"], resource_type=type_
    )


def _of(resource: Any) -> dict[str, str]:
    return {"id": resource.id, "crn": resource.crn, "name": resource.name}


_LIFECYCLES = {"scaling": "updating", "healthy": "stable", "unhealthy": "waiting", "deleting": "deleting"}


def _lifecycle(group: InstanceGroup) -> str:
    new = group.status == "scaling" and group.updated_at == group.created_at
    return "pending" if new else _LIFECYCLES[group.status]


def group_wire_of(group: InstanceGroup, session: Session) -> InstanceGroupResponse:
    ctx, template = session.ctx, named(session, TEMPLATE, group.template_id)
    return InstanceGroupResponse(
        created_at=rfc3339(group.created_at),
        crn=group.crn,
        href=href(ctx, group_path(group.id)),
        id=group.id,
        instance_template=_crn_ref(_of(template), _template_path(template.id), ctx),
        lifecycle_reasons=[ReasonResponse(**reason) for reason in group.reasons],
        lifecycle_state=_lifecycle(group),
        managers=[manager_reference(manager, ctx) for manager in managers.of_group(session, group.id)],
        membership_count=group.membership_count,
        name=group.name,
        resource_group=group_response(session, group.resource_group_id),
        status=group.status,
        subnets=[_typed_ref(subnet, f"/subnets/{subnet['id']}", "subnet", ctx) for subnet in group.subnets],
        updated_at=rfc3339(group.updated_at),
        vpc=_typed_ref(group.vpc, f"/vpcs/{group.vpc['id']}", "vpc", ctx),
    )


def manager_reference(manager: Manager, ctx: Context) -> ItemReferenceResponse:
    return ItemReferenceResponse(href=href(ctx, manager_path(manager)), id=manager.id, name=manager.name)


def _membership_path(membership: Membership) -> str:
    return f"{group_path(membership.instance_group_id)}/memberships/{membership.id}"


def membership_response(membership: Membership, session: Session) -> MembershipResponse:
    ctx, instance = session.ctx, by_id(session, [membership.instance_id]).get(membership.instance_id)
    reference = (membership.instance or {}) if instance is None else _of(instance)
    return MembershipResponse(
        created_at=rfc3339(membership.created_at),
        delete_instance_on_membership_delete=membership.delete_instance_on_membership_delete,
        href=href(ctx, _membership_path(membership)),
        id=membership.id,
        instance=_crn_ref(reference, f"/instances/{membership.instance_id}", ctx),
        instance_template=_crn_ref(membership.template, _template_path(membership.template["id"]), ctx),
        name=membership.name,
        status=status_of(instance),
        updated_at=rfc3339(membership.updated_at),
    )


def membership_reference(belonging: Belonging | None, ctx: Context) -> MembershipReferenceResponse | UnsetType:
    """What a server shows of the group it is in."""
    if belonging is None:
        return UNSET
    membership, group = belonging
    return MembershipReferenceResponse(
        href=href(ctx, _membership_path(membership)),
        id=membership.id,
        instance_group=_crn_ref(_of(group), group_path(group.id), ctx),
        name=membership.name,
    )
