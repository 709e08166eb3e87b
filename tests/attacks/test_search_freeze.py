"""A search that is much work keeps nobody else waiting, and ends: with its answer, or with a refusal that says why."""

from __future__ import annotations

import pytest

from attacks.traffic import VPC, Caller, bystander_is_served
from fixtures.clients import Account

SEARCH = "/v3/resources/search?limit=1000"
RESOURCES = 300


@pytest.mark.by_turns(3)
def test_no_search_holds_the_server(attacker: Account, victim: Account) -> None:
    caller = Caller(attacker)
    for number in range(RESOURCES):
        status, made = caller.call("POST", f"/v1/vpcs{VPC}", {"name": f"x-{number}"})
        assert status == 201, made
    largest = " ".join(f"w{number}*a*b*c*d" for number in range(128))
    statuses: set[int] = set()

    def attack() -> None:
        statuses.add(caller.call("POST", SEARCH, {"query": largest})[0])
        statuses.add(caller.call("POST", SEARCH, {"query": " ".join(["*a*b*c*"] * 64)})[0])
        assert caller.call("POST", SEARCH, {"query": " ".join(["w"] * 250)})[0] == 400

    bystander_is_served(victim, attack)
    assert statuses <= {200, 503}
