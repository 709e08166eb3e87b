"""How much of the server's background work one account may have, and how long a node may say nothing of its own."""

from __future__ import annotations

from msgspec import Struct

from kunsthalle.core.clock import SECOND
from kunsthalle.core.sizes import GIB


class JobBounds(Struct, frozen=True):
    """Jobs of one account: that wait or run, that run, that are transfers, and what transfers may write together.

    `lease`: microseconds of real time after which the jobs of a node that says nothing are other nodes'.
    """

    waiting: int = 1_000
    running: int = 2
    transfers: int = 50
    transfer_bytes: int = 1_000 * GIB
    lease: int = 30 * SECOND
