"""`kunsthalle clock`: the product's time, read and moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kunsthalle.cli import common


@click.group(invoke_without_command=True)
@common.data_option(resolved=False)
@common.OUTPUT
@click.pass_context
def clock(context: click.Context, data: Path | None, output: str) -> None:
    """Read the product clock, or move it.

    \b
    kunsthalle clock
    kunsthalle clock advance 7d
    kunsthalle clock to 2027-01-01T00:00:00Z
    """
    context.obj = data
    if context.invoked_subcommand is None:
        _say(common.operate(common.find_data(data), "GET", "/_kunsthalle/clock"), output)


@clock.command()
@click.argument("duration")
@common.data_option(resolved=False)
@common.OUTPUT
@click.pass_obj
def advance(outer: Path | None, duration: str, data: Path | None, output: str) -> None:
    """Move the clock forward: 7d, 30m, P7D. Returns after all due jobs have run."""
    _move(common.find_data(data or outer), {"advance": duration}, output)


@clock.command()
@click.argument("moment")
@common.data_option(resolved=False)
@common.OUTPUT
@click.pass_obj
def to(outer: Path | None, moment: str, data: Path | None, output: str) -> None:
    """Move the clock forward to a time (RFC 3339)."""
    _move(common.find_data(data or outer), {"to": moment}, output)


def _move(data: Path, body: dict[str, str], output: str) -> None:
    _say(common.operate(data, "POST", "/_kunsthalle/clock", body, timeout=3_600), output)


def _say(answer: dict[str, Any], output: str) -> None:
    click.echo(common.as_json(answer) if output == "json" else answer["now"])
