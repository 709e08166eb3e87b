"""The product's own context, for verbs that work on a database themselves."""

from __future__ import annotations

from kunsthalle.authz.context import NOBODY, Context
from kunsthalle.authz.permissions import Grants
from kunsthalle.core.clock import SystemClock
from kunsthalle.core.ids import Ids
from kunsthalle.core.regions import REGIONS


def system() -> Context:
    """A context of no account, in real time."""
    region = next(iter(REGIONS.values()))
    return Context(NOBODY, "", Grants("", ()), SystemClock(), Ids(), region, "", "").as_system("")
