"""Deletions of resources with very much on them: nobody else's changes wait for what hangs on somebody's resource."""

from __future__ import annotations

import json

import pytest

from attacks.traffic import VPC, Caller, bystander_is_served
from fixtures.clients import Account
from kunsthalle.testing import Served

CATALOGS = "/api/v1-beta/catalogs"
BEARABLE = 1_000
"""Milliseconds of the processor: ten times what a write should cost."""
OFFERINGS, MEMBERS, GROUPS = 120, 2_000, 60


def _created(caller: Caller, path: str, body: object) -> str:
    status, made = caller.call("POST", path, body)
    assert status in {200, 201}, made
    return str(made["id"])


def _catalog(caller: Caller) -> str:
    """A catalog of very many offerings, each with a document."""
    catalog = _created(caller, CATALOGS, {"label": "large"})
    features = [{"title": "x", "description": "y"}] * 300
    for number in range(OFFERINGS):
        _created(caller, f"{CATALOGS}/{catalog}/offerings", {"name": f"offering-{number}", "features": features})
    return catalog


def _group(caller: Caller, account_id: str, name: str) -> str:
    """An access group of very many members."""
    group = _created(caller, f"/v2/groups?account_id={account_id}", {"name": name})
    for begin in range(0, MEMBERS, 50):
        members = [{"iam_id": f"IBMid-{name}{number:06}", "type": "user"} for number in range(begin, begin + 50)]
        status, answer = caller.call("PUT", f"/v2/groups/{group}/members", {"members": members})
        assert status == 207, answer
    return group


def _vpc(caller: Caller) -> str:
    """A VPC of many security groups."""
    vpc = _created(caller, f"/v1/vpcs{VPC}", {"name": "large"})
    for number in range(GROUPS):
        rules = [{"direction": "inbound", "protocol": "tcp"}] * 5
        body = {"vpc": {"id": vpc}, "name": f"group-{number}", "rules": rules}
        _created(caller, f"/v1/security_groups{VPC}", body)
    return vpc


def _reclamation(caller: Caller, catalog: str) -> str:
    status, found = caller.call("GET", f"/v1/reclamations?resource_instance_id={catalog}")
    assert status == 200, found
    return f"/v1/reclamations/{found['resources'][0]['id']}/actions"


@pytest.mark.by_turns(3)
def test_no_deletion_holds_the_writer(served: Served, attacker: Account, victim: Account) -> None:
    caller = Caller(attacker)
    catalog, vpc = _catalog(caller), _vpc(caller)
    groups = [_group(caller, attacker.id, name) for name in ("first", "second")]

    def attack() -> None:
        assert caller.call("DELETE", f"{CATALOGS}/{catalog}")[0] == 200
        assert caller.call("POST", f"{_reclamation(caller, catalog)}/restore", {})[0] == 200
        if groups:
            assert caller.call("DELETE", f"/v2/groups/{groups.pop()}?force=true")[0] == 204

    bystander_is_served(victim, attack, threads=1, write=True)
    assert caller.call("DELETE", f"{CATALOGS}/{catalog}")[0] == 200
    assert caller.call("POST", f"{_reclamation(caller, catalog)}/reclaim", {})[0] == 200
    assert caller.call("DELETE", f"/v1/vpcs/{vpc}{VPC}")[0] == 204
    served.advance("1s")  # the jobs that follow have run
    assert caller.call("GET", f"{CATALOGS}/{catalog}")[0] == 404
    slow = [json.loads(line) for line in served.log.read_text().splitlines() if '"slow write"' in line]
    assert [one for one in slow if one["processor"] > BEARABLE] == []
