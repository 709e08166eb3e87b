"""The server's two settings about sharing, kept with the store so that every node and every query reads the same."""

from __future__ import annotations

from dataclasses import dataclass

from kunsthalle.db import kv
from kunsthalle.db.session import Session

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


def keep(session: Session, wanted: Sharing) -> None:
    """What this server was started with."""
    session.invalidate(FACT)
    kv.put(session, FACT, [wanted.scope, wanted.auto_accept])


def sharing(session: Session) -> Sharing:
    """What the server was started with last."""
    return session.cached(FACT, "", lambda: Sharing(*(kv.get(session, FACT) or ())))
