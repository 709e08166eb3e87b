"""Installs the packages of tests/node, and of folders like it, once for each content of its lock, into a cache outside
the tree.
"""

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


PROVIDER = FOLDER.with_name("node_provider")
"""Where the identity provider is that sign-ins are tested with."""
CONSOLE_ASSETS = Path(__file__).resolve().parents[2] / "console_assets"
"""Where the console's fonts, design tokens and viewers are built."""


def installed(folder: Path | None = None) -> bool:
    """Return whether the packages that a folder's lock asks for are in the tree; of tests/node if none is named."""
    modules, wanted = _modules(folder), _wanted(folder)
    return modules.is_symlink() and modules.resolve() == wanted / modules.name and modules.exists()


def install(folder: Path | None = None) -> None:
    """Have npm install the packages where they are not yet, and link them into the tree.

    CannotBuild where there is no npm, or where it fails.
    """
    if installed(folder):
        return
    npm, wanted = shutil.which("npm"), _wanted(folder)
    if npm is None or shutil.which("node") is None:
        raise CannotBuild("There is no `node` with `npm` to run the Node SDK with; install Node.js 18 or later.")
    if not wanted.exists():
        _fetch(npm, folder or FOLDER, wanted)
    modules = _modules(folder)
    if modules.is_dir() and not modules.is_symlink():
        shutil.rmtree(modules)
    modules.unlink(missing_ok=True)
    modules.symlink_to(wanted / modules.name)


def _fetch(npm: str, folder: Path, wanted: Path) -> None:
    part = wanted.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for name in _GIVEN:
        shutil.copy(folder / name, part)
    done = subprocess.run([npm, *_COMMAND], cwd=part, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuild(f"npm could not install the packages of {folder.name}:\n{done.stderr[-2_000:]}")
    part.rename(wanted)


def _modules(folder: Path | None) -> Path:
    return MODULES if folder is None else folder / MODULES.name


def _wanted(folder: Path | None) -> Path:
    """The folder of the packages that a lock asks for."""
    digest = hashlib.sha256(((folder or FOLDER) / "package-lock.json").read_bytes()).hexdigest()
    return cache() / f"node-{digest[:12]}"
