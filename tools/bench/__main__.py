"""`./dev bench [SECTION ...] [--write --date YYYY-MM-DD]`; without a section all but `fleet`."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import signal
import sys
import tempfile
from pathlib import Path
from typing import IO

from tools.bench import report
from tools.bench.processes import ProgramMissing

from kunsthalle.cli.log_format import set_up

BENCHES = {
    "start": "tools.bench.start",
    "requests": "tools.bench.requests",
    "deciding": "tools.bench.deciding",
    "console": "tools.bench.console",
    "catalogs": "tools.bench.catalogs",
    "writes": "tools.bench.writes",
    "mixed": "tools.bench.mixed",
    "import": "tools.bench.imports",
    "data": "tools.bench.data",
    "cli": "tools.bench.cli",
    "fairness": "tools.bench.fairness",
    "nodes": "tools.bench.nodes",
    "rehearsal": "tools.bench.rehearsal",
    "peers": "tools.bench.peer_comparison",
    "fleet": "tools.bench.fleet",
}
_BY_NAME_ALONE = {"fleet"}
"""What needs more than this machine has: that one the OpenStack of `./dev fleet start`."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure; every figure that travels is a ratio.")
    parser.add_argument(
        "which", nargs="*", choices=[*BENCHES, []], help="what to measure; without a word all but fleet"
    )
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds, of which medians are taken")
    parser.add_argument("--large", type=int, default=10_000, help="images in the large account (the bound: 100000)")
    parser.add_argument("--offerings", type=int, default=5_000, help="offerings in the large catalog")
    parser.add_argument("--folder", type=Path, help="where to work: a file system with 4 GiB to spare")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    parser.add_argument("--date", help="the day that is written beside them, YYYY-MM-DD")
    given = parser.parse_args()
    if given.write and not given.date:
        parser.error("--write needs --date YYYY-MM-DD")
    return given


def _end(number: int, _frame: object) -> None:
    """End as an error does: what the bench has started is stopped."""
    raise SystemExit(128 + number)


def main() -> int:
    """0 when everything was measured and every bound was held, 1 otherwise."""
    given = _arguments()
    signal.signal(signal.SIGTERM, _end)
    # Servers in this process write their log, which costs what it costs elsewhere, where no figures are.
    set_up("info")
    with tempfile.TemporaryFile("w") as log:
        names = given.which or [name for name in BENCHES if name not in _BY_NAME_ALONE]
        held = [_measure(name, given, log) for name in names]
    return 0 if all(held) else 1


def _measure(name: str, given: argparse.Namespace, log: IO[str]) -> bool:
    """Whether it was measured, and every bound was held."""
    bench = importlib.import_module(BENCHES[name])
    more = {"requests": {"large": given.large}, "catalogs": {"offerings": given.offerings}}.get(name, {})
    try:
        with (
            tempfile.TemporaryDirectory(prefix="kunsthalle-bench-", dir=given.folder) as folder,
            contextlib.redirect_stderr(log),
        ):
            section: report.Section = bench.run(Path(folder), given.rounds, **more)
    except ProgramMissing as missing:
        print(f"{name} was not measured: {missing}", file=sys.stderr, flush=True)
        return False
    print(f"{section.title}\n\n{report.text(section)}", flush=True)
    if given.write:
        report.write(section, given.date)
    return all(figure.held is not False for figure in section.figures)


if __name__ == "__main__":
    raise SystemExit(main())
