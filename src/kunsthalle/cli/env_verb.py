"""`kunsthalle env`: the environment variables that clients need."""

from __future__ import annotations

import json
import os
import shlex
import time
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import click

from kunsthalle.cli import common
from kunsthalle.local import environment, folder, running
from kunsthalle.local.client import CallFailed, access_token, call, is_healthy
from kunsthalle.local.text_tables import line

_BETWEEN_LOOKS = 0.1
"""Seconds."""
_UNTIL_ELSEWHERE = 3.0
"""Seconds in which a server that was just started in the working directory makes its data folder."""
_KEY = "IBMCLOUD_API_KEY"
_LONGEST_FILE = 64 * 1024
"""Characters that are read of a file with a key."""


@click.command()
@common.data_option(resolved=False)
@click.option(
    "--account",
    default="",
    help="Name of an account of the scenario: publisher, consumer-a, …; of another one whose API key is at hand",
)
@click.option(
    "--key-file",
    type=click.File(),
    default=None,
    help="File with an API key, as account create --output json prints it; - for stdin; default: IBMCLOUD_API_KEY",
)
@click.option("--format", "form", type=click.Choice(environment.FORMATS), default="dotenv", show_default=True)
@click.option("--operator", is_flag=True, help="Also print the operator token")
@click.option("--wait", type=click.FloatRange(0), default=0, metavar="SECONDS", help="Wait until the server answers")
def env(data: Path | None, account: str, key_file: IO[str] | None, form: str, operator: bool, wait: float) -> None:
    """Print the environment variables that clients need.

    \b
    eval "$(kunsthalle env --account consumer-a --format shell)"
    eval "$(kunsthalle env --account publisher --format terraform)"
    kunsthalle env --account publisher --format sdk > ibm-credentials.env
    kunsthalle env --account publisher --format github --wait 30 >> "$GITHUB_ENV"
    kunsthalle account create acme --owner MAIL --output json > acme.json
    kunsthalle env --key-file acme.json
    """
    if not account and not operator and key_file is None:
        raise click.UsageError("Missing option: give --account NAME, --key-file FILE, or --operator.")
    if form == "sdk" and not account and key_file is None:
        raise click.UsageError("Missing option: --format sdk needs --account NAME or --key-file FILE.")
    place = _awaited(data, wait) if wait else common.find_data(data)
    if data is None and place != common.HERE:
        click.echo(f"Note: no server runs on {common.HERE.resolve()}; this is your server on {place}.", err=True)
    try:
        owner = _owner(place, account, key_file)
        variables = environment.variables(place, account, operator=operator, owner=owner)
    except folder.NoSuchWorld as error:
        raise click.ClickException(f"{place} contains no scenario. Create one: {common.MAKE} --data {place}") from error
    if not running.is_running(place):
        click.echo(
            f"Warning: no server runs on {place}; this is the address of the last one."
            f" Start it: kunsthalle serve --data {place}",
            err=True,
        )
    click.echo(environment.render(variables, form))


def _owner(data: Path, account: str, key_file: IO[str] | None) -> dict[str, str] | None:
    """Who the key that is at hand belongs to, where it is needed: None for accounts of the scenario."""
    known = environment.accounts(data)
    if key_file is None and (not account or account in known):
        return None
    named, key = "--key-file", ""
    if key_file is not None:
        key = _key_of(key_file.read(_LONGEST_FILE))
    else:
        named, key = _KEY, os.environ.get(_KEY, "")
    if not key:
        raise click.ClickException(_no_key(account, known))
    try:
        url, trusted = folder.url(data), folder.ca_file(data)
        token = access_token(url, key, trusted)
        claims = json.loads(urlsafe_b64decode(token.split(".")[1] + "==="))
        id_, iam_id = claims["account"]["bss"], claims["iam_id"]
        if not id_:
            raise click.ClickException(f"{named}: the key is of somebody who has not accepted their invitation yet.")
        name = call(url, "GET", f"/v1/accounts/{id_}", token, ca_file=trusted)["name"] if account else ""
    except CallFailed as error:
        raise click.ClickException(f"{named}: {error}") from error
    if account not in {"", id_, name}:
        text = f"{named}: the key is of the account {line(name)} ({id_}), not of {account!r}."
        raise click.ClickException(text if key_file is not None else f"{_no_key(account, known)} {text}")
    return {"api_key": key, "account_id": id_, "iam_id": iam_id}


def _key_of(content: str) -> str:
    """The API key of a file: of a document with `api_key` or `apikey`, or the text itself."""
    try:
        document = json.loads(content)
    except ValueError:
        document = content.strip()
    api_key = document.get("api_key") or document.get("apikey") if isinstance(document, dict) else document
    if not isinstance(api_key, str) or len(api_key.split()) != 1 or not api_key.isascii():
        raise common.Refused(
            "--key-file: no API key; give a file with a key, or with the JSON that has one as api_key."
        )
    return api_key


def _no_key(account: str, known: Sequence[str]) -> str:
    text = f"Unknown account: {account!r}."
    if known:
        text += f" Use one of: {', '.join(known)}."
    return (
        f"{text} The key of any other account was shown once, when it was made: give it with --key-file FILE or"
        f" {_KEY}. Make another: kunsthalle account key create {shlex.quote(account)} --user MAIL --output json."
    )


def _awaited(data: Path | None, seconds: float) -> Path:
    """The data folder, once its server answers. Refused when it does not in time.

    Told no folder, it waits for the server of the working directory: of others of the user only where that has no data
    folder, and has had a moment to get one, as a server that was started just before makes its own.
    """
    begun = time.monotonic()
    while True:
        waited = time.monotonic() - begun
        near = data is None and (common.HERE.exists() or waited < _UNTIL_ELSEWHERE)
        try:
            place = common.HERE if near else common.find_data(data)
            why = f"no server runs on {place.resolve() if near else place}"
            if running.is_running(place) and is_healthy(folder.url(place), folder.ca_file(place)):
                return place
        except common.Refused as refusal:
            why = refusal.message
        if waited > seconds:
            others = ", ".join(line(other) for other in running.folders()) if near else ""
            more = f" Servers of yours run elsewhere: {others}; choose one: --data FOLDER." if others else ""
            raise common.Refused(f"Nothing answered within {seconds:g} seconds: {why.rstrip('.')}.{more}")
        time.sleep(_BETWEEN_LOOKS)
