"""Calls every operation of an SDK of another language by the walks of the tests, and counts what came of them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tools.clients.results import Difference, Step, Walk

from fixtures.bridge import Bridge, ForeignAccount
from kunsthalle.testing import Served
from stories.api import foreign_walks

OTHERS = "every other operation answers 501"
KNOWN = "the known differences are all there are"
DEMANDED = re.compile(r"Key: '\w+\.(\S+)' Error")
Told = tuple[Walk, list[Difference]]
Reasons = Mapping[str, Mapping[str, str]]
"""Service, what of it, and why."""


@dataclass(frozen=True)
class Sdk:
    """An SDK: the program that calls it, the walks of its services, and what is known of it, each with its reason."""

    command: Sequence[str | Path]
    parts: Sequence[str]
    out_of_scope: Reasons
    """Patterns of the names of operations, which answer 501."""
    differences: Reasons
    """What the models do not take of answers."""
    unknown: Reasons = field(default_factory=dict)
    """What requests cannot say."""
    refused: Reasons = field(default_factory=dict)
    """What the SDK demands of requests, and the API does not."""


@contextmanager
def served() -> Iterator[Served]:
    """A server of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="kunsthalle-sdk-") as folder,
        Served(Path(folder) / "data", "--hypervisor", "simulated") as server,
    ):
        yield server


def _accounts(bridge: Bridge, server: Served) -> None:
    """An account can come to an enterprise in two ways, but only once: two servers."""
    foreign_walks.accounts(bridge, server)
    with served() as other:
        foreign_walks.new_enterprise(bridge, other)


PARTS: dict[str, Callable[[Bridge, Served], None]] = {
    "vpc": foreign_walks.vpc,
    "catalogs": foreign_walks.catalogs,
    "iam": foreign_walks.iam,
    "accounts": _accounts,
}
"""Walks, each of which has a server of its own."""


def run_parts(sdk: Sdk, story: tuple[str, Callable[[Served], Walk]], only: str, jobs: int) -> list[Told]:
    """Tell the story and call the operations, some parts side by side: those whose name contains one of the texts."""
    name, tell = story
    parts: dict[str, Callable[[], list[Told]]] = {name: partial(_story, tell)}
    parts |= {part: partial(_walk, sdk, part) for part in sdk.parts}
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        running = [pool.submit(run) for part, run in parts.items() if any(text in part for text in only.split(","))]
        return [one for part in running for one in part.result()]


def _story(tell: Callable[[Served], Walk]) -> list[Told]:
    with served() as server:
        return [_shown((tell(server), []))]


def _walk(sdk: Sdk, part: str) -> list[Told]:
    """Call the operations of a part's services; a walk for each service, a step for each operation in scope."""
    with served() as server, Bridge(sdk.command) as bridge:
        ended = Step(f"the walk of {part} ends well", passed=True)
        try:
            PARTS[part](bridge, server)
        except Exception as failure:  # noqa: BLE001  whatever a walk fails with is what is told of it
            ended = Step(ended.name, passed=False, detail=f"{type(failure).__name__}: {failure}")
        account = ForeignAccount(server, "consumer-b", bridge)
        told = [_count(sdk, bridge, account, service) for service in foreign_walks.SERVICES[part]]
    told[0][0].steps.insert(0, ended)
    return [_shown(one) for one in told]


def _shown(told: Told) -> Told:
    """Print what came of a walk."""
    walk, _found = told
    for step in walk.steps:
        if not step.passed:
            print(f"{walk.name}: {step.name}: FAILED: {step.detail}", flush=True)
    print(f"{walk.name}: {walk.passed} of {len(walk.steps)} steps", flush=True)
    return told


def _count(sdk: Sdk, bridge: Bridge, account: ForeignAccount, python: type) -> Told:
    """What came of each operation of a service, and which are not offered."""
    client, service = account.service(python), python.__name__
    patterns, known = sdk.out_of_scope.get(service, {}), sdk.differences.get(service, {})
    names = client.operations()
    called = bridge.conforming[service] | set(bridge.differing[service])
    others = {
        name: why for name in names if name not in called for one, why in patterns.items() if re.search(one, name)
    }
    scope = [name for name in names if name not in others]
    steps = []
    for name in scope:
        faults = sorted(set(bridge.differing[service].get(name, ())) - set(known))
        steps.append(Step(name, name in called and not faults, "; ".join(faults) or "it was not called"))
    statuses = {name: client.status_of_anything(name) for name in others}
    wrong = {name: status for name, status in statuses.items() if status != 501}
    steps += [Step(OTHERS, not wrong, str(wrong)), _compared(sdk, bridge, service, others)]
    return Walk(service, [f"{service}.{name}" for name in scope], steps), _differences(service, others)


def _differences(service: str, others: dict[str, str]) -> list[Difference]:
    """The operations that are not offered, by reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in others.items():
        by_reason.setdefault(reason, []).append(f"`{name}`")
    return [Difference(f"{service}: {', '.join(names)}", f"501: {reason}") for reason, names in by_reason.items()]


def _compared(sdk: Sdk, bridge: Bridge, service: str, others: Iterable[str]) -> Step:
    """Whether each known difference is still one, and each reason still has an operation."""
    demanded = [key for text in bridge.refused[service].values() for key in DEMANDED.findall(text) or [text]]
    pairs = (
        (set(sdk.differences.get(service, {})), {one for all_ in bridge.differing[service].values() for one in all_}),
        (set(sdk.unknown.get(service, {})), {one for all_ in bridge.unknown[service].values() for one in all_}),
        (set(sdk.refused.get(service, {})), set(demanded)),
        (set(), {one for one in sdk.out_of_scope.get(service, {}) if not any(re.search(one, name) for name in others)}),
    )
    wrong = sorted(one for listed, found in pairs for one in listed ^ found)
    return Step(KNOWN, not wrong, "; ".join(wrong))
