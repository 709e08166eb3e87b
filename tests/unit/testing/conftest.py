"""Pytest runs of the plugin's users: each in a process of its own, with the plugin alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kunsthalle.testing import WorldServer

Run = Callable[..., subprocess.CompletedProcess[str]]
PLUGIN = ("-p", "kunsthalle.testing.pytest_plugin", "-p", "no:cacheprovider")


@pytest.fixture(scope="module")
def worlds() -> Iterator[WorldServer]:
    """A server of worlds for the tests of a file."""
    with WorldServer() as server:
        yield server


@pytest.fixture
def suite(tmp_path: Path) -> Run:
    """Runs pytest on files that are given as keyword arguments; plugins are those that are named."""

    def run(*options: str, env: dict[str, str] | None = None, **files: str) -> subprocess.CompletedProcess[str]:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        command = [sys.executable, "-m", "pytest", *PLUGIN, "-q", f"--rootdir={tmp_path}", *options, str(tmp_path)]
        around = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **(env or {})}
        around.pop("PYTEST_ADDOPTS", None)
        return subprocess.run(
            command, cwd=tmp_path, env=around, capture_output=True, text=True, check=False, timeout=240
        )

    return run
