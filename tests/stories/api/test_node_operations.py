"""Every operation of the Node SDK's services in scope conforms to its typings, and the others say 501. Counted.

The TypeScript compiler reads the typings. The story of the product is told through the SDK as well.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import ibm_platform_services
import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_platform_services import (
    EnterpriseManagementV1,
    IamAccessGroupsV2,
    IamIdentityV1,
    IamPolicyManagementV1,
)
from tools.clients.node.scope import OUT_OF_SCOPE, SERVICES_OUT_OF_SCOPE, UNKNOWN

from fixtures.client_steps import tell
from fixtures.clients import Account
from fixtures.node_sdk import FOLDER, NodeAccount, NodeSdk, node
from kunsthalle.local import environment
from kunsthalle.testing import Served
from stories.api import account_calls, iam_calls

pytestmark = pytest.mark.needs_node
PATIENCE = 120
CATALOGS = "CatalogManagementV1"
CALLS: dict[type, Any] = {
    IamIdentityV1: iam_calls.identity_steps,
    IamPolicyManagementV1: iam_calls.policy_steps,
    IamAccessGroupsV2: iam_calls.group_steps,
    **account_calls.WALKS,
}
"""The service by the Python SDK's class of the same name, and the walk of its operations."""


@pytest.fixture(scope="module")
def sdk() -> Iterator[NodeSdk]:
    with NodeSdk(OUT_OF_SCOPE) as found:
        yield found


@pytest.fixture(scope="module")
def walked(served: Served, sdk: NodeSdk, tmp_path_factory: pytest.TempPathFactory) -> NodeSdk:
    """The SDK once all services but the catalogs are walked."""
    for service, walk in CALLS.items():
        account = NodeAccount(served, "enterprise" if service in account_calls.WALKS else "consumer-b", sdk)
        for _name, call, *_model in walk(account.service(service), account):
            call()
    with Served(tmp_path_factory.mktemp("alone") / "data", "--hypervisor", "simulated") as other:
        alone = NodeAccount(other, "outsider", sdk)
        _name, call, *_model = account_calls.found(alone.service(EnterpriseManagementV1), alone)
        call()
    return sdk


def _given(served: Served, **more: Any) -> dict[str, Any]:
    """What the programs need to know."""
    publisher, consumer = Account(served, "publisher"), Account(served, "consumer-a")
    return {
        "url": publisher.url,
        "vpc": publisher.env["IBMCLOUD_IS_NG_API_ENDPOINT"],
        "catalog": publisher.env["IBMCLOUD_CATALOG_MANAGEMENT_API_ENDPOINT"],
        "operatorToken": environment.variables(served.data, "publisher", operator=True)["KUNSTHALLE_OPERATOR_TOKEN"],
        "publisher": _key(publisher),
        "consumer": _key(consumer),
        **more,
    }


def _key(account: Account) -> dict[str, str]:
    return {"key": account.env["IBMCLOUD_API_KEY"], "id": account.id}


