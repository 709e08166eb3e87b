"""A process of ours that dies in the middle of any operation, after each of its requests to the cloud.

Whoever repeats the operation ends with one machine, one volume and one image, and what others made is left alone. Here
on the cloud made by hand, after every request; `tests/fleet/test_kills.py` kills on a real one.
"""

from __future__ import annotations

import pytest

from fixtures.killed_calls import OPERATIONS, Operation, killed_after, prepared
from kunsthalle.hypervisor.disk_protocol import DiskKind
from kunsthalle.hypervisor.openstack.openstack_engine import OpenStack

from .conftest import CloudBench


def state(bench: CloudBench) -> dict[str, list[str]]:
    """What is in the cloud: the names of all resources, without those of the seeds' volumes, which have none."""
    cloud = bench.cloud
    return {
        "servers": sorted(one["name"] for one in cloud.servers.values()),
        "volumes": sorted(one["name"] for one in cloud.volumes.values()),
        "snapshots": sorted(one["name"] for one in cloud.snapshots.values()),
        "images": sorted(one["name"] for one in cloud.images.values()),
        "groups": sorted(one["name"] for one in cloud.groups.values()),
    }


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.name))
def test_what_is_repeated_after_a_kill_is_as_if_nothing_had_been(openstack: CloudBench, operation: Operation) -> None:
    engine, digest = openstack.engine._engine, openstack.digest
    assert isinstance(engine, OpenStack)
    by_hand = openstack.cloud.post_volume({"volume": {"name": "boot", "size": 1}})[1]["volume"]["id"]
    prepared(engine, digest, operation)
    operation.call(engine, digest)
    expected, number, ended = state(openstack), 0, False
    while not ended:
        number += 1
        emptied(openstack, by_hand)
        prepared(engine, digest, operation)
        ended = killed_after(number, lambda: operation.call(engine, digest))
        operation.call(engine, digest)
        assert state(openstack) == expected, f"killed after request {number}"
        assert [leftover.name for leftover in engine.disks.leftovers()] == []
        assert by_hand in openstack.cloud.volumes
    assert number > 1


def emptied(bench: CloudBench, by_hand: str) -> None:
    cloud = bench.cloud
    for of in (cloud.servers, cloud.snapshots, cloud.images, cloud.groups):
        of.clear()
    cloud.volumes = {by_hand: cloud.volumes[by_hand]}
    assert bench.engine.disks.inventory(DiskKind.VOLUME) == {}
