"""Loggers by name. structlog is loaded with the first line: a server that has nothing to say yet starts sooner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_prepare: list[Callable[[], None]] = []


def prepared_by(setup: Callable[[], None]) -> None:
    """How structlog is set up, before the first line of this process is written."""
    _prepare[:] = [setup]


def _without_locals(name: str) -> Any:
    """A logger as structlog makes it where nobody has set it up, but for its tracebacks: these show the values of local
    variables, and with them tokens and passphrases.
    """
    import structlog
    from structlog.dev import ConsoleRenderer, plain_traceback

    *before, _shown = structlog.get_config()["processors"]
    shown = ConsoleRenderer(exception_formatter=plain_traceback)
    return structlog.wrap_logger(None, processors=[*before, shown], logger_factory_args=(name,))


class Log:
    """A structlog logger that is made when it is needed. Values that may be secret are never given to it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _logger(self) -> Any:
        import structlog

        while _prepare:
            _prepare.pop()()
        return structlog.get_logger(self._name) if structlog.is_configured() else _without_locals(self._name)

    def info(self, event: str, **values: Any) -> None:
        self._logger().info(event, **values)

    def warning(self, event: str, **values: Any) -> None:
        self._logger().warning(event, **values)

    def error(self, event: str, **values: Any) -> None:
        self._logger().error(event, **values)

    def exception(self, event: str, **values: Any) -> None:
        """With the exception that is being handled."""
        self._logger().exception(event, **values)


def get_logger(name: str) -> Log:
    return Log(name)
