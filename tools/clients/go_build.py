"""Builds Go programs once into a cache outside the tree: `$XDG_CACHE_HOME/kunsthalle/clients`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.go_toolchain import CannotBuild, find


def cache() -> Path:
    """The folder of built clients, made where it is not there."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "kunsthalle" / "clients"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def build_in_tree(module: str, version: str, binary: Path) -> Path:
    """Build the program of a module in a copy of its own tree, where its replace directives count."""
    if binary.exists():
        return binary
    source = binary.parent / f"{binary.name}.src"
    if not source.exists():
        print(f"Downloading {module}@{version} ...", flush=True)
        found = json.loads(_go(["mod", "download", "-json", f"{module}@{version}"], binary.parent))
        copy_writable(Path(found["Dir"]), source)
    print(f"Building {binary.name}: this takes 5 to 30 minutes, once ...", flush=True)
    part = binary.with_suffix(".part")
    _go(["build", "-trimpath", "-ldflags", "-s -w", "-o", str(part), "."], source)
    part.rename(binary)
    shutil.rmtree(source)
    return binary


def copy_writable(source: Path, target: Path) -> None:
    """Copy a tree of the module cache, where nothing may be written, so that it can be built in and removed."""
    part = target.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part, copy_function=shutil.copyfile)
    for folder in (part, *part.rglob("*/")):
        folder.chmod(0o755)
    part.rename(target)


def install(package: str, version: str, binary: Path) -> Path:
    """Build a program that can be built without its tree. Return the binary, which `go install` names itself."""
    if not binary.exists():
        print(f"Building {package}@{version}, once ...", flush=True)
        folder = binary.parent / f"{binary.name}.bin"
        _go(["install", f"{package}@{version}"], binary.parent, GOBIN=str(folder))
        (folder / package.rsplit("/", 1)[-1]).rename(binary)
        folder.rmdir()
    return binary


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """What `go` wrote of its failure: with -json it is a field of the answer."""
    try:
        return str(json.loads(done.stdout)["Error"])
    except (ValueError, KeyError, TypeError):
        return done.stderr


def _go(arguments: list[str], folder: Path, **environment: str) -> str:
    go = find(Path(sys.prefix))
    if go is None:
        raise CannotBuild("There is no `go` to build clients with; install Go 1.25 or later.")
    env = {**os.environ, **environment}
    done = subprocess.run([go, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuild(f"go {' '.join(arguments)} failed:\n{_reason(done)[-2_000:]}")
    return done.stdout
