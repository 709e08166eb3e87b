"""How long a clean world takes, what the pytest plugin costs, and what `kunsthalle run` adds to a command."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from tools.bench import bare as yardstick
from tools.bench.processes import ROOT, bare
from tools.bench.report import Figure, Section

from kunsthalle.testing import WorldServer

MOST_SECONDS = 0.050
_WORLDS, _EMPTY, _STORIES = 100, 300, 100
_NOTHING = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_nothing(number): pass
"""
_STORY = """
import pytest
from ibm_cloud_sdk_core import ApiException

@pytest.mark.parametrize("number", range({count}))
def test_story(number, kunsthalle_world, kunsthalle_publisher, kunsthalle_consumer):
    file = {{"href": kunsthalle_publisher.bucket.put_image()}}
    prototype = {{"name": "golden", "file": file, "operating_system": {{"name": "debian-12-amd64"}}}}
    image = kunsthalle_publisher.vpc.create_image(prototype).get_result()
    kunsthalle_world.settle()
    with pytest.raises(ApiException):
        kunsthalle_consumer.vpc.get_image(image["id"])
    kunsthalle_publisher.vpc.delete_image(image["id"])
"""


def run(folder: Path, rounds: int) -> Section:
    """Worlds one after the other; then pytest with and without the plugin, and a command, in turn."""
    yardstick.prepare(folder / "bare.sqlite", {"healthz": b'{"status":"ok"}'})
    took = sorted(_worlds(rounds))
    seconds: dict[str, list[float]] = {name: [] for name in ("with", "without", "run", "bare", "story")}
    for _ in range(rounds):
        seconds["without"].append(_pytest(folder, _NOTHING.format(count=_EMPTY), "-p", "no:kunsthalle"))
        seconds["with"].append(_pytest(folder, _NOTHING.format(count=_EMPTY)))
        seconds["run"].append(_command("-m", "kunsthalle.cli.main", "run", "--", "true"))
        with bare(folder) as process:
            seconds["bare"].append(process.seconds)
    for _ in range(max(1, rounds // 3)):
        seconds["story"].append(_pytest(folder, _STORY.format(count=_STORIES)))
    median = {name: statistics.median(found) for name, found in seconds.items()}
    return _section(took, median, rounds)


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


def _pytest(folder: Path, text: str, *options: str) -> float:
    """Seconds of a whole run."""
    suite = folder / "suite"
    suite.mkdir(exist_ok=True)
    (suite / "test_suite.py").write_text(text)
    named = options or ("-p", "kunsthalle.testing.pytest_plugin", "-p", "no:kunsthalle")
    return _command("-m", "pytest", "-q", "-p", "no:cacheprovider", *named, f"--rootdir={suite}", str(suite))


def _command(*words: str) -> float:
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(words)} ended with {done.returncode}: {done.stdout[-2_000:]}{done.stderr[-2_000:]}"
        )
    return time.perf_counter() - begun


def _section(took: list[float], median: dict[str, float], rounds: int) -> Section:
    p50, p95 = statistics.median(took), took[int(len(took) * 0.95)]
    bare_start, each = median["bare"], (median["with"] - median["without"]) / _EMPTY
    return Section(
        "rehearsal",
        "Rehearsal kit",
        f"Worlds are asked for back to back, {len(took)} of them; the rest are medians of {rounds} interleaved runs of"
        " fresh processes. A story is a test with a world of its own: create an image from a real file, wait for its"
        " import, read it from a second account (404), delete it."
        f" {_STORIES} of them are one run of pytest, with the start of the server.",
        [
            Figure(
                "Clean world, p50", f"{p50 * 1000:.0f} ms", f"{bare_start * 1000:.0f} ms bare start", p50 / bare_start
            ),
            Figure(
                "Clean world, p95",
                f"{p95 * 1000:.0f} ms",
                f"{bare_start * 1000:.0f} ms bare start",
                p95 / bare_start,
                f"< {MOST_SECONDS * 1000:.0f} ms",
                p95 < MOST_SECONDS,
            ),
            Figure(
                f"pytest with the plugin, {_EMPTY} tests that do nothing",
                f"{median['with']:.2f} s",
                f"{median['without']:.2f} s without ({each * 1e6:+.0f} µs a test)",
                median["with"] / median["without"],
            ),
            Figure(
                f"A story in a world of its own, {_STORIES} in one run",
                f"{median['story'] / _STORIES * 1000:.0f} ms each",
                f"{bare_start * 1000:.0f} ms bare start",
                median["story"] / _STORIES / bare_start,
            ),
            Figure(
                "kunsthalle run true",
                f"{median['run']:.2f} s",
                f"{bare_start:.2f} s bare start",
                median["run"] / bare_start,
            ),
        ],
        ["Asked back to back, a world waits for its making; behind a test that does anything, it has been made."],
    )
