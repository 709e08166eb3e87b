"""How long until the first answer, and how much memory an idle server takes."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from tools.bench import bare as yardstick
from tools.bench.measured_data import VERSION
from tools.bench.processes import Process, bare, product
from tools.bench.report import Figure, Section

MOST_TIMES, MOST_BYTES = {"second": 2.0, "call": 3.0, "first": 2.5}, 50 * 2**20
_OPTIONS = ("--scenario", "enterprise")
_MIB = 2**20


def run(folder: Path, rounds: int) -> Section:
    """Rounds of bare, second start and very first start in turn; medians of them."""
    yardstick.prepare(folder / "bare.sqlite", {"healthz": b'{"status":"ok"}'})
    data = folder / "data"
    product(data, *_OPTIONS).stop()

    def first() -> Process:
        return product(Path(tempfile.mkdtemp(dir=folder)) / "data", *_OPTIONS)

    starts: dict[str, Callable[[], Process]] = {
        "bare": lambda: bare(folder),
        "second": lambda: product(data, *_OPTIONS),
        "first": first,
    }
    seconds: dict[str, list[float]] = {name: [] for name in (*starts, "call")}
    memory: dict[str, list[dict[str, int]]] = {name: [] for name in starts}
    for _ in range(rounds):
        for name, start in starts.items():
            with start() as process:
                seconds[name].append(process.seconds)
                if name == "second":
                    seconds["call"].append(process.seconds_to(f"/v1/images?{VERSION}", 401))
                memory[name].append(process.memory())
    return _section(
        {name: statistics.median(found) for name, found in seconds.items()},
        {name: statistics.median(one["Pss"] for one in found) for name, found in memory.items()},
        {name: statistics.median(one["Rss"] for one in found) for name, found in memory.items()},
        rounds,
    )


def _section(took: dict[str, float], pss: dict[str, float], rss: dict[str, float], rounds: int) -> Section:
    ratios = {name: took[name] / took["bare"] for name in took}

    def begin(what: str, name: str) -> Figure:
        times, most = ratios[name], MOST_TIMES[name]
        return Figure(what, f"{took[name]:.3f} s", f"{took['bare']:.3f} s bare", times, f"≤ {most}", times <= most)

    def idle(what: str, found: dict[str, float], *, bounded: bool = True) -> Figure:
        measured, against = f"{found['second'] / _MIB:.0f} MiB", f"{found['bare'] / _MIB:.0f} MiB bare"
        ratio, held = found["second"] / found["bare"], found["second"] <= MOST_BYTES
        bound = f"≤ {MOST_BYTES // _MIB} MiB" if bounded else ""
        return Figure(what, measured, against, ratio, bound, held if bounded else None)

    return Section(
        "start",
        "Start",
        f"Medians of {rounds} interleaved runs of fresh processes, from their start to the first 200 on `/healthz`; "
        "compiled modules and files warm, server and asker each on a core of its own where there are two. An API is "
        "asked right behind `/healthz`; memory is read after that, when everything is loaded.",
        [
            begin("First answer, data folder exists", "second"),
            begin("First answer, very first start with the enterprise scenario", "first"),
            begin("First answer of an API, data folder exists", "call"),
            idle("Idle memory, PSS", pss),
            idle("Idle memory, RSS", rss, bounded=False),
        ],
    )
