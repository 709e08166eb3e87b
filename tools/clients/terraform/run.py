"""Runs the walks, some side by side: the provider waits ten seconds for nearly every resource."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tools.clients.results import Difference, Result, Walk
from tools.clients.steps import Teller
from tools.clients.terraform.differences import IMPORTED, NOT_IMPORTABLE, differences, import_id
from tools.clients.terraform.story import FOLDERS as STORY_FOLDERS
from tools.clients.terraform.story import NAME as STORY
from tools.clients.terraform.story import Story
from tools.clients.terraform.walks import WALKS, Plot, same
from tools.clients.terraform.workspace import CHANGED, CommandFailed, Tools, Workspace, essence, find_tools
from tools.clients.walk_server import World

from kunsthalle.core.clock import SystemClock, rfc3339

_BLOCK = re.compile(r'^(resource|data) "(\w+)"', re.MULTILINE)


def covered(*folders: Path) -> list[str]:
    """The resources and data sources of configurations, `data.` before the latter."""
    text = "\n".join(path.read_text() for folder in folders for path in sorted(folder.glob("*.tf")))
    found = {name if block == "resource" else f"data.{name}" for block, name in _BLOCK.findall(text)}
    return sorted(found)


def run_terraform(only: str, jobs: int) -> Result:
    """Run the walks whose name contains one of the texts, which commas part."""
    tools = find_tools()
    walks: list[tuple[str, Callable[[], Walk]]] = [(STORY, partial(_tell, tools))]
    walks += [(plot.name, partial(walk, tools, plot)) for plot in WALKS]
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        running = [pool.submit(run) for name, run in walks if any(text in name for text in only.split(","))]
        done = [one.result() for one in running]
    found = [Difference(what, reason) for what, reason in differences()]
    return Result("terraform", tools.versions, rfc3339(SystemClock().now())[:10], done, found)


def walk(tools: Tools, plot: Plot) -> Walk:
    """Apply, plan, change, import and destroy one configuration on a server of its own."""
    teller = Teller(plot.name, covered(plot.folder))
    with teller.failing_alone("server and preparation"), _served() as (world, folder):
        _walk(tools, plot, world, folder, teller)
    return teller.walk


def _tell(tools: Tools) -> Walk:
    """Tell the story of the source page on a server of its own."""
    teller = Teller(STORY, covered(*STORY_FOLDERS))
    with teller.failing_alone("server and preparation"), _served() as (world, folder):
        Story(tools, world, folder).tell(teller)
    return teller.walk


@contextmanager
def _served() -> Iterator[tuple[World, Path]]:
    """A server that runs, and a folder for configurations."""
    with tempfile.TemporaryDirectory(prefix="kunsthalle-terraform-") as folder:
        world = World(Path(folder))
        try:
            yield world.start(), Path(folder)
        finally:
            world.served.stop()


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
    teller.step("nothing is left", lambda: same(before, world.inventory(plot.account)))


def _applied(plot: Plot, world: World, space: Workspace, teller: Teller) -> None:
    teller.step("plan after apply is empty", space.plan)
    teller.step("outputs", lambda: plot.check(world, space.outputs()))
    teller.step("second apply changes nothing", lambda: _unchanged(space.apply()))
    teller.step("a change behind its back", lambda: plot.behind(world, space.outputs()))
    teller.step("plan shows the change", lambda: space.plan(expect=CHANGED))
    name, undo = plot.undo
    teller.step(name, lambda: undo(world, space))
    teller.step("plan after that is empty", space.plan)
    for name, more in plot.more:
        teller.step(name, partial(more, world, space))
    _import(space, teller)


def _unchanged(written: str) -> None:
    if "0 added, 0 changed, 0 destroyed" not in written:
        raise CommandFailed(essence(written))


def _import(space: Workspace, teller: Teller) -> None:
    """Have every resource imported into an empty state; the plan is empty but for the known differences."""
    wanted = [one for one in space.resources() if one["type"] not in NOT_IMPORTABLE]
    other = Workspace(space.tools, space.folder.with_name("import"), space.data, space.account, space.variables)
    without = shutil.ignore_patterns("terraform.tfstate*", "plan")
    shutil.copytree(space.folder, other.folder, ignore=without, symlinks=True)
    (other.folder / "imports.tf").write_text("".join(map(_import_block, wanted)))
    (other.folder / "imports_override.tf").write_text("".join(map(_override_block, wanted)))
    changes: dict[str, dict[str, Any]] = {}
    if teller.step("import", lambda: changes.update({one["address"]: one for one in other.planned()})):
        for one in wanted:
            teller.step(f"import of {one['type']}", partial(imported, changes[one["address"]]))


def _import_block(resource: dict[str, Any]) -> str:
    return f'import {{\n  to = {resource["address"]}\n  id = "{import_id(resource)}"\n}}\n'


def _override_block(resource: dict[str, Any]) -> str:
    """Has the plan overlook what is known to differ after an import."""
    known = ", ".join(IMPORTED.get(resource["type"], {}))
    named = f'resource "{resource["type"]}" "{resource["name"]}"'
    return f"{named} {{\n  lifecycle {{\n    ignore_changes = [{known}]\n  }}\n}}\n" if known else ""


def imported(change: dict[str, Any]) -> None:
    """Raise CommandFailed unless the resource is imported, and nothing is planned for it."""
    what = change["change"]
    if "importing" in what and what["actions"] == ["no-op"]:
        return
    before, after, unknown = (what[name] or {} for name in ("before", "after", "after_unknown"))
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name) or unknown.get(name))
    shown = "; ".join(f"{name}: {before.get(name)!r} -> {after.get(name)!r}" for name in changed)
    raise CommandFailed(f"{change['address']}: {what['actions']} {what.get('replace_paths', '')} {shown}")
