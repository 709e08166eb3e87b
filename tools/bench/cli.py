"""How long verbs of the command lines take that ask no network, beside an interpreter that does nothing."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tools.bench.processes import CLIENT_CORE, ROOT, on_core
from tools.bench.report import Figure, Section

MOST_SECONDS = {"ibmcloud": 0.050, "kunsthalle": 0.150}
"""By program."""
_BIN = Path(sys.executable).parent
_NOTHING = "python -c pass"
_VERBS: dict[str, list[str]] = {
    _NOTHING: [sys.executable, "-c", "pass"],
    "ibmcloud version": [str(_BIN / "ibmcloud"), "version"],
    "ibmcloud plugin list": [str(_BIN / "ibmcloud"), "plugin", "list"],
    "ibmcloud target": [str(_BIN / "ibmcloud"), "target"],
    "ibmcloud is image-create --help": [str(_BIN / "ibmcloud"), "is", "image-create", "--help"],
    "kunsthalle --help": [str(_BIN / "kunsthalle"), "--help"],
}


def _seconds(command: list[str], env: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - begun


def run(folder: Path, rounds: int) -> Section:
    """Rounds of every verb in turn; medians of them. `target` finds nobody logged in, and says so."""
    env = {**os.environ, "IBMCLOUD_HOME": str(folder)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    took: dict[str, list[float]] = {name: [] for name in _VERBS}
    with on_core(CLIENT_CORE):
        for _ in range(rounds + 1):
            for name, command in _VERBS.items():
                took[name].append(_seconds(command, env))
    median = {name: statistics.median(found[1:]) for name, found in took.items()}  # the first compiles
    nothing = median[_NOTHING]
    return Section(
        "cli",
        "Command lines",
        f"Medians of {rounds} interleaved runs of fresh processes from start to end; compiled modules warm.",
        [
            Figure(
                name,
                f"{median[name] * 1000:.0f} ms",
                f"{nothing * 1000:.0f} ms {_NOTHING}",
                median[name] / nothing,
                f"≤ {MOST_SECONDS[name.split()[0]] * 1000:.0f} ms",
                median[name] <= MOST_SECONDS[name.split()[0]],
            )
            for name in _VERBS
            if name != _NOTHING
        ],
    )
