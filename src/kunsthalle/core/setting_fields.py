"""How a setting is declared: a field of a dataclass, with one line of help and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any

_LARGEST = 2**31 - 1
Allowed = Callable[[Any], str]
"""What is allowed for a setting, when the value given is not; an empty text when it is."""


def setting(
    default: Any,
    text: str,
    *,
    choices: tuple[str, ...] = (),
    least: int = 0,
    most: int = _LARGEST,
    allowed: Allowed | None = None,
    several: bool = False,
    secret: bool = False,
    reload: bool = False,
    option: bool = True,
    variable: str = "",
) -> Any:
    """`choices` are all values of a text; `least` and `most` bound a number; `allowed` knows any other rule.

    The option of `several` may be repeated: the values are then joined with commas. A `secret` is shown nowhere, and
    may also be in a file that `NAME_file` names. SIGHUP applies a setting of `reload`; all others need a restart.
    Without `option` it is set in the file or the environment only, `variable` being its name there if another setting
    of clients has that which it would get.
    """
    rule = allowed
    if choices:
        rule = _one_of(choices)
    elif isinstance(default, bool):
        rule = _flag
    elif isinstance(default, int):
        rule = _from_to(least, most)
    described = {"help": text, "choices": choices, "allowed": rule, "several": several, "secret": secret}
    more = {"reload": reload, "option": option, "variable": variable, "section": None}
    return field(default=default, metadata={**described, **more})


def sections(section: type, text: str, *, reload: bool = False) -> Any:
    """A setting whose value is a tuple of `section`: a frozen dataclass with the fields `name` (text, one of a kind)
    and others, all declared with `setting`. Its `__post_init__` calls `check_fields`, and may raise BadSetting itself.

    In the file each is a table `[[NAME]]`; the environment variable holds a JSON list of objects; there is no option.
    """
    described = {"help": text, "choices": (), "allowed": _named_once, "several": False, "secret": False}
    return field(
        default=(),
        metadata={**described, "reload": reload, "option": False, "variable": "", "section": section},
    )


def _named_once(sections: Any) -> str:
    names = [section.name for section in sections]
    twice = next((name for name in names if names.count(name) > 1), None)
    return "" if twice is None else f"give each a name of its own; {twice!a} comes more than once"


def _one_of(choices: tuple[str, ...]) -> Allowed:
    return lambda value: "" if value in choices else f"give one of {', '.join(repr(choice) for choice in choices)}"


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "give true or false"


def _from_to(least: int, most: int) -> Allowed:
    return lambda value: "" if isinstance(value, int) and least <= value <= most else _whole_number(least, most)


def _whole_number(least: int, most: int) -> str:
    return f"give a whole number of {least} or more" if most == _LARGEST else f"give a whole number, {least} to {most}"
