"""The faults of a world."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kunsthalle.testing.world import World

_PATH = "/_kunsthalle/faults"


class WorldFaults:
    """Has calls and jobs of a world go wrong. There are none unless a test adds them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def call(self, pattern: str, effect: str, **more: Any) -> dict[str, Any]:
        """A fault of the calls that match `METHOD /path`, a shell pattern; `effect` is one of refuse, lose, cut, delay.

        `more` are the fields of the operator's API: `status`, `seconds`, `times` (0: all), `skip`, …
        """
        return self.add(on="call", match=pattern, effect=effect, **more)

    def job(self, kind: str, effect: str, **more: Any) -> dict[str, Any]:
        """A fault of jobs (`image.import`, `instance.*`); `effect` is one of fail, retry, hold."""
        return self.add(on="job", match=kind, effect=effect, **more)

    def expire_tokens(self) -> None:
        """Every access token that was issued until now is refused."""
        self.add(on="tokens", effect="expire")

    def add(self, **fault: Any) -> dict[str, Any]:
        """A fault as the operator's API takes it; as it was made, with its id."""
        return dict(self._world.operate("POST", _PATH, fault))

    def list(self) -> builtins.list[dict[str, Any]]:
        """Those that may still apply."""
        return list(self._world.operate("GET", _PATH)["faults"])

    def clear(self) -> None:
        """End all of them."""
        self._world.operate("DELETE", _PATH)

    def applied(self) -> builtins.list[str]:
        """A line for each call that a fault was applied to."""
        return [f"  {one['fault']}: {one['method']} {one['path']}" for one in self._world.calls() if one.get("fault")]
