"""A command that runs on behalf of ours: it gets our signals, and we end with its status."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from types import FrameType

import click

NOT_FOUND, NOT_EXECUTABLE, OWN_FAILURE = 127, 126, 125
"""As shells and `timeout` end: no such command, one that cannot be run, and what has to do with the server."""
_SIGNALLED = 128
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
"""Which a terminal sends to the command itself, too."""


def ended(status: int, message: str) -> SystemExit:
    """The end with one line on standard error."""
    click.echo(f"Error: {message}", err=True)
    return SystemExit(status)


class Child:
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
        """The status of the command, as a shell has it. Ends with 126 or 127 where it cannot be run."""
        try:
            return self._run(command, env)
        except OSError as error:
            status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
            raise ended(status, f"{command[0]!r} cannot be run: {error.strerror or error}.") from error

    def _run(self, command: tuple[str, ...], env: dict[str, str]) -> int:
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


def check_command(command: tuple[str, ...]) -> None:
    """End with 127 where there is no such command."""
    if shutil.which(command[0], mode=os.F_OK) is None:
        raise ended(NOT_FOUND, f"There is no command {command[0]!r}: give a program on the PATH, or the path of one.")
