"""One node and two, each behind nginx on PostgreSQL and S3, under the same mixed traffic.

On a machine where nodes, database, proxy and client share two cores, more nodes cannot answer more calls. What is
measured is therefore the processor time that each of them takes for a call, with one node and with two: what a call
costs does not depend on who else is busy. From it follows what nodes on cores of their own would answer, and who
saturates first. Both installations run all the time and are asked in turn.
"""

from __future__ import annotations

import http.client
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tools.bench.measured_data import VERSION
from tools.bench.processes import ROOT
from tools.bench.report import Figure, Section

sys.path.insert(0, str(ROOT / "tests"))  # the throw-away servers are those of the tests
from fixtures.clients import Account, Product
from fixtures.nodes import Node, Nodes
from fixtures.postgres import Cluster, cluster
from fixtures.s3 import s3_server
from kunsthalle.testing.served import DidNotStart

LEAST = 1.6
CLIENTS = 8
_SECONDS = 4.0
_NOT_LET_IN = (401, 403, 429)
_TICKS = os.sysconf("SC_CLK_TCK")
PARTS = ("nodes", "PostgreSQL", "nginx")


@dataclass(slots=True)
class Spell:
    """What came of the traffic of a few seconds: calls, seconds, and seconds of the processor by part.

    `failed` counts calls by method and status that no client should see: whatever the server could not answer, and
    what it did not let in.
    """

    calls: int = 0
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    def milliseconds(self, part: str) -> float:
        """Milliseconds of the processor that a call takes of a part."""
        return 1000 * self.cpu[part] / self.calls


@dataclass(slots=True)
class Installation:
    """Some nodes with an image that is shared, and calls as its users make them."""

    nodes: Nodes
    traffic: Traffic

    @property
    def calls(self) -> list[tuple[str, str, dict[str, str], str]]:
        return self.traffic.calls()


@dataclass(frozen=True, slots=True)
class Traffic:
    """Nine reads to a write, by a publisher and a consumer: lists, items, a masked item, a change."""

    publisher: Account
    consumer: Account
    image: str
    masked: str
    server: str
    catalog: str
    offering: str

    def calls(self) -> list[tuple[str, str, dict[str, str], str]]:
        """Method, path, headers and body, in which `{number}` is another one each time; with tokens that are valid."""
        own, other = (
            {"Authorization": f"Bearer {account.authenticator.token_manager.get_token()}"}
            for account in (self.publisher, self.consumer)
        )
        item = f"/v1/images/{self.image}?{VERSION}"
        offerings = f"/api/v1-beta/catalogs/{self.catalog}/offerings"
        return [
            ("GET", f"/v1/images?{VERSION}", own, ""),
            ("GET", item, own, ""),
            ("GET", f"/v1/images/{self.masked}?{VERSION}", other, ""),
            ("GET", f"/v1/instances/{self.server}?{VERSION}", other, ""),
            ("GET", f"/v1/instances?{VERSION}", other, ""),
            ("GET", offerings, own, ""),
            ("GET", f"{offerings}/{self.offering}", own, ""),
            ("GET", f"/v1/volumes?{VERSION}", other, ""),
            ("GET", f"/v1/subnets?{VERSION}", own, ""),
            ("PATCH", item, {**own, "Content-Type": "application/merge-patch+json"}, '{{"name": "renamed-{number}"}}'),
        ]


def mixed(nodes: Nodes) -> Traffic:
    """The traffic of an image that is shared."""
    publisher, consumer = Account(nodes, "publisher"), Account(nodes, "consumer-a")
    images = [publisher.import_image(f"image-{number}", b"%d" % number) for number in range(10)]
    product = Product(publisher, images[0])
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)
    server = consumer.boot("borrowed", catalog_offering={"version": {"crn": product.version["crn"]}})
    ids = (images[1]["id"], images[0]["id"], server["id"], product.catalog["id"], product.offering["id"])
    return Traffic(publisher, consumer, *ids)


