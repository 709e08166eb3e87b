"""What can be done with instance groups and their memberships. Each method runs in the transaction of its request."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import Identity, refer
from kunsthalle.api.regular import given
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.instances.groups.bodies import CreateGroupBody, UpdateGroupBody, UpdateMembershipBody
from kunsthalle.instances.groups.counts import autoscale, change, may_grow, refuse_out_of_bounds, standing
from kunsthalle.instances.groups.kinds import GROUP, MEMBERSHIP
from kunsthalle.instances.groups.making import refuse_ungranted, refuse_unrepeatable
from kunsthalle.instances.groups.members import Member, by_id, of_group, wake
from kunsthalle.instances.groups.model import InstanceGroup, Membership
from kunsthalle.instances.groups.scaling import Scaler
from kunsthalle.instances.kinds import TEMPLATE
from kunsthalle.instances.model import Template
from kunsthalle.networks.kinds import SUBNET, VPC
from kunsthalle.networks.model import Subnet
from kunsthalle.networks.queries import locked, named
from kunsthalle.store.rows import insert_named, update
from kunsthalle.store.scope import Granted, may_create
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

_TEMPLATE = "instance_template"


class GroupService:
    """`scaler` makes the first members with the group itself, as the caller; the rest is a job's."""

    def __init__(self, scaler: Scaler) -> None:
        self._scaler = scaler

    def create(self, unit: Unit, body: CreateGroupBody) -> InstanceGroup:
        """A new group, `scaling`, with its first members. Refused as each of its servers would be, and by R9."""
        body.refuse_balancing()
        chosen = chosen_group(unit, None if isinstance(body.resource_group, UnsetType) else body.resource_group.id)
        may_create(unit.ctx, "is.instance-group.instance-group.create", {"resourceGroupId": chosen.id})
        template = _template(unit, body.instance_template)
        subnets = _subnets(unit, body.subnets, template)
        vpc = named(unit, VPC, subnets[0].vpc_id)
        group = InstanceGroup(
            id=unit.ctx.ids.resource(unit.ctx.region.prefix),
            account_id=unit.ctx.account_id,
            name=given(body.name, "") or unit.ctx.ids.name(),
            status="scaling",
            reasons=[],
            tries=0,
            resource_group_id=chosen.id,
            template_id=template.id,
            vpc={"id": vpc.id, "crn": vpc.crn, "name": vpc.name},
            subnets=[_kept(subnet) for subnet in subnets],
            membership_count=body.membership_count,
            updated_at=unit.ctx.now(),
            created_at=unit.ctx.now(),
        )
        insert_named(unit, GROUP, group)
        if group.membership_count:
            self._scaler.grow(unit, group, [])
        wake(unit, group.id)
        return group

    def change(self, unit: Unit, granted: Granted[InstanceGroup], body: UpdateGroupBody) -> None:
        """PATCH of all but the name. Members follow by a job; what keeps them from it is said on the group."""
        body.refuse_balancing()
        group, values = standing(unit, granted.it.id), dict[str, Any]()
        if not isinstance(body.instance_template, UnsetType):
            values["template_id"] = _template(unit, body.instance_template).id
        template = named(unit, TEMPLATE, values.get("template_id", group.template_id))
        if not isinstance(body.subnets, UnsetType):
            values["subnets"] = [_kept(subnet) for subnet in _subnets(unit, body.subnets, template)]
        elif template.prototype["vpc"]["id"] != group.vpc["id"]:
            raise invalid("vpc_resource_separation", "The template's servers are in another VPC.", _TEMPLATE)
        if any(one["vpc"] != group.vpc["id"] for one in values.get("subnets", [])):
            raise invalid("vpc_resource_separation", "The subnet is in another VPC.", "subnets")
        if not isinstance(body.membership_count, UnsetType):
            refuse_out_of_bounds(unit, group.id, body.membership_count)
            values["membership_count"] = body.membership_count
        if given(body.membership_count, group.membership_count) > group.membership_count or "template_id" in values:
            may_grow(unit, group, template.id)
        if values:
            change(unit, group, **values)
        else:
            update(unit, GROUP, group.id, updated_at=unit.ctx.now())

    def delete(self, unit: Unit, granted: Granted[InstanceGroup]) -> None:
        """Has the group removed with all its servers (vpc-api.md B1)."""
        moved = transition(unit, GROUP, granted.it.id, "deleting", reasons=[], updated_at=unit.ctx.now())
        must(moved, "The instance group is being deleted already.")
        wake(unit, granted.it.id)

    def remove_member(self, unit: Unit, granted: Granted[Membership]) -> None:
        """The membership, and its server unless that is to stay; the group is meant to have one fewer (U)."""
        group = standing(unit, granted.it.instance_group_id)
        server = by_id(unit, [granted.it.instance_id]).get(granted.it.instance_id)
        if server is None or server.status == "deleting":
            raise conflict("invalid_state", "The membership is being deleted already.")
        self._release(unit, group, [Member(granted.it, server)])

    def remove_members(self, unit: Unit, group_id: str) -> None:
        """Every membership, as if each were deleted."""
        group = standing(unit, group_id)
        self._release(unit, group, [one for one in of_group(unit, group_id) if one.status != "deleting"])

    def _release(self, unit: Unit, group: InstanceGroup, members: list[Member]) -> None:
        for member in members:
            self._scaler.release(unit, member, keep=not member.membership.delete_instance_on_membership_delete)
        manager = autoscale(unit, group.id)
        least = (manager.min_membership_count or 0) if manager else 0
        change(unit, group, membership_count=max(group.membership_count - len(members), least))


def change_membership(unit: Unit, granted: Granted[Membership], body: UpdateMembershipBody) -> None:
    """PATCH of all but the name."""
    field = "delete_instance_on_membership_delete"
    values = {} if body.delete_instance_on_membership_delete is UNSET else {field: getattr(body, field)}
    update(unit, MEMBERSHIP, granted.it.id, **values, updated_at=unit.ctx.now())


def _template(unit: Unit, identity: Identity) -> Template:
    """The template that is meant, held until the transaction ends, and fit for many servers."""
    template = locked(unit, TEMPLATE, refer(unit, TEMPLATE, identity, _TEMPLATE).it.id, _TEMPLATE, "field")
    refuse_unrepeatable(template)
    refuse_ungranted(unit, template)
    return template


def _subnets(unit: Unit, identities: list[Identity], template: Template) -> list[Subnet]:
    """The subnets that are meant, each once; 400 for one outside the template's VPC."""
    found = {one.id: one for one in (refer(unit, SUBNET, identity, "subnets").it for identity in identities)}
    if any(subnet.vpc_id != template.prototype["vpc"]["id"] for subnet in found.values()):
        raise invalid("vpc_resource_separation", "The subnet is in another VPC than the template's servers.", "subnets")
    return list(found.values())


def _kept(subnet: Subnet) -> dict[str, str]:
    return {"id": subnet.id, "crn": subnet.crn, "name": subnet.name, "zone": subnet.zone, "vpc": subnet.vpc_id}
