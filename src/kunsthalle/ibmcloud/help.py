"""Help: of a command, of a group of commands, of everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kunsthalle.ibmcloud.grammar import Command
from kunsthalle.ibmcloud.printed_tables import grid

Commands = Mapping[tuple[str, ...], Command]


def _aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    return ["   " + line for line in grid(rows, header=False)] if rows else []


def of_command(command: Command) -> list[str]:
    """`NAME:`, `USAGE:`, `ALIAS:`, `OPTIONS:` (cli.md 1.1), and `EXAMPLES:`."""
    lines = ["NAME:", f"   {command.words} - {command.summary}", "", "USAGE:", f"   {command.synopsis()}"]
    if command.also:
        lines += ["", "ALIAS:", f"   {', '.join(command.also)}"]
    rows = []
    for flag in command.all_flags():
        words = f"{flag.help} One of: {', '.join(flag.choices)}." if flag.choices else flag.help
        rows.append((flag.label(), words.strip()))
    lines += ["", "OPTIONS:", *_aligned(rows)]
    return [*lines, "", "EXAMPLES:", *(f"   {example}" for example in command.examples)] if command.examples else lines


def of_group(words: Sequence[str], commands: Commands, groups: Mapping[str, str]) -> list[str]:
    """The commands below some words, aliases left out."""
    depth = len(words)
    rows: dict[str, str] = {}
    for path, command in commands.items():
        if path[:depth] != tuple(words) or command.words != " ".join(path):
            continue
        rest = path[depth:]
        deeper = len(rest) > 1
        rows.setdefault(rest[0], groups.get(" ".join(path[: depth + 1]), "") if deeper else command.summary)
    name = " ".join(["ibmcloud", *words])
    about = groups.get(" ".join(words), "")
    lines = ["NAME:", f"   {name} - {about}" if about else f"   {name}", ""]
    lines += ["USAGE:", f"   {name} COMMAND [arguments...] [command options]", "", "COMMANDS:"]
    lines += _aligned(list(rows.items()))
    return [*lines, "", f"Enter '{name} COMMAND --help' for more information about a command."]
