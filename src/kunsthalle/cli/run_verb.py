"""`kunsthalle run`: a command against a fresh world, for every test runner that is a program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from kunsthalle.cli.child_process import OWN_FAILURE, Child, check_command, ended
from kunsthalle.cli.record_verb import DURATIONS, check_writable, finish, started
from kunsthalle.testing.persona import Persona
from kunsthalle.testing.world import World
from kunsthalle.testing.world_server import WorldServer, WorldServerError


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--scenario", default="", help="Scenario file, or the name of one that ships; default: nothing more")
@click.option(
    "--record",
    "out",
    default=None,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Write a transcript of the run to this file",
)
@DURATIONS
@click.option("--account", default="publisher", show_default=True, help="Account that the command acts as")
@click.option("--clock", default="system", show_default=True, help="As for serve")
@click.option("--hypervisor", default="simulated", show_default=True, help="As for serve")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    command: tuple[str, ...], scenario: str, out: Path | None, durations: bool, account: str, **options: str
) -> None:
    """Run COMMAND against a fresh world, and end with its status.

    \b
    kunsthalle run -- terraform test
    kunsthalle run --scenario share-pending --account consumer-a -- ./deploy.sh
    kunsthalle run --record run.txt -- ./deploy.sh

    The world is a server on a free port, with data in a temporary folder; both end with the command. The environment
    holds what `kunsthalle env` prints, but for IBMCLOUD_ACCOUNT_ID, which stops Terraform: it is KUNSTHALLE_ACCOUNT_ID
    here. KUNSTHALLE_DATA lets the verbs of `kunsthalle` find the server. Status 127: no such command; 126: it cannot be
    run; 125: the server did not start.
    """
    check_command(command)
    if scenario:
        _check(scenario)
    if out is not None:
        check_writable(out)
    child = Child()
    child.handle()
    arguments = [part for name, text in options.items() for part in (f"--{name}", text)]
    try:
        with WorldServer(*arguments, "--ready", "0") as server, server.world() as world:
            if scenario:
                _apply(world, scenario)
            env = _environment(world, account)
            status = child.run(command, env) if out is None else _recorded(child, command, env, world, out, durations)
    except WorldServerError as error:
        raise ended(OWN_FAILURE, str(error)) from error
    sys.exit(status)


def _recorded(
    child: Child, command: tuple[str, ...], env: dict[str, str], world: World, out: Path, durations: bool
) -> int:
    """The command's status. What it called is written, however it ends."""
    recorder = started(world.recorder(durations=durations))
    try:
        return child.run(command, env)
    finally:
        finish(recorder, out)


def _check(scenario: str) -> None:
    """Refuse a file that is wrong before anything is started."""
    from kunsthalle.scenario_files.scenario_reading import BadScenario, find, read

    try:
        read(find(scenario))
    except BadScenario as error:
        raise ended(OWN_FAILURE, str(error)) from error


def _apply(world: World, scenario: str) -> None:
    from kunsthalle.scenario_files.applying import CannotApply

    try:
        world.apply(scenario)
    except CannotApply as error:
        raise ended(OWN_FAILURE, str(error)) from error


def _environment(world: World, account: str) -> dict[str, str]:
    """Of the command: the account's, and ours behind its PATH, so that `kunsthalle` and `ibmcloud` are found."""
    try:
        persona: Persona = world.persona(account)
    except KeyError as error:
        raise ended(OWN_FAILURE, f"--account: {error.args[0]}.") from error
    path = os.pathsep.join(filter(None, [os.environ.get("PATH", ""), str(Path(sys.executable).parent)]))
    more = {"KUNSTHALLE_ACCOUNT_ID": persona.account_id, "KUNSTHALLE_OPERATOR_TOKEN": world.operator_token}
    return {**persona.terraform_environment, **more, "PATH": path}
