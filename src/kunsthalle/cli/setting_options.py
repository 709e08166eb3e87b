"""Settings on the command line: an option for each, and what was set in the file and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from kunsthalle.cli import common
from kunsthalle.config_sources import BadSettings, Loaded, find_file
from kunsthalle.config_sources import load as load_sources
from kunsthalle.settings import FROM_FILE, BadSetting, Description, Settings, described, option, parse

CONFIG = click.option(
    "--config",
    type=click.Path(dir_okay=False),
    default=None,
    help=common.CONFIG_HELP,
)
_FILE = click.Path(dir_okay=False)


def load(file: str | None, options: Mapping[str, Any]) -> Loaded:
    """What was set by this file or the one that the environment names, by the environment, and by options."""
    return load_sources(find_file(file, os.environ), os.environ, options)


def offline(**options: Any) -> Settings:
    """The settings of a verb that works on the data without a server: those of the server, from the file that the verb
    was given (`common.CONFIG`) or that is found without, but for options that were given. Refused where they are wrong.
    """
    try:
        return load(common.settings_file(), {name: value for name, value in options.items() if value}).checked()
    except BadSettings as errors:
        raise common.Refused(str(errors)) from errors


def given(context: click.Context) -> dict[str, Any]:
    """The settings that were given as options, by their names."""
    names = {name for setting in described() for name in (setting.name, setting.name + FROM_FILE)}
    source, typed = context.get_parameter_source, ParameterSource.COMMANDLINE
    return {name: value for name, value in context.params.items() if name in names and source(name) is typed}


class SettingType(click.ParamType[Any]):
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


def options(function: Any) -> Any:
    """`--config`, and an option for each setting that has one, from the settings' own table."""
    for setting in reversed(described()):
        if setting.secret:
            name = setting.name + FROM_FILE
            function = click.option(option(name), name, type=_FILE, help=_from_file(setting))(function)
        if setting.option:
            more = _options_of(setting)
            words = (option(setting.name), setting.name)
            function = click.option(*words, type=SettingType(setting), help=setting.help, **more)(function)
    return CONFIG(function)


def _options_of(setting: Description) -> dict[str, Any]:
    if isinstance(setting.default, bool):
        return _flag()
    return _several() if setting.several else _value(setting)


def _several() -> dict[str, Any]:
    """An option that may be repeated; the setting is one text."""
    return {"multiple": True, "callback": lambda _context, _option, texts: ",".join(texts)}


def _value(setting: Description) -> dict[str, Any]:
    return {"default": setting.default, "show_default": bool(str(setting.default))}


def _flag() -> dict[str, Any]:
    return {"is_flag": True, "flag_value": True, "default": False}


def _from_file(setting: Description) -> str:
    return f"File that holds the value of {option(setting.name) if setting.option else setting.name}"
