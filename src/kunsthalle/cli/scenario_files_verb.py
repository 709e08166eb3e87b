"""`kunsthalle scenario apply|export|validate|schema|shipped`: scenario files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kunsthalle.cli import common
from kunsthalle.cli.common import Refused


@click.command()
@click.argument("file")
@common.DATA
@common.OUTPUT
def apply(file: str, data: Path, output: str) -> None:
    """Make everything that a scenario file says, on a running server. Applying it again changes nothing.

    FILE is a path, or the name of a scenario that ships (`kunsthalle scenario shipped`).
    """
    from kunsthalle.scenario_files.applying import CannotApply
    from kunsthalle.scenario_files.applying import apply as make
    from kunsthalle.scenario_files.scenario_reading import BadScenario, find, read

    try:
        made = make(data, read(find(file))).made
    except BadScenario as error:
        raise Refused(str(error)) from error
    except CannotApply as error:
        raise click.ClickException(str(error)) from error
    if output == "json":
        click.echo(common.as_json({"made": made}))
    else:
        click.echo("\n".join([f"Made: {part}" for part in made]) or "Nothing to do: everything is there.")


@click.command()
@click.argument("files", nargs=-1, required=True)
def validate(files: tuple[str, ...]) -> None:
    """Check scenario files without a server. Ends with 2 at the first that is wrong: file, line, what is allowed."""
    from kunsthalle.scenario_files.scenario_reading import BadScenario, find, read

    for file in files:
        try:
            click.echo(f"{file}: {read(find(file)).scenario.description}")
        except BadScenario as error:
            raise Refused(str(error)) from error


@click.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from kunsthalle.scenario_files.schemas import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@click.command()
@common.OUTPUT
def shipped(output: str) -> None:
    """List the scenarios that ship, and what each is good for."""
    from kunsthalle.scenario_files.scenario_reading import read
    from kunsthalle.scenario_files.scenario_reading import shipped as every

    rows = [(name, read(path).scenario.description) for name, path in every().items()]
    click.echo(common.as_json(dict(rows)) if output == "json" else common.table(("NAME", "FOR"), rows))


@click.command()
@click.option("--description", default="Exported.", show_default=True, help="The sentence that the file begins with")
@common.DATA
def export(description: str, data: Path) -> None:
    """Print what the server holds as a scenario file: accounts, users, images, catalogs, instances, faults.

    The bytes of images are not in it, nor what was deleted, nor how far the clock was moved.
    """
    from kunsthalle.local.client import CallFailed
    from kunsthalle.scenario_files.exporting import export as written

    try:
        click.echo(written(data, description), nl=False)
    except CallFailed as error:
        raise click.ClickException(str(error)) from error
