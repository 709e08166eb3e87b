"""Runs the walks, some side by side: the provider waits ten seconds for nearly every resource."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tools.clients.results import Difference, Result, Step, Walk
from tools.clients.terraform.differences import IMPORTED, NOT_IMPORTABLE, differences, import_id
from tools.clients.terraform.walks import WALKS, Plot
from tools.clients.terraform.workspace import CHANGED, CommandFailed, Tools, Workspace, find_tools
from tools.clients.terraform.world import World

from kunsthalle.core.clock import SystemClock, rfc3339

_BLOCK = re.compile(r'^(resource|data) "(\w+)"', re.MULTILINE)


class Teller:
    """Notes the steps of a walk; after one that fails, those that need it are noted as failed, too."""

    def __init__(self, name: str, covers: list[str]) -> None:
        self.walk = Walk(name, covers, [])

    def step(self, name: str, do: Callable[[], Any]) -> bool:
        """Do one step, and note whether it passed."""
        try:
            do()
        except Exception as failure:  # noqa: BLE001  whatever a step fails with is what is told of it
            self.walk.steps.append(Step(name, False, f"{type(failure).__name__}: {failure}"))
        else:
            self.walk.steps.append(Step(name, True))
        done = self.walk.steps[-1]
        print(f"{self.walk.name}: {name}: {'ok' if done.passed else f'FAILED: {done.detail}'}", flush=True)
        return done.passed


def covered(folder: Path) -> list[str]:
    """The resources and data sources of a configuration, `data.` before the latter."""
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    found = {name if block == "resource" else f"data.{name}" for block, name in _BLOCK.findall(text)}
    return sorted(found)


def run_terraform(only: str, jobs: int) -> Result:
    """Run the walks whose name contains a text."""
    tools = find_tools()
    chosen = [plot for plot in WALKS if only in plot.name]
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        walks = list(pool.map(lambda plot: walk(tools, plot), chosen))
    found = [Difference(what, reason) for what, reason in differences()]
    return Result("terraform", tools.versions, rfc3339(SystemClock().now())[:10], walks, found)


def walk(tools: Tools, plot: Plot) -> Walk:
    """Apply, plan, change, import and destroy one configuration on a server of its own."""
    teller = Teller(plot.name, covered(plot.folder))
    with tempfile.TemporaryDirectory(prefix="kunsthalle-terraform-") as folder:
        world = World(Path(folder))
        try:
            world.start()
            _walk(tools, plot, world, Path(folder), teller)
        finally:
            world.served.stop()
    return teller.walk


def _walk(tools: Tools, plot: Plot, world: World, folder: Path, teller: Teller) -> None:
    variables = plot.prepare(world)
    before = world.inventory(plot.account)
    space = Workspace(tools, folder / "configuration", world.served.data, plot.account, variables)
    shutil.copytree(plot.folder, space.folder)
    if not teller.step("init", lambda: space.run("init", "-input=false", "-no-color")):
        return
    if teller.step("apply", space.apply):
        _applied(plot, world, space, teller)
    teller.step("destroy", lambda: plot.destroy(world, space))
    teller.step("nothing is left", lambda: _same(before, world.inventory(plot.account)))


def _applied(plot: Plot, world: World, space: Workspace, teller: Teller) -> None:
    teller.step("plan after apply is empty", space.plan)
    teller.step("outputs", lambda: plot.check(world, space.outputs()))
    teller.step("second apply changes nothing", lambda: _unchanged(space.apply()))
    if plot.behind is not None:
        change = plot.behind
        teller.step("a change behind its back", lambda: change(world, space.outputs()))
        teller.step("plan shows the change", lambda: space.plan(expect=CHANGED))
        teller.step("apply undoes the change", space.apply)
        teller.step("plan after that is empty", space.plan)
    for name, more in plot.more:
        teller.step(name, lambda more=more: more(world, space))  # type: ignore[misc]  a default of a lambda
    _import(space, teller)


def _unchanged(written: str) -> None:
    if "0 added, 0 changed, 0 destroyed" not in written:
        raise CommandFailed(written[-3_000:])


def _same(before: set[str], after: set[str]) -> None:
    if before != after:
        raise CommandFailed(f"left: {sorted(after - before)}; missing: {sorted(before - after)}")


def _import(space: Workspace, teller: Teller) -> None:
    """Have every resource imported into an empty state; the plan may show only the known differences."""
    resources = space.resources()
    wanted = [one for one in resources if one["type"] not in NOT_IMPORTABLE]
    blocks = [f'import {{\n  to = {one["address"]}\n  id = "{import_id(one)}"\n}}\n' for one in wanted]
    other = Workspace(space.tools, space.folder.with_name("import"), space.data, space.account, space.variables)
    shutil.copytree(
        space.folder, other.folder, ignore=shutil.ignore_patterns("terraform.tfstate*", "plan"), symlinks=True
    )
    (other.folder / "imports.tf").write_text("".join(blocks))
    changes: dict[str, dict[str, Any]] = {}
    if teller.step("import", lambda: changes.update({one["address"]: one for one in other.planned()})):
        for one in wanted:
            address = one["address"]
            teller.step(f"import of {one['type']}", lambda address=address: _imported(changes[address]))  # type: ignore[misc]  as above


def _imported(change: dict[str, Any]) -> None:
    """Raise CommandFailed unless the resource is imported and the plan differs in nothing but what is known."""
    what = change["change"]
    if "importing" not in what or what["actions"] in (["create"], ["delete", "create"], ["create", "delete"]):
        known = IMPORTED.get(change["type"], {})
        replaced = {path[0] for path in what.get("replace_paths", [])}
        if "importing" not in what or not replaced or replaced - set(known):
            raise CommandFailed(f"{change['address']}: {what['actions']} {what.get('replace_paths')}")
    changed = {
        name
        for name in {*(what["before"] or {}), *(what["after"] or {}), *(what["after_unknown"] or {})}
        if (what["before"] or {}).get(name) != (what["after"] or {}).get(name)
        or what["after_unknown"].get(name) is True
    }
    known = IMPORTED.get(change["type"], {})
    if what["actions"] != ["no-op"] and not known:
        raise CommandFailed(f"{change['address']}: {what['actions']} {_shown(what, changed)}")
    if what["actions"] == ["update"] and changed - set(known):
        raise CommandFailed(f"{change['address']}: {_shown(what, changed - set(known))}")


def _shown(what: dict[str, Any], names: set[str]) -> str:
    before, after = what["before"] or {}, what["after"] or {}
    return "; ".join(f"{name}: {before.get(name)!r} -> {after.get(name)!r}" for name in sorted(names))
