"""SIGHUP: settings are read anew, and those that can change while the server runs do."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import replace

from kunsthalle.cli import log_format
from kunsthalle.config_sources import Loaded
from kunsthalle.settings import Settings, described

Apply = Callable[[Settings], None]
RELOADED = frozenset(setting.name for setting in described() if setting.reload)
"""The settings that SIGHUP applies; the others need a restart."""


class Reloading:
    """The settings that are in force. `load` reads all sources anew."""

    def __init__(self, settings: Settings, load: Callable[[], Loaded]) -> None:
        self.settings = settings
        self._load = load
        self._of_settings: list[tuple[frozenset[str], Apply]] = []
        self._always: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @property
    def applied(self) -> frozenset[str]:
        """The settings that something was registered for."""
        return frozenset[str]().union(*(names for names, _ in self._of_settings))

    def apply(self, names: str, function: Apply) -> None:
        """Register what makes changes of these settings (their names, separated by blanks) take effect."""
        self._of_settings.append((frozenset(names.split()), function))

    def always(self, function: Callable[[], None]) -> None:
        """Register what is done at each SIGHUP: files that are read or opened anew."""
        self._always.append(function)

    def tell(self, event: str, *, level: str = "info", **fields: str) -> None:
        """Write a line of the log, by the level that is in force."""
        log_format.tell(self.settings, event, level=level, **fields)

    def listen(self) -> None:
        """From now on SIGHUP reads the settings anew."""

        def reload(_number: int, _frame: object) -> None:
            # In a thread: the signal may have come while this one writes a line of the log, which then takes no other.
            threading.Thread(target=self.reload, name="reloading", daemon=True).start()

        signal.signal(signal.SIGHUP, reload)

    def reload(self) -> None:
        """Read all settings; where one is wrong, say so and change none."""
        with self._lock:
            loaded = self._load()
            if loaded.settings is None:
                for error in loaded.errors:
                    self.tell(f"the settings were not changed: {error}", level="error")
            else:
                self._change(loaded, loaded.settings)
            for function in self._always:
                function()

    def _change(self, loaded: Loaded, settings: Settings) -> None:
        names = [setting.name for setting in described()]
        changed = [name for name in names if getattr(settings, name) != getattr(self.settings, name)]
        for name in changed:
            if name not in RELOADED:
                text = f"the setting {name} was not changed: it needs a restart"
                self.tell(text, level="warning", place=loaded.source(name).place)
        applied = [name for name in changed if name in RELOADED]
        self.settings = replace(self.settings, **{name: getattr(settings, name) for name in applied})
        for group, function in self._of_settings:
            if group.intersection(applied):
                function(self.settings)
        if applied:
            self.tell("settings were changed", changed=", ".join(applied))


def log_level(settings: Settings) -> None:
    """Write lines of the level that is set, and above."""
    log_format.set_up(settings.log, text=log_format.is_text(settings))
