"""What requests about instance groups may say (reference/vpc-api.md B1; bounds marked U there)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.body_bounds import Document, at_most
from kunsthalle.api.common_schemas import GroupRequest
from kunsthalle.api.crud import NameRequest
from kunsthalle.api.references import Identity
from kunsthalle.api.serialization import RequestBody
from kunsthalle.core.errors import invalid

Count = Annotated[int, Meta(ge=0, le=1_000)]
AtLeastOne = Annotated[int, Meta(ge=1, le=1_000)]
Window = Annotated[int, Meta(ge=90, le=600)]
Cooldown = Annotated[int, Meta(ge=120, le=3_600)]
Metric = Literal["cpu", "memory", "network_in", "network_out"]
Value = Annotated[int, Meta(ge=1, le=100_000)]
Spec = Annotated[str, Meta(min_length=9, max_length=63)]
Hours = Annotated[int, Meta(ge=0, le=8_760)]
Subnets = Annotated[list[Identity], at_most(100, at_least=1)]


class BalancedRequest(NameRequest):
    """What would put members behind a load balancer; there are none here."""

    application_port: int | UnsetType = UNSET
    load_balancer: Document | UnsetType = UNSET
    load_balancer_pool: Document | UnsetType = UNSET

    def refuse_balancing(self) -> None:
        """400 for what could not be done."""
        for field in ("load_balancer", "load_balancer_pool", "application_port"):
            if getattr(self, field) is not UNSET:
                raise invalid("bad_field", "Load balancers are not offered here.", field)


class CreateGroupRequest(BalancedRequest, kw_only=True):
    """A group of servers of one template."""

    instance_template: Identity
    subnets: Subnets
    membership_count: Count = 0
    resource_group: GroupRequest | UnsetType = UNSET


class UpdateGroupRequest(BalancedRequest):
    """What may be changed of a group; its members follow."""

    instance_template: Identity | UnsetType = UNSET
    subnets: Subnets | UnsetType = UNSET
    membership_count: Count | UnsetType = UNSET


class UpdateMembershipRequest(NameRequest):
    """What may be changed of a membership."""

    delete_instance_on_membership_delete: bool | UnsetType = UNSET


class CreateManagerRequest(NameRequest, kw_only=True):
    """A manager; all but the type and whether it is enabled is of `autoscale` alone, and `max_…` needed there."""

    manager_type: Literal["autoscale", "scheduled"]
    management_enabled: bool = True
    aggregation_window: Window = 90
    cooldown: Cooldown = 300
    max_membership_count: AtLeastOne | UnsetType = UNSET
    min_membership_count: AtLeastOne = 1


class UpdateManagerRequest(NameRequest):
    """What may be changed of a manager."""

    management_enabled: bool | UnsetType = UNSET
    aggregation_window: Window | UnsetType = UNSET
    cooldown: Cooldown | UnsetType = UNSET
    max_membership_count: AtLeastOne | UnsetType = UNSET
    min_membership_count: AtLeastOne | UnsetType = UNSET


class CreatePolicyRequest(NameRequest, kw_only=True):
    """What the group would aim at: percent of processors or memory, Mb/s of the network."""

    metric_type: Metric
    metric_value: Value
    policy_type: Literal["target"]


class UpdatePolicyRequest(NameRequest):
    """What may be changed of a policy."""

    metric_type: Metric | UnsetType = UNSET
    metric_value: Value | UnsetType = UNSET


class GroupTargetRequest(RequestBody):
    """The count that the group is to have."""

    membership_count: Count | UnsetType = UNSET


class ManagerTargetRequest(RequestBody):
    """New bounds of an autoscale manager of the same group."""

    id: str | UnsetType = UNSET
    href: str | UnsetType = UNSET
    max_membership_count: AtLeastOne | UnsetType = UNSET
    min_membership_count: AtLeastOne | UnsetType = UNSET


class CreateActionRequest(NameRequest):
    """When (`run_at` or `cron_spec`) and what (`group` or `manager`)."""

    run_at: str | UnsetType = UNSET
    cron_spec: Spec | UnsetType = UNSET
    group: GroupTargetRequest | UnsetType = UNSET
    manager: ManagerTargetRequest | UnsetType = UNSET
    auto_delete: bool = True
    auto_delete_timeout: Hours = 24


class UpdateActionRequest(NameRequest):
    """What may be changed of an action; a new time has it run again."""

    run_at: str | UnsetType = UNSET
    cron_spec: Spec | UnsetType = UNSET
    group: GroupTargetRequest | UnsetType = UNSET
    manager: ManagerTargetRequest | UnsetType = UNSET
    auto_delete: bool | UnsetType = UNSET
    auto_delete_timeout: Hours | UnsetType = UNSET
