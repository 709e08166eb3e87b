"""What shells complete: the words of commands, and their options. click knows the shells; nothing runs here."""

from __future__ import annotations

from collections.abc import Mapping

import click
from click.shell_completion import shell_complete

from kunsthalle.ibmcloud import registry
from kunsthalle.ibmcloud.grammar import Command, Flag, dashed

VARIABLE = "_IBMCLOUD_COMPLETE"
"""The variable of the environment in which a shell asks."""


def _option(number: int, flag: Flag) -> click.Option:
    names = [dashed(name) for name in (flag.name, *flag.also)]
    if not flag.value:
        return click.Option([f"option_{number}", *names], is_flag=True, help=flag.help)
    kind = click.Choice(flag.choices) if flag.choices else None
    return click.Option([f"option_{number}", *names], type=kind, help=flag.help)


def _leaf(name: str, command: Command) -> click.Command:
    options: list[click.Parameter] = [_option(number, flag) for number, flag in enumerate(command.all_flags())]
    return click.Command(name, params=options, short_help=command.summary, add_help_option=False)


def tree() -> click.Group:
    """All commands as click sees them. A word that is a command and a group at once is the group."""
    root = click.Group("ibmcloud", add_help_option=False)
    for path, command in sorted(registry.everything().items(), key=lambda item: -len(item[0])):
        group = root
        for word in path[:-1]:
            below = group.commands.setdefault(word, click.Group(word, add_help_option=False))
            group = below if isinstance(below, click.Group) else root
        group.commands.setdefault(path[-1], _leaf(path[-1], command))
    return root


def complete(env: Mapping[str, str]) -> int:
    """Answers the shell's question; the exit code."""
    return shell_complete(tree(), {}, "ibmcloud", VARIABLE, env[VARIABLE])
