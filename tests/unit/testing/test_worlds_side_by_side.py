"""Several worlds of one process at once: nothing of one is in another, and the program itself is no garbage."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from kunsthalle.core.faults import HEADER
from kunsthalle.local.client import CallFailed, call, exchange
from kunsthalle.testing import World, WorldServer

QUERY = "version=2025-06-30&generation=2"
VPCS = f"/v1/vpcs?{QUERY}"


def _names(world: World) -> list[str]:
    found = call(world.url, "GET", VPCS, world.publisher.token)["vpcs"]
    return sorted(one["name"] for one in found)


def test_what_is_done_in_one_is_not_in_the_other(worlds: WorldServer) -> None:
    with worlds.world() as one, worlds.world() as other:
        token = one.publisher.token
        call(one.url, "POST", VPCS, token, {"name": "mine"})
        one.publisher.bucket.put("object", b"content")
        one.faults.call("GET /v1/subnets", "refuse", times=0)
        later = one.clock.advance("30d")
        assert _names(one) == ["default", "mine"]
        assert _names(other) == ["default"]
        assert not (other.publisher.bucket.path / "object").exists()
        assert other.faults.list() == []
        assert other.clock.now < later
        answer = exchange(
            other.url, "GET", f"/v1/subnets?{QUERY}", headers={"Authorization": f"Bearer {other.publisher.token}"}
        )
        assert (answer.status, answer.headers.get(HEADER)) == (200, None)
        assert [one for one in other.calls() if "mine" in one.get("request", "")] == []


def test_access_tokens_expire_in_one_world_alone(worlds: WorldServer) -> None:
    with worlds.world() as one, worlds.world() as other:
        tokens = one.publisher.token, other.publisher.token
        one.faults.expire_tokens()
        with pytest.raises(CallFailed) as refused:
            call(one.url, "GET", VPCS, tokens[0])
        assert refused.value.status == 401
        assert call(other.url, "GET", VPCS, tokens[1])["vpcs"]


def test_many_at_once_each_see_their_own(worlds: WorldServer) -> None:
    def walk(number: int) -> list[str]:
        with worlds.world() as world:
            call(world.url, "POST", VPCS, world.publisher.token, {"name": f"vpc-{number}"})
            return _names(world)

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(walk, range(12)))
    assert found == [["default", f"vpc-{number}"] for number in range(12)]


def test_settling_waits_for_every_job_and_moves_no_clock() -> None:
    with WorldServer("--clock", "manual") as server, server.world() as world:
        before = world.clock.now
        prototype = {
            "name": "golden",
            "file": {"href": world.publisher.bucket.put_image()},
            "operating_system": {"name": "debian-12-amd64"},
        }
        token = world.publisher.token
        for number in range(3):
            call(world.url, "POST", f"/v1/images?{QUERY}", token, {**prototype, "name": f"golden-{number}"})
        world.settle()
        images = call(world.url, "GET", f"/v1/images?{QUERY}&visibility=private", token)["images"]
        assert [one["status"] for one in images] == ["available"] * 3
        assert world.clock.now == before
