"""Instance groups on PostgreSQL, where requests and jobs change a group and its servers at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures import postgres
from fixtures.app import open_app
from unit.instances.crowd import GROUPS, Crowd

pytestmark = pytest.mark.needs_postgres


def test_a_count_that_changes_faster_than_its_members(cluster: postgres.Cluster, tmp_path: Path) -> None:
    app = open_app(tmp_path / "data", database=cluster.url(cluster.create()))
    try:
        crowd = Crowd(app)
        group = crowd.group(3)
        path = f"{GROUPS}/{group['id']}"
        for count in (8, 1, 6, 4):
            crowd.do("PATCH", path, {"membership_count": count})
            assert all(one["instance"]["crn"] for one in crowd.members(group)), "whatever goes at the moment"
        app.settle()
        group = crowd.now(group)
        assert (group["status"], len(crowd.members(group)), len(crowd.servers())) == ("healthy", 4, 4)
        crowd.do("DELETE", f"/v1/instances/{crowd.members(group)[0]['instance']['id']}")
        crowd.do("PATCH", path, {"membership_count": 5})
        app.settle()
        assert (crowd.now(group)["status"], list(crowd.servers().values())) == ("healthy", ["running"] * 5)
        crowd.do("DELETE", path)
        app.settle()
        assert (crowd.servers(), crowd.do("GET", GROUPS)["total_count"]) == ({}, 0)
    finally:
        app.close()
