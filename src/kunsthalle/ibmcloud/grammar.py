"""The grammar of flags (cli.md 1.5): one dash or two, `=value` or the next word, anywhere between the positionals.

A command is data: its words, what it takes, its flags. `parse` reads a command line against it; pure.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kunsthalle.core.text_values import FLAG, boolean, integer
from kunsthalle.ibmcloud.command_errors import reason

if TYPE_CHECKING:
    from kunsthalle.ibmcloud.invocation import Run

BOOLEAN = "true|false"
_IGNORED = "Ignored: "


class WrongUsage(Exception):
    """The command line does not fit the command; the message is the reason, and may be empty."""


# No `annotations` of the future in modules of named tuples: as texts, each would be compiled when the program starts.
class Flag(NamedTuple):
    """`name` and `also` are without dashes. Without a `value` to name in the help it is a switch.

    `kind`: `text`, `int`, `bool`, `list` (comma separated), `json` (inline or `@file`), `file` (text or `@file`).
    `repeated` flags may stand several times and are a list; of every other the last repetition counts.
    """

    name: str
    value: str = ""
    help: str = ""
    also: tuple[str, ...] = ()
    kind: str = "text"
    choices: tuple[str, ...] = ()
    required: bool = False
    repeated: bool = False

    @property
    def ignored(self) -> str:
        """Why it has no effect, where the help says `Ignored: …`; empty where it has one."""
        return self.help.removeprefix(_IGNORED) if self.help.startswith(_IGNORED) else ""

    def label(self) -> str:
        names = ", ".join(dashed(name) for name in (self.name, *self.also))
        return f"{names} {self.value}".rstrip()


def dashed(name: str) -> str:
    """A flag as it is written: one dash before a letter, two before a word."""
    return ("-" if len(name) == 1 else "--") + name


def flag(name: str, value: str = "", text: str = "", **more: Any) -> Flag:
    """A flag; a choice of words is its own metavariable, and `true|false` is the kind of its own."""
    value = value or "|".join(more.get("choices", ()))
    if value == BOOLEAN:
        return Flag(name, value, text, also=more.get("also", ()), kind="bool")
    return Flag(name, value, text, **more)


class Command(NamedTuple):
    """`takes` names the positionals: `NAME`, `[NAME]`, or, at the end, `NAME...`. `alone` are sets of flags of which
    one at most may stand; `any_of` sets of which one at least must."""

    words: str
    summary: str
    run: Callable[["Run"], None]
    takes: str = ""
    flags: tuple[Flag, ...] = ()
    also: tuple[str, ...] = ()
    alone: tuple[tuple[str, ...], ...] = ()
    any_of: tuple[tuple[str, ...], ...] = ()
    output: bool = True
    offline: bool = False
    examples: tuple[str, ...] = ()
    """Command lines that help shows, in the order in which they are used."""
    anything: bool = False
    """Whether any words are taken, because nothing is done with them."""

    def all_flags(self) -> tuple[Flag, ...]:
        """Its own flags, and those of every command, unless it has its own of that name."""
        own = {name for flag in self.flags for name in (flag.name, *flag.also)}
        shared = (OUTPUT, QUIET, HELP) if self.output else (QUIET, HELP)
        flags = [
            Flag(entry.name, entry.value, entry.help, tuple(set(entry.also) - own))
            for entry in shared
            if entry.name not in own
        ]
        return (*self.flags, *flags)

    def synopsis(self) -> str:
        """`ibmcloud is image-delete IMAGE... [--force] [-q]`."""
        words = ["ibmcloud", self.words, self.takes]
        words += [
            flag.label() if flag.required else f"[{flag.label().replace(', ', ' | ')}]" for flag in self.all_flags()
        ]
        return " ".join(word for word in words if word)


OUTPUT = Flag("output", "JSON", "Specify output format, only JSON is supported.")
QUIET = Flag("quiet", "", "Suppress verbose output.", ("q",))
HELP = Flag("help", "", "Show help.", ("h",))
FORCE = Flag("force", "", "Force the operation without confirmation.", ("f",))


class Given:
    """What a command line said. `words` are the positionals by their name; a variadic one is a list."""

    def __init__(self, words: dict[str, Any], flags: dict[str, Any]) -> None:
        self.words, self.flags = words, flags

    def __getitem__(self, name: str) -> Any:
        return self.words[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A flag's value; the default where it was not given."""
        return self.flags.get(name, default)

    def has(self, *names: str) -> bool:
        return any(name in self.flags for name in names)


def _spelled(flags: Sequence[Flag]) -> dict[str, Flag]:
    return {name: flag for flag in flags for name in (flag.name, *flag.also)}


