"""Calls of every operation of instance groups; the models of the SDK are the judge."""

from __future__ import annotations

from typing import Any

from fixtures.clients import Account, eventually
from fixtures.sdk import Judge
from kunsthalle.testing import Served

FAR = "2099-01-01T00:00:00Z"


def groups(judge: Judge, account: Account, _served: Served) -> None:
    """A group from a minimal and from a full prototype, changed, and removed with what hangs below it."""
    image = account.import_image("walk-groups")
    template = account.vpc.create_instance_template({**account.network(), "image": {"id": image["id"]}}).get_result()
    by_id, subnet = {"id": template["id"]}, account.network()["primary_network_interface"]["subnet"]
    small = judge("create_instance_group", by_id, [subnet])
    more = {"membership_count": 2, "name": "walk-group", "resource_group": {"id": template["resource_group"]["id"]}}
    group = judge("create_instance_group", {"crn": template["crn"]}, [subnet], **more)["id"]
    judge("list_instance_groups", limit=1)
    _healthy(judge, group)
    assert len(judge("list_instances", instance_group_membership_instance_group_id=group)["instances"]) == 2
    _memberships(judge, group)
    _autoscale(judge, group)
    _scheduled(judge, group)
    judge("update_instance_group", small["id"], {"name": "walk-other", "instance_template": by_id, "subnets": [subnet]})
    judge("delete_instance_group_load_balancer", group)
    for one in (small["id"], group):
        judge("update_instance_group", one, {"membership_count": 0})
        _healthy(judge, one)
        judge("delete_instance_group", one)
    eventually(lambda: not account.vpc.list_instance_groups().get_result()["instance_groups"], "the end of groups")


def _healthy(judge: Judge, group: str) -> dict[str, Any]:
    """As a Terraform provider waits for it: `scaling` until `healthy`, and nothing else in between."""

    def there() -> Any:
        found = judge("get_instance_group", group)
        assert found["status"] in {"scaling", "healthy"}, found
        return found if found["status"] == "healthy" else None

    return dict(eventually(there, "a healthy group"))


def _memberships(judge: Judge, group: str) -> None:
    first, _ = judge("list_instance_group_memberships", group, limit=2)["memberships"]
    judge("get_instance_group_membership", group, first["id"])
    kept = {"name": "walk-member", "delete_instance_on_membership_delete": True}
    judge("update_instance_group_membership", group, first["id"], kept)
    judge("delete_instance_group_membership", group, first["id"])
    _healthy(judge, group)
    judge("delete_instance_group_memberships", group)
    assert _healthy(judge, group)["membership_count"] == 0


def _autoscale(judge: Judge, group: str) -> None:
    small = judge("create_instance_group_manager", group, {"manager_type": "autoscale", "max_membership_count": 2})
    judge("delete_instance_group_manager", group, small["id"])
    whole = {
        "manager_type": "autoscale",
        "name": "walk-keeper",
        "management_enabled": False,
        "aggregation_window": 120,
        "cooldown": 210,
        "max_membership_count": 5,
        "min_membership_count": 2,
    }
    manager = judge("create_instance_group_manager", group, whole)["id"]
    judge("list_instance_group_managers", group, limit=1)
    judge("update_instance_group_manager", group, manager, {"max_membership_count": 4, "name": "walk-kept"})
    policy = {"metric_type": "cpu", "metric_value": 70, "policy_type": "target"}
    made = judge("create_instance_group_manager_policy", group, manager, policy)["id"]
    judge("create_instance_group_manager_policy", group, manager, {**policy, "name": "walk-policy"})
    judge("list_instance_group_manager_policies", group, manager, limit=1)
    judge("get_instance_group_manager_policy", group, manager, made)
    judge("update_instance_group_manager_policy", group, manager, made, {"metric_value": 80, "metric_type": "memory"})
    judge("get_instance_group_manager", group, manager)
    judge("delete_instance_group_manager_policy", group, manager, made)


def _scheduled(judge: Judge, group: str) -> None:
    keeper = judge("list_instance_group_managers", group)["managers"][0]
    manager = judge("create_instance_group_manager", group, {"manager_type": "scheduled", "name": "walk-clock"})["id"]
    at_once = {"run_at": FAR, "group": {"membership_count": 3}}
    made = judge("create_instance_group_manager_action", group, manager, at_once)["id"]
    bounds = {"id": keeper["id"], "max_membership_count": 3, "min_membership_count": 1}
    again = {"name": "walk-action", "cron_spec": "30 */2 * * 1-5", "manager": bounds}
    judge("create_instance_group_manager_action", group, manager, again)
    judge("list_instance_group_manager_actions", group, manager, limit=1)
    judge("get_instance_group_manager_action", group, manager, made)
    changed = {"name": "walk-later", "cron_spec": "0 6 * * *", "group": {"membership_count": 1}, "auto_delete": False}
    judge("update_instance_group_manager_action", group, manager, made, changed)
    judge("get_instance_group_manager", group, manager)
    judge("delete_instance_group_manager_action", group, manager, made)
    judge("delete_instance_group_manager", group, manager)
