"""Tells the main story with the Go SDKs, and calls every operation of their services by the walks of the tests."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tools import go_toolchain
from tools.clients.go.differences import DIFFERENCES, OUT_OF_SCOPE, REFUSED, UNKNOWN, differences
from tools.clients.go.story import NAME as STORY
from tools.clients.go.story import tell
from tools.clients.results import Difference, Result, Step, Walk
from tools.clients.sdk_operations import DEMANDED, KNOWN, OTHERS, PARTS, served

from fixtures.bridge import Bridge, ForeignAccount
from kunsthalle.core.clock import SystemClock, rfc3339
from stories.api import foreign_walks

_MODULE = re.compile(r"github\.com/IBM/((?:vpc|platform-services)-go-sdk) v(\S+)")


def versions() -> list[str]:
    """The SDKs and their versions, as go.mod has them."""
    found = _MODULE.findall((go_toolchain.PROGRAMS / "go.mod").read_text())
    return [f"{name} {version}" for name, version in sorted(found, reverse=True)]


def run_go(only: str, jobs: int) -> Result:
    """Run the parts whose name contains one of the texts, which commas part."""
    programs = go_toolchain.build(Path(sys.prefix))
    parts: dict[str, Callable[[], list[Walk]]] = {STORY: partial(_story, programs)}
    parts |= {name: partial(_walk, programs, name) for name in PARTS}
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        running = [pool.submit(part) for name, part in parts.items() if any(text in name for text in only.split(","))]
        walks = [walk for part in running for walk in part.result()]
    found = [Difference(what, reason) for what, reason in differences()]
    return Result("go", versions(), rfc3339(SystemClock().now())[:10], walks, [*found, *_not_offered(programs)])


def _story(programs: Path) -> list[Walk]:
    with served() as server:
        return [tell(programs, server)]


def _not_offered(programs: Path) -> list[Difference]:
    """The operations that answer 501, by service and reason."""
    found = []
    with Bridge([programs / "bridge"]) as bridge:
        for service, patterns in OUT_OF_SCOPE.items():
            names = bridge.ask(service=service, url="http://127.0.0.1", iam="http://127.0.0.1", key="none", list=True)
            for pattern, reason in patterns.items():
                matching = [f"`{name}`" for name in names["operations"] if re.search(pattern, name)]
                found.append(Difference(f"{service}: {', '.join(matching)}", f"501: {reason}"))
    return found


def _walk(programs: Path, part: str) -> list[Walk]:
    """Call the operations of a part's services; a walk for each service, a step for each operation in scope."""
    with served() as server, Bridge([programs / "bridge"]) as bridge:
        ended = Step(f"the walk of {part} ends well", passed=True)
        try:
            PARTS[part](bridge, server)
        except Exception as failure:  # noqa: BLE001  whatever a walk fails with is what is told of it
            ended = Step(ended.name, passed=False, detail=f"{type(failure).__name__}: {failure}")
        account = ForeignAccount(server, "consumer-b", bridge)
        walks = [_count(bridge, account, service) for service in foreign_walks.SERVICES[part]]
    walks[0].steps.insert(0, ended)
    for walk in walks:
        for step in walk.steps:
            if not step.passed:
                print(f"{walk.name}: {step.name}: FAILED: {step.detail}", flush=True)
        print(f"{walk.name}: {walk.passed} of {len(walk.steps)} steps", flush=True)
    return walks


def _count(bridge: Bridge, account: ForeignAccount, python: type) -> Walk:
    """What came of each operation of a service."""
    client, service = account.service(python), python.__name__
    names, known = client.operations(), set(DIFFERENCES.get(service, {}))
    called = client.conforming | set(client.differing)
    others = [name for name in names if any(re.search(one, name) for one in OUT_OF_SCOPE.get(service, {}))]
    scope = [name for name in names if name not in others]
    steps = []
    for name in scope:
        faults = sorted(set(client.differing.get(name, ())) - known)
        steps.append(Step(name, name in called and not faults, "; ".join(faults) or "it was not called"))
    statuses = {name: client.status_of_anything(name) for name in others}
    wrong = {name: status for name, status in statuses.items() if status != 501}
    steps += [Step(OTHERS, not wrong, str(wrong)), _compared(bridge, service, others)]
    return Walk(service, [f"{service}.{name}" for name in scope], steps)


def _compared(bridge: Bridge, service: str, others: list[str]) -> Step:
    """Whether each known difference is still one, and each reason still has an operation."""
    demanded = [key for text in bridge.refused[service].values() for key in DEMANDED.findall(text) or [text]]
    pairs = (
        (set(DIFFERENCES.get(service, {})), {one for found in bridge.differing[service].values() for one in found}),
        (set(UNKNOWN.get(service, {})), {one for found in bridge.unknown[service].values() for one in found}),
        (set(REFUSED.get(service, {})), set(demanded)),
        (set(), {one for one in OUT_OF_SCOPE.get(service, {}) if not any(re.search(one, name) for name in others)}),
    )
    wrong = sorted(one for listed, found in pairs for one in listed ^ found)
    return Step(KNOWN, not wrong, "; ".join(wrong))
