"""The only wiring: settings in, drivers chosen, rooms joined, an ASGI application out.

The rooms are half of the program, and a server that was just started is ready without them: they are loaded behind
its first answer, or with the first call or job that needs one.
"""

from __future__ import annotations

import asyncio
import gc
import hmac
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kunsthalle import __version__, control
from kunsthalle.api.families import Family
from kunsthalle.api.families.catalog import BASE, CATALOG
from kunsthalle.api.families.iam import OPERATOR, PLATFORM, TOKEN
from kunsthalle.api.families.vpc import VPC
from kunsthalle.api.hosts import Hosts
from kunsthalle.api.messages import Headers, Receive, Scope, Send
from kunsthalle.api.pipeline import Gate, Pipeline, refusal, trace_of
from kunsthalle.api.routing import Route, Router
from kunsthalle.blobs.protocol import BlobError
from kunsthalle.core.access import Grants
from kunsthalle.core.clock import ManualClock, MovableClock, SystemClock
from kunsthalle.core.context import NOBODY, Context
from kunsthalle.core.errors import Problem, Reason, unauthenticated
from kunsthalle.core.faults import Faults
from kunsthalle.core.ids import Ids
from kunsthalle.core.lazy import Lazy
from kunsthalle.core.log import get_logger
from kunsthalle.core.regions import REGIONS
from kunsthalle.core.space import MIB, disk_room
from kunsthalle.drivers import Drivers
from kunsthalle.identity.tokens import Tokens
from kunsthalle.local import folder
from kunsthalle.settings import Settings
from kunsthalle.store import facts, jobs
from kunsthalle.store.bounds import GIB, JobBounds
from kunsthalle.store.encryption import Cipher, Turn
from kunsthalle.store.engine import Store
from kunsthalle.store.integrity import Watched
from kunsthalle.store.reencryption import ensure_encrypted
from kunsthalle.store.retention import keep_for
from kunsthalle.store.schema.images import UNCHECKED, images
from kunsthalle.store.schema.prepare import prepare
from kunsthalle.store.tables import number_of
from kunsthalle.store.unit import Unit
from kunsthalle.store.worker import Worker
from kunsthalle.watching import Watching

if TYPE_CHECKING:
    from kunsthalle.saved import SavedScenarios
    from kunsthalle.scenarios import Credential

log = get_logger("app")

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
_CONSOLE = "/console"
_ROOM_TO_PROBE = 16 * MIB
"""Free bytes below which `/readyz` tries whether the database can still be written to."""

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
    """One process's parts. `start` and `stop` are for the ASGI lifespan, or for a test that needs no HTTP.

    `front` answers the operator and for the process's health until `whole`, which answers everything, is loaded;
    `behind` is the thread that sees to it, once the front has answered.
    """

    settings: Settings
    store: Store
    base: Context
    clock: MovableClock
    drivers: Drivers
    front: Pipeline
    whole: Lazy[Pipeline]
    behind: Lazy[threading.Thread]
    worker: Worker
    watching: Watching
    console: Lazy[Application]
    sockets: Lazy[Application]
    hosts: Hosts

    @property
    def pipeline(self) -> Pipeline:
        """Every route."""
        return self.whole()

    def start(self) -> None:
        self.drivers.blobs.sweep(0)
        keep_for(self.store, self.base, self.settings.audit_days)
        self.worker.start()
        self.watching.start()

    def stop(self) -> None:
        self.watching.stop()
        self.worker.stop()
        self.store.close()

    def scenario(self) -> str | None:
        """The scenario that the store was made with, if any."""
        found = self.store.read(self.base, lambda unit: facts.get(unit, facts.SCENARIO))
        return str(found) if found else None

    def seed(self, name: str) -> list[Credential]:
        """Makes a scenario in a store that has none; the credentials of its owners."""
        from kunsthalle.scenarios import SCENARIOS

        make = SCENARIOS[name]
        keys = self.settings.data.resolve() / "ssh"
        return self.store.write(self.base, lambda unit: make(unit, self.drivers.buckets, keys))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application, lifespan included."""
        if scope["type"] != "lifespan":
            try:
                self.hosts.check(scope)
            except Problem as problem:
                await self._refuse(problem, scope, send)
                return
        if scope["type"] == "websocket" or (scope["type"] == "http" and scope["path"].startswith(_CONSOLE)):
            asked = self.sockets if scope["type"] == "websocket" else self.console
            application = asked.known
            if application is None:
                application = await asyncio.to_thread(asked)
            await application(scope, receive, send)
        elif scope["type"] == "http":
            pipeline = self.whole.known
            if pipeline is None:
                pipeline = await self._choose(scope["path"])
            await pipeline(scope, receive, send)
            if pipeline is self.front:
                self.behind()
        elif scope["type"] == "lifespan":
            await _lifespan(self, receive, send)

    async def _refuse(self, problem: Problem, scope: Scope, send: Send) -> None:
        """Answers for whichever API the path belongs to; its addresses are of no host."""
        ctx = self.base.asked(trace_of(Headers(scope["headers"]), self.base.ids), "")
        kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
        await refusal(problem, family_of(scope["path"]), ctx).send(send, kind)

    async def _choose(self, path: str) -> Pipeline:
        """Other calls than the front's wait for the rooms; that the server is healthy is answered meanwhile."""
        return self.front if path in self.front.router.paths else await asyncio.to_thread(self.whole)


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


