"""The `kunsthalle` command."""

from __future__ import annotations

import os
import sys
from dataclasses import fields
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from kunsthalle import __version__
from kunsthalle.cli import common
from kunsthalle.config import BadSetting, Description, Settings, described, option, parse
from kunsthalle.local import trust


class _Verbs(click.Group):
    """The verbs that have a file of their own; each is loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_FILES})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _FILES.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(f"kunsthalle.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, which suggests only verbs that are loaded."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            name = error.command_name
            raise click.NoSuchCommand(name, possibilities=self.list_commands(ctx), ctx=ctx) from error


_FILES = {
    "account": "account_verb:account",
    "approvals": "approvals_verb:approvals",
    "audit": "audit_verb:audit",
    "check": "check_verb:check",
    "clock": "clock_verb:clock",
    "completion": "completion_verb:completion",
    "console": "console_verb:console",
    "diff": "diff_verb:diff",
    "doctor": "doctor_verb:doctor",
    "env": "env_verb:env",
    "fault": "fault_verb:fault",
    "images": "images_verb:images",
    "lineage": "lineage_verb:lineage",
    "master-key": "master_key_verb:master_key",
    "record": "record_verb:record",
    "report": "report_verb:report",
    "run": "run_verb:run",
    "scenario": "scenario_verb:scenario",
    "status": "status_verb:status",
    "usage": "usage_verb:usage",
    "worlds": "worlds_verb:worlds",
}
"""Verb, and where its command is."""


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kunsthalle")
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    envvar=trust.CA_FILE,
    help="Certificates to trust when a server of https is called, which env also exports",
)
def cli(ca_file: Path | None) -> None:
    """A private catalog for virtual-server images, wire-compatible with IBM Cloud VPC."""
    if ca_file is not None:
        os.environ[trust.CA_FILE] = str(ca_file.resolve())


_ENVIRONMENT = {
    "master_key_file": common.MASTER_KEY_FILE,
    "allow_seeded_keys": "KUNSTHALLE_ALLOW_SEEDED_KEYS",
    "reclamation_period": "KUNSTHALLE_RECLAMATION_PERIOD",
    "tls_cert": "KUNSTHALLE_TLS_CERT",
    "tls_key": "KUNSTHALLE_TLS_KEY",
}
"""Settings that are also read from the environment."""


class _SettingType(click.ParamType[Any]):
    """The text of an option, read by the settings' own rules."""

    def __init__(self, setting: Description) -> None:
        self.setting = setting
        names = {int: "integer", str: "text"}
        self.name = "|".join(setting.choices) or names.get(type(setting.default), "path")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        del param, ctx
        return value if not isinstance(value, str) else _read(self.setting.name, value)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        del param, ctx
        return f"[{self.name}]" if self.setting.choices else None

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        del param, ctx
        if self.setting.choices:
            return [CompletionItem(choice) for choice in self.setting.choices if choice.startswith(incomplete)]
        return [CompletionItem(incomplete, type="file")] if self.name == "path" else []


def _read(name: str, text: str) -> Any:
    try:
        return parse(name, text)
    except BadSetting as error:
        raise common.Refused(str(error)) from error


def _settings_options(function: Any) -> Any:
    """An option for each setting, from the settings' own table."""
    for setting in reversed(described()):
        more = _options_of(setting)
        words = (option(setting.name), setting.name)
        function = click.option(*words, type=_SettingType(setting), help=setting.help, **more)(function)
    return function


def _options_of(setting: Description) -> dict[str, Any]:
    if isinstance(setting.default, bool):
        return _flag(setting)
    return _several() if setting.several else _value(setting)


def _several() -> dict[str, Any]:
    """An option that may be repeated; the setting is one text."""
    return {"multiple": True, "callback": lambda _context, _option, texts: ",".join(texts)}


def _value(setting: Description) -> dict[str, Any]:
    shown = bool(str(setting.default))
    return {"default": setting.default, "show_default": shown, "envvar": _ENVIRONMENT.get(setting.name)}


def _flag(setting: Description) -> dict[str, Any]:
    """Given or not; its variable is read by our own words, for click's are others."""
    default = partial(os.environ.get, _ENVIRONMENT.get(setting.name, ""), setting.default)
    return {"is_flag": True, "flag_value": True, "default": default}


@cli.command()
@_settings_options
def serve(**changes: Any) -> None:
    """Run the server until it is interrupted.

    \b
    kunsthalle serve --scenario enterprise
    kunsthalle serve --data /var/lib/kunsthalle --database postgresql://…
    """
    from kunsthalle.cli import serve as server

    try:
        server.serve(Settings(**{field.name: changes[field.name] for field in fields(Settings)}))
    except (server.Refusal, BadSetting) as refusal:
        raise common.Refused(str(refusal)) from refusal


@cli.command()
@common.OUTPUT
def version(output: str) -> None:
    """Show the version of Kunsthalle and of the Python that runs it."""
    from platform import python_version

    versions = {"kunsthalle": __version__, "python": python_version()}
    click.echo(common.as_json(versions) if output == "json" else "\n".join(map(" ".join, versions.items())))


@cli.command()
@click.option(
    "--keep", type=click.Path(path_type=Path), default=None, help="Create the data in this new folder and keep it"
)
@click.option(
    option("hypervisor"),
    type=_SettingType(next(description for description in described() if description.name == "hypervisor")),
    default="auto",
    show_default=True,
    help="Where instances run; auto boots them with QEMU if it is installed",
)
@common.OUTPUT
def demo(keep: Path | None, hypervisor: str, output: str) -> None:
    """Run the main use case on new data with a generated image, and print each request and answer.

    With --output json: one JSON object for each step, one per line.
    """
    from kunsthalle.cli import demo as story

    sys.exit(story.run(keep, hypervisor, as_json=output == "json"))


@cli.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def ibmcloud(words: tuple[str, ...]) -> None:
    """Run the `ibmcloud` command of Kunsthalle, if another one comes first on the path.

    \b
    kunsthalle ibmcloud is images
    """
    from kunsthalle.ibmcloud.main import main as run

    run(words)


def main() -> None:
    """Entry point."""
    cli(prog_name="kunsthalle")


if __name__ == "__main__":
    main()
