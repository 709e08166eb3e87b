"""An example of the file of settings, made from their table: every key with its default, commented out."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from kunsthalle.settings import FROM_FILE, Description, described, option, variable

_HEAD = """\
## Settings of `kunsthalle serve`. A line without the # in front of it sets the setting of its name.
## The environment (KUNSTHALLE_PORT, ...) wins over this file, and options of serve win over both.
## `kunsthalle config check FILE` checks it; SIGHUP has a running server read it anew.
"""
_WIDTH = 100


def example() -> str:
    """The file as text: valid TOML which sets nothing; without the `# ` in front of keys, which sets defaults."""
    plain = [_setting(setting) for setting in described() if setting.section is None]
    sections = [_section(setting, setting.section) for setting in described() if setting.section is not None]
    return "\n\n".join("\n".join(lines).rstrip() for lines in ([_HEAD], *plain, *sections)) + "\n"


def _setting(setting: Description) -> Iterator[str]:
    yield from _comment(setting)
    yield f"# {setting.name} = {to_toml(setting.default)}"


def _comment(setting: Description) -> Iterator[str]:
    yield from (f"## {line}" for line in textwrap.wrap(setting.help.rstrip(".") + ".", _WIDTH, break_on_hyphens=False))
    names = [option(setting.name)] if setting.option else []
    notes = [f"Also: {', '.join([*names, variable(setting.name)])}."]
    if setting.secret:
        notes.append(f"A secret; or in a file: {setting.name}{FROM_FILE}.")
    if setting.reload:
        notes.append("SIGHUP applies it.")
    yield f"## {' '.join(notes)}"


def _section(setting: Description, table: type) -> Iterator[str]:
    yield from (f"## {line}" for line in textwrap.wrap(setting.help.rstrip(".") + ".", _WIDTH, break_on_hyphens=False))
    yield f"## One or more tables; or {variable(setting.name)} with a JSON list.{_applied(setting)}"
    yield f"# [[{setting.name}]]"
    for field in described(table):
        yield f"## {field.help}."
        yield f"# {field.name} = {to_toml(field.default)}"


def _applied(setting: Description) -> str:
    return " SIGHUP applies it." if setting.reload else ""


def to_toml(value: Any) -> str:
    """A default as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else json.dumps(str(value), ensure_ascii=False)
