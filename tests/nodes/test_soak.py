"""Two nodes at half of what they can do, with imports, boots, jumps of the clock and kills: nothing grows.

A run takes seconds; `./dev nightly soak` takes an hour (`KUNSTHALLE_PART` a part of it). Its results are in
docs/benchmarks.md.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.bench.nodes import Installation, Spell, ask, mixed

from fixtures.clients import Account, eventually
from fixtures.nodes import Node, Nodes, nodes_of
from fixtures.walks import NIGHTLY, share

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nginx]
SECONDS = share(6, 3_600)
SPELL = 20 if NIGHTLY else 2
"""Seconds of traffic between two events."""
CLIENTS = 4
GROWTH = 1.05 if NIGHTLY else 1.25
"""Of the memory of a node: a run of seconds is its warming up."""
SLOWER = 3
"""Times the waits of the slowest calls may be longer at the end than at first: other work shares the machine."""


@pytest.fixture(scope="module")
def nodes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    options = ("--hypervisor", "simulated", "--job-lease", "3", "--access-log", "off")
    with nodes_of(request, tmp_path_factory.mktemp("soak"), 2, *options) as running:
        yield running


def resident(node: Node) -> int:
    """Bytes of a node in memory."""
    fields = Path(f"/proc/{node.pid}/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0]) * 1024


def descriptors(node: Node) -> int:
    return len([*Path(f"/proc/{node.pid}/fd").iterdir()])


def leftovers(nodes: Nodes) -> list[str]:
    """Files on their way, which nobody is at work on any more."""
    found = (nodes.folder / "shared").rglob("*")
    return [str(path) for path in found if path.is_file() and ("scratch" in path.parts or "partial" in path.name)]


def event(number: int, nodes: Nodes, publisher: Account) -> None:
    """An import, a boot and its end, a jump of the clock, or the kill of the second node."""
    match number % 4:
        case 0:
            image = publisher.import_image(f"soak-{number}", b"%d" % number)
            publisher.vpc.delete_image(image["id"])
        case 1:
            server = publisher.boot(f"soak-{number}", image={"id": existing(publisher)})
            publisher.vpc.delete_instance(server["id"])
        case 2:
            nodes.operate("POST", "/_kunsthalle/clock", {"advance": "PT10M"})
        case 3:
            nodes.nodes[1].kill()
            nodes.nodes[1].start()


def existing(publisher: Account) -> str:
    images = publisher.vpc.list_images(name="image-5").get_result()["images"]
    return str(images[0]["id"])


def slowest(spells: list[Spell]) -> float:
    """Seconds that 99 of 100 calls of some spells took at most."""
    waits = sorted(itertools.chain.from_iterable(spell.waits for spell in spells))
    return waits[int(0.99 * (len(waits) - 1))]


def test_nothing_grows(nodes: Nodes) -> None:
    publisher, first = Account(nodes, "publisher"), nodes.nodes[0]
    installation = Installation(nodes, mixed(nodes))
    for number in range(4):
        event(number, nodes, publisher)  # what is loaded with the first of each
    full = ask(installation, SPELL, CLIENTS)
    pause = CLIENTS * full.seconds / full.calls  # as long as a call takes: half of the load
    memory, files, spells = resident(first), descriptors(first), []
    until = time.monotonic() + SECONDS
    for number in itertools.count(4):
        spells.append(ask(installation, SPELL, CLIENTS, pause))
        event(number, nodes, publisher)
        if time.monotonic() > until and number >= 7:
            break
    third = max(1, len(spells) // 3)
    measured = {
        "calls": sum(spell.calls for spell in spells),
        "memory": resident(first) / memory,
        "descriptors": descriptors(first) - files,
        "p99": (slowest(spells[:third]), slowest(spells[-third:])),
    }
    with (nodes.folder / "measured.json").open("w") as file:
        json.dump(measured, file)
    assert measured["memory"] <= GROWTH, measured
    assert abs(descriptors(first) - files) <= CLIENTS * 4, measured
    if NIGHTLY:  # of a few calls the slowest says nothing
        assert slowest(spells[-third:]) <= SLOWER * slowest(spells[:third]), measured
    eventually(lambda: nodes.operate("GET", "/_kunsthalle/clock")["pending_jobs"] == 0, "the end of all jobs")
    assert leftovers(nodes) == []
    assert nodes.operate("GET", "/_kunsthalle/doctor")["findings"] == []
