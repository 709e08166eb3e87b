"""Each operation of the six account services conforms or says 501. Counted; listed in account_operations.txt."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ibm_platform_services import EnterpriseManagementV1

from fixtures.clients import Account
from fixtures.forked_served import ForkedServed
from kunsthalle.testing import Served
from stories.api.account_calls import WALKS, Step, found
from stories.api.test_iam_operations import operations, status_of_unserved

LISTED = Path(__file__).parent / "account_operations.txt"


@pytest.fixture
def worlds(served: Served, tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    """Two servers: the walk takes the one account that stands alone into an enterprise, in two ways."""
    with ForkedServed(tmp_path / "two", "--hypervisor", "simulated", fresh=True) as two:
        yield served, two


def _judge(step: Step) -> tuple[str, str]:
    name, call, model, status = step
    answer = call()
    assert answer.get_status_code() == status, name
    if model is not None:
        assert model.from_dict(answer.get_result()).to_dict(), name
    return name, "conforms"


def _walk(service: Any, worlds: tuple[Served, Served]) -> dict[str, str]:
    here = Account(worlds[0], "enterprise")
    client = here.service(service)
    outcomes = dict(map(_judge, WALKS[service](client, here)))
    if service is EnterpriseManagementV1:
        alone = Account(worlds[1], "outsider")
        outcomes |= dict([_judge(found(alone.service(service), alone))])
    rest = [name for name in operations(service) if name not in outcomes]
    return outcomes | {name: str(status_of_unserved(client, name)) for name in rest}


def test_every_operation_conforms_or_says_501(worlds: tuple[Served, Served]) -> None:
    lines = []
    for service in WALKS:
        outcomes, names = _walk(service, worlds), operations(service)
        assert set(outcomes) == set(names)
        assert set(outcomes.values()) <= {"conforms", "501"}
        conforming = list(outcomes.values()).count("conforms")
        lines.append(f"{service.__name__}: {conforming} conform, {len(names) - conforming} answer 501")
        lines += [f"  {outcomes[name]:9} {name}" for name in names]
    if os.environ.get("KUNSTHALLE_GOLDEN") == "write":
        LISTED.write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(line for line in lines if not line.startswith(" ")) + "\n")
    assert LISTED.read_text().splitlines() == lines
