"""Builds what the console takes from npm: `./dev assets` writes the files, `./dev assets --check` compares them.

The files are committed, so that neither an installation nor a test needs npm. `built.json` holds digests of what they
were built from and of themselves: a test of every run compares it with the tree, and one with Node builds them anew.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.clients.go_build import CannotBuild
from tools.clients.node.install import CONSOLE_ASSETS, install

ROOT = Path(__file__).resolve().parents[1]
FOLDER = CONSOLE_ASSETS
TARGET = ROOT / "src" / "kunsthalle" / "console" / "static"
MANIFEST = FOLDER / "built.json"
SOURCES = ("build.mjs", "package.json", "package-lock.json")


def sources() -> dict[str, str]:
    """The digests of what the files are built from."""
    return {name: _digest(FOLDER / name) for name in SOURCES}


def recorded() -> dict[str, dict[str, str]]:
    """What the last build wrote down: `sources` and `files`, each a digest by name."""
    return dict(json.loads(MANIFEST.read_text()))


def build(target: Path) -> dict[str, str]:
    """Build into a folder; the digests of the files there. CannotBuild without Node, or where a package has changed."""
    install(FOLDER)
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(["node", "build.mjs", folder], cwd=FOLDER, capture_output=True, text=True, check=False)
        if made.returncode:
            raise CannotBuild(made.stderr[-2_000:])
        for path in sorted(Path(folder).iterdir()):
            (target / path.name).write_bytes(path.read_bytes())
        return {path.name: _digest(path) for path in sorted(Path(folder).iterdir())}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["--check"]:
            with tempfile.TemporaryDirectory() as folder:
                made = build(Path(folder))
            different = sorted(name for name, digest in made.items() if _digest(TARGET / name) != digest)
            print(
                f"These files are not what the lock builds: {', '.join(different)}" if different else "All are equal."
            )
            return 1 if different else 0
        if arguments:
            print("./dev assets takes nothing, or --check.", file=sys.stderr)
            return 2
        made = build(TARGET)
    except CannotBuild as failure:
        print(failure, file=sys.stderr)
        return 1
    MANIFEST.write_text(json.dumps({"sources": sources(), "files": made}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
