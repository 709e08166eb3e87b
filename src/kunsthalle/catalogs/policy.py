"""The server's two settings about sharing, kept with the store so that every node and every query reads the same."""

from __future__ import annotations

from dataclasses import dataclass

from kunsthalle.store import facts
from kunsthalle.store.unit import Unit

FACT = "sharing"
SCOPES = ("enterprise", "any")
AUTO_ACCEPT = ("never", "same-enterprise")


@dataclass(frozen=True, slots=True)
class Sharing:
    """`scope`: who may be put on an access list; `auto_accept`: whose shares need no answer (1.9)."""

    scope: str = "enterprise"
    auto_accept: str = "never"

    def __post_init__(self) -> None:
        if self.scope not in SCOPES or self.auto_accept not in AUTO_ACCEPT:
            raise ValueError(f"sharing scope is one of {SCOPES}, auto accept one of {AUTO_ACCEPT}")


def keep(unit: Unit, wanted: Sharing) -> None:
    """What this server was started with."""
    unit.changed(FACT)
    facts.put(unit, FACT, [wanted.scope, wanted.auto_accept])


def sharing(unit: Unit) -> Sharing:
    """What the server was started with last."""
    return unit.memo(FACT, "", lambda: Sharing(*(facts.get(unit, FACT) or ())))
