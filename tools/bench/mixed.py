"""Many clients of two accounts at once, reads and writes: no error, no long tail, no growing memory."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

from tools.bench.load import Ask, Outcome, load
from tools.bench.measured_data import VERSION, Caller, make
from tools.bench.processes import Process, product
from tools.bench.report import Figure, Section

from kunsthalle.core.ids import Ids

_CLIENTS, _SECONDS, _IMAGES = 64, 17.0, 200
_BEFORE = 3 * _SECONDS
"""Until every cache of the server and of SQLite is as full as it gets: 45 s on the machine it was looked at."""
MOST_TAIL, MOST_GROWTH = 10.0, 1.05
_METHOD = (
    "{clients} clients on connections of their own in a closed loop, for {rounds} spells of {seconds:g} s behind one "
    "of {before:g} s that does not count, of two accounts: images of one's own, masked and absent ones, pages, "
    "instances; every tenth call renames an image. Any other status than the expected one ends the measurement. Tail "
    "and median are those of the spells' medians; memory is the resident part behind the first spell and behind the "
    "last."
)


def run(folder: Path, rounds: int) -> Section:
    """All asks in turn on every connection, each beginning with another one."""
    data = folder / "mixed"
    ids = make(data, {"publisher": _IMAGES, "consumer-a": _IMAGES})
    with product(data) as server:
        callers = {name: Caller(data, name, server.port) for name in ids}
        asks = [ask for name, caller in callers.items() for ask in _asks(name, caller, ids)]
        load(server.port, asks, _CLIENTS, _BEFORE)
        outcomes, memory = _spells(server, asks, rounds)
    method = _METHOD.format(clients=_CLIENTS, rounds=rounds, seconds=_SECONDS, before=_BEFORE)
    return Section("mixed", "Many clients at once", method, [*_tails(outcomes), _memory(memory)])


def _asks(name: str, caller: Caller, ids: dict[str, list[str]]) -> list[Ask]:
    other = next(each for each in ids if each != name)
    own = [f"/v1/images/{id_}?{VERSION}" for id_ in ids[name][:12]]
    absent = f"/v1/images/{Ids(1).resource('r006')}?{VERSION}"
    hidden = f"/v1/images/{ids[other][0]}?{VERSION}"
    reads = [*own[:10], f"/v1/images?{VERSION}&limit=50", f"/v1/images?{VERSION}&limit=10", f"/v1/instances?{VERSION}"]
    asks = [Ask("read", path, caller.headers) for path in reads for _ in range(2)]
    asks += [Ask("read", path, caller.headers, 404) for path in (absent, hidden, absent, hidden)]
    for number, place in enumerate((7, 14, 21)):
        path = own[number + 9]
        names = {"name": f"renamed-{number}-{place}"}
        asks.insert(place, Ask("write", path, caller.headers, 200, "PATCH", json.dumps(names)))
    return asks


def _spells(server: Process, asks: list[Ask], rounds: int) -> tuple[list[dict[str, Outcome]], list[int]]:
    found, memory = [], []
    for _ in range(rounds):
        found.append(load(server.port, asks, _CLIENTS, _SECONDS))
        memory.append(server.memory()["Rss"])
    return found, memory


def _tails(outcomes: list[dict[str, Outcome]]) -> list[Figure]:
    figures = []
    for label in ("read", "write"):
        p50 = statistics.median(each[label].p50 for each in outcomes)
        p99 = statistics.median(each[label].p99 for each in outcomes)
        count = sum(each[label].count for each in outcomes)
        ratio, shown = p99 / p50, f"{p99 * 1e3:.2f} ms p99"
        bound, held = f"≤ {MOST_TAIL:g}", ratio <= MOST_TAIL
        figures.append(Figure(f"{label}, {count:,} calls", shown, f"{p50 * 1e3:.2f} ms p50", ratio, bound, held))
    return figures


def _memory(memory: list[int]) -> Figure:
    first, last = memory[0], memory[-1]
    ratio = last / first
    shown = (f"{size / 2**20:.1f} MiB" for size in (last, first))
    return Figure("Memory, last spell to first", *shown, ratio, f"≤ {MOST_GROWTH}", ratio <= MOST_GROWTH)
