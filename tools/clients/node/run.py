"""Has pytest run what calls the Node SDK, and reads what its steps came to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from tools.clients.node.install import FOLDER, install
from tools.clients.node.scope import OUT_OF_SCOPE, SERVICES_OUT_OF_SCOPE, UNKNOWN, VPC
from tools.clients.results import Difference, Result, Step, Walk

from kunsthalle.core.clock import SystemClock, rfc3339

TESTS = "tests/stories/api/test_node_operations.py"
STEPS = "KUNSTHALLE_CLIENT_STEPS"
"""The variable with the file that takes a JSON line for each walk (tests/fixtures/client_steps.py)."""
_SHOWN = ("@ibm-cloud/platform-services", "ibm-cloud-sdk-core", "typescript")


def run_node(only: str, _jobs: int) -> Result:
    """Run all walks, and keep those whose name contains one of the texts, which commas part."""
    install()
    with tempfile.TemporaryDirectory(prefix="kunsthalle-node-") as folder:
        path = Path(folder) / "steps.jsonl"
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", TESTS]
        done = subprocess.run(command, cwd=FOLDER.parents[1], env={**os.environ, STEPS: str(path)}, check=False)
        walks = read_walks(path.read_bytes() if path.exists() else b"")
    walks.append(Walk("pytest", [], [Step("all tests pass", done.returncode == 0, "its output is above")]))
    kept = [walk for walk in walks if any(text in walk.name for text in only.split(","))]
    return Result("node", versions(), rfc3339(SystemClock().now())[:10], kept, differences())


def read_walks(lines: bytes) -> list[Walk]:
    """The walks that a run has told of, a JSON line each."""
    return [msgspec.json.decode(line, type=Walk) for line in lines.splitlines()]


def versions() -> list[str]:
    """The packages and their versions, as the lock has them."""
    packages = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    return [f"{name} {packages[f'node_modules/{name}']['version']}" for name in _SHOWN]


def differences() -> list[Difference]:
    """What is out of scope, and which properties of answers the typings do not know."""
    operations = [
        Difference(f"{service}: {', '.join(f'`{name}`' for name in names.split())}", f"answer 501: {reason}")
        for service, found in OUT_OF_SCOPE.items()
        for reason, names in found.items()
    ]
    services = [Difference(f"`{name}`", f"out of scope: {reason}") for name, reason in SERVICES_OUT_OF_SCOPE.items()]
    unknown = [
        Difference(f"`{name}` in answers of `CatalogManagementV1` is unknown to the typings", reason)
        for name, reason in UNKNOWN.items()
    ]
    return [*operations, *services, *unknown, Difference("`VpcV1`", VPC)]
