"""The `ibmcloud` command: which command is meant, what it was given, and how the process ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from io import StringIO

from kunsthalle.ibmcloud import help as helped
from kunsthalle.ibmcloud import registry
from kunsthalle.ibmcloud.command_errors import Failed, Interrupted, Refused
from kunsthalle.ibmcloud.grammar import Command, Given, WrongUsage, dashed, is_flag, parse
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.login_state import Session
from kunsthalle.ibmcloud.printed_tables import safe
from kunsthalle.ibmcloud.terminal import Terminal, switched, wants_colour

_DEPTH = 4
_HELP = frozenset({"-h", "--help", "-help"})
_QUIET = frozenset({"-q", "--quiet", "-quiet"})
_VERSION = frozenset({"-v", "--version", "-version"})
_INTERRUPTED = 130


def run(argv: Sequence[str], env: Mapping[str, str], terminal: Terminal) -> int:
    """One command line from its words to its exit code. Whatever goes wrong is told, and never as a traceback."""
    try:
        return _run(list(argv), env, terminal)
    except (Failed, Refused) as error:
        terminal.failed(safe(str(error)))
        return error.code if isinstance(error, Failed) else 1
    except Interrupted:
        terminal.write(terminal.out, "\n")
        return 2
    except KeyboardInterrupt:
        terminal.write(terminal.err, "\n")
        return _INTERRUPTED
    except RecursionError:
        terminal.failed("The answer is nested too deeply to be shown.")
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OSError) as error:
        # An answer of another shape than the API's, or a host that gives out: told in a line.
        terminal.failed(safe(f"The command could not be finished: {type(error).__name__}: {error}"))
    return 1


def _run(argv: list[str], env: Mapping[str, str], terminal: Terminal) -> int:
    terminal.quiet = bool(switched(env, "QUIET"))
    while argv and argv[0] in _QUIET:
        terminal.quiet = True
        argv.pop(0)
    words = _words(argv)
    if words[:1] and words[0] in registry.NOT_SERVED:
        raise Failed(registry.NOT_SERVED[words[0]])
    if argv and argv[0] in _VERSION:
        argv, words = ["version"], ["version"]
    known = registry.commands(words[0] if words else "")
    command = next((known[key] for at in range(_DEPTH, 0, -1) if (key := tuple(words[:at])) in known), None)
    if command is None:
        return _no_command(argv, words, known, terminal)
    rest = argv[len(_key(command, words)) :]
    return _obey(command, rest, env, terminal)


def _words(argv: Sequence[str]) -> list[str]:
    """The words before the first flag; `is help image` and `help is image` are `is image --help`."""
    words: list[str] = []
    for word in argv:
        if is_flag(word):
            break
        words.append(word)
    return words


def _key(command: Command, words: Sequence[str]) -> tuple[str, ...]:
    """The words by which the command was called."""
    called = [tuple(entry.split()) for entry in (command.words, *command.also)]
    return max((entry for entry in called if entry == tuple(words[: len(entry)])), key=len)


def _obey(command: Command, argv: list[str], env: Mapping[str, str], terminal: Terminal) -> int:
    try:
        return _do(command, argv, env, terminal)
    except WrongUsage as error:
        terminal.quiet = terminal.quiet or bool(_QUIET & set(argv))
        told = [f"Incorrect Usage: {safe(str(error))}" if str(error) else "Incorrect Usage.", ""]
        terminal.failed("\n".join([*told, *helped.of_command(command)]))
        return 1


def _do(command: Command, argv: list[str], env: Mapping[str, str], terminal: Terminal) -> int:
    options = parse(command, argv)
    if options.get("help"):
        terminal.lines(helped.of_command(command))
        return 0
    session = Session(env)
    terminal.quiet = terminal.quiet or bool(options.get("quiet"))
    terminal.json = bool(options.get("output")) and command.output
    terminal.colour = wants_colour(env, terminal.out, session.text("ColorEnabled"))
    if not command.offline:
        session.logged_in()
        _targeted(command, session)
    _warn_of_ignored(command, options, terminal)
    work = Run(options, session, terminal, env)
    command.run(work)
    return 1 if work.failures else 0


def _warn_of_ignored(command: Command, options: Given, terminal: Terminal) -> None:
    """Options that the reference has and that change nothing here; not beside JSON, which scripts read with stderr."""
    if terminal.json:
        return
    for flag in command.flags:
        if flag.ignored and options.has(flag.name):
            terminal.warn(f"{dashed(flag.name)} is ignored: {flag.ignored}")


def _targeted(command: Command, session: Session) -> None:
    """The VPC API is one of a region."""
    if command.words.startswith("is ") and not session.region:
        raise Failed("No region is targeted. Use 'ibmcloud target -r REGION' to target one.")


def _no_command(argv: list[str], words: list[str], known: registry.Commands, terminal: Terminal) -> int:
    """Help, or that there is no such command."""
    asked = [word for word in words if word != "help"]
    if len(asked) < len(words):
        return _help(asked, terminal)
    if not words and argv and argv[0] not in _HELP:
        raise Failed(f"'{argv[0]}' is not a registered command. See 'ibmcloud help'.")
    if not words or any(path[: len(words)] == tuple(words) for path in known):
        return _help(words, terminal)
    raise _unknown(words, known)


def _help(words: list[str], terminal: Terminal) -> int:
    known = registry.commands(words[0]) if words else registry.everything()
    if (command := known.get(tuple(words))) is not None:
        terminal.lines(helped.of_command(command))
    elif any(path[: len(words)] == tuple(words) for path in known):
        terminal.lines(helped.of_group(words, known, registry.GROUPS))
    else:
        raise _unknown(words, known)
    return 0


def _unknown(words: Sequence[str], known: registry.Commands) -> Failed:
    depth = max((at for at in range(len(words)) if any(path[:at] == tuple(words[:at]) for path in known)), default=0)
    below = " ".join(["ibmcloud", *words[:depth], "help"])
    return Failed(f"'{words[depth]}' is not a registered command. See '{below}'.")


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point. A stream that was closed is nowhere; one that cannot show a letter shows its number."""
    if "_IBMCLOUD_COMPLETE" in os.environ:
        from kunsthalle.ibmcloud.word_completion import complete

        sys.exit(complete(os.environ))
    streams = [StringIO() if entry is None else entry for entry in (sys.stdin, sys.stdout, sys.stderr)]
    for stream in streams[1:]:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:] if argv is None else argv, os.environ, Terminal(*streams))
    try:
        streams[1].flush()
    except OSError:
        os._exit(code or 1)
    sys.exit(code)


if __name__ == "__main__":
    main()
