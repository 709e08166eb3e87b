"""Instance groups on PostgreSQL, where requests and jobs change a group and its servers at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures import postgres
from fixtures.app import open_app
from unit.instances.group_caller import GROUPS, Caller

pytestmark = pytest.mark.needs_postgres


def test_a_count_that_changes_faster_than_its_members(cluster: postgres.Cluster, tmp_path: Path) -> None:
    app = open_app(tmp_path / "data", database=cluster.url(cluster.create()))
    try:
        caller = Caller(app)
        group = caller.group(3)
        path = f"{GROUPS}/{group['id']}"
        for count in (8, 1, 6, 4):
            caller.do("PATCH", path, {"membership_count": count})
            assert all(one["instance"]["crn"] for one in caller.members(group)), "whatever goes at the moment"
        app.settle()
        group = caller.now(group)
        assert (group["status"], len(caller.members(group)), len(caller.servers())) == ("healthy", 4, 4)
        caller.do("DELETE", f"/v1/instances/{caller.members(group)[0]['instance']['id']}")
        caller.do("PATCH", path, {"membership_count": 5})
        app.settle()
        assert (caller.now(group)["status"], list(caller.servers().values())) == ("healthy", ["running"] * 5)
        caller.do("DELETE", path)
        app.settle()
        assert (caller.servers(), caller.do("GET", GROUPS)["total_count"]) == ({}, 0)
    finally:
        app.close()