def _switch(name: str, text: str) -> bool:
    value = boolean(text, FLAG)
    if value is None:
        raise WrongUsage(f"invalid value '{text}' for {dashed(name)}: true or false is expected")
    return value


def from_file(text: str) -> str:
    """The text itself, or the content of the file that `@file` names."""
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"the file '{text[1:]}' could not be read: {reason(error)}") from error


def _number(name: str, text: str) -> int:
    value = integer(text)
    if value is None:
        raise WrongUsage(f"invalid value '{text}' for {dashed(name)}: a whole number is expected")
    return value


def _document(name: str, text: str) -> Any:
    try:
        return json.loads(from_file(text))
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"the value of {dashed(name)} is not valid JSON: {error}") from error


def _valued(flag: Flag, text: str) -> Any:
    """The text in the flag's kind."""
    if flag.choices:
        value = {choice.lower(): choice for choice in flag.choices}.get(text.lower())
        if value is None:
            raise WrongUsage(
                f"invalid value '{text}' for {dashed(flag.name)}: one of {', '.join(flag.choices)} is expected"
            )
        return value
    match flag.kind:
        case "text":
            return text
        case "bool":
            return _switch(flag.name, text)
        case "int":
            return _number(flag.name, text)
        case "list":
            return [word.strip() for word in text.split(",") if word.strip()]
        case "json":
            return _document(flag.name, text)
        case "file":
            return from_file(text)
        case _:
            raise ValueError(f"{dashed(flag.name)} has the unknown kind {flag.kind!r}")


def is_flag(word: str) -> bool:
    return len(word) > 1 and word.startswith("-")


def _split(flags: Sequence[Flag], argv: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Positionals, and flags by name."""
    known, words, resource = _spelled(flags), list[str](), dict[str, Any]()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return words + rest, resource
        if not is_flag(word):
            words.append(word)
            continue
        name, equals, text = word.removeprefix("-").removeprefix("-").partition("=")
        entry = known.get(name)
        if entry is None:
            raise WrongUsage(f"flag provided but not defined: -{name}")
        if not entry.value:
            resource[entry.name] = _switch(name, text) if equals else True
            continue
        if not equals and not rest:
            raise WrongUsage(f"flag needs an argument: -{name}")
        value = _valued(entry, text if equals else rest.pop(0))
        resource[entry.name] = _added(resource.get(entry.name, []), value) if entry.repeated else value
    return words, resource


def _added(before: list[Any], value: Any) -> list[Any]:
    return [*before, *(value if isinstance(value, list) else [value])]


def _positionals(takes: str, words: list[str]) -> dict[str, Any]:
    rest, entries = list(words), dict[str, Any]()
    for name in takes.split():
        plain = name.strip("[]").removesuffix("...")
        if name.endswith("..."):
            if not rest:
                raise WrongUsage(f"{plain} is missing")
            entries[plain], rest = rest, []
        elif rest:
            entries[plain] = rest.pop(0)
        elif name.startswith("["):
            entries[plain] = None
        else:
            raise WrongUsage(f"{plain} is missing")
        if entries[plain] == "":
            raise WrongUsage(f"{plain} is empty")
    if rest:
        raise WrongUsage(f"too many arguments: {' '.join(rest)}")
    return entries


def _check(command: Command, flags: dict[str, Any]) -> None:
    for flag in command.flags:
        if flag.required and flag.name not in flags:
            raise WrongUsage(f"{dashed(flag.name)} is required")
    for some in command.alone:
        if len(named := [name for name in some if name in flags]) > 1:
            raise WrongUsage(f"{dashed(named[0])} and {dashed(named[1])} exclude each other")
    for some in command.any_of:
        if not any(name in flags for name in some):
            raise WrongUsage(f"{' or '.join(dashed(name) for name in some)} is required")


def parse(command: Command, argv: Sequence[str]) -> Given:
    """What a command line says to a command; WrongUsage where it does not fit. `--help` fits everything."""
    flags = command.all_flags()
    if command.anything:
        return Given({}, {"help": True} if {"-h", "--help"} & set(argv) else {})
    words, resource = _split((*flags, JSON) if command.output else flags, argv)
    if resource.pop("json", False):
        resource["output"] = "JSON"
    if resource.get("help"):
        return Given({}, resource)
    if "output" in resource and command.output and str(resource["output"]).upper() != "JSON":
        raise WrongUsage(f"invalid output format '{resource['output']}', only JSON is supported")
    options = Given(_positionals(command.takes, words), resource)
    _check(command, options.flags)
    return options


JSON = Flag("json", "", "Deprecated: --output JSON.")
