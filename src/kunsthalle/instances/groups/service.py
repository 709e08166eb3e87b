"""What can be done with instance groups and their memberships. Each method runs in the transaction of its request."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.crud import given
from kunsthalle.api.references import Identity, refer
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import insert_named, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.visibility import Authorized, may_create
from kunsthalle.instances.groups.member_creation import refuse_ungranted, refuse_unrepeatable
from kunsthalle.instances.groups.membership_count import autoscale, change, may_grow, refuse_out_of_bounds, standing
from kunsthalle.instances.groups.memberships import EMPTY, Seat, by_id, seats, wake
from kunsthalle.instances.groups.models import InstanceGroup, Membership
from kunsthalle.instances.groups.requests import CreateGroupRequest, UpdateGroupRequest, UpdateMembershipRequest
from kunsthalle.instances.groups.resources import GROUP, MEMBERSHIP
from kunsthalle.instances.groups.scaling_job import Scaler
from kunsthalle.instances.models import Template
from kunsthalle.instances.resources import TEMPLATE
from kunsthalle.jobs import queue
from kunsthalle.networks.models import Subnet
from kunsthalle.networks.queries import locked, named
from kunsthalle.networks.resources import SUBNET, VPC

_TEMPLATE = "instance_template"


class GroupService:
    """`scaler` makes the first members with the group itself, as the caller; the rest is a job's."""

    def __init__(self, scaler: Scaler) -> None:
        self._scaler = scaler

    def create(self, session: Session, body: CreateGroupRequest) -> InstanceGroup:
        """A new group, `scaling`, with its first members. Refused as each of its servers would be, and by R9."""
        body.refuse_balancing()
        chosen = chosen_group(session, None if isinstance(body.resource_group, UnsetType) else body.resource_group.id)
        may_create(session.ctx, "is.instance-group.instance-group.create", {"resourceGroupId": chosen.id})
        template = _template(session, body.instance_template)
        subnets = _subnets(session, body.subnets, template)
        vpc = named(session, VPC, subnets[0].vpc_id)
        group = InstanceGroup(
            id=session.ctx.ids.resource(session.ctx.region.prefix),
            account_id=session.ctx.account_id,
            name=given(body.name, "") or session.ctx.ids.name(),
            status="scaling",
            reasons=[],
            tries=0,
            resource_group_id=chosen.id,
            template_id=template.id,
            vpc={"id": vpc.id, "crn": vpc.crn, "name": vpc.name},
            subnets=[_kept(subnet) for subnet in subnets],
            membership_count=body.membership_count,
            updated_at=session.ctx.now(),
            created_at=session.ctx.now(),
        )
        insert_named(session, GROUP, group)
        if group.membership_count:
            self._scaler.grow(session, group, [])
        wake(session, group.id)
        return group

    def change(self, session: Session, granted: Authorized[InstanceGroup], body: UpdateGroupRequest) -> None:
        """PATCH of all but the name. Members follow by a job; what keeps them from it is said on the group."""
        body.refuse_balancing()
        group, values = standing(session, granted.resource.id), dict[str, Any]()
        if not isinstance(body.instance_template, UnsetType):
            values["template_id"] = _template(session, body.instance_template).id
        template = named(session, TEMPLATE, values.get("template_id", group.template_id))
        if not isinstance(body.subnets, UnsetType):
            values["subnets"] = [_kept(subnet) for subnet in _subnets(session, body.subnets, template)]
        elif template.prototype["vpc"]["id"] != group.vpc["id"]:
            raise invalid("vpc_resource_separation", "The template's servers are in another VPC.", _TEMPLATE)
        if any(subnet_["vpc"] != group.vpc["id"] for subnet_ in values.get("subnets", [])):
            raise invalid("vpc_resource_separation", "The subnet is in another VPC.", "subnets")
        if not isinstance(body.membership_count, UnsetType):
            refuse_out_of_bounds(session, group.id, body.membership_count)
            values["membership_count"] = body.membership_count
        if given(body.membership_count, group.membership_count) > group.membership_count or "template_id" in values:
            may_grow(session, group, template.id)
        if values:
            change(session, group, **values)
        else:
            update(session, GROUP, group.id, updated_at=session.ctx.now())

    def delete(self, session: Session, granted: Authorized[InstanceGroup]) -> None:
        """Has the group removed with all its servers (vpc-api.md B1)."""
        moved = transition(session, GROUP, granted.resource.id, "deleting", reasons=[], updated_at=session.ctx.now())
        must(moved, "The instance group is being deleted already.")
        wake(session, granted.resource.id)

    def remove_member(self, session: Session, granted: Authorized[Membership]) -> None:
        """The membership, and its server unless that is to stay; the group is meant to have one fewer (U)."""
        group = standing(session, granted.resource.instance_group_id)
        server = by_id(session, [granted.resource.instance_id]).get(granted.resource.instance_id)
        if server is None or server.status == "deleting":
            raise conflict("invalid_state", "The membership is being deleted already.")
        leaving = granted.resource
        seat = Seat(leaving.id, leaving.subnet_id, leaving.created_at, server.status)
        self._release(session, group, [seat])

    def remove_members(self, session: Session, group_id: str) -> None:
        """Every membership, as if each were deleted."""
        group = standing(session, group_id)
        self._release(session, group, [seat for seat in seats(session, group_id) if seat.status != "deleting"])

    def _release(self, session: Session, group: InstanceGroup, leaving: list[Seat]) -> None:
        if self._scaler.release_some(session, leaving):
            queue.enqueue(session, EMPTY, group.id, until=session.ctx.now())
        manager = autoscale(session, group.id)
        least = (manager.min_membership_count or 0) if manager else 0
        change(session, group, membership_count=max(group.membership_count - len(leaving), least))


def change_membership(session: Session, granted: Authorized[Membership], body: UpdateMembershipRequest) -> None:
    """PATCH of all but the name."""
    field = "delete_instance_on_membership_delete"
    values = {} if body.delete_instance_on_membership_delete is UNSET else {field: getattr(body, field)}
    update(session, MEMBERSHIP, granted.resource.id, **values, updated_at=session.ctx.now())


def _template(session: Session, identity: Identity) -> Template:
    """The template that is meant, held until the transaction ends, and fit for many servers."""
    template = locked(session, TEMPLATE, refer(session, TEMPLATE, identity, _TEMPLATE).resource.id, _TEMPLATE, "field")
    refuse_unrepeatable(template)
    refuse_ungranted(session, template)
    return template


def _subnets(session: Session, identities: list[Identity], template: Template) -> list[Subnet]:
    """The subnets that are meant, each once; 400 for one outside the template's VPC."""
    resources = {
        resource.id: resource
        for resource in (refer(session, SUBNET, identity, "subnets").resource for identity in identities)
    }
    if any(subnet.vpc_id != template.prototype["vpc"]["id"] for subnet in resources.values()):
        raise invalid("vpc_resource_separation", "The subnet is in another VPC than the template's servers.", "subnets")
    return list(resources.values())


def _kept(subnet: Subnet) -> dict[str, str]:
    return {"id": subnet.id, "crn": subnet.crn, "name": subnet.name, "zone": subnet.zone, "vpc": subnet.vpc_id}