def _renew_secrets(unit: Unit, turn: Turn) -> None:
    from kunsthalle.rooms import renew_secrets

    renew_secrets(unit, turn)


def _clock(settings: Settings, store: Store, base: Callable[[MovableClock], Context]) -> MovableClock:
    """The clock where the last run left it: time travel survives a restart."""
    clock: MovableClock = SystemClock()
    kept = store.read(base(clock), lambda unit: facts.get(unit, "clock"))
    if settings.clock == "manual":
        return ManualClock(kept["now"] if kept else clock.now())
    return SystemClock(kept["now"] - kept["real"] if kept else 0)


def _bounds(settings: Settings) -> JobBounds:
    running, size = max(1, settings.account_running_jobs), settings.account_transfer_gb * GIB
    return JobBounds(settings.account_jobs, running, settings.account_transfers, size)


def build(settings: Settings, operator_token: str, ids: Ids | None = None) -> Server:
    """A server for these settings, its schema ready, nothing running yet. MasterKeyError without the right keys."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store(settings.database_url, Cipher(settings.master_key_path), _bounds(settings))
    prepare(store)
    region = REGIONS[settings.region]
    source = ids or Ids()

    def base(clock: MovableClock) -> Context:
        nobody = Grants("", ())
        return Context(NOBODY, "", nobody, clock, source, region, "", settings.public_url.rstrip("/"))

    clock = _clock(settings, store, base)
    context = base(clock)
    ensure_encrypted(store, context, _renew_secrets)
    tokens = Tokens(store, context)
    drivers = Drivers(settings)
    watched = Watched(store)
    rooms = Lazy(partial(_join, drivers, tokens, store, watched))
    faults = Faults()
    worker = Worker(store, context, _handlers(rooms), max(2, settings.workers), faults)
    told = partial(_status, settings, store, context, drivers)
    operations = control.routes(clock, worker, told, _ask_stores(watched, store, drivers, settings.data))
    expected = f"Bearer {operator_token}".encode()
    origin = settings.public_url.rstrip("/") or None

    def pipeline(router: Router, authenticate: Callable[[Unit, str], Context]) -> Pipeline:
        gate = Gate(authenticate, lambda given: hmac.compare_digest(given.encode(), expected))
        return Pipeline(router, store, gate, context, family_of, origin, faults)

    def scenarios() -> SavedScenarios:
        from kunsthalle.saved import SavedScenarios

        parts = (settings, store, context, clock, worker, drivers)
        return SavedScenarios(*parts, forget=tokens.forget_all, renew=_renew_secrets)

    def whole() -> Pipeline:
        from kunsthalle.identity.service import authenticate
        from kunsthalle.rehearsal import fault_routes, scenario_routes
        from kunsthalle.storage.checking import schedule

        tokens.ensure_keys()
        routes, unserved, _ = rooms()
        if drivers.tools is not None:
            schedule(store, context)
        rehearsal = (*fault_routes(faults, worker.kinds), *scenario_routes(scenarios()))
        made = pipeline(Router((*routes, *operations, *rehearsal), unserved), partial(authenticate, tokens))
        if gc.get_freeze_count():
            gc.freeze()  # as whoever started us has done with what was loaded until then
        return made

    cut_off = folder.read(settings.data, folder.LOADING)
    if cut_off:
        scenarios().load(cut_off["name"])
    front, everything = pipeline(Router(operations), _nobody), Lazy(whole)
    behind = Lazy(lambda: _load(everything))
    watching = Watching(store, context, drivers.machines, lambda: drivers.hypervisor)
    pages = Lazy(lambda: _console(everything(), store, context))
    sockets = Lazy(lambda: _sockets(drivers, store, context))
    hosts = Hosts(_names(settings))
    return Server(
        settings, store, context, clock, drivers, front, everything, behind, worker, watching, pages, sockets, hosts
    )


def _names(settings: Settings) -> tuple[str, ...]:
    """The names that the settings give the server; its addresses, where it listens on all, it knows by the calls."""
    public = urlsplit(settings.public_url).hostname or ""
    return (settings.host, public, *(name.strip() for name in settings.allowed_hosts.split(",")))


def _console(api: Application, store: Store, base: Context) -> Application:
    """The console's pages; what they show, they ask of the API as every client does."""
    from kunsthalle.console.app import Console

    return Console(api, store, base)


