"""The Node SDK: the main story, and every operation of its services, judged by its typings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tools.clients.node.run import run_node, sdk, versions
from tools.clients.node.scope import OUT_OF_SCOPE, SERVICES_OUT_OF_SCOPE
from tools.clients.node.story import NAME
from tools.clients.results import FOLDER, Result

from fixtures.bridge import Bridge

pytestmark = pytest.mark.needs_node
CATALOGS = "CatalogManagementV1"
LEAST = 218
"""So many operations are called at least."""


@pytest.fixture(scope="module")
def result() -> Result:
    return run_node("", jobs=2)


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    with Bridge(sdk().command) as program:
        yield program


@pytest.mark.by_turns(6, together=True)
def test_every_step_passes(result: Result) -> None:
    failed = [(walk.name, step.name, step.detail) for walk in result.walks for step in walk.steps if not step.passed]
    assert failed == []
    assert sorted(walk.name for walk in result.walks) == sorted([NAME, *OUT_OF_SCOPE])
    assert sum(len(walk.covers) for walk in result.walks) >= LEAST


@pytest.mark.by_turns(6, together=True)
def test_the_kept_result_is_of_the_operations_there_are(result: Result) -> None:
    kept = json.loads((FOLDER / "node.json").read_text())
    assert kept["versions"] == versions()
    assert {walk["name"]: walk["covers"] for walk in kept["walks"]} == {walk.name: walk.covers for walk in result.walks}
    assert kept["differences"] == [{"what": one.what, "reason": one.reason} for one in result.differences]


def test_each_service_of_the_package_is_in_scope_or_has_a_reason(bridge: Bridge) -> None:
    assert set(OUT_OF_SCOPE) & set(SERVICES_OUT_OF_SCOPE) == set()
    assert sorted(bridge.ask(services=True)["services"]) == sorted([*OUT_OF_SCOPE, *SERVICES_OUT_OF_SCOPE])


ANSWERS: list[tuple[str, Any, list[str]]] = [
    ("getCatalog", {"id": "x", "tags": ["y"], "disabled": False}, []),
    ("getCatalog", {"id": "x", "rowdy": 1}, ["Catalog has no rowdy"]),
    ("getCatalog", {"id": 1}, ["answer.id should be string, is 1"]),
    ("getCatalog", {"disabled": None}, ["answer.disabled should be boolean | undefined, is null"]),
    ("getCatalog", {"tags": ["x", 2]}, ["answer.tags[] should be string, is 2"]),
    ("getCatalog", ["x"], ['answer should be Catalog, is ["x"]']),
    ("getCatalogAccountAudit", {"who_email": {}}, ["answer.who_email should be string, is {}"]),
    (
        "listCatalogAudits",
        {"limit": 1, "resource_count": 0, "first": {}},
        ["answer.first.href is missing", "answer.audits is missing"],
    ),
    ("deleteCatalog", {"id": "x"}, ['answer should be EmptyObject, is {"id":"x"}']),
    ("getOfferingAbout", {}, ["answer should be string, is {}"]),
]


@pytest.mark.parametrize(("operation", "answer", "faults"), ANSWERS)
def test_the_judge_sees_what_is_wrong(bridge: Bridge, operation: str, answer: Any, faults: list[str]) -> None:
    assert bridge.ask(service=CATALOGS, operation=operation, answer=answer)["faults"] == faults


def test_the_judge_takes_an_interface_for_those_that_extend_it(bridge: Bridge) -> None:
    def judged(control: Any) -> Any:
        answer = {"type": "access", "control": control, "state": "active"}
        return bridge.ask(service="IamPolicyManagementV1", operation="getV2Policy", answer=answer)["faults"]

    assert judged({"grant": {"roles": [{"role_id": "x"}]}}) == []
    assert judged({"grunt": {}}) == ["ControlResponse has no grunt"]
