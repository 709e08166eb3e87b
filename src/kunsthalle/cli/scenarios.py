"""`kunsthalle scenario`: the whole state saved under a name, and back again."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from kunsthalle.cli import common, scenario_files
from kunsthalle.local.text_tables import line

_PATH = "/_kunsthalle/scenarios"
_COLUMNS = ("NAME", "SAVED AT", "CLOCK", "SIZE")
_PATIENCE = 600


@click.group()
def scenario() -> None:
    """Save all data of the server under a name and load it again; make what a scenario file says.

    \b
    kunsthalle scenario apply share-pending
    kunsthalle scenario validate mine.yaml
    kunsthalle scenario save shared-and-booted
    kunsthalle scenario list
    kunsthalle scenario load shared-and-booted
    """


for _verb in (
    scenario_files.apply,
    scenario_files.export,
    scenario_files.validate,
    scenario_files.schema,
    scenario_files.shipped,
):
    scenario.add_command(_verb)


@scenario.command()
@click.argument("name")
@click.option("--replace", is_flag=True, help="Replace an existing scenario of this name")
@common.DATA
@common.OUTPUT
def save(name: str, replace: bool, data: Path, output: str) -> None:
    """Save all data as scenario NAME."""
    body = {"name": name, "replace": replace}
    _say([common.operate(data, "POST", _PATH, body, timeout=_PATIENCE)], output)


@scenario.command()
@click.argument("name")
@common.DATA
@common.OUTPUT
def load(name: str, data: Path, output: str) -> None:
    """Load scenario NAME. Later changes are lost, and faults are cleared."""
    loaded = common.operate(data, "POST", f"{_PATH}/{quote(name, safe='')}/load", timeout=_PATIENCE)
    _say([loaded], output)
    if output != "json" and loaded["cleared_faults"]:
        click.echo(f"Faults cleared: {loaded['cleared_faults']}")


@scenario.command(name="list")
@common.DATA
@common.OUTPUT
def list_(data: Path, output: str) -> None:
    """List the saved scenarios."""
    _say(common.operate(data, "GET", _PATH)["scenarios"], output)


@scenario.command()
@click.argument("name")
@common.DATA
@common.OUTPUT
def remove(name: str, data: Path, output: str) -> None:
    """Delete scenario NAME."""
    gone = common.operate(data, "DELETE", f"{_PATH}/{quote(name, safe='')}")
    click.echo(common.as_json(gone) if output == "json" else line(f"Removed: {gone['name']}"))


def _say(scenarios: list[dict[str, Any]], output: str) -> None:
    if output == "json":
        click.echo(common.as_json(scenarios))
        return
    rows = ((one["name"], one["saved_at"], one["now"], _size(one["size_bytes"])) for one in scenarios)
    click.echo(common.table(_COLUMNS, rows))


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
