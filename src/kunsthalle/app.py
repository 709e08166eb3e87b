"""The only wiring: settings in, drivers chosen, rooms joined, an ASGI application out."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from kunsthalle import __version__, control, scenarios
from kunsthalle.api.families import Family
from kunsthalle.api.families.catalog import BASE, CATALOG
from kunsthalle.api.families.iam import OPERATOR, PLATFORM, TOKEN
from kunsthalle.api.families.vpc import VPC
from kunsthalle.api.messages import Receive, Scope, Send
from kunsthalle.api.pipeline import Gate, Pipeline
from kunsthalle.api.routing import Router
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.core.access import Grants
from kunsthalle.core.clock import ManualClock, MovableClock, SystemClock
from kunsthalle.core.context import NOBODY, Context
from kunsthalle.core.ids import Ids
from kunsthalle.core.regions import REGIONS
from kunsthalle.hypervisor.probe import find_hypervisor
from kunsthalle.identity.service import authenticate
from kunsthalle.identity.tokens import Tokens
from kunsthalle.images.sources import AccountBuckets
from kunsthalle.imaging.limits import Limits
from kunsthalle.imaging.make import write_overlay
from kunsthalle.imaging.tools import find_tools
from kunsthalle.rooms import Drivers, join, unserved
from kunsthalle.settings import Settings
from kunsthalle.store import facts
from kunsthalle.store.engine import Store
from kunsthalle.store.schema.prepare import prepare
from kunsthalle.store.unit import Unit
from kunsthalle.store.worker import Worker

_FAMILIES = (
    (BASE, CATALOG),
    ("/v1/", VPC),
    ("/identity", TOKEN),
    ("/_kunsthalle", OPERATOR),
    ("", PLATFORM),
)


def family_of(path: str) -> Family:
    """The dialect in which an unknown path is answered."""
    return next(family for prefix, family in _FAMILIES if path.startswith(prefix))


@dataclass(frozen=True, slots=True)
class Server:
    """One process's parts. `start` and `stop` are for the ASGI lifespan, or for a test that needs no HTTP."""

    settings: Settings
    store: Store
    base: Context
    clock: MovableClock
    drivers: Drivers
    pipeline: Pipeline
    worker: Worker

    def start(self) -> None:
        self.drivers.blobs.sweep(0)
        self.worker.start()

    def stop(self) -> None:
        self.worker.stop()
        self.store.close()

    def seed(self, name: str) -> list[scenarios.Credential]:
        """Makes a scenario in a store that has none; the credentials of its owners."""
        make = scenarios.SCENARIOS[name]
        keys = self.settings.data.resolve() / "ssh"
        return self.store.write(self.base, lambda unit: make(unit, self.drivers.buckets, keys))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application, lifespan included."""
        if scope["type"] == "http":
            await self.pipeline(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(self, receive, send)


async def _lifespan(server: Server, receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            server.start()
            await send({"type": "lifespan.startup.complete"})
        else:
            server.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


def _clock(settings: Settings, store: Store, base: Callable[[MovableClock], Context]) -> MovableClock:
    """The clock where the last run left it: time travel survives a restart."""
    clock: MovableClock = SystemClock()
    kept = store.read(base(clock), lambda unit: facts.get(unit, "clock"))
    if settings.clock == "manual":
        return ManualClock(kept["now"] if kept else clock.now())
    return SystemClock(kept["now"] - kept["real"] if kept else 0)


def _drivers(settings: Settings) -> Drivers:
    data = settings.data.resolve()
    choice = settings.hypervisor
    return Drivers(
        blobs=FilesystemBlobs(settings.blob_root),
        buckets=AccountBuckets(data / "buckets"),
        hypervisor=find_hypervisor(data / "machines", choice, write_overlay=write_overlay),
        tools=find_tools(),
        limits=Limits(),
        disks=data / "disks",
    )


def build(settings: Settings, operator_token: str, ids: Ids | None = None) -> Server:
    """A server for these settings, its schema ready, nothing running yet."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store(settings.database_url)
    prepare(store)
    region = REGIONS[settings.region]
    source = ids or Ids()

    def base(clock: MovableClock) -> Context:
        nobody = Grants("", ())
        return Context(NOBODY, "", nobody, clock, source, region, "", settings.public_url.rstrip("/"))

    clock = _clock(settings, store, base)
    context = base(clock)
    tokens = Tokens(store, context)
    drivers = _drivers(settings)
    rooms, handlers = join(drivers, tokens)
    worker = Worker(store, context, handlers, settings.workers)
    routes = (*rooms, *control.routes(clock, worker, _status(settings, store, drivers), _ask_stores(drivers)))
    expected = f"Bearer {operator_token}".encode()
    gate = Gate(partial(authenticate, tokens), lambda given: hmac.compare_digest(given.encode(), expected))
    origin = settings.public_url.rstrip("/") or None
    pipeline = Pipeline(Router(routes, unserved()), store, gate, context, family_of, origin)
    return Server(settings, store, context, clock, drivers, pipeline, worker)


def _status(settings: Settings, store: Store, drivers: Drivers) -> control.StatusWire:
    return control.StatusWire(
        version=__version__,
        region=settings.region,
        hypervisor=drivers.hypervisor.name,
        store=store.engine.dialect.name,
        qemu_img=drivers.tools is not None,
    )


def _ask_stores(drivers: Drivers) -> Callable[[Unit], None]:
    """Asks the database and the blob store something that only they can answer."""

    def ask(unit: Unit) -> None:
        facts.get(unit, "clock")
        drivers.blobs.exists("0" * 64)

    return ask
