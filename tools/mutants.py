"""Plants faults, one at a time, in a copy of the product's source, and sees the tests of the broken rule fail.

A test that passes without the rule it is for tests nothing. Each row of `tools/mutant_rows` breaks one rule in one
place. For every row it says whether it was killed (each of its tests failed) or survived, and it fails if one survived.
Arguments choose rows by a part of their names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.mutant_rows import MUTANTS, Mutant  # noqa: E402  found by the line above

PACKAGE = "src/kunsthalle"
FAILED = 1
"""The exit code of pytest when tests ran and failed; every other one but 0 says that they did not run."""


def run(source: Path, *tests: str) -> int:
    """Run tests against the copy of the source in a folder, and return the exit code of pytest."""
    path = os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    place = [sys.executable, "-c", "import kunsthalle; print(kunsthalle.__file__)"]
    imported = subprocess.run(place, env=environment, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    if not Path(imported.strip()).is_relative_to(source):
        raise RuntimeError(f"The tests would import {imported.strip()} and not the copy in {source}.")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:kunsthalle", *tests]
    return subprocess.run(command, env=environment, capture_output=True, check=False, cwd=ROOT).returncode


def outcome(mutant: Mutant, source: Path) -> str:
    """Plant the fault in the copy, run its tests one by one, take the fault out again, and say what became of it."""
    file = source / "kunsthalle" / mutant.file
    whole = file.read_text()
    file.write_text(mutant.planted(whole))
    try:
        codes = [run(source, test) for test in mutant.tests]
    finally:
        file.write_text(whole)
    if all(code == FAILED for code in codes):
        return "killed"
    return "survived" if 0 in codes else f"error: pytest ended with {max(codes)}"


def main(arguments: list[str]) -> int:
    """Print what became of each mutant; 1 if one is not killed."""
    chosen = [one for one in MUTANTS if not arguments or any(part in one.name for part in arguments)]
    if not chosen:
        print("No mutant has such a name: " + ", ".join(one.name for one in MUTANTS))
        return 2
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        if run(source, *sorted({test for one in chosen for test in one.tests})) != 0:
            print("The tests fail without a fault too: mend them first.")
            return 1
        for one in chosen:
            said = outcome(one, source)
            failed += said != "killed"
            print(f"{one.rule:15} {one.name:40} {said}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} killed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