def ask(installation: Installation, seconds: float, clients: int = CLIENTS, pause: float = 0.0) -> Spell:
    """Traffic of some clients for some seconds, each over a connection of its own; a pause between two calls."""
    spell, lock, until = Spell(), threading.Lock(), time.monotonic() + seconds
    before, begun, calls = _cpu(installation), time.monotonic(), installation.calls

    def client(number: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(installation.nodes.url).netloc, timeout=60)
        count, waits, failed = 0, [], Counter[str]()
        while time.monotonic() < until:
            method, path, headers, body = calls[(number + count) % len(calls)]
            asked = time.monotonic()
            connection.request(method, path, body.format(number=number * 100_000 + count) or None, headers)
            answer = connection.getresponse()
            answer.read()
            waits.append(time.monotonic() - asked)
            if answer.status >= 500 or answer.status in _NOT_LET_IN:
                failed[f"{method} {answer.status}"] += 1
            count += 1
            time.sleep(pause)
        connection.close()
        with lock:
            spell.calls += count
            spell.waits += waits
            spell.failed += failed

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spell.seconds = time.monotonic() - begun
    after = _cpu(installation)
    spell.cpu = {part: after[part] - before[part] for part in PARTS}
    return spell


def _cpu(installation: Installation) -> dict[str, float]:
    nodes = sum(sum(map(_seconds, _node(node))) for node in installation.nodes.nodes)
    proxy = sum(map(_seconds, _family(installation.nodes.proxy_pid)))
    return {"nodes": nodes, "PostgreSQL": sum(map(_seconds, _postgres())), "nginx": proxy}


def _node(node: Node) -> Iterator[int]:
    """The processes of a node; none of one that was killed."""
    with suppress(DidNotStart):
        yield from _family(node.pid)


def _seconds(pid: int) -> float:
    """Seconds of the processor that a process has had, with its children that have ended; 0 for one that is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(word) for word in words[11:15]) / _TICKS


def _family(pid: int) -> Iterator[int]:
    """A process and those that it has started."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for child in found:
            yield from _family(int(child))


_SERVER: list[Cluster] = []


def _postgres() -> list[int]:
    return [*_family(_SERVER[0].pid)] if _SERVER else []


def run(folder: Path, rounds: int) -> Section:
    """One node and two in turn, a few seconds each."""
    spells: dict[int, list[Spell]] = {1: [], 2: []}
    with ExitStack() as stack:
        database, s3 = stack.enter_context(cluster()), stack.enter_context(s3_server())
        _SERVER[:] = [database]
        there = {}
        for count in spells:
            place = (database.url(database.create()), s3.address(s3.bucket()), "--hypervisor", "simulated")
            nodes = stack.enter_context(Nodes(folder / str(count), count, *place))
            there[count] = Installation(nodes, mixed(nodes))
            ask(there[count], 1)  # what is loaded and compiled once
        for _ in range(rounds):
            for count, installation in there.items():
                spells[count].append(ask(installation, _SECONDS))
    failed = sum((spell.failed for found in spells.values() for spell in found), Counter[str]())
    if failed:
        raise RuntimeError(f"Calls that were not answered as they should be: {dict(failed)}")
    return _section(spells)


def _section(spells: dict[int, list[Spell]]) -> Section:
    cost = {
        count: {part: statistics.median(spell.milliseconds(part) for spell in found) for part in PARTS}
        for count, found in spells.items()
    }
    rate = {count: statistics.median(spell.calls / spell.seconds for spell in found) for count, found in spells.items()}
    gain = 2 * cost[1]["nodes"] / cost[2]["nodes"]
    figures = [
        Figure(
            "two nodes on cores of their own, against one",
            f"{2000 / cost[2]['nodes']:.0f} calls/s",
            f"{1000 / cost[1]['nodes']:.0f} calls/s",
            gain,
            f"≥ {LEAST}",
            gain >= LEAST,
        ),
        *(
            Figure(
                f"processor of {part} for a call, two nodes against one",
                f"{cost[2][part]:.2f} ms",
                f"{cost[1][part]:.2f} ms",
                cost[2][part] / cost[1][part],
            )
            for part in PARTS
        ),
        Figure(
            "calls on this machine, which all of them share", f"{rate[2]:.0f}/s", f"{rate[1]:.0f}/s", rate[2] / rate[1]
        ),
    ]
    return Section("nodes", "Several nodes", _METHOD, figures, _notes(cost))


def _notes(cost: dict[int, dict[str, float]]) -> list[str]:
    node, database = cost[2]["nodes"], cost[2]["PostgreSQL"]
    first = "the nodes' processors" if node >= database else "PostgreSQL's processor"
    return [
        f"Saturates first: {first}. A core of PostgreSQL carries {node / database:.1f} nodes of a core each.",
        "Not in it: how long a call waits for a lock of a row that both nodes change.",
    ]


_METHOD = (
    f"Mixed traffic (nine reads, one write; {CLIENTS} clients that ask again at once) through nginx, an installation of"
    " one node and one of two on the same PostgreSQL, in turn; medians of rounds. Processor times are those that the"
    " system counts for the processes, calls/s on cores of their own what follows from them."
)
