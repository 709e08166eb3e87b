"""Instance groups, their members, managers, policies and actions. Moments are in microseconds since the epoch."""

from __future__ import annotations

from typing import Any

from kunsthalle.core.crn import Crn
from kunsthalle.core.records import dataclass
from kunsthalle.core.regions import place


@dataclass(frozen=True, slots=True)
class InstanceGroup:
    """A group of servers of one account. `membership_count` is how many it is meant to have.

    `vpc` and `subnets` are copied references ({"id", "crn", "name"}; of subnets also "zone"). `reasons` say why the
    group does not have its members; `tries` counts how often it tried since it last had them.
    """

    id: str
    account_id: str
    name: str
    status: str
    reasons: list[dict[str, str]]
    tries: int
    resource_group_id: str
    template_id: str
    vpc: dict[str, str]
    subnets: list[dict[str, str]]
    membership_count: int
    updated_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return str(Crn("is", place(self.id), self.account_id, "", "instance-group", self.id))


@dataclass(frozen=True, slots=True)
class Membership:
    """A server in a group. `template` is the reference to what the server was made of, copied then, and so is that
    to the server itself: it is shown while the server goes.
    """

    id: str
    account_id: str
    name: str
    instance_group_id: str
    resource_group_id: str
    instance_id: str
    subnet_id: str
    template: dict[str, str]
    delete_instance_on_membership_delete: bool
    updated_at: int
    instance: dict[str, str] | None
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Manager:
    """What may change a group's count: `autoscale` within bounds, `scheduled` by its actions.

    The last four are of `autoscale` alone; `aggregation_window` and `cooldown` in seconds.
    """

    id: str
    account_id: str
    name: str
    instance_group_id: str
    resource_group_id: str
    manager_type: str
    management_enabled: bool
    aggregation_window: int | None
    cooldown: int | None
    max_membership_count: int | None
    min_membership_count: int | None
    updated_at: int
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Policy:
    """What an autoscale manager would aim at. Load is not measured here: it is kept, and nothing acts on it."""

    id: str
    account_id: str
    name: str
    instance_group_id: str
    instance_group_manager_id: str
    resource_group_id: str
    metric_type: str
    metric_value: int
    policy_type: str
    updated_at: int
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Action:
    """What a scheduled manager does at a moment (`next_run_at`), or again and again (`cron_spec`, in UTC).

    `target` is {"membership_count"} of the group, or {"manager", "name"} and new bounds of an autoscale manager.
    `auto_delete_timeout` is in hours.
    """

    id: str
    account_id: str
    name: str
    instance_group_id: str
    instance_group_manager_id: str
    resource_group_id: str
    status: str
    cron_spec: str | None
    next_run_at: int | None
    last_applied_at: int | None
    auto_delete: bool
    auto_delete_timeout: int
    target: dict[str, Any]
    updated_at: int
    created_at: int
    revision: int = 1
