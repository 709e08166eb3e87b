"""What clients look up before they create an instance of object storage, and after."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.frozen_app import FrozenApp
from kunsthalle.images.object_storage_instances import PLANS, SERVICE, SERVICE_ID

STANDARD = next(id_ for id_, name in PLANS.items() if name == "standard")


def _names(answer: dict[str, Any]) -> list[str]:
    return [entry["name"] for entry in answer["resources"]]


def test_a_service_is_found_by_name_with_its_plans_and_where_they_are_deployed(frozen: FrozenApp) -> None:
    (service,) = frozen.ok("owner", "GET", f"/api/v1/?q={SERVICE}&include=*")["resources"]
    assert (service["id"], service["kind"], service["metadata"]["service"]["rc_provisionable"]) == (
        SERVICE_ID,
        "iaas",
        True,
    )
    for kind in ("plan", "flavor", "*"):  # as which the plans of `iaas` are asked for
        plans = frozen.ok("owner", "GET", f"/api/v1/{SERVICE_ID}/{kind}")
        assert {entry["id"]: entry["name"] for entry in plans["resources"]} == PLANS
    (deployment,) = frozen.ok("owner", "GET", f"/api/v1/{STANDARD}/deployment?include=*")["resources"]
    assert deployment["metadata"]["rc_compatible"] is True
    assert deployment["metadata"]["deployment"]["location"] == "global"
    group = frozen.ok("owner", "GET", "/v2/resource_groups?default=true")["resources"][0]["id"]
    body = {"name": "made", "target": deployment["catalog_crn"], "resource_plan_id": STANDARD, "resource_group": group}
    made = frozen.ok("owner", "POST", "/v2/resource_instances", body)
    assert made["resource_id"] == SERVICE_ID
    (plan,) = made["plan_history"]  # without which Terraform plans an update for ever
    assert (plan["resource_plan_id"], plan["start_date"]) == (STANDARD, made["created_at"])


def test_names_are_found_by_id(frozen: FrozenApp) -> None:
    assert frozen.ok("owner", "GET", f"/api/v1/{SERVICE_ID}")["name"] == SERVICE
    plan = frozen.ok("owner", "GET", f"/api/v1/{STANDARD}")
    assert (plan["name"], plan["kind"], plan["parent_id"]) == ("standard", "plan", SERVICE_ID)
    assert frozen.call("owner", "GET", "/api/v1/nothing").status == 404


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=cloud", [SERVICE]),
        ("q=kubernetes", []),
        ("_limit=0", []),
        ("_limit=1", [SERVICE]),
        ("_offset=1", ["kms"]),
        ("", [SERVICE, "kms"]),
    ],
)
def test_the_list_has_a_window(frozen: FrozenApp, query: str, names: list[str]) -> None:
    assert _names(frozen.ok("owner", "GET", f"/api/v1?{query}")) == names


def test_a_plan_has_no_plans(frozen: FrozenApp) -> None:
    assert _names(frozen.ok("owner", "GET", f"/api/v1/{STANDARD}/plan")) == []


@pytest.mark.parametrize(
    "operation",
    ["POST ", "PUT /{id}", "DELETE /{id}", "GET /{id}/visibility", "GET /{id}/pricing", "GET /{id}/artifacts/logo"],
)
def test_what_changes_or_prices_an_entry_is_known_and_not_offered(frozen: FrozenApp, operation: str) -> None:
    method, path = operation.split(" ")
    answer = frozen.call("owner", method, "/api/v1" + path.format(id=SERVICE_ID), {})
    assert (answer.status, answer.json["errors"][0]["code"]) == (501, "not_implemented")


def test_an_entry_says_what_sdks_cannot_do_without(frozen: FrozenApp) -> None:
    entry = frozen.ok("owner", "GET", f"/api/v1/{STANDARD}")
    assert entry["overview_ui"]["en"].keys() == {"display_name", "description", "long_description"}
    assert (entry["images"].keys(), entry["provider"].keys()) == ({"image"}, {"name", "email"})
