"""What was set, and where: the file, the environment and the options of the command line, of which later ones win.

Every error is collected, so that `kunsthalle config check` tells all of them at once.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from kunsthalle.core.near_matches import hint
from kunsthalle.core.records import dataclass
from kunsthalle.settings import (
    FROM_FILE,
    PREFIX,
    BadSetting,
    Description,
    Settings,
    check,
    described,
    option,
    parse,
    variable,
)

DEFAULT_FILE = Path("/etc/kunsthalle/kunsthalle.toml")
"""The file that is read if there is one and no other was named; /dev/null stands for none."""
FILE_VARIABLE = f"{PREFIX}CONFIG"
_LARGEST_SECRET = 64 * 1024
_HEADER = re.compile(r"\s*\[\[?\s*(?P<name>[A-Za-z0-9_-]+)\s*\]\]?")
_KEY = re.compile(r"\s*[\"']?(?P<name>[A-Za-z0-9_-]+)[\"']?\s*=")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: `kind` is 'default', 'file', 'environment' or 'option'; `place` names it for people."""

    kind: str
    place: str


DEFAULT = Source("default", "default")


class BadSettings(ValueError):
    """Settings that no server can run with: all errors, a line each."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        self.errors = errors
        more = len(errors) - 1
        rest = f" {more} more {'errors' if more > 1 else 'error'}: kunsthalle config check." if more else ""
        super().__init__(f"{errors[0]}{rest}")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was set. `sources` has every setting that is not at its default; `file` was read, if any.

    `settings` is None where there are errors, each of which is a line.
    """

    settings: Settings | None
    sources: dict[str, Source]
    errors: tuple[str, ...]
    file: Path | None

    def checked(self) -> Settings:
        """The settings. BadSettings if there is an error."""
        if self.settings is None:
            raise BadSettings(self.errors)
        return self.settings

    def source(self, name: str) -> Source:
        """Where a setting comes from."""
        return self.sources.get(name, DEFAULT)

    def with_place(self, message: str) -> str:
        """A refusal that begins with the option of a setting, with the place in front of it where the setting comes
        from somewhere else.
        """
        word = message.partition(" ")[0]
        source = next((source for name, source in self.sources.items() if option(name) == word), DEFAULT)
        return message if source.kind in {"default", "option"} else f"{source.place}{message.removeprefix(word)}"


def find_file(named: str | None, environment: Mapping[str, str]) -> Path | None:
    """The file to read: the one that is named by the option, else by the environment, else the default one if it is
    there.
    """
    name = named or environment.get(FILE_VARIABLE, "")
    if name:
        return Path(name)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def load(
    file: Path | None, environment: Mapping[str, str], options: Mapping[str, Any], table: type = Settings
) -> Loaded:
    """Every setting from its sources. `options` are values of the right types, by the names of settings, and
    `NAME_file` for secrets. `table` is a class of settings.
    """
    reader = _Reader(table)
    if file is not None:
        reader.read_file(file)
    reader.read_environment(environment)
    reader.read_options(options)
    return reader.joined(file)


