"""Each operation of the Python SDK's catalog client conforms or says 501. Counted, and listed beside."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ibm_platform_services import CatalogManagementV1

from fixtures.clients import Account
from kunsthalle.testing import Served
from stories.api.catalog_calls import Walk, judge
from stories.api.test_iam_operations import operations, status_of_unserved

HERE = Path(__file__).parent


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