def _sockets(drivers: Drivers, store: Store, base: Context) -> Application:
    from kunsthalle.instances.console_sessions import Consoles

    return Consoles(store, base, drivers.hypervisor)


def _load(whole: Lazy[Pipeline]) -> threading.Thread:
    def run() -> None:
        try:
            whole()
        except Exception:
            log.exception("rooms could not be loaded")

    thread = threading.Thread(target=run, name="rooms", daemon=True)
    thread.start()
    return thread


_Rooms = tuple[tuple[Route, ...], tuple[Route, ...], tuple[jobs.Handler, ...]]


def _join(drivers: Drivers, tokens: Tokens, store: Store, watched: Watched) -> _Rooms:
    from kunsthalle.rooms import join, unserved

    routes, handlers = join(drivers, tokens, store, watched)
    return routes, unserved(), handlers


def _handlers(rooms: Lazy[_Rooms]) -> Iterator[jobs.Handler]:
    """A generator, so that the rooms are not asked before the worker is."""
    yield from rooms()[2]


def _nobody(_unit: Unit, _authorization: str) -> Context:
    """No operation of the front is for the callers of rooms."""
    raise unauthenticated()


def _status(settings: Settings, store: Store, base: Context, drivers: Drivers) -> control.StatusWire:
    accelerator, reason = drivers.hypervisor.accelerator()
    return control.StatusWire(
        accelerator=accelerator,
        accelerator_reason=reason,
        version=__version__,
        region=settings.region,
        hypervisor=drivers.hypervisor.name,
        store=store.engine.dialect.name,
        qemu_img=drivers.tools is not None,
        unchecked_images=store.read(base, lambda unit: number_of(unit, images, *UNCHECKED)),
    )


def _refuse_damaged(watched: Watched) -> None:
    damage = watched.soundness().damage
    if damage:
        text = f"The database is damaged: {damage[0]}. Ask `kunsthalle doctor`, and restore a backup."
        raise Problem(Reason.UNAVAILABLE, "damaged_database", text)


def _ask_stores(watched: Watched, store: Store, drivers: Drivers, data: Path) -> Callable[[Context], None]:
    """Asks the database and the blob store something that only they can answer. 503 where the latter does not, or the
    database is damaged, or the disk is full.
    """

    def ask(ctx: Context) -> None:
        _refuse_damaged(watched)
        store.read(ctx, lambda unit: facts.get(unit, "clock"))
        if store.full or disk_room(data)[1] < _ROOM_TO_PROBE:
            store.check_room(ctx)
        try:
            drivers.blobs.exists("0" * 64)
        except BlobError as error:
            raise Problem(Reason.UNAVAILABLE, "unavailable", f"The blob store does not answer: {error}") from error

    return ask