def _lines(program: str, given: dict[str, Any]) -> tuple[list[Any], str]:
    """What a program writes, line by line, and what it complains of."""
    command = [node(), str(FOLDER / program), json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def _out_of_scope(service: str) -> set[str]:
    return {name for names in OUT_OF_SCOPE[service].values() for name in names.split()}


def _judge(service: str, operations: list[str], conforming: set[str], faults: dict[str, list[str]]) -> None:
    """Tell and count what conforms of a service; nothing may be neither in scope nor out of it."""
    scope = [name for name in operations if name not in _out_of_scope(service)]
    steps = [(name, name in conforming, "; ".join(faults.get(f"{service}.{name}", ["not called"]))) for name in scope]
    tell(service, [f"{service}.{name}" for name in scope], steps)
    sys.stdout.write(f"\n{service}: {len(conforming & set(scope))} of {len(scope)} operations conform\n")
    assert [(name, detail) for name, passed, detail in steps if not passed] == []
    assert sorted(conforming - set(scope)) == []
    assert sorted(_out_of_scope(service) - set(operations)) == []


def _known(unknown: set[str]) -> set[str]:
    """The names of properties that no typing has."""
    return {place.rpartition(".")[2] for place in unknown}


@pytest.mark.parametrize("service", [service.__name__ for service in CALLS])
def test_operations_conform(walked: NodeSdk, service: str) -> None:
    _judge(service, walked.operations(service), walked.conforming[service], walked.faults)


@pytest.mark.parametrize("service", OUT_OF_SCOPE)
def test_operations_out_of_scope_say_501(served: Served, sdk: NodeSdk, service: str) -> None:
    account = NodeAccount(served, "publisher", sdk)
    client = account.service(getattr(ibm_platform_services, service))
    for name in sorted(_out_of_scope(service)):
        with pytest.raises(ApiException) as refused:
            client.call_with_anything(name)
        assert (name, refused.value.status_code) == (name, 501)
        assert refused.value.http_response.json()["errors"][0]["code"], name


def test_what_typings_do_not_know_is_what_is_said_of_them(walked: NodeSdk) -> None:
    assert {name: sorted(found) for name, found in walked.unknown.items() if found} == {}


def test_operations_of_catalogs_conform(served: Served, publisher: Account) -> None:
    """Their walk is a program of its own: what it calls, the Python SDK has no methods for."""
    root = Account(served, "enterprise")
    enterprises = root.service(EnterpriseManagementV1).list_enterprises().get_result()["resources"]
    images = [publisher.import_image(f"node-walk-{at}", b"node %d" % at) for at in range(3)]
    shown = [{"id": one["id"], "name": one["name"], "sha": one["file"]["checksums"]["sha256"]} for one in images]
    given = _given(served, enterprise=_key(root), enterpriseId=enterprises[0]["id"], images=shown)
    lines, complaint = _lines("walk.mjs", given)
    assert lines, complaint
    outcomes = {name: outcome for name, outcome, _unknown in lines}
    conforming = {name for name, outcome in outcomes.items() if outcome == "conforms"}
    _judge(CATALOGS, list(outcomes), conforming, {})
    assert _known({place for _name, _outcome, unknown in lines for place in unknown}) == set(UNKNOWN)


def test_every_service_is_in_scope_or_out_of_it(sdk: NodeSdk) -> None:
    assert sorted(sdk.ask()["result"]) == sorted([*OUT_OF_SCOPE, *SERVICES_OUT_OF_SCOPE])
    assert sorted([CATALOGS, *(service.__name__ for service in CALLS)]) == sorted(OUT_OF_SCOPE)


def test_the_story_of_the_product(served: Served, publisher: Account) -> None:
    given = _given(served, name="node-story", href=publisher.put_image("node-story.qcow2", b"story"))
    lines, complaint = _lines("story.mjs", given)
    assert lines, complaint
    tell("story", [], [(one["name"], one["passed"], one["detail"]) for one in lines])
    assert [one for one in lines if not one["passed"]] == []


ANSWERS: list[tuple[str, Any, list[str], list[str]]] = [
    ("getCatalog", {"id": "x", "rowdy": 1}, [], ["answer.rowdy"]),
    ("getCatalog", {"id": 1}, ["answer.id should be string, is 1"], []),
    ("getCatalog", {"disabled": None}, ["answer.disabled should be boolean | undefined, is null"], []),
    ("getCatalog", {"tags": ["x", 2]}, ["answer.tags[] should be string, is 2"], []),
    ("getCatalog", ["x"], ['answer should be Catalog, is ["x"]'], []),
    ("getCatalogAccountAudit", {"who_email": {}}, ["answer.who_email should be string, is {}"], []),
    (
        "listCatalogAudits",
        {"limit": 1, "resource_count": 0, "first": {}},
        ["answer.first.href is missing", "answer.audits is missing"],
        [],
    ),
    ("deleteCatalog", {"id": "x"}, ['answer should be EmptyObject, is {"id":"x"}'], []),
    ("getOfferingAbout", {}, ["answer should be string, is {}"], []),
]


@pytest.mark.parametrize(("operation", "answer", "faults", "unknown"), ANSWERS)
def test_the_judge_sees_what_is_wrong(
    sdk: NodeSdk, operation: str, answer: Any, faults: list[str], unknown: list[str]
) -> None:
    found = sdk.ask(service=CATALOGS, operation=operation, answer=answer)
    assert (found["faults"], found["unknown"]) == (faults, unknown)


def test_the_judge_takes_an_interface_for_those_that_extend_it(sdk: NodeSdk) -> None:
    def judged(control: Any) -> Any:
        answer = {"type": "access", "control": control, "state": "active"}
        return sdk.ask(service="IamPolicyManagementV1", operation="getV2Policy", answer=answer)

    assert judged({"grant": {"roles": [{"role_id": "x"}]}}) == {"faults": [], "unknown": []}
    assert judged({"grunt": {}})["unknown"] == ["answer.control.grunt"]
