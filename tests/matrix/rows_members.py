"""The rows of instance groups."""

from __future__ import annotations

from typing import Any

from fixtures.frozen_app import QUERY, FrozenApp

_ONE = "/v1/instance_groups/{instance_group_id}"
_MANAGER = f"{_ONE}/managers/{{instance_group_manager_id}}"
_POLICY = {"metric_type": "cpu", "metric_value": 70, "policy_type": "target"}
_ACTION = {"cron_spec": "0 6 * * *", "group": {"membership_count": 1}}


def _rename(_frozen: FrozenApp) -> Any:
    return {"name": "renamed"}


def _group(frozen: FrozenApp, name: str) -> dict[str, Any]:
    ids = frozen.ids
    return {"name": name, "instance_template": {"id": ids["pattern"]}, "subnets": [{"id": ids["subnets"]}]}


BODIES: dict[str, Any] = {
    f"PATCH {path}": _rename
    for path in (
        "/v1/instance_groups/{id}",
        f"{_ONE}/memberships/{{id}}",
        f"{_ONE}/managers/{{id}}",
        f"{_MANAGER}/policies/{{id}}",
        f"{_MANAGER}/actions/{{id}}",
    )
}
BODIES |= {
    "POST /v1/instance_groups": lambda frozen: _group(frozen, "another"),
    f"POST {_ONE}/managers": lambda _frozen: {"manager_type": "scheduled", "name": "another"},
    f"POST {_MANAGER}/policies": lambda _frozen: _POLICY,
    f"POST {_MANAGER}/actions": lambda _frozen: _ACTION,
}


def furnish(frozen: FrozenApp) -> None:
    """A group of one member of the publisher's; an autoscale manager has its policy, a scheduled one its action."""
    ids = frozen.ids

    def made(path: str, body: dict[str, Any]) -> str:
        return str(frozen.ok("owner", "POST", f"/v1/instance_groups{path}?{QUERY}", body)["id"])

    pattern = {"name": "hidden-pattern", "source_template": {"id": ids["templates"]}}
    ids["pattern"] = frozen.ok("owner", "POST", f"/v1/instance/templates?{QUERY}", pattern)["id"]
    group = made("", {**_group(frozen, "hidden-group"), "membership_count": 1})
    ids["instance_groups"] = group
    members = frozen.ok("owner", "GET", f"/v1/instance_groups/{group}/memberships?{QUERY}")["memberships"]
    ids["memberships"] = members[0]["id"]
    keeper = {"manager_type": "autoscale", "max_membership_count": 2, "name": "hidden-keeper"}
    ids["managers"] = manager = made(f"/{group}/managers", keeper)
    ids["managers/policies"] = made(f"/{group}/managers/{manager}/policies", {**_POLICY, "name": "hidden-policy"})
    clock = made(f"/{group}/managers", {"manager_type": "scheduled", "name": "hidden-clock"})
    ids["managers/*/actions"] = clock
    ids["managers/actions"] = made(f"/{group}/managers/{clock}/actions", {**_ACTION, "name": "hidden-action"})
