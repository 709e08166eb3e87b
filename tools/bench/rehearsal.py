"""How long a clean world takes, what the plugin costs beside moto, and what `kunsthalle run` adds to a command."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tools.bench import bare as yardstick
from tools.bench import peers
from tools.bench.processes import ROOT, bare
from tools.bench.report import Figure, Section

from kunsthalle.testing import WorldServer

MOST_SECONDS = 0.050
_WORLDS, _EMPTY, _TESTS = 100, 300, 100
_NOTHING = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_nothing(number): pass
"""
_PLUGIN = ("-p", "kunsthalle.testing.pytest_plugin", "-p", "no:kunsthalle")
_SHARING = (
    "Sharing is 4 calls on moto, and moto keeps accounts apart: the other account does not find the image. Here it is"
    " 14 calls over sockets, with a catalog, a validated version, an approval, and a disk that qemu-img checks."
)
_LEAN = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
"""Has moto leave out the images of AWS, which are half of a test's time."""


class Took(NamedTuple):
    """Seconds of a process and of all that it started: as a clock sees them, and of processors."""

    seconds: float
    processor: float


def run(folder: Path, rounds: int) -> Section:
    """Worlds one after the other; then pytest with and without the plugin, on moto, and a command, in turn."""
    yardstick.prepare(folder / "bare.sqlite", {"healthz": b'{"status":"ok"}'})
    moto = peers.python("moto")
    worlds = sorted(_worlds(rounds))
    took: dict[str, list[Took]] = {name: [] for name in ("with", "without", "run", "bare", "ours", "moto", "lean")}
    nothing = folder / "nothing.py"
    nothing.write_text(_NOTHING.format(count=_EMPTY))
    for _ in range(rounds):
        took["without"].append(_pytest(sys.executable, nothing, "-p", "no:kunsthalle"))
        took["with"].append(_pytest(sys.executable, nothing, *_PLUGIN))
        took["run"].append(_command(sys.executable, "-m", "kunsthalle.cli.main", "run", "--", "true"))
        with bare(folder) as process:
            took["bare"].append(Took(process.seconds, 0))
    for _ in range(max(1, rounds // 3)):
        took["ours"].append(_pytest(sys.executable, peers.KUNSTHALLE, *_PLUGIN))
        took["moto"].append(_pytest(str(moto), peers.MOTO))
        took["lean"].append(_pytest(str(moto), peers.MOTO, **_LEAN))
    return _section(worlds, {name: _median(found) for name, found in took.items()}, rounds)


def _median(found: list[Took]) -> Took:
    return Took(*(statistics.median(values) for values in zip(*found, strict=True)))


def _worlds(rounds: int) -> list[float]:
    """Seconds for each world, asked for as soon as the one before has ended: nothing can be made meanwhile."""
    took = []
    with WorldServer() as server:
        for _ in range(_WORLDS * max(1, rounds // 3)):
            begun = time.perf_counter()
            world = server.world()
            took.append(time.perf_counter() - begun)
            world.close()
    return took[5:]


def _pytest(python: str, file: Path, *options: str, **env: str) -> Took:
    """A whole run of one file, outside of this checkout and its settings."""
    with tempfile.TemporaryDirectory() as suite:
        shutil.copyfile(file, Path(suite, "test_suite.py"))
        words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *options, f"--rootdir={suite}", suite)
        return _command(python, *words, **env)


def _command(*words: str, **env: str) -> Took:
    begun = time.perf_counter()
    environment = {**os.environ, "BENCH_TESTS": str(_TESTS), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **env}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            said = output.read().decode(errors="replace")[-2_000:]
            raise SystemExit(f"{' '.join(words)} ended with {process.returncode}: {said}")
    return Took(seconds, usage.ru_utime + usage.ru_stime)


def _section(worlds: list[float], median: dict[str, Took], rounds: int) -> Section:
    return Section(
        "rehearsal",
        "Rehearsal kit",
        f"Worlds are asked for back to back, {len(worlds)} of them; the rest are medians of interleaved runs of fresh"
        f" processes, {rounds} of the short ones and {max(1, rounds // 3)} of the long ones. *Sharing* is a test with a"
        " world of its own: create an image, share it with another account, read it from there, delete it"
        f" (`tools/bench/peers`), {_TESTS} times in one run of pytest, with the start of the server; on moto within"
        " `mock_aws`, as it comes and without the images of AWS. Processor time is of all processes of a run.",
        [*_clean(worlds, median["bare"]), *_runs(median), *_peers(median)],
        [
            "Asked back to back, a world waits for its making; behind a test that does anything, it has been made.",
            _SHARING,
        ],
    )


def _clean(worlds: list[float], bare_start: Took) -> list[Figure]:
    p50, p95 = statistics.median(worlds), worlds[int(len(worlds) * 0.95)]
    against, bound = f"{bare_start.seconds * 1000:.0f} ms bare start", f"< {MOST_SECONDS * 1000:.0f} ms"
    return [
        Figure("Clean world, p50", f"{p50 * 1000:.0f} ms", against, p50 / bare_start.seconds),
        Figure(
            "Clean world, p95", f"{p95 * 1000:.0f} ms", against, p95 / bare_start.seconds, bound, p95 < MOST_SECONDS
        ),
    ]


def _runs(median: dict[str, Took]) -> list[Figure]:
    with_, without, run_, bare_start = (median[name].seconds for name in ("with", "without", "run", "bare"))
    each = (with_ - without) / _EMPTY
    return [
        Figure(
            f"pytest with the plugin, {_EMPTY} tests that do nothing",
            f"{with_:.2f} s",
            f"{without:.2f} s without ({each * 1e6:+.0f} µs a test)",
            with_ / without,
        ),
        Figure("kunsthalle run true", f"{run_:.2f} s", f"{bare_start:.2f} s bare start", run_ / bare_start),
    ]


def _peers(median: dict[str, Took]) -> list[Figure]:
    ours, figures = median["ours"], []
    for name, what, bounded in (("moto", "mock_aws", True), ("lean", "mock_aws without the images of AWS", False)):
        for unit, mine, other in zip(("s", "s of processors"), ours, median[name], strict=True):
            held = (mine <= other) if bounded and unit == "s" else None
            figure = Figure(
                f"Sharing, {_TESTS} tests with a world each",
                f"{mine:.1f} {unit}",
                f"{other:.1f} {unit}, {what}",
                mine / other,
                "≤ 1" if held is not None else "",
                held,
            )
            figures.append(figure)
    return figures
