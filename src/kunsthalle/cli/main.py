"""The `kunsthalle` command."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from kunsthalle import __version__
from kunsthalle.cli import common
from kunsthalle.cli import setting_options as settings
from kunsthalle.config_sources import BadSettings, Loaded
from kunsthalle.local import trust
from kunsthalle.settings import BadSetting, described, option


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
    "backup": "backup_verb:backup",
    "check": "check_verb:check",
    "clock": "clock_verb:clock",
    "completion": "completion_verb:completion",
    "config": "config_verb:config",
    "console": "console_verb:console",
    "diff": "diff_verb:diff",
    "disks": "disks_verb:disks",
    "doctor": "doctor_verb:doctor",
    "env": "env_verb:env",
    "fault": "fault_verb:fault",
    "host": "host_verb:host",
    "images": "images_verb:images",
    "keys": "keys_verb:keys",
    "lineage": "lineage_verb:lineage",
    "master-key": "master_key_verb:master_key",
    "migrate": "migrate_verb:migrate",
    "quota": "quota_verb:quota",
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


@cli.command()
@settings.options
@click.pass_context
def serve(context: click.Context, /, config: str | None, **_options: Any) -> None:
    """Run the server until it is interrupted.

    Each setting is an option, an environment variable such as KUNSTHALLE_PORT, or a key of the file; an option wins
    over a variable, a variable over the file. 'kunsthalle config show' says where each comes from.

    \b
    kunsthalle serve --scenario enterprise
    kunsthalle serve --data /var/lib/kunsthalle --database postgresql://…
    kunsthalle serve --config kunsthalle.toml
    """
    from kunsthalle.cli import serve as server

    def load() -> Loaded:
        return settings.load(config, settings.given(context))

    try:
        loaded = load()
        server.tell_file(loaded)
        server.serve(loaded.checked(), load)
    except BadSettings as errors:
        raise common.Refused(str(errors)) from errors
    except (server.Refusal, BadSetting) as refusal:
        raise common.Refused(loaded.with_place(str(refusal))) from refusal


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
    type=settings.SettingType(next(description for description in described() if description.name == "hypervisor")),
    default="auto",
    show_default=True,
    help="Where instances run; auto boots them with QEMU if it is installed",
)
@common.OUTPUT
def demo(keep: Path | None, hypervisor: str, output: str) -> None:
    """Run the main use case on new data with a generated image, and print each request and answer.

    With --output json: one JSON object for each step, one per line.
    """
    from kunsthalle.cli import demo_verb as story

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
