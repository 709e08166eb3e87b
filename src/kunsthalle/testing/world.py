"""A world as a test sees it: accounts with their clients, a clock, faults, and the calls that were made."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kunsthalle.local import folder
from kunsthalle.local.client import CallFailed, call
from kunsthalle.testing.persona import Persona
from kunsthalle.testing.world_faults import WorldFaults

if TYPE_CHECKING:
    from kunsthalle.testing.world_server import WorldServer
    from kunsthalle.transcripts.recorder import Recorder

_CLOCK = "/_kunsthalle/clock"
OPERATOR = "operator"
_REFUSED = 400
"""From this status on a call was refused."""
_PAUSE = 0.005
_LONGEST_LINE = 300
_SHOWN = 50
"""So many of the last calls are shown where a test fails."""


class JobsDidNotEnd(Exception):
    """Jobs were still running after the time that a test had for them."""


class World:
    """A server with accounts of its own, empty but for what the scenario made. Closed by `close` or by leaving."""

    def __init__(self, server: WorldServer, made: dict[str, Any]) -> None:
        self._server = server
        self.id: str = made["id"]
        self.url: str = made["url"]
        self.data = Path(made["data"])
        self.operator_token: str = made["operator_token"]
        self._accounts: dict[str, Any] = made["accounts"]
        self._personas: dict[str, Persona] = {}
        self.clock = WorldClock(self)
        self.faults = WorldFaults(self)

    def persona(self, name: str) -> Persona:
        """Somebody to act as: the owner of one of the scenario's accounts. KeyError that names them all otherwise."""
        if name not in self._accounts:
            raise KeyError(f"unknown account {name!r}; there are: {', '.join(self._accounts)}")
        if name not in self._personas:
            self._personas[name] = Persona(self, name, self._accounts[name])
        return self._personas[name]

    @property
    def enterprise(self) -> Persona:
        """The account of the enterprise itself."""
        return self.persona("enterprise")

    @property
    def publisher(self) -> Persona:
        """Who publishes images."""
        return self.persona("publisher")

    @property
    def consumer_a(self) -> Persona:
        """An account of the publisher's enterprise."""
        return self.persona("consumer-a")

    @property
    def consumer_b(self) -> Persona:
        """Another account of the publisher's enterprise."""
        return self.persona("consumer-b")

    @property
    def outsider(self) -> Persona:
        """An account outside the enterprise."""
        return self.persona("outsider")

    @cached_property
    def scratch(self) -> Path:
        """A folder for what belongs to the world on the client's side, such as sessions; it ends with the world."""
        return Path(tempfile.mkdtemp(prefix="kunsthalle-world-"))

    def operate(self, method: str, path: str, body: Any = None) -> Any:
        """A call with the operator's token."""
        return call(self.url, method, path, self.operator_token, body)

    def apply(self, scenario: str) -> list[str]:
        """Make what a scenario file says: a path, or the name of one that ships. What was made, a line for each."""
        from kunsthalle.scenario_files.applying import apply
        from kunsthalle.scenario_files.scenario_reading import find, read

        made = apply(self.data, read(find(scenario))).made
        self._accounts = folder.credentials(self.data)["accounts"]
        return made

    def settle(self, seconds: float = 30) -> None:
        """Wait until no job is due or running: until imports have ended and instances run. JobsDidNotEnd otherwise."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(CallFailed):  # no answer in time: what is pending is asked below
            # Answered when everything due has run: asking again and again takes longer.
            call(self.url, "POST", _CLOCK, self.operator_token, {"advance": "PT0S"}, timeout=seconds)
        while pending := self.operate("GET", _CLOCK)["pending_jobs"]:
            if time.monotonic() > deadline:
                raise JobsDidNotEnd(f"{pending} jobs are still due or running after {seconds:g} s")
            time.sleep(_PAUSE)

    def calls(self) -> list[dict[str, Any]]:
        """The last calls that the world was sent, redacted, in order; those of the operator are left out."""
        made: list[dict[str, Any]] = self._server.ask("GET", f"/worlds/{self.id}/calls")["calls"]
        calls = [entry for entry in made if entry["event"] == "call" and entry["caller"] != OPERATOR]
        return [{**call, "path": call["target"], "account_id": call["caller"]} for call in calls]

    def report(self) -> str:
        """The calls as lines, and the faults that were applied to them: what the report of a failing test ends with."""
        calls = self.calls()
        names = {account["account_id"]: name for name, account in self._accounts.items()}
        lines = [_line(call, names) for call in calls[-_SHOWN:]]
        if len(calls) > _SHOWN:
            lines.insert(0, f"({len(calls) - _SHOWN} earlier calls are left out)")
        faults = self.faults.applied()
        lines += (
            ["Faults that were applied:", *(f"  {fault}" for fault in faults)] if faults else ["No fault was applied."]
        )
        return "\n".join([f"Calls to {self.url}:", *lines])

    def recorder(self, *, durations: bool = False, every_call: bool = False) -> Recorder:
        """Records every call from its `start` to its `stop`, which returns a transcript."""
        from kunsthalle.transcripts.recorder import Recorder

        names = {account["account_id"]: name for name, account in self._accounts.items()}
        return Recorder(self.operate, self.url, names, durations=durations, every_call=every_call)

    def close(self) -> None:
        """End the world: its port is closed, and its data are gone."""
        self._server.ask("DELETE", f"/worlds/{self.id}")
        if "scratch" in self.__dict__:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class WorldClock:
    """The clock of a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def now(self) -> str:
        """Where it stands (RFC 3339)."""
        return str(self._world.operate("GET", _CLOCK)["now"])

    def advance(self, duration: str) -> str:
        """Move it forward (`7d`, `P7D`, `30m`); returns after everything that became due has run."""
        return str(self._world.operate("POST", _CLOCK, {"advance": duration})["now"])

    def to(self, moment: str) -> str:
        """Move it forward to a moment (RFC 3339)."""
        return str(self._world.operate("POST", _CLOCK, {"to": moment})["now"])


def _line(event: dict[str, Any], names: dict[str, str]) -> str:
    account, status = event["account_id"], event["status"] or "no answer"
    parts = [f"  {names.get(account, account or '-'):<12} {event['method']} {event['path']} → {status}"]
    parts += [f"fault: {event['fault']}"] if event["fault"] else []
    line = "  ".join(parts)
    more = [("sent", event["request"]), ("answered", event["response"] if event["status"] >= _REFUSED else "")]
    shown = [
        f"\n      {label} {text[:_LONGEST_LINE]}{'…' if len(text) > _LONGEST_LINE else ''}"
        for label, text in more
        if text
    ]
    return line + "".join(shown)
