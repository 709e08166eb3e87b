"""Tells the main story with the Go SDKs, and calls every operation of their services by the walks of the tests."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path

from tools import go_toolchain
from tools.clients.go.differences import DIFFERENCES, OUT_OF_SCOPE, REFUSED, UNKNOWN, differences
from tools.clients.go.story import NAME as STORY
from tools.clients.go.story import tell
from tools.clients.results import Difference, Result
from tools.clients.sdk_operations import PARTS, Sdk, run_parts

from kunsthalle.core.clock import SystemClock, rfc3339

_MODULE = re.compile(r"github\.com/IBM/((?:vpc|platform-services)-go-sdk) v(\S+)")


def versions() -> list[str]:
    """The SDKs and their versions, as go.mod has them."""
    found = _MODULE.findall((go_toolchain.PROGRAMS / "go.mod").read_text())
    return [f"{name} {version}" for name, version in sorted(found, reverse=True)]


def run_go(only: str, jobs: int) -> Result:
    """Run the parts whose name contains one of the texts, which commas part."""
    programs = go_toolchain.build(Path(sys.prefix))
    told = run_parts(sdk(programs), (STORY, partial(tell, programs)), only, jobs)
    found = [Difference(what, reason) for what, reason in differences()]
    found += [difference for _walk, others in told for difference in others]
    return Result("go", versions(), rfc3339(SystemClock().now())[:10], [walk for walk, _others in told], found)


def sdk(programs: Path) -> Sdk:
    """The SDKs, called by tests/go/bridge."""
    return Sdk([programs / "bridge"], tuple(PARTS), OUT_OF_SCOPE, DIFFERENCES, UNKNOWN, REFUSED)
