"""The terminal (cli.md 1.1, 1.4): what goes to which stream, in which colour, and what is asked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from kunsthalle.core.text_values import SWITCH, boolean, integer
from kunsthalle.ibmcloud.command_errors import Failed, Interrupted
from kunsthalle.local.display import escape_all_but_colours, is_terminal, takes_colours


def _painted(codes: str, text: str) -> str:
    return f"\x1b[{codes}m{text}\x1b[0m" if text else text


def bold(text: str) -> str:
    return _painted("1", text)


def cyan(text: str) -> str:
    return _painted("36;1", text)


def said(env: Mapping[str, str], name: str) -> str:
    """A variable of the environment, under its name or its old one (cli.md 1.6)."""
    return env.get(f"IBMCLOUD_{name}") or env.get(f"BLUEMIX_{name}") or ""


def switched(env: Mapping[str, str], name: str) -> bool | None:
    """A variable that is on or off; None where nobody said."""
    return boolean(said(env, name), SWITCH)


def wants_colour(env: Mapping[str, str], out: Any, configured: str) -> bool:
    """Only on a terminal that is not dumb, and unless it was switched off."""
    if not takes_colours(out, env):
        return False
    chosen = switched(env, "COLOR")
    return boolean(configured, SWITCH) is not False if chosen is None else chosen


class Terminal:
    """Tables, progress, OK and prompts go to `out`; FAILED, its message and warnings to `err`."""

    def __init__(self, stdin: TextIO, out: TextIO, err: TextIO) -> None:
        self.stdin, self.out, self.err = stdin, out, err
        self.colour = False
        self.quiet = False
        self.json = False

    def write(self, stream: TextIO, text: str) -> None:
        """Writes at once, without what a terminal would obey, but for colours.

        A reader who has gone away is not an error: the work goes on without them.
        """
        text = escape_all_but_colours(text)
        try:
            stream.write(text)
            stream.flush()
        except UnicodeEncodeError:
            with contextlib.suppress(OSError):
                stream.write(text.encode("ascii", "backslashreplace").decode())
                stream.flush()
        except (BrokenPipeError, ValueError):
            self._forget(stream)

    def _forget(self, stream: TextIO) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)

    def lines(self, lines: Sequence[str]) -> None:
        """What was asked for: shown whatever the mode."""
        self.write(self.out, "".join(f"{line}\n" for line in lines))

    def say(self, text: str = "") -> None:
        """Progress and the like: not when quiet, and not beside JSON."""
        if not self.quiet and not self.json:
            self.write(self.out, text + "\n")

    def ok(self) -> None:
        self.say(_painted("32;1", "OK") if self.colour else "OK")

    def warn(self, text: str) -> None:
        if not self.quiet:
            self.write(self.err, text + "\n")

    def failed(self, message: str) -> None:
        """FAILED, the message, an empty line; of these the message alone when quiet."""
        head = _painted("31;1", "FAILED") if self.colour else "FAILED"
        self.write(self.err, f"{message}\n" if self.quiet else f"{head}\n{message}\n\n")

    def _prompt(self, text: str) -> None:
        self.write(self.err if self.json else self.out, text)

    def _answer(self) -> str:
        line = self.stdin.readline()
        if not line:
            self._prompt("\n")
            raise Failed("Could not read from input: EOF")
        return line.strip()

    def confirm(self, question: str) -> bool:
        """y, yes, n, no; Enter is no; anything else is asked again."""
        while True:
            self._prompt(f"{question} [y/N] ?> ")
            answer = self._answer().lower()
            if answer in {"y", "yes"}:
                return True
            if answer in {"n", "no", ""}:
                return False
            self._prompt("Please enter 'y', 'n', 'yes' or 'no'.\n")

    def agree(self, question: str) -> bool:
        """As `confirm`, where Enter is yes."""
        while True:
            self._prompt(f"{question} [Y/n] > ")
            answer = self._answer().lower()
            if answer in {"y", "yes", ""}:
                return True
            if answer in {"n", "no"}:
                return False
            self._prompt("Please enter 'y', 'n', 'yes' or 'no'.\n")

    def choose(self, title: str, choices: Sequence[str]) -> int:
        """The position of a choice in a numbered list."""
        listed = "".join(f"{number}. {choice}\n" for number, choice in enumerate(choices, 1))
        self._prompt(f"{title}\n{listed}")
        while True:
            self._prompt("Enter a number> ")
            answer = self._answer()
            number = integer(answer, 1, len(choices))
            if number is not None:
                return number - 1

    def secret(self, text: str) -> str:
        """What is typed without an echo; from a pipe it is read as it is."""
        if not is_terminal(self.stdin):
            self._prompt(text)
            return self._answer()
        from getpass import getpass

        try:
            return getpass(text, self.out)
        except EOFError as error:
            raise Failed("Could not read from input: EOF") from error
        except KeyboardInterrupt as error:
            raise Interrupted from error