class _Reader:
    """Collects values, where they come from, and what is wrong with them."""

    def __init__(self, table: type) -> None:
        self._table = table
        self._known = {setting.name: setting for setting in described(table)}
        self._files = files_of(table)
        self._values: dict[str, Any] = {}
        self._sources: dict[str, Source] = {}
        self._errors: list[str] = []

    def joined(self, file: Path | None) -> Loaded:
        """What was read, unless settings do not fit each other."""
        if not self._errors:
            try:
                return Loaded(self._table(**self._values), self._sources, (), file)
            except BadSetting as error:
                source = self._sources.get(error.name, DEFAULT)
                place = "" if source.kind in {"default", "option"} else source.place
                self._errors.append(str(BadSetting(error.name, error.value, error.allowed, place)))
        return Loaded(None, self._sources, tuple(self._errors), file)

    def read_file(self, path: Path) -> None:
        import tomllib

        try:
            text = path.read_text(encoding="utf-8")
            document = tomllib.loads(text)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            advice = " Name another file, or none: --config /dev/null." if path == DEFAULT_FILE else ""
            self._errors.append(f"{path}: {why}.{advice}")
            return
        places = _Places(path, text)
        for key, value in document.items():
            self._take_key(places, key, value)

    def _take_key(self, places: _Places, key: str, value: Any) -> None:
        setting, place = self._known.get(key), places.of("", 0, key)
        if setting is None and key not in self._files:
            self._errors.append(f"{place}: unknown key.{hint(key, [*self._known, *self._files])}")
        elif setting is not None and setting.section is not None:
            self._take_sections(setting, value, Source("file", places.of(key, 0, "")), places.of)
        else:
            self._take(key, Source("file", place), lambda: _from_toml(setting, key, value, self._table))

    def read_environment(self, environment: Mapping[str, str]) -> None:
        """Variables that are empty count as not set."""
        for name in [*self._known, *self._files]:
            text, source = environment.get(self._variable(name), ""), Source("environment", self._variable(name))
            setting = self._known.get(name)
            if text and setting is not None and setting.section is not None:
                self._take_sections(setting, _from_json(text), source, partial(_json_place, source.place))
            elif text:
                self._take(
                    name, source, partial(parse, name, text, self._table) if setting is not None else partial(str, text)
                )

    def _variable(self, name: str) -> str:
        return variable(name) if name in self._known else variable(self._files[name]) + FROM_FILE.upper()

    def read_options(self, options: Mapping[str, Any]) -> None:
        """Options were checked when they were read; a secret may be in a file."""
        for name, value in options.items():
            self._take(name, Source("option", option(name)), partial(_same, value))

    def _take(self, name: str, source: Source, value: Callable[[], Any]) -> None:
        """Keep a value, which is the content of a file if the name says so."""
        target = self._files.get(name, name)
        if self._sources.get(target, DEFAULT).kind == source.kind:
            both = f"{self._sources[target].place} and {source.place}"
            self._errors.append(f"{both}: give one of them, not both.")
            return
        self._sources[target] = source
        try:
            self._values[target] = value() if target == name else parse(target, _secret(name, value()), self._table)
        except BadSetting as error:
            shown = BadSetting(error.name, error.value, error.allowed, source.place, secret=error.secret)
            self._errors.append(str(shown))

    def _take_sections(self, setting: Description, value: Any, source: Source, place: _PlaceOf) -> None:
        errors = len(self._errors)
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            self._errors.append(f"{source.place}: give a list of tables, each as [[{setting.name}]].")
            return
        made = [self._section(setting, index, entry, place) for index, entry in enumerate(value)]
        if len(self._errors) == errors:
            self._values[setting.name], self._sources[setting.name] = tuple(made), source

    def _section(self, setting: Description, index: int, entry: dict[str, Any], place: _PlaceOf) -> Any:
        """One record of a section; None where it has an error, which is kept."""
        table = setting.section
        assert table is not None  # noqa: S101  of sections only
        known = {field.name: field for field in described(table)}
        files = files_of(table)
        values, errors = {}, len(self._errors)
        for key, value in entry.items():
            name = files.get(key, key)
            if name not in known:
                near = hint(key, [*known, *files])
                self._errors.append(f"{place(setting.name, index, key)}: unknown key.{near}")
                continue
            try:
                values[name] = _from_toml(known.get(key), key, value, table)
                if key in files:
                    values[name] = parse(name, _secret(key, values[name]), table)
            except BadSetting as error:
                where = place(setting.name, index, key)
                self._errors.append(str(BadSetting(key, error.value, error.allowed, where, secret=error.secret)))
        if len(self._errors) > errors:
            return None
        try:
            return table(**values)
        except BadSetting as error:
            where = place(setting.name, index, error.name)
            self._errors.append(str(BadSetting(error.name, error.value, error.allowed, where, secret=error.secret)))
            return None


_PlaceOf = Callable[[str, int, str], str]
"""Of a section, its number and a key of it: where it is."""


class _Places:
    """Where keys of a file are: `path, line 3: key`. Without a line where the key is written in an unusual way."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = dict(reversed(list(_lines_of(text))))  # the first place of each

    def of(self, section: str, index: int, key: str) -> str:
        """The place of a key of a section, of the section itself, or of a key outside of sections."""
        possible = ((section, index, key), (section or key, index, ""), ("", 0, section))
        line = next((self._lines[place] for place in possible if place in self._lines), 0)
        name = f"{section}[{index}].{key}" if section and key else section or key
        return f"{self._path}{f', line {line}' if line else ''}: {name}"


def _lines_of(text: str) -> Iterator[tuple[tuple[str, int, str], int]]:
    section, numbers = "", Counter[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            section = header["name"]
            numbers[section] += 1
            yield (section, numbers[section] - 1, ""), number
        elif key := _KEY.match(line):
            yield (section, numbers[section] - 1 if section else 0, key["name"]), number


def _same(value: Any) -> Any:
    return value


def _json_place(name: str, section: str, index: int, key: str) -> str:
    del section
    return f"{name}[{index}].{key}"


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def files_of(table: type) -> dict[str, str]:
    """The names of settings that name a file with a secret, and the settings that they are for."""
    return {setting.name + FROM_FILE: setting.name for setting in described(table) if setting.secret}


def _from_toml(setting: Description | None, name: str, value: Any, table: type | None = None) -> Any:
    """The value of a setting from TOML or JSON, `setting` being None for the name of a file. BadSetting."""
    expected = type(setting.default) if setting is not None else str
    if setting is not None and setting.several and isinstance(value, list):
        value = ",".join(map(str, value)) if all(isinstance(entry, str) for entry in value) else value
    if expected in (bool, int) and type(value) is expected and setting is not None:
        check(name, value, table)
        return value
    if expected in (bool, int):
        rule = "true or false, without quotes" if expected is bool else "a whole number, without quotes"
        raise BadSetting(name, value, f"give {rule}", secret=False)
    if not isinstance(value, str):
        advice = "give text in quotes" + (", or a list of texts" if setting is not None and setting.several else "")
        raise BadSetting(name, value, advice, secret=setting is None or setting.secret)
    return parse(name, value, table) if setting is not None else value


def _secret(name: str, path: str) -> str:
    """The content of a file with a secret, without the ends of lines behind it. BadSetting."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(_LARGEST_SECRET + 1).rstrip("\r\n")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadSetting(name, path, f"{why}; give a file that this process can read", secret=False) from error
    if not text or len(text) > _LARGEST_SECRET:
        raise BadSetting(name, path, "give a file with the secret, and nothing else, in it", secret=False)
    return text
