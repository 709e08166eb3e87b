"""How a server's log looks: JSON objects for programs, lines for people."""

from __future__ import annotations

import json
import logging
import os
import sys
from functools import partial
from typing import Any

from kunsthalle.core.clock import SystemClock, rfc3339
from kunsthalle.core.log import prepared_by
from kunsthalle.local.display import escape_all_but_colours, takes_colours
from kunsthalle.settings import Settings


def is_text(settings: Settings) -> bool:
    """Whether people read the log: as the setting says, or because it goes to a terminal."""
    return settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())


def says_info(settings: Settings) -> bool:
    """Whether what is no warning is in the log."""
    return _number(settings.log) <= logging.INFO


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def set_up(level: str, *, text: bool = False) -> None:
    """Write what happens from this level on to stderr; what writes it is loaded with its first line."""
    number = _number(level)
    prepared_by(partial(_structured, number, text=text))
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr)


def _structured(level: int, *, text: bool) -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(_for_people() if text else _for_programs()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


def _for_programs() -> list[Any]:
    import structlog
    from structlog.tracebacks import ExceptionDictTransformer

    # Without the variables of each frame: among them are tokens and keys.
    exceptions = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    return [exceptions, structlog.processors.JSONRenderer()]


def _for_people() -> list[Any]:
    import structlog

    colours = takes_colours(sys.stderr, os.environ)
    shown = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)
    return [shown, _without_commands]


def _without_commands(_logger: object, _name: str, text: Any) -> str:
    """Names and messages are anybody's: nothing in them may be taken for a command of the terminal."""
    return escape_all_but_colours(text)


def tell(settings: Settings, event: str, *, level: str = "info", **fields: str) -> None:
    """A line of the log, in the form of all others, without loading what writes those."""
    if _number(settings.log) > _number(level):
        return
    line = {**fields, "event": event, "level": level, "timestamp": rfc3339(SystemClock().real())}
    write_line(event if is_text(settings) else json.dumps(line))


def write_line(text: str) -> None:
    """The text and the end of its line in one write: between two, another line would come."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
