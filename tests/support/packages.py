"""Which tests need which system packages, and what a run says about those that are absent.

On a developer's machine a missing package skips its tests, and one line at the end names it. With `CI=true` nothing
may skip: any skip, whatever its cause, fails the whole run.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import postgres


@dataclass(frozen=True, slots=True)
class Need:
    """A Debian package, and whether what the tests use of it is here."""

    package: str
    present: Callable[[], bool]


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


_NODE_MODULES = Path(__file__).parents[1] / "node" / "node_modules"


def _node() -> bool:
    """Node, and what `./dev test` has npm install for it."""
    return shutil.which("node") is not None and _NODE_MODULES.exists()


_QEMU_IMG = Need("qemu-utils", _program("qemu-img"))
NEEDS: Mapping[str, tuple[Need, ...]] = {
    "needs_postgres": (Need("postgresql", lambda: postgres.programs() is not None),),
    "needs_qemu": (Need("qemu-system-x86", _program("qemu-system-x86_64")), _QEMU_IMG),
    "needs_qemu_img": (_QEMU_IMG,),
    "needs_node": (Need("npm", _node),),
    "needs_chromium": (Need("chromium", _program("chromium")),),
}
_REASON = "system package missing: "


def in_ci() -> bool:
    return os.environ.get("CI") == "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Has the tests skipped whose packages are missing."""
    absent = {marker: {one.package for one in needs if not one.present()} for marker, needs in NEEDS.items()}
    for item in items:
        missing = set[str]().union(*(names for marker, names in absent.items() if item.get_closest_marker(marker)))
        if missing:
            item.add_marker(pytest.mark.skip(reason=_REASON + " ".join(sorted(missing))))


def _skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    place = report.longrepr
    return str(place[2]).removeprefix("Skipped: ") if isinstance(place, tuple) else str(place)


def _skipped(config: pytest.Config) -> list[tuple[str, str]]:
    """What was skipped, and why."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    return [(report.nodeid, _skip_reason(report)) for report in reports]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if in_ci() and _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skipped = _skipped(config)
    if in_ci() and skipped:
        told = "; ".join(f"{name} ({reason})" for name, reason in skipped)
        terminalreporter.write_line(f"With CI=true nothing may skip, and {len(skipped)} did: {told}", red=True)
        return
    wanting = [reason.removeprefix(_REASON).split() for _, reason in skipped if reason.startswith(_REASON)]
    counted = Counter(package for names in wanting for package in names)
    if counted:
        told = ", ".join(f"{package} ({count} skipped)" for package, count in sorted(counted.items()))
        terminalreporter.write_line(
            f"System packages that are missing, and the tests they skipped: {told}.", yellow=True
        )
