"""`./dev fuzz [--minutes 10] [--seed N]`: hostile files against the inspector, until the time is over.

The cases are those of tests/hostile_images/test_mutations.py, which a test run tries a few hundred of: damaged
headers, noise,
and what the tools say of it. Each batch has a seed of its own, so that a finding is seen again with `--seed`, and the
smallest file that shows it is printed. Exit 1 at the first finding.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from hypothesis import HealthCheck, given, seed, settings  # noqa: E402  the tests are found first
from hypothesis.database import DirectoryBasedExampleDatabase  # noqa: E402  as above

from hostile_images import test_mutations as cases  # noqa: E402  as above
from kunsthalle.disk_images.qemu_img import find_tools  # noqa: E402  as above

BATCH = 1_000
FOUND = ROOT / ".hypothesis" / "fuzz"


Test = Callable[..., None]
Target = tuple[str, Test, tuple[Any, ...], int]


def targets() -> list[Target]:
    """Name, test, what it is given, and how many examples a batch has: the tools take a process for each."""

    def inner(test: Any) -> Test:
        found: Test = test.hypothesis.inner_test  # without the settings of a test run
        return found

    whole = (cases.damaged(),)
    found = [
        ("damaged headers", inner(cases.test_damage_is_refused_or_harmless), whole, BATCH),
        ("noise", inner(cases.test_noise_is_refused), cases.NOISE, BATCH),
        ("pieces", inner(cases.test_pieces_say_the_same_as_the_whole), cases.PIECES, BATCH // 4),
    ]
    if find_tools() is not None:
        found.append(("with qemu-img", inner(cases.test_tools_only_add_refusals), whole, BATCH // 20))
    return found


def attempt(test: Test, strategies: tuple[Any, ...], number: int, examples: int) -> None:
    """One batch. What was found is kept in .hypothesis/fuzz, and tried first the next time."""
    unlimited = settings(
        max_examples=examples,
        deadline=None,
        print_blob=True,
        database=DirectoryBasedExampleDatabase(FOUND),
        suppress_health_check=list(HealthCheck),
    )
    seed(number)(unlimited(given(*strategies)(test)))()


def run(seconds: float, first: int, clock: Callable[[], float] = time.monotonic) -> int:
    """0 when nothing was found."""
    deadline, number, tried = clock() + seconds, first, dict.fromkeys((one[0] for one in targets()), 0)
    while clock() < deadline:
        for name, test, strategies, examples in targets():
            try:
                attempt(test, strategies, number, examples)
            except Exception:  # noqa: BLE001  whatever it is, it is the finding
                traceback.print_exc()
                print(f"{name}: found with --seed {number}", flush=True)
                return 1
            tried[name] += examples
        number += 1
    told = ", ".join(f"{count:,} {name}" for name, count in tried.items())
    print(f"Nothing found in {seconds / 60:g} min, seeds {first} to {number - 1}: {told}.")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev fuzz", description="Hostile files against the inspector.")
    parser.add_argument("--minutes", type=float, default=10, help="how long (default 10)")
    parser.add_argument("--seed", type=int, help="the first batch's seed; without it the day decides")
    given = parser.parse_args()
    return run(given.minutes * 60, int(time.time()) // 86_400 if given.seed is None else given.seed)


if __name__ == "__main__":
    raise SystemExit(main())
