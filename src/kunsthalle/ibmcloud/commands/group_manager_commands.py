"""Managers of instance groups, their policies and their actions (cli.md 3.3)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.instance_group_commands import INSTANCE_GROUP
from kunsthalle.ibmcloud.commands.vpc_resources import ID, NAMED, STATUS
from kunsthalle.ibmcloud.grammar import Flag, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, one_of
from kunsthalle.ibmcloud.printed_tables import ID_NAME, Field, IfAny, nested, when
from kunsthalle.ibmcloud.resource_commands import (
    CREATED,
    NAME,
    Resource,
    changes,
    deletes,
    filled,
    lists,
    makes,
    parents_of,
    shows,
)

_MANAGER: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Manager type", "manager_type"),
    ("Management enabled", "management_enabled"),
    ("Min membership count", "min_membership_count"),
    ("Max membership count", "max_membership_count"),
    ("Aggregation window", "aggregation_window"),
    ("Cool down period", "cooldown"),
)
MANAGER = Resource(
    "instance group manager",
    "instance group managers",
    "/v1/instance_groups/{}/managers",
    "managers",
    _MANAGER,
    (
        *_MANAGER,
        ("Policies", IfAny(nested("policies", *ID_NAME))),
        ("Actions", IfAny(nested("actions", *ID_NAME))),
        CREATED,
    ),
    parents=(INSTANCE_GROUP,),
)

_POLICY: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Policy type", "policy_type"),
    ("Metric type", "metric_type"),
    ("Metric value", "metric_value"),
)
POLICY = Resource(
    "instance group manager policy",
    "instance group manager policies",
    "/v1/instance_groups/{}/managers/{}/policies",
    "policies",
    _POLICY,
    (*_POLICY, CREATED),
    parents=(INSTANCE_GROUP, MANAGER),
)

_ACTION: tuple[Field, ...] = (
    ID,
    NAMED,
    STATUS,
    ("Action type", "action_type"),
    ("Cron", "cron_spec"),
    ("Next run", when("next_run_at")),
)
ACTION = Resource(
    "instance group manager action",
    "instance group manager actions",
    "/v1/instance_groups/{}/managers/{}/actions",
    "actions",
    _ACTION,
    (*_ACTION, CREATED),
    parents=(INSTANCE_GROUP, MANAGER),
)

_LIMITS = (
    flag("max-members", "N", "Largest number of members.", kind="int"),
    flag("min-members", "N", "Smallest number of members.", kind="int"),
    flag("aggregation-window", "SECONDS", "Window of measurements.", kind="int"),
    flag("cooldown", "SECONDS", "Pause between changes.", kind="int"),
    flag("management-enabled", "true|false", "Whether the manager acts."),
)
_METRICS = ("cpu", "memory", "network_in", "network_out")


def _manager(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        name=options.get("name"),
        manager_type=options.get("manager-type"),
        max_membership_count=options.get("max-members"),
        min_membership_count=options.get("min-members"),
        aggregation_window=options.get("aggregation-window"),
        cooldown=options.get("cooldown"),
        management_enabled=run.given.get("management-enabled"),
    )


def _metric(*, required: bool) -> tuple[Flag, ...]:
    return (
        flag("metric-type", text="What is measured.", choices=_METRICS, required=required),
        flag("metric-value", "N", "The value that is aimed at.", kind="int", required=required),
    )


def _policy(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        name=options.get("name"), metric_type=options.get("metric-type"), metric_value=options.get("metric-value")
    )


def _autoscaler(run: Run) -> str:
    """The autoscale manager of the group, whose limits an action changes where none is named."""
    (group, *_) = parents_of(run, ACTION)
    listed = run.api.listed(path_of(MANAGER.path, group), MANAGER.key)
    resource = one_of([entry for entry in listed if entry["manager_type"] == "autoscale"], "autoscale manager", group)
    if resource is None:
        raise Failed(f"Instance group {run.given[INSTANCE_GROUP.label()]} has no autoscale manager.")
    return str(resource["id"])


def _action(run: Run) -> dict[str, Any]:
    """When, and either a number of members or the limits of an autoscale manager."""
    options = run.given
    count = options.get("membership-count")
    manager = filled(
        id=options.get("target-manager"),
        min_membership_count=options.get("min-members"),
        max_membership_count=options.get("max-members"),
    )
    if manager and "id" not in manager and ACTION.label() not in options.words:
        manager["id"] = _autoscaler(run)
    return filled(
        name=options.get("name"),
        run_at=options.get("run-at"),
        cron_spec=options.get("cron"),
        group={"membership_count": count} if count is not None else None,
        manager=manager,
    )


_WHEN = (
    flag("run-at", "TIME", "When, ISO 8601."),
    flag("cron", "CRON", "When, again and again.", also=("cron-spec",)),
    flag("membership-count", "N", "Number of members then.", kind="int"),
    flag("target-manager", "MANAGER", "ID of the autoscale manager to change."),
    flag("min-members", "N", "Its smallest number of members then.", kind="int"),
    flag("max-members", "N", "Its largest number of members then.", kind="int"),
)
_RUNS = (("run-at", "cron"),)
_ALONE = (*_RUNS, ("membership-count", "max-members"), ("membership-count", "min-members"))

COMMANDS = (
    lists(MANAGER, "instance-group-managers"),
    shows(MANAGER, "instance-group-manager"),
    makes(
        MANAGER,
        "instance-group-manager-create",
        "",
        flag("name", "NAME", "Name of the manager."),
        flag("manager-type", text="Type of the manager.", choices=("autoscale", "scheduled")),
        *_LIMITS,
        body=lambda run: {"manager_type": "autoscale", **_manager(run)},
        also=("is igmc",),
    ),
    changes(MANAGER, "instance-group-manager-update", NAME, *_LIMITS, body=_manager, also=("is igmu",)),
    deletes(MANAGER, "instance-group-manager-delete", also=("is igmd",)),
    lists(POLICY, "instance-group-manager-policies"),
    shows(POLICY, "instance-group-manager-policy"),
    makes(
        POLICY,
        "instance-group-manager-policy-create",
        "",
        flag("name", "NAME", "Name of the policy."),
        *_metric(required=True),
        body=lambda run: {"policy_type": "target", **_policy(run)},
    ),
    changes(POLICY, "instance-group-manager-policy-update", NAME, *_metric(required=False), body=_policy),
    deletes(POLICY, "instance-group-manager-policy-delete"),
    lists(ACTION, "instance-group-manager-actions"),
    shows(ACTION, "instance-group-manager-action"),
    makes(
        ACTION,
        "instance-group-manager-action-create",
        "",
        flag("name", "NAME", "Name of the action."),
        *_WHEN,
        body=_action,
        alone=_ALONE,
        any_of=_RUNS,
    ),
    changes(
        ACTION,
        "instance-group-manager-action-update",
        NAME,
        *_WHEN,
        body=_action,
        alone=_ALONE,
    ),
    deletes(ACTION, "instance-group-manager-action-delete"),
)
