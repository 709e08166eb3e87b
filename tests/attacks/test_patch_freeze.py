"""Patches and documents that are much work hold nobody else's changes up, and end with an answer or a clear refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attacks.traffic import Caller, bystander_is_served
from fixtures.clients import Account
from kunsthalle.db.column_types import MAX_DOCUMENT
from kunsthalle.testing import Served

CATALOGS = "/api/v1-beta/catalogs"
PATCH = {"content-type": "application/json-patch+json"}
BEARABLE = 1_000
"""Milliseconds of the processor: ten times what a write should cost, a hundredth of what one did."""


def _offering(caller: Caller) -> str:
    status, catalog = caller.call("POST", CATALOGS, {"label": "attack"})
    assert status == 201, catalog
    base = f"{CATALOGS}/{catalog['id']}/offerings"
    status, offering = caller.call("POST", base, {"name": "large", "features": _features(MAX_DOCUMENT - 20_000)})
    assert status == 201, offering
    return f"{base}/{offering['id']}"


def _features(size: int) -> list[dict[str, Any]]:
    return [{"title": "x", "description": "y"}] * (size // 33)


def _slow(served: Served) -> list[dict[str, Any]]:
    lines = served.log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{") and '"slow write"' in line]


@pytest.mark.by_turns(3)
def test_no_patch_holds_the_writer(served: Served, attacker: Account, victim: Account) -> None:
    caller = Caller(attacker)
    path = _offering(caller)
    larger = {"name": "larger", "features": _features(2 * MAX_DOCUMENT)}
    status, told = caller.call("POST", path.rsplit("/", 1)[0], larger)
    assert (status, str(MAX_DOCUMENT) in json.dumps(told)) == (413, True)
    operations = [{"op": "replace", "path": f"/features/{number}/title", "value": "z"} for number in range(500)]
    copies = [{"op": "copy", "from": "/features", "path": "/media"}] * 500
    statuses: set[tuple[str, int]] = set()

    def attack() -> None:
        _, offering = caller.call("GET", path)
        tag = {"if-match": f'"{offering["_rev"]}"', **PATCH}
        for name, body in (("replace", operations), ("copy", copies)):
            statuses.add((name, caller.call("PATCH", path, body, **tag)[0]))

    bystander_is_served(victim, attack, write=True)
    assert statuses <= {("replace", 200), ("replace", 412), ("copy", 400), ("copy", 412)}
    assert ("replace", 200) in statuses
    assert [one for one in _slow(served) if one["processor"] > BEARABLE] == []
