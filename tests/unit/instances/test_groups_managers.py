"""Managers of instance groups: bounds are kept, the clock acts, and what is measured is nothing."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.core.clock import SECOND, rfc3339
from unit.instances.crowd import GROUPS, Crowd


def _in(crowd: Crowd, seconds: int) -> str:
    return rfc3339(crowd.app.server.clock.now() + seconds * SECOND)


def test_an_autoscale_manager_keeps_the_count_within_its_bounds(crowd: Crowd) -> None:
    group = crowd.group(1)
    manager = crowd.manager(group, "autoscale", max_membership_count=4, min_membership_count=2, name="keeper")
    assert (manager["cooldown"], manager["aggregation_window"], manager["policies"]) == (300, 90, [])
    group = crowd.now(group)
    assert (group["membership_count"], group["status"], len(crowd.servers())) == (2, "healthy", 2)
    assert [one["name"] for one in group["managers"]] == ["keeper"]
    path = f"{GROUPS}/{group['id']}"
    assert crowd.refused("PATCH", path, {"membership_count": 5}) == (400, "bad_field", "membership_count")
    assert crowd.change(group, membership_count=4)["membership_count"] == 4
    crowd.do("PATCH", f"{path}/managers/{manager['id']}", {"max_membership_count": 3})
    crowd.app.settle()
    assert (crowd.now(group)["membership_count"], len(crowd.servers())) == (3, 3)
    crowd.do("DELETE", f"{path}/memberships")
    crowd.app.settle()
    assert (crowd.now(group)["membership_count"], len(crowd.servers())) == (2, 2)
    crowd.do("PATCH", f"{path}/managers/{manager['id']}", {"management_enabled": False})
    assert crowd.change(group, membership_count=0)["membership_count"] == 0
    crowd.do("DELETE", f"{path}/managers/{manager['id']}")
    assert crowd.now(group)["managers"] == []


def test_policies_are_kept(crowd: Crowd) -> None:
    group = crowd.group(1)
    manager = crowd.manager(group, "autoscale", max_membership_count=4)
    path = f"{GROUPS}/{group['id']}/managers/{manager['id']}/policies"
    wish = {"metric_type": "cpu", "metric_value": 70, "policy_type": "target", "name": "busy"}
    made = crowd.do("POST", path, wish)
    assert {name: made[name] for name in wish} == wish
    changed = crowd.do("PATCH", f"{path}/{made['id']}", {"metric_value": 80, "name": "busier"})
    assert (changed["metric_value"], changed["name"], changed["metric_type"]) == (80, "busier", "cpu")
    assert crowd.do("GET", path)["policies"] == [changed]
    shown = crowd.do("GET", f"{GROUPS}/{group['id']}/managers/{manager['id']}")["policies"]
    assert [one["href"] for one in shown] == [changed["href"]]
    crowd.do("DELETE", f"{path}/{made['id']}")
    assert crowd.refused("GET", f"{path}/{made['id']}") == (404, "not_found", "id")


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
def test_managers_that_cannot_be(crowd: Crowd, fields: dict[str, Any], refusal: tuple[Any, ...]) -> None:
    group = crowd.group(0)
    assert crowd.refused("POST", f"{GROUPS}/{group['id']}/managers", fields) == refusal


def test_one_manager_of_a_type(crowd: Crowd) -> None:
    group = crowd.group(0)
    scheduled = crowd.manager(group)
    path = f"{GROUPS}/{group['id']}/managers"
    twice = crowd.refused("POST", path, {"manager_type": "scheduled"})
    assert twice == (400, "over_quota", "manager_type")
    own = {"cooldown": 300}
    assert crowd.refused("PATCH", f"{path}/{scheduled['id']}", own) == (400, "bad_field", "cooldown")
    policy = {"metric_type": "cpu", "metric_value": 70, "policy_type": "target"}
    assert crowd.refused("POST", f"{path}/{scheduled['id']}/policies", policy)[:2] == (409, "invalid_state")


def test_an_action_runs_when_its_time_comes(crowd: Crowd) -> None:
    group = crowd.group(1)
    manager = crowd.manager(group)
    path = crowd.action(group, manager, run_at=_in(crowd, 3_600), group={"membership_count": 3}, name="morning")
    shown = crowd.do("GET", path)
    assert (shown["status"], shown["group"], shown["auto_delete"]) == ("active", {"membership_count": 3}, True)
    assert crowd.now(group)["managers"][0]["id"] == manager["id"]
    crowd.app.travel(3_599)
    assert len(crowd.servers()) == 1
    crowd.app.travel(1)
    assert (crowd.now(group)["status"], len(crowd.servers())) == ("healthy", 3)
    shown = crowd.do("GET", path)
    assert (shown["status"], "next_run_at" in shown, "last_applied_at" in shown) == ("completed", False, True)
    crowd.app.travel(24 * 3_600)
    assert crowd.refused("GET", path) == (404, "not_found", "id"), "24 hours after its end it is gone"


def test_an_action_may_stay_and_run_again(crowd: Crowd) -> None:
    group = crowd.group(0)
    manager = crowd.manager(group)
    more = {"group": {"membership_count": 1}, "auto_delete": False}
    path = crowd.action(group, manager, run_at=_in(crowd, 60), **more)
    crowd.app.travel(30 * 86_400)
    assert (crowd.do("GET", path)["status"], len(crowd.servers())) == ("completed", 1)
    changed = crowd.do("PATCH", path, {"run_at": _in(crowd, 60), "group": {"membership_count": 2}, "name": "again"})
    assert (changed["status"], changed["group"]["membership_count"], changed["name"]) == ("active", 2, "again")
    crowd.app.travel(60)
    assert (crowd.do("GET", path)["status"], len(crowd.servers())) == ("completed", 2)
    crowd.do("PATCH", path, {"auto_delete": True, "auto_delete_timeout": 1})
    crowd.app.travel(3_600)
    assert crowd.refused("GET", path)[0] == 404


def test_a_cron_expression_runs_again_and_again(crowd: Crowd) -> None:
    group = crowd.group(0)
    manager = crowd.manager(group)
    path = crowd.action(group, manager, cron_spec="0 6 * * *", group={"membership_count": 1})
    first = crowd.do("GET", path)["next_run_at"]
    assert first.endswith("T06:00:00.000Z")
    crowd.app.travel(86_400)
    shown = crowd.do("GET", path)
    assert (shown["status"], len(crowd.servers())) == ("active", 1)
    assert shown["next_run_at"] > shown["last_applied_at"] >= first
    crowd.change(group, membership_count=0)
    crowd.app.travel(86_400)
    assert len(crowd.servers()) == 1
    crowd.do("DELETE", path)
    crowd.change(group, membership_count=0)
    crowd.app.travel(86_400)
    assert crowd.servers() == {}


def test_an_action_is_applied_once_in_five_minutes(crowd: Crowd) -> None:
    group = crowd.group(0)
    path = crowd.action(group, crowd.manager(group), cron_spec="* * * * *", group={"membership_count": 0})
    crowd.app.travel(60)
    before = crowd.do("GET", path)
    crowd.app.travel(120)
    assert crowd.do("GET", path)["last_applied_at"] == before["last_applied_at"]
    crowd.app.travel(180)
    assert crowd.do("GET", path)["last_applied_at"] == before["next_run_at"]


def test_an_action_moves_the_bounds_of_an_autoscale_manager(crowd: Crowd) -> None:
    group = crowd.group(1)
    keeper = crowd.manager(group, "autoscale", max_membership_count=2)
    clock = crowd.manager(group)
    path = crowd.action(group, clock, run_at=_in(crowd, 60), manager={"id": keeper["id"], "min_membership_count": 2})
    shown = crowd.do("GET", path)["manager"]
    assert (shown["id"], shown["name"], shown["min_membership_count"]) == (keeper["id"], keeper["name"], 2)
    crowd.app.travel(60)
    assert (crowd.do("GET", path)["status"], len(crowd.servers())) == ("completed", 2)
    kept = crowd.do("GET", f"{GROUPS}/{group['id']}/managers/{keeper['id']}")
    assert (kept["min_membership_count"], kept["max_membership_count"]) == (2, 2)


def test_what_does_not_go_together_is_incompatible_or_omitted(crowd: Crowd) -> None:
    group = crowd.group(1)
    keeper = crowd.manager(group, "autoscale", max_membership_count=2)
    clock = crowd.manager(group)
    at = _in(crowd, 60)
    too_many = crowd.action(group, clock, run_at=at, group={"membership_count": 5})
    crossed = crowd.action(group, clock, run_at=at, manager={"id": keeper["id"], "min_membership_count": 3})
    crowd.app.travel(60)
    assert crowd.do("GET", too_many)["status"] == "incompatible"
    assert crowd.do("GET", crossed)["status"] == "incompatible"
    late = crowd.action(group, clock, run_at=_in(crowd, 60), manager={"id": keeper["id"], "max_membership_count": 3})
    managers = f"{GROUPS}/{group['id']}/managers"
    crowd.do("PATCH", f"{managers}/{clock['id']}", {"management_enabled": False})
    crowd.app.travel(60)
    assert crowd.do("GET", late)["status"] == "omitted"
    assert crowd.do("GET", f"{managers}/{keeper['id']}")["max_membership_count"] == 2
    crowd.do("DELETE", f"{managers}/{keeper['id']}")
    crowd.do("PATCH", f"{managers}/{clock['id']}", {"management_enabled": True})
    crowd.do("PATCH", late, {"run_at": _in(crowd, 60)})
    crowd.app.travel(60)
    shown = crowd.do("GET", late)
    assert (shown["status"], shown["manager"]["name"]) == ("incompatible", keeper["name"])


def test_actions_that_cannot_be(crowd: Crowd) -> None:
    group, other = crowd.group(0, name="one"), crowd.group(0, name="two")
    keeper, clock = crowd.manager(group, "autoscale", max_membership_count=2), crowd.manager(group)
    foreign = crowd.manager(other, "autoscale", max_membership_count=2)
    path = f"{GROUPS}/{group['id']}/managers/{clock['id']}/actions"
    count, at = {"group": {"membership_count": 1}}, {"run_at": _in(crowd, 60)}
    cases: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
        (count, (400, "validation_only_one", "run_at")),
        ({**count, **at, "cron_spec": "0 6 * * *"}, (400, "validation_only_one", "run_at")),
        (at, (400, "validation_only_one", "group")),
        ({**at, "group": {}}, (400, "validation_required_field", "group.membership_count")),
        ({**count, "run_at": _in(crowd, 0)}, (400, "bad_field", "run_at")),
        ({**count, "run_at": "soon"}, (400, "bad_field", "run_at")),
        ({**count, "cron_spec": "every day"}, (400, "bad_field", "cron_spec")),
        ({**count, "cron_spec": "0 0 31 2 *"}, (400, "bad_field", "cron_spec")),
        ({**at, "manager": {"id": clock["id"], "max_membership_count": 2}}, (400, "bad_field", "manager")),
        ({**at, "manager": {"id": foreign["id"], "max_membership_count": 2}}, (404, "not_found", "manager")),
        ({**at, "manager": {"id": keeper["id"]}}, (400, "validation_required_field", "manager.max_membership_count")),
    ]
    for body, refusal in cases:
        assert crowd.refused("POST", path, body) == refusal, body
    of_keeper = f"{GROUPS}/{group['id']}/managers/{keeper['id']}/actions"
    assert crowd.refused("POST", of_keeper, {**at, **count})[:2] == (409, "invalid_state")
    made = crowd.action(group, clock, **at, **count)
    assert crowd.refused("PATCH", made, {"manager": {"max_membership_count": 1}}) == (400, "bad_field", "manager")
    across = made.replace(group["id"], other["id"])
    assert crowd.refused("GET", across)[:2] == (404, "not_found")


def test_a_group_takes_its_timers_along(crowd: Crowd) -> None:
    group = crowd.group(0)
    crowd.action(group, crowd.manager(group), cron_spec="0 * * * *", group={"membership_count": 1})
    crowd.do("DELETE", f"{GROUPS}/{group['id']}")
    crowd.app.settle()
    crowd.app.travel(7_200)
    assert crowd.servers() == {}
