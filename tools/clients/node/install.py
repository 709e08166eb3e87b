"""Installs the packages of tests/node once for each content of its lock, into a cache outside the tree."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from tools.clients.go_build import CannotBuild, cache

FOLDER = Path(__file__).resolve().parents[3] / "tests" / "node"
MODULES = FOLDER / "node_modules"
_GIVEN = ("package.json", "package-lock.json", ".npmrc")
_COMMAND = ("ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")


def installed() -> bool:
    """Return whether the packages that the lock asks for are in the tree."""
    return MODULES.is_symlink() and MODULES.resolve() == _wanted() / MODULES.name and MODULES.exists()


def install() -> None:
    """Have npm install the packages where they are not yet, and link them into the tree.

    CannotBuild where there is no npm, or where it fails.
    """
    if installed():
        return
    npm, folder = shutil.which("npm"), _wanted()
    if npm is None or shutil.which("node") is None:
        raise CannotBuild("There is no `node` with `npm` to run the Node SDK with; install Node.js 18 or later.")
    if not folder.exists():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for name in _GIVEN:
            shutil.copy(FOLDER / name, part)
        done = subprocess.run([npm, *_COMMAND], cwd=part, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotBuild(f"npm could not install the Node SDK:\n{done.stderr[-2_000:]}")
        part.rename(folder)
    if MODULES.is_dir() and not MODULES.is_symlink():
        shutil.rmtree(MODULES)
    MODULES.unlink(missing_ok=True)
    MODULES.symlink_to(folder / MODULES.name)


def _wanted() -> Path:
    """The folder of the packages that the lock asks for."""
    digest = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    return cache() / f"node-{digest[:12]}"
