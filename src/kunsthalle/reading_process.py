"""What a helper process does that reads for the server (`api/reading_processes.py`).

It has a connection of its own to the database and the routes whose calls may leave the server. It writes nothing, runs
no job, and remembers nothing of the database.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from kunsthalle.api.pipeline import Authenticator, Pipeline
from kunsthalle.api.read_calls import work_on
from kunsthalle.api.reading_processes import ReadCall, ReadOutcome
from kunsthalle.api.router import Route, Router
from kunsthalle.api.surfaces.iam import PLATFORM
from kunsthalle.authz.context import NOBODY, Context
from kunsthalle.authz.permissions import Grants
from kunsthalle.catalogs import routes_catalogs, routes_versions
from kunsthalle.core.clock import ManualClock
from kunsthalle.core.ids import Ids
from kunsthalle.core.regions import REGIONS
from kunsthalle.db.encryption import Cipher
from kunsthalle.db.engine import Store
from kunsthalle.iam.authentication import authenticate
from kunsthalle.iam.tokens import Tokens
from kunsthalle.instances.deployment_overrides import rehearse
from kunsthalle.local.master_keys import MasterKeys
from kunsthalle.search import routes as search_routes


class ReadingSetup(Struct, frozen=True):
    """What such a process needs of the server's settings."""

    database_url: str
    master_key_path: Path | None
    master_keys: MasterKeys
    region: str
    reclamation_period: int


class Reader:
    """Works on one call after another."""

    def __init__(self, setup: ReadingSetup) -> None:
        self._store = Store(setup.database_url, Cipher(setup.master_key_path, setup.master_keys), reading=True)
        self._clock = ManualClock(0)
        region, nobody = REGIONS[setup.region], Grants("", ())
        self._base = Context(NOBODY, "", nobody, self._clock, Ids(), region, "", "")
        recognise = partial(authenticate, Tokens(self._store, self._base))
        routes = separable_routes(setup.reclamation_period)
        self._routes = {(route.method, route.path): route for route in routes}
        gate = Authenticator(recognise, lambda _token: False)
        self._pipeline = Pipeline(Router(routes), self._store, gate, self._base, lambda _path: PLATFORM, None)

    def read(self, call: ReadCall, _descriptors: list[int], _progress: Callable[[Any], None]) -> ReadOutcome:
        """Answer or prepare one call."""
        self._clock.set(call.now)
        return work_on(call, self._routes[call.method, call.route], self._pipeline, self._store, self._base)


def separable_routes(reclamation_period: int) -> tuple[Route, ...]:
    """The routes whose calls may leave the server; the period is in microseconds."""
    tables = (
        search_routes.routes(reclamation_period),
        routes_catalogs.routes(reclamation_period),
        routes_versions.editing_routes(rehearse),
    )
    return tuple(route for table in tables for route in table if route.separable)


def set_up(setup: ReadingSetup) -> dict[str, Callable[..., Any]]:
    """The functions of the process, its database open."""
    return {"read": Reader(setup).read}
