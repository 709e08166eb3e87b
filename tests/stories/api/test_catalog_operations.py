"""Each operation of both SDK generations' catalog client conforms or says 501. Counted, and listed beside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ibm_platform_services import CatalogManagementV1, EnterpriseManagementV1

from fixtures.clients import Account
from kunsthalle.local import environment
from kunsthalle.testing import Served
from stories.api.catalog_calls import Walk, judge
from stories.api.test_iam_operations import operations, status_of_unserved

HERE = Path(__file__).parent
NODE = HERE.parents[1] / "node"
PATIENCE = 120


@pytest.fixture
def approve(served: Served) -> Callable[[str], None]:
    """The operator's grant of an offering."""

    def grant(offering: str) -> None:
        body = {"offering": offering, "state": "granted"}
        served.operate("POST", "/_kunsthalle/approvals", body)

    return grant


def _listed(name: str, title: str, outcomes: dict[str, str]) -> None:
    """Compares the outcomes with the list beside this file, and prints N of M."""
    assert set(outcomes.values()) <= {"conforms", "501"}, outcomes
    conforming = list(outcomes.values()).count("conforms")
    lines = [f"{title}: {conforming} of {len(outcomes)} conform, the others answer 501"]
    lines += [f"  {outcome:9} {operation}" for operation, outcome in outcomes.items()]
    path = HERE / f"{name}_operations.txt"
    if os.environ.get("KUNSTHALLE_GOLDEN") == "write":
        path.write_text("\n".join(lines) + "\n")
    sys.stdout.write(lines[0] + "\n")
    assert path.read_text().splitlines() == lines


def test_the_old_dialect_from_python(publisher: Account, consumer: Account, approve: Callable[[str], None]) -> None:
    conforming = {judge(step) for step in Walk(publisher, consumer, approve).steps()}
    names = operations(CatalogManagementV1)
    assert conforming <= set(names)
    outcomes = {
        name: "conforms" if name in conforming else str(status_of_unserved(publisher.catalog, name)) for name in names
    }
    _listed("catalog_python", "CatalogManagementV1 of the Python SDK", outcomes)


def _account(account: Account) -> dict[str, str]:
    return {"key": account.env["IBMCLOUD_API_KEY"], "id": account.id}


@pytest.mark.needs_node
def test_the_new_dialect_from_node(served: Served, publisher: Account, consumer: Account) -> None:
    root = Account(served, "enterprise")
    tree = EnterpriseManagementV1(authenticator=root.authenticator)
    tree.set_service_url(root.env["IBMCLOUD_ENTERPRISE_API_ENDPOINT"])
    images = [publisher.import_image(f"node-walk-{at}", b"node %d" % at) for at in range(3)]
    given: dict[str, Any] = {
        "url": publisher.url,
        "catalog": publisher.env["IBMCLOUD_CATALOG_MANAGEMENT_API_ENDPOINT"],
        "operatorToken": environment.variables(served.data, "publisher", operator=True)["KUNSTHALLE_OPERATOR_TOKEN"],
        "publisher": _account(publisher),
        "consumer": _account(consumer),
        "enterprise": _account(root),
        "enterpriseId": tree.list_enterprises().get_result()["resources"][0]["id"],
        "images": [{"id": one["id"], "name": one["name"], "sha": one["file"]["checksums"]["sha256"]} for one in images],
    }
    node = shutil.which("node")
    assert node is not None
    walk = [node, str(NODE / "walk.mjs"), json.dumps(given)]
    done = subprocess.run(walk, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    outcomes = dict(json.loads(line) for line in done.stdout.splitlines())
    _listed("catalog_node", "CatalogManagementV1 of the Node SDK", outcomes)
