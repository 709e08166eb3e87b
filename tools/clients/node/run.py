"""Tells the main story with the Node SDK, and calls every operation of its services by the walks of the tests."""

from __future__ import annotations

import json
import shutil

from tools.clients.node.install import FOLDER, install
from tools.clients.node.scope import DIFFERENCES, OUT_OF_SCOPE, SERVICES_OUT_OF_SCOPE, VPC
from tools.clients.node.story import NAME, tell
from tools.clients.results import Difference, Result
from tools.clients.sdk_operations import Sdk, run_parts

from kunsthalle.core.clock import SystemClock, rfc3339

PARTS = ("catalogs", "iam", "accounts")
_SHOWN = ("@ibm-cloud/platform-services", "ibm-cloud-sdk-core", "typescript")


def run_node(only: str, jobs: int) -> Result:
    """Run the parts whose name contains one of the texts, which commas part."""
    install()
    told = run_parts(sdk(), (NAME, tell), only, jobs)
    found = [*differences(), *(one for _walk, others in told for one in others)]
    return Result("node", versions(), rfc3339(SystemClock().now())[:10], [walk for walk, _others in told], found)


def sdk() -> Sdk:
    """The SDK, called by tests/node/bridge.mjs."""
    patterns = {
        service: {f"^({'|'.join(names.split())})$": reason for reason, names in reasons.items()}
        for service, reasons in OUT_OF_SCOPE.items()
    }
    command = (shutil.which("node") or "node", FOLDER / "bridge.mjs", *OUT_OF_SCOPE)
    return Sdk(command, PARTS, out_of_scope=patterns, differences=DIFFERENCES)


def versions() -> list[str]:
    """The packages and their versions, as the lock has them."""
    packages = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    return [f"{name} {packages[f'node_modules/{name}']['version']}" for name in _SHOWN]


def differences() -> list[Difference]:
    """All but the operations that answer 501."""
    services = [Difference(f"`{name}`", f"out of scope: {reason}") for name, reason in SERVICES_OUT_OF_SCOPE.items()]
    answers = [
        Difference(f"{service}: {what}", reason)
        for service, reasons in DIFFERENCES.items()
        for what, reason in reasons.items()
    ]
    return [*services, *answers, Difference("`VpcV1`", VPC)]
