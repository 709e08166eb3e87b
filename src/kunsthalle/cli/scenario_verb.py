"""`kunsthalle scenario`: the whole state saved under a name, and back again."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from kunsthalle.cli import common, scenario_files_verb
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
    kunsthalle scenario save shared --file shared.khs
    kunsthalle scenario load shared.khs --data elsewhere
    """


for _verb in (
    scenario_files_verb.apply,
    scenario_files_verb.export,
    scenario_files_verb.validate,
    scenario_files_verb.schema,
    scenario_files_verb.shipped,
):
    scenario.add_command(_verb)


_FILE = click.Path(dir_okay=False, path_type=Path)
_REPLACE = click.option("--replace", is_flag=True, help="Replace an existing scenario, or file, of this name")


@scenario.command()
@click.argument("name")
@_REPLACE
@click.option("--file", type=_FILE, default=None, help="Also write it as this one file, which moves between machines")
@common.DATA
@common.OUTPUT
def save(name: str, replace: bool, file: Path | None, data: Path, output: str) -> None:
    """Save all data as scenario NAME.

    With --file also as one file, for `load` on another machine, with SQLite or PostgreSQL, and in later releases.
    It holds API keys.
    """
    if file is not None:
        _refuse_existing(file, replace)
    body = {"name": name, "replace": replace}
    saved = common.operate(data, "POST", _PATH, body, timeout=_PATIENCE)
    if file is not None:
        _pack(data, name, file)
    _say([saved], output)


@scenario.command()
@click.argument("name")
@click.argument("file", type=_FILE)
@_REPLACE
@common.DATA
def pack(name: str, file: Path, replace: bool, data: Path) -> None:
    """Write the saved scenario NAME as one FILE, which moves between machines. It holds API keys."""
    _refuse_existing(file, replace)
    _pack(data, name, file)
    click.echo(line(f"Written: {file}"))


def _refuse_existing(file: Path, replace: bool) -> None:
    if file.exists() and not replace:
        raise common.Refused(f"There is a file {file} already: --replace, or choose another name.")


def _pack(data: Path, name: str, file: Path) -> None:
    from kunsthalle.operator import saved_states, state_archives

    place = data / saved_states.FOLDER / name
    if not saved_states.NAME.fullmatch(name) or not (place / saved_states.ABOUT).is_file():
        raise common.Refused(f"There is no saved scenario {name!r} in {data}: kunsthalle scenario list.")
    try:
        state_archives.pack(place, file)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror or error}.") from error


@scenario.command()
@click.argument("name")
@click.option(
    "--name", "kept_name", default="", help="For a file: the name to keep it under; default: the one it was saved as"
)
@_REPLACE
@click.option(
    "--without-secrets",
    is_flag=True,
    help="If it was encrypted with a master key that is not here: empty what catalogs keep for other systems",
)
@common.DATA
@common.OUTPUT
def load(name: str, kept_name: str, replace: bool, without_secrets: bool, data: Path, output: str) -> None:
    """Load scenario NAME, or a file that `save --file` wrote. Later changes are lost, and faults are cleared."""
    if _is_file(name):
        name = _unpack(data, Path(name), kept_name, replace)
    path = f"{_PATH}/{quote(name, safe='')}/load"
    loaded = common.operate(data, "POST", path, {"without_secrets": without_secrets}, timeout=_PATIENCE)
    _say([loaded], output)
    if output != "json" and loaded["cleared_faults"]:
        click.echo(f"Faults cleared: {loaded['cleared_faults']}")


def _is_file(text: str) -> bool:
    return "/" in text or Path(text).is_file()


def _unpack(data: Path, file: Path, name: str, replace: bool) -> str:
    """Keeps what is in a file as a saved scenario; its name."""
    from kunsthalle.operator import saved_states, state_archives

    try:
        name = name or state_archives.read_manifest(file).name
        if not saved_states.NAME.fullmatch(name):
            raise common.Refused(f"Invalid name of a scenario: {name!r}. Allowed: a-z, 0-9, '.', '-', '_', at most 63.")
        place = data / saved_states.FOLDER / name
        if place.exists() and not replace:
            raise common.Refused(f"There is a scenario {name!r} already: --replace, or --name ANOTHER.")
        state_archives.unpack(file, place)
    except state_archives.BadArchive as error:
        raise common.Refused(line(error)) from error
    return name


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
    rows = (
        (scenario["name"], scenario["saved_at"], scenario["now"], _size(scenario["size_bytes"]))
        for scenario in scenarios
    )
    click.echo(common.table(_COLUMNS, rows))


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
