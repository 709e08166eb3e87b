"""The faults of a world."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from kunsthalle.core.fault_effects import effects_on
from kunsthalle.core.fault_sets import fault_set

if TYPE_CHECKING:
    from kunsthalle.testing.world import World

_PATH = "/_kunsthalle/faults"
Function = TypeVar("Function", bound=Callable[..., Any])


def _telling_effects(on: Literal["call", "job"]) -> Callable[[Function], Function]:
    """Have the docstring of a function name the effects there are, in the place of EFFECTS."""
    names = ", ".join(effects_on(on))

    def told(function: Function) -> Function:
        function.__doc__ = (function.__doc__ or "").replace("EFFECTS", names)
        return function

    return told


class WorldFaults:
    """Has calls and jobs of a world go wrong. There are none unless a test adds them."""

    def __init__(self, world: World) -> None:
        self._world = world

    @_telling_effects("call")
    def call(self, pattern: str, effect: str, **more: Any) -> dict[str, Any]:
        """A fault of the calls that match `METHOD /path`, a shell pattern; `effect` is one of EFFECTS.

        `more` are the fields of the operator's API: `status`, `seconds`, `times` (0: all), `skip`, `percent`, `seed`,
        `account`, `user`, `starts_at`, `ends_at`, …
        """
        return self.add(on="call", match=pattern, effect=effect, **more)

    @_telling_effects("job")
    def job(self, kind: str, effect: str, **more: Any) -> dict[str, Any]:
        """A fault of jobs (`image.import`, `instance.*`); `effect` is one of EFFECTS."""
        return self.add(on="job", match=kind, effect=effect, **more)

    def use_set(self, name: str, seed: int = 0, account: str = "") -> None:
        """All faults of a set that ships: flaky-network, throttled, eventually-consistent, bad-day."""
        for fault in fault_set(name, seed):
            self.add(**fault, account=account)

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
        """What faults were applied to: a line for each call and each job."""
        return list(self._world.operate("GET", _PATH)["applied"])
