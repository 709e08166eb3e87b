"""`kunsthalle run`: a command against a fresh world, for every test runner that is a program."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import click

from kunsthalle.testing.persona import Persona
from kunsthalle.testing.world import World
from kunsthalle.testing.world_server import WorldServer, WorldServerError

NOT_FOUND, NOT_EXECUTABLE, OWN_FAILURE = 127, 126, 125
"""As shells and `timeout` end: no such command, one that cannot be run, and what has to do with the server."""
_SIGNALLED = 128
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
"""Which a terminal sends to the command itself, too."""


def _ended(status: int, message: str) -> SystemExit:
    """The end with one line on standard error."""
    click.echo(f"Error: {message}", err=True)
    return SystemExit(status)


class _Child:
    """The command's process, to which signals are passed on. One that comes before there is a process ends us."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = False
        self._early: list[int] = []

    def handle(self) -> None:
        """Pass signals on from now on."""
        for number in _FORWARDED:
            signal.signal(number, self._pass_on)
        for number in _FROM_TERMINAL:
            signal.signal(number, self._leave_to_terminal if _is_in_foreground() else self._pass_on)

    def run(self, command: tuple[str, ...], env: dict[str, str]) -> int:
        """The status of the command, as a shell has it."""
        self._starting = True
        self._process = subprocess.Popen(command, env=env)  # noqa: S603  what the user asks for
        for number in self._early:
            self._process.send_signal(number)
        status = self._process.wait()
        return _SIGNALLED - status if status < 0 else status

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        if self._process is not None:
            self._process.send_signal(number)
        elif self._starting:
            self._early.append(number)
        else:
            raise SystemExit(_SIGNALLED + number)

    def _leave_to_terminal(self, number: int, frame: FrameType | None) -> None:
        if self._process is None:
            self._pass_on(number, frame)


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--scenario", default="", help="Scenario file, or the name of one that ships; default: nothing more")
@click.option("--account", default="publisher", show_default=True, help="Account that the command acts as")
@click.option("--clock", default="system", show_default=True, help="As for serve")
@click.option("--hypervisor", default="simulated", show_default=True, help="As for serve")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...], scenario: str, account: str, **options: str) -> None:
    """Run COMMAND against a fresh world, and end with its status.

    \b
    kunsthalle run -- terraform test
    kunsthalle run --scenario share-pending --account consumer-a -- ./deploy.sh

    The world is a server on a free port, with data in a temporary folder; both end with the command. The environment
    holds what `kunsthalle env` prints, but for IBMCLOUD_ACCOUNT_ID, which stops Terraform: it is KUNSTHALLE_ACCOUNT_ID
    here. KUNSTHALLE_DATA lets the verbs of `kunsthalle` find the server. Status 127: no such command; 126: it cannot be
    run; 125: the server did not start.
    """
    if shutil.which(command[0], mode=os.F_OK) is None:
        raise _ended(NOT_FOUND, f"There is no command {command[0]!r}: give a program on the PATH, or the path of one.")
    if scenario:
        _check(scenario)
    child = _Child()
    child.handle()
    arguments = [part for name, text in options.items() for part in (f"--{name}", text)]
    try:
        with WorldServer(*arguments, "--ready", "0") as server, server.world() as world:
            if scenario:
                _apply(world, scenario)
            status = _in_words(command, lambda: child.run(command, _environment(world, account)))
    except WorldServerError as error:
        raise _ended(OWN_FAILURE, str(error)) from error
    sys.exit(status)


def _check(scenario: str) -> None:
    """Refuse a file that is wrong before anything is started."""
    from kunsthalle.scenario_files.reading import BadScenario, find, read

    try:
        read(find(scenario))
    except BadScenario as error:
        raise _ended(OWN_FAILURE, str(error)) from error


def _apply(world: World, scenario: str) -> None:
    from kunsthalle.scenario_files.applying import CannotApply

    try:
        world.apply(scenario)
    except CannotApply as error:
        raise _ended(OWN_FAILURE, str(error)) from error


def _in_words(command: tuple[str, ...], start: Callable[[], int]) -> int:
    try:
        return start()
    except OSError as error:
        status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        raise _ended(status, f"{command[0]!r} cannot be run: {error.strerror or error}.") from error


def _environment(world: World, account: str) -> dict[str, str]:
    """Of the command: the account's, and ours behind its PATH, so that `kunsthalle` and `ibmcloud` are found."""
    try:
        persona: Persona = world.persona(account)
    except KeyError as error:
        raise _ended(OWN_FAILURE, f"--account: {error.args[0]}.") from error
    path = os.pathsep.join(filter(None, [os.environ.get("PATH", ""), str(Path(sys.executable).parent)]))
    more = {"KUNSTHALLE_ACCOUNT_ID": persona.account_id, "KUNSTHALLE_OPERATOR_TOKEN": world.operator_token}
    return {**persona.terraform_environment, **more, "PATH": path}
