"""`kunsthalle config`: what is set and where, whether a server can run with it, and an example of the file."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from kunsthalle.cli import common
from kunsthalle.cli import setting_options as settings
from kunsthalle.config_example import example as example_file
from kunsthalle.config_sources import BadSettings, Loaded
from kunsthalle.core.masked_values import masked
from kunsthalle.settings import BadSetting, Settings, described

_COLUMNS = ("SETTING", "VALUE", "FROM")


@click.group()
def config() -> None:
    """Show or check settings.

    Settings come from a file (TOML), the environment (KUNSTHALLE_PORT, ...) and options of serve; later ones win.

    \b
    kunsthalle config show
    kunsthalle config check kunsthalle.toml
    kunsthalle config example > kunsthalle.toml
    """


@config.command()
@settings.options
@click.option("--changed", is_flag=True, help="Only settings that are not at their default")
@common.OUTPUT
@click.pass_context
def show(context: click.Context, /, config: str | None, output: str, changed: bool, **_options: Any) -> None:
    """Show each setting, its value and where it comes from. Secrets are masked.

    Takes the options of serve, and shows what serve would run with.
    """
    loaded = settings.load(config, settings.given(context))
    try:
        known = loaded.checked()
    except BadSettings as errors:
        raise common.Refused(str(errors)) from errors
    rows = [row for row in _rows(known, loaded) if not changed or row["source"] != "default"]
    if output == "json":
        click.echo(common.as_json({"file": str(loaded.file) if loaded.file else None, "settings": rows}))
        return
    click.echo(f"File: {loaded.file or 'none'}\n")
    click.echo(common.table(_COLUMNS, [(row["name"], _text(row["value"]), row["place"]) for row in rows]))


def _rows(known: Settings, loaded: Loaded) -> list[dict[str, Any]]:
    rows = []
    for setting in described():
        source, value = loaded.source(setting.name), getattr(known, setting.name)
        if setting.section is not None:
            value = [_masked_record(record) for record in value]
        elif setting.secret:
            value = masked(value)
        elif isinstance(value, Path):
            value = str(value)
        rows.append({"name": setting.name, "value": value, "source": source.kind, "place": source.place})
    return rows


def _masked_record(record: Any) -> dict[str, Any]:
    table: type = type(record)
    secrets = {setting.name for setting in described(table) if setting.secret}
    return {name: masked(value) if name in secrets else value for name, value in asdict(record).items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "; ".join(", ".join(f"{name}={field}" for name, field in record.items()) for record in value)
    return str(value)


@config.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@common.OUTPUT
def check(file: str | None, output: str) -> None:
    """Check the file, the environment and the files they name. Exit code 1, with a line for each error.

    Without FILE: the file that serve would read.
    """
    loaded = settings.load(file, {})
    errors = list(loaded.errors) if loaded.settings is None else _of_other_files(loaded.settings, loaded)
    if output == "json":
        place = str(loaded.file) if loaded.file else None
        click.echo(common.as_json({"file": place, "valid": not errors, "errors": errors}))
    else:
        for error in errors:
            click.echo(f"Error: {error}", err=True)
        if not errors:
            click.echo(f"No error in {loaded.file or 'the environment'}: {len(loaded.sources)} settings are set.")
    sys.exit(1 if errors else 0)


def _of_other_files(known: Settings, loaded: Loaded) -> list[str]:
    """What is wrong with addresses of stores, files of TLS and identity providers, of which nothing is made."""
    from kunsthalle.cli.serve import Refusal, check_addresses

    errors = []
    try:
        check_addresses(known)
    except Refusal as refusal:
        errors.append(loaded.with_place(str(refusal)))
    if known.tls_cert:
        from kunsthalle.cli.tls import read

        try:
            read(known)
        except BadSetting as error:
            errors.append(loaded.with_place(str(error)))
    if known.providers or known.oidc_providers:
        from kunsthalle.oidc.providers import of_settings

        try:
            of_settings(known, os.environ)
        except BadSetting as error:
            errors.append(loaded.with_place(str(error)))
    return errors


@config.command()
def example() -> None:
    """Print a file with every setting, its default and what it is, each commented out."""
    click.echo(example_file(), nl=False)


__all__ = ["config"]
