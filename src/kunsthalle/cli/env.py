"""`kunsthalle env`: the environment variables that clients need."""

from __future__ import annotations

import time
from pathlib import Path

import click

from kunsthalle.cli import common
from kunsthalle.local import environment, folder, running
from kunsthalle.local.client import is_healthy

_BETWEEN_LOOKS = 0.1
"""Seconds."""


@click.command()
@common.data_option(resolved=False)
@click.option("--account", default="", help="Name of an account of the scenario: publisher, consumer-a, …")
@click.option("--format", "form", type=click.Choice(environment.FORMATS), default="dotenv", show_default=True)
@click.option("--operator", is_flag=True, help="Also print the operator token")
@click.option("--wait", type=click.FloatRange(0), default=0, metavar="SECONDS", help="Wait until the server answers")
def env(data: Path | None, account: str, form: str, operator: bool, wait: float) -> None:
    """Print the environment variables that clients need.

    \b
    eval "$(kunsthalle env --account consumer-a --format shell)"
    eval "$(kunsthalle env --account publisher --format terraform)"
    kunsthalle env --account publisher --format sdk > ibm-credentials.env
    kunsthalle env --account publisher --format github --wait 30 >> "$GITHUB_ENV"
    """
    if not account and not operator:
        raise click.UsageError("Missing option: give --account NAME, --operator, or both.")
    if form == "sdk" and not account:
        raise click.UsageError("Missing option: --format sdk needs --account NAME.")
    place = _awaited(data, wait) if wait else common.find_data(data)
    try:
        found = environment.variables(place, account, operator=operator)
    except folder.NoSuchWorld as error:
        raise click.ClickException(f"{place} contains no scenario. Create one: {common.MAKE} --data {place}") from error
    except KeyError as error:
        raise click.ClickException(
            f"Unknown account: {account!r}. Use one of: {', '.join(environment.accounts(place))}."
        ) from error
    if not running.is_running(place):
        click.echo(
            f"Warning: no server runs on {place}; this is the address of the last one."
            f" Start it: kunsthalle serve --data {place}",
            err=True,
        )
    click.echo(environment.render(found, form))


def _awaited(data: Path | None, seconds: float) -> Path:
    """The data folder, once its server answers. Refused when it does not in time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            place = common.find_data(data)
            why = f"no server runs on {place}"
            if running.is_running(place) and is_healthy(folder.url(place), folder.ca_file(place)):
                return place
        except common.Refused as refusal:
            why = refusal.message
        if time.monotonic() > deadline:
            raise common.Refused(f"Nothing answered within {seconds:g} seconds: {why.rstrip('.')}.")
        time.sleep(_BETWEEN_LOOKS)
