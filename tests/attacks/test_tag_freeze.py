"""Tags on many resources at once: what one call may do while everybody else's changes wait has a bound."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attacks.traffic import VPC, Caller, bystander_is_served
from fixtures.clients import Account
from kunsthalle.search import tagging
from kunsthalle.testing import Served

BEARABLE = 1_000
"""Milliseconds of the processor: several times what a write should cost, far less than an unbounded one does."""


@pytest.mark.by_turns(3)
def test_no_tagging_holds_the_writer(served: Served, attacker: Account, victim: Account) -> None:
    caller = Caller(attacker)
    crns = []
    for number in range(110):
        status, made = caller.call("POST", f"/v1/vpcs{VPC}", {"name": f"tagged-{number}"})
        assert status == 201, made
        crns.append(made["crn"])
    names = [f"env-{number}:" + "x" * 100 for number in range(100)]
    fit = tagging.MAX_CHANGES // len(names)
    named = [{"resource_id": crn} for crn in crns[:100]]

    def attack() -> None:
        for verb in ("attach", "detach"):
            body: dict[str, Any] = {"tag_names": names, "resources": named}
            status, answer = caller.call("POST", f"/v3/tags/{verb}", body)
            errors = [one["is_error"] for one in answer["results"]]
            assert (status, errors) == (200, [False] * fit + [verb == "attach"] * (len(named) - fit))
        assert caller.call("DELETE", "/v3/tags")[0] == 200

    wide = {"tag_names": names, "query": {"query_string": "name:tagged-*"}}
    status, told = caller.call("POST", "/v3/tags/attach", wide)
    assert (status, "more than 100" in json.dumps(told)) == (400, True)
    narrow = {"tag_name": "one", "query": {"query_string": "name:tagged-10*"}}
    status, answer = caller.call("POST", "/v3/tags/attach", narrow)
    assert (status, len(answer["results"])) == (200, 11)
    bystander_is_served(victim, attack, threads=1, write=True)
    lines = [line for line in served.log.read_text().splitlines() if '"slow write"' in line]
    assert [line for line in lines if json.loads(line)["processor"] > BEARABLE] == []
