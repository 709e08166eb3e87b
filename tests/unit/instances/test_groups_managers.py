"""Managers of instance groups: bounds are kept, the clock acts, and what is measured is nothing."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.core.clock import SECOND, rfc3339
from unit.instances.group_caller import GROUPS, Caller


def _in(caller: Caller, seconds: int) -> str:
    return rfc3339(caller.app.server.clock.now() + seconds * SECOND)


def test_an_autoscale_manager_keeps_the_count_within_its_bounds(caller: Caller) -> None:
    group = caller.group(1)
    manager = caller.manager(group, "autoscale", max_membership_count=4, min_membership_count=2, name="keeper")
    assert (manager["cooldown"], manager["aggregation_window"], manager["policies"]) == (300, 90, [])
    group = caller.now(group)
    assert (group["membership_count"], group["status"], len(caller.servers())) == (2, "healthy", 2)
    assert [one["name"] for one in group["managers"]] == ["keeper"]
    path = f"{GROUPS}/{group['id']}"
    assert caller.refused("PATCH", path, {"membership_count": 5}) == (400, "bad_field", "membership_count")
    assert caller.change(group, membership_count=4)["membership_count"] == 4
    caller.do("PATCH", f"{path}/managers/{manager['id']}", {"max_membership_count": 3})
    caller.app.settle()
    assert (caller.now(group)["membership_count"], len(caller.servers())) == (3, 3)
    caller.do("DELETE", f"{path}/memberships")
    caller.app.settle()
    assert (caller.now(group)["membership_count"], len(caller.servers())) == (2, 2)
    caller.do("PATCH", f"{path}/managers/{manager['id']}", {"management_enabled": False})
    assert caller.change(group, membership_count=0)["membership_count"] == 0
    caller.do("DELETE", f"{path}/managers/{manager['id']}")
    assert caller.now(group)["managers"] == []


def test_policies_are_kept(caller: Caller) -> None:
    group = caller.group(1)
    manager = caller.manager(group, "autoscale", max_membership_count=4)
    path = f"{GROUPS}/{group['id']}/managers/{manager['id']}/policies"
    wish = {"metric_type": "cpu", "metric_value": 70, "policy_type": "target", "name": "busy"}
    made = caller.do("POST", path, wish)
    assert {name: made[name] for name in wish} == wish
    changed = caller.do("PATCH", f"{path}/{made['id']}", {"metric_value": 80, "name": "busier"})
    assert (changed["metric_value"], changed["name"], changed["metric_type"]) == (80, "busier", "cpu")
    assert caller.do("GET", path)["policies"] == [changed]
    shown = caller.do("GET", f"{GROUPS}/{group['id']}/managers/{manager['id']}")["policies"]
    assert [one["href"] for one in shown] == [changed["href"]]
    caller.do("DELETE", f"{path}/{made['id']}")
    assert caller.refused("GET", f"{path}/{made['id']}") == (404, "not_found", "id")


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"manager_type": "autoscale"}, (400, "validation_required_field", "max_membership_count")),
        (
            {"manager_type": "autoscale", "max_membership_count": 1, "min_membership_count": 2},
            (400, "bad_field", "min_membership_count"),
        ),
        ({"manager_type": "other"}, (400, "validation_enum", "manager_type")),
        (
            {"manager_type": "autoscale", "max_membership_count": 2, "cooldown": 5},
            (400, "validation_min_value", "cooldown"),
        ),
    ],
)
def test_managers_that_cannot_be(caller: Caller, fields: dict[str, Any], refusal: tuple[Any, ...]) -> None:
    group = caller.group(0)
    assert caller.refused("POST", f"{GROUPS}/{group['id']}/managers", fields) == refusal


def test_one_manager_of_a_type(caller: Caller) -> None:
    group = caller.group(0)
    scheduled = caller.manager(group)
    path = f"{GROUPS}/{group['id']}/managers"
    twice = caller.refused("POST", path, {"manager_type": "scheduled"})
    assert twice == (400, "over_quota", "manager_type")
    own = {"cooldown": 300}
    assert caller.refused("PATCH", f"{path}/{scheduled['id']}", own) == (400, "bad_field", "cooldown")
    policy = {"metric_type": "cpu", "metric_value": 70, "policy_type": "target"}
    assert caller.refused("POST", f"{path}/{scheduled['id']}/policies", policy)[:2] == (409, "invalid_state")


def test_an_action_runs_when_its_time_comes(caller: Caller) -> None:
    group = caller.group(1)
    manager = caller.manager(group)
    path = caller.action(group, manager, run_at=_in(caller, 3_600), group={"membership_count": 3}, name="morning")
    shown = caller.do("GET", path)
    assert (shown["status"], shown["group"], shown["auto_delete"]) == ("active", {"membership_count": 3}, True)
    assert caller.now(group)["managers"][0]["id"] == manager["id"]
    caller.app.travel(3_599)
    assert len(caller.servers()) == 1
    caller.app.travel(1)
    assert (caller.now(group)["status"], len(caller.servers())) == ("healthy", 3)
    shown = caller.do("GET", path)
    assert (shown["status"], "next_run_at" in shown, "last_applied_at" in shown) == ("completed", False, True)
    caller.app.travel(24 * 3_600)
    assert caller.refused("GET", path) == (404, "not_found", "id"), "24 hours after its end it is gone"


def test_an_action_may_stay_and_run_again(caller: Caller) -> None:
    group = caller.group(0)
    manager = caller.manager(group)
    more = {"group": {"membership_count": 1}, "auto_delete": False}
    path = caller.action(group, manager, run_at=_in(caller, 60), **more)
    caller.app.travel(30 * 86_400)
    assert (caller.do("GET", path)["status"], len(caller.servers())) == ("completed", 1)
    changed = caller.do("PATCH", path, {"run_at": _in(caller, 60), "group": {"membership_count": 2}, "name": "again"})
    assert (changed["status"], changed["group"]["membership_count"], changed["name"]) == ("active", 2, "again")
    caller.app.travel(60)
    assert (caller.do("GET", path)["status"], len(caller.servers())) == ("completed", 2)
    caller.do("PATCH", path, {"auto_delete": True, "auto_delete_timeout": 1})
    caller.app.travel(3_600)
    assert caller.refused("GET", path)[0] == 404


def test_a_cron_expression_runs_again_and_again(caller: Caller) -> None:
    group = caller.group(0)
    manager = caller.manager(group)
    path = caller.action(group, manager, cron_spec="0 6 * * *", group={"membership_count": 1})
    first = caller.do("GET", path)["next_run_at"]
    assert first.endswith("T06:00:00.000Z")
    caller.app.travel(86_400)
    shown = caller.do("GET", path)
    assert (shown["status"], len(caller.servers())) == ("active", 1)
    assert shown["next_run_at"] > shown["last_applied_at"] >= first
    caller.change(group, membership_count=0)
    caller.app.travel(86_400)
    assert len(caller.servers()) == 1
    caller.do("DELETE", path)
    caller.change(group, membership_count=0)
    caller.app.travel(86_400)
    assert caller.servers() == {}


def test_an_action_is_applied_once_in_five_minutes(caller: Caller) -> None:
    group = caller.group(0)
    path = caller.action(group, caller.manager(group), cron_spec="* * * * *", group={"membership_count": 0})
    caller.app.travel(60)
    before = caller.do("GET", path)
    caller.app.travel(120)
    assert caller.do("GET", path)["last_applied_at"] == before["last_applied_at"]
    caller.app.travel(180)
    assert caller.do("GET", path)["last_applied_at"] == before["next_run_at"]


def test_an_action_moves_the_bounds_of_an_autoscale_manager(caller: Caller) -> None:
    group = caller.group(1)
    keeper = caller.manager(group, "autoscale", max_membership_count=2)
    clock = caller.manager(group)
    path = caller.action(group, clock, run_at=_in(caller, 60), manager={"id": keeper["id"], "min_membership_count": 2})
    shown = caller.do("GET", path)["manager"]
    assert (shown["id"], shown["name"], shown["min_membership_count"]) == (keeper["id"], keeper["name"], 2)
    caller.app.travel(60)
    assert (caller.do("GET", path)["status"], len(caller.servers())) == ("completed", 2)
    kept = caller.do("GET", f"{GROUPS}/{group['id']}/managers/{keeper['id']}")
    assert (kept["min_membership_count"], kept["max_membership_count"]) == (2, 2)


def test_what_does_not_go_together_is_incompatible_or_omitted(caller: Caller) -> None:
    group = caller.group(1)
    keeper = caller.manager(group, "autoscale", max_membership_count=2)
    clock = caller.manager(group)
    at = _in(caller, 60)
    too_many = caller.action(group, clock, run_at=at, group={"membership_count": 5})
    crossed = caller.action(group, clock, run_at=at, manager={"id": keeper["id"], "min_membership_count": 3})
    caller.app.travel(60)
    assert caller.do("GET", too_many)["status"] == "incompatible"
    assert caller.do("GET", crossed)["status"] == "incompatible"
    late = caller.action(group, clock, run_at=_in(caller, 60), manager={"id": keeper["id"], "max_membership_count": 3})
    managers = f"{GROUPS}/{group['id']}/managers"
    caller.do("PATCH", f"{managers}/{clock['id']}", {"management_enabled": False})
    caller.app.travel(60)
    assert caller.do("GET", late)["status"] == "omitted"
    assert caller.do("GET", f"{managers}/{keeper['id']}")["max_membership_count"] == 2
    caller.do("DELETE", f"{managers}/{keeper['id']}")
    caller.do("PATCH", f"{managers}/{clock['id']}", {"management_enabled": True})
    caller.do("PATCH", late, {"run_at": _in(caller, 60)})
    caller.app.travel(60)
    shown = caller.do("GET", late)
    assert (shown["status"], shown["manager"]["name"]) == ("incompatible", keeper["name"])


def test_actions_that_cannot_be(caller: Caller) -> None:
    group, other = caller.group(0, name="one"), caller.group(0, name="two")
    keeper, clock = caller.manager(group, "autoscale", max_membership_count=2), caller.manager(group)
    foreign = caller.manager(other, "autoscale", max_membership_count=2)
    path = f"{GROUPS}/{group['id']}/managers/{clock['id']}/actions"
    count, at = {"group": {"membership_count": 1}}, {"run_at": _in(caller, 60)}
    cases: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
        (count, (400, "validation_only_one", "run_at")),
        ({**count, **at, "cron_spec": "0 6 * * *"}, (400, "validation_only_one", "run_at")),
        (at, (400, "validation_only_one", "group")),
        ({**at, "group": {}}, (400, "validation_required_field", "group.membership_count")),
        ({**count, "run_at": _in(caller, 0)}, (400, "bad_field", "run_at")),
        ({**count, "run_at": "soon"}, (400, "bad_field", "run_at")),
        ({**count, "cron_spec": "every day"}, (400, "bad_field", "cron_spec")),
        ({**count, "cron_spec": "0 0 31 2 *"}, (400, "bad_field", "cron_spec")),
        ({**at, "manager": {"id": clock["id"], "max_membership_count": 2}}, (400, "bad_field", "manager")),
        ({**at, "manager": {"id": foreign["id"], "max_membership_count": 2}}, (404, "not_found", "manager")),
        ({**at, "manager": {"id": keeper["id"]}}, (400, "validation_required_field", "manager.max_membership_count")),
    ]
    for body, refusal in cases:
        assert caller.refused("POST", path, body) == refusal, body
    of_keeper = f"{GROUPS}/{group['id']}/managers/{keeper['id']}/actions"
    assert caller.refused("POST", of_keeper, {**at, **count})[:2] == (409, "invalid_state")
    made = caller.action(group, clock, **at, **count)
    assert caller.refused("PATCH", made, {"manager": {"max_membership_count": 1}}) == (400, "bad_field", "manager")
    across = made.replace(group["id"], other["id"])
    assert caller.refused("GET", across)[:2] == (404, "not_found")


def test_a_group_takes_its_timers_along(caller: Caller) -> None:
    group = caller.group(0)
    caller.action(group, caller.manager(group), cron_spec="0 * * * *", group={"membership_count": 1})
    caller.do("DELETE", f"{GROUPS}/{group['id']}")
    caller.app.settle()
    caller.app.travel(7_200)
    assert caller.servers() == {}
