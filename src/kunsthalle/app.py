"""The only wiring: settings in, drivers chosen, packages joined, an ASGI application out.

The packages are half of the program, and a server that was just started is ready without them: they are loaded behind
its first answer, or with the first call or job that needs one.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kunsthalle.accounts.tables import accounts
from kunsthalle.all_tables import prepare
from kunsthalle.api import permitted_operations
from kunsthalle.api.access_log import Exchange, Observers
from kunsthalle.api.asgi import Headers, Receive, Scope, Send
from kunsthalle.api.call_limits import CallLimits, set_limits
from kunsthalle.api.hosts import Hosts
from kunsthalle.api.pipeline import Authenticator, Pipeline, refusal
from kunsthalle.api.reading_processes import ReadingProcesses
from kunsthalle.api.request_metrics import RequestMetrics
from kunsthalle.api.router import Route, Router
from kunsthalle.api.surfaces import Surface
from kunsthalle.api.surfaces.catalog import BASE, CATALOG
from kunsthalle.api.surfaces.iam import OPERATOR, PLATFORM, TOKEN
from kunsthalle.api.surfaces.kms import BASE as KMS_BASE
from kunsthalle.api.surfaces.kms import KMS
from kunsthalle.api.surfaces.vpc import VPC
from kunsthalle.api.trace_context import trace_of
from kunsthalle.authz.context import NOBODY, Context
from kunsthalle.authz.permissions import Grants
from kunsthalle.chosen_drivers import Drivers
from kunsthalle.core import quota_names
from kunsthalle.core.clock import SECOND, ManualClock, MovableClock, SystemClock
from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.errors import Problem, Reason, unauthenticated
from kunsthalle.core.faults import Faults
from kunsthalle.core.helper_processes import HelperProcesses
from kunsthalle.core.ids import Ids
from kunsthalle.core.lazy import Lazy
from kunsthalle.core.log import get_logger
from kunsthalle.core.records import dataclass
from kunsthalle.core.regions import REGIONS
from kunsthalle.core.sizes import GIB
from kunsthalle.db import kv, nodes
from kunsthalle.db.bounds import JobBounds
from kunsthalle.db.encryption import Cipher, cipher_of
from kunsthalle.db.engine import Store
from kunsthalle.db.integrity import Watched
from kunsthalle.db.reencryption import SecretPlace, ensure_encrypted
from kunsthalle.db.session import Session
from kunsthalle.db.shared_faults import SharedFaults
from kunsthalle.db.unscoped import any_row
from kunsthalle.iam.tokens import Tokens
from kunsthalle.instances.vm_monitor_thread import VmMonitorThread
from kunsthalle.jobs import queue
from kunsthalle.jobs.audit_retention import keep_for
from kunsthalle.jobs.worker import Worker
from kunsthalle.local import folder, shared_folder
from kunsthalle.operator import routes_control
from kunsthalle.operator.traces import tracing_of
from kunsthalle.server_status import ask_stores, server_status
from kunsthalle.settings import Settings

if TYPE_CHECKING:
    from kunsthalle.disk_images.qemu_img import Tools
    from kunsthalle.oidc.providers import Provider
    from kunsthalle.operator.audit_forwarding import AuditForwarding
    from kunsthalle.operator.metrics import Page
    from kunsthalle.operator.saved_states import SavedScenarios
    from kunsthalle.operator.scenarios import Credential
    from kunsthalle.operator.tracing import Tracing
    from kunsthalle.reading_process import ReadingSetup

log = get_logger("app")

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
_CONSOLE = "/console"
_DOCUMENTATION = "/docs"
_METRICS = "/metrics"
_READING = "kunsthalle.reading_process"
MOST_READING = 2
"""Processes for reads: as many as there are threads for long reads (`db/long_reads.py`)."""
_READING_BYTES = GIB
"""Address space of one: its code takes a quarter of it."""

_FAMILIES = (
    (BASE, CATALOG),
    ("/v1/", VPC),
    *((f"{KMS_BASE}/{path}", KMS) for path in ("keys", "key_rings", "instance", "import_token", "kmip_adapters")),
    ("/identity", TOKEN),
    ("/_kunsthalle", OPERATOR),
    ("", PLATFORM),
)


def surface_of(path: str) -> Surface:
    """The surface in which an unknown path is answered."""
    return next(surface for prefix, surface in _FAMILIES if path.startswith(prefix))


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
    watching: VmMonitorThread
    console: Lazy[Application]
    documentation: Lazy[Application]
    sockets: Lazy[Application]
    metrics: Lazy[Page]
    scrapes: Lazy[Application]
    requests: RequestMetrics | None
    forwarding: AuditForwarding | None
    hosts: Hosts
    reading: HelperProcesses
    tracing: Tracing | None

    @property
    def pipeline(self) -> Pipeline:
        """Every route."""
        return self.whole()

    def start(self) -> None:
        self.drivers.blobs.sweep(0)
        _rotate_signing_keys(self.store, self.base, self.settings.signing_key_days)
        keep_for(self.store, self.base, self.settings.audit_days, self.settings.audit_unsent_days)
        if self.forwarding is not None:
            self.forwarding.start()
        self.worker.start()
        self.watching.start()

    def stop(self) -> None:
        if self.forwarding is not None:
            self.forwarding.stop()
        self.watching.stop()
        self.worker.stop()
        self.reading.close()
        self.drivers.image_processes.close()
        self.store.close()
        if self.tracing is not None:
            self.tracing.stop()

    def scenario(self) -> str | None:
        """The scenario that the store was made with, if any."""
        name = self.store.read(self.base, lambda session: kv.get(session, kv.SCENARIO))
        return str(name) if name else None

    def has_accounts(self) -> bool:
        """Whether anybody could sign in."""
        return self.store.read(self.base, lambda session: any_row(session, accounts))

    def seed(self, name: str) -> list[Credential]:
        """Makes a scenario in a store that has none; the credentials of its owners."""
        from kunsthalle.operator.scenarios import SCENARIOS

        make = SCENARIOS[name]
        keys = self.settings.shared_root / "ssh"
        return self.store.write(self.base, lambda session: make(session, self.drivers.buckets, keys))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application, lifespan included."""
        if scope["type"] == "lifespan":
            await _lifespan(self, receive, send)
            return
        try:
            self.hosts.check(scope)
            await self._answer(scope, receive, send)
        except Problem as problem:
            await self._refuse(problem, scope, send)
        except asyncio.CancelledError:  # the server ends, and this request took longer than it waits for
            with contextlib.suppress(RuntimeError):  # the answer had begun: it is cut off
                await self._refuse(_cut_off(), scope, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._beside_the_apis(scope)
        if asked is not None:
            application = asked.known
            if application is None:
                application = await asyncio.to_thread(asked)
            await self._counted(application, scope, receive, send)
        elif scope["type"] == "http":
            pipeline = self.whole.known
            if pipeline is None:
                pipeline = await self._choose(scope["path"])
            await pipeline(scope, receive, send)
            if pipeline is self.front:
                self.behind()

    async def _counted(self, application: Application, scope: Scope, receive: Receive, send: Send) -> None:
        """An application beside the APIs answers; its pages are one route of the metrics."""
        if self.requests is None or scope["type"] != "http":
            await application(scope, receive, send)
            return
        route = f"/{scope['path'].split('/')[1]}"
        exchange = Exchange(scope["method"], time.perf_counter(), surface="pages", route=route)
        try:
            await application(scope, receive, exchange.watching(send))
        finally:
            self.requests.record(exchange, time.perf_counter(), "")

    def _beside_the_apis(self, scope: Scope) -> Lazy[Application] | None:
        """The application that answers what belongs to no API."""
        if scope["type"] == "websocket":
            return self.sockets
        path = scope["path"] if scope["type"] == "http" else ""
        if path == _DOCUMENTATION or path.startswith(f"{_DOCUMENTATION}/"):
            return self.documentation
        if path == _METRICS and self.requests is not None and not self.settings.metrics_port:
            return self.scrapes
        return self.console if path.startswith(_CONSOLE) else None

    async def _refuse(self, problem: Problem, scope: Scope, send: Send) -> None:
        """Answers for whichever API the path belongs to; its addresses are of no host."""
        ctx = self.base.asked(trace_of(Headers(scope["headers"]), self.base.ids), "")
        kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
        await refusal(problem, surface_of(scope["path"]), ctx).send(send, kind)

    async def _choose(self, path: str) -> Pipeline:
        """Other calls than the front's wait for the packages; that the server is healthy is answered meanwhile."""
        return self.front if path in self.front.router.paths else await asyncio.to_thread(self.whole)


def _cut_off() -> Problem:
    text = "The server is stopping and did not wait for this request: it may have been carried out, or not."
    return Problem(Reason.UNAVAILABLE, "service_unavailable", text, retry_after=1)


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


def _secret_places() -> tuple[SecretPlace, ...]:
    from kunsthalle.operator.master_key_rotation import secret_places

    return secret_places()


def _clock(settings: Settings, store: Store, base: Callable[[MovableClock], Context]) -> MovableClock:
    """The clock where the last run left it: time travel survives a restart."""
    clock: MovableClock = SystemClock()
    moment = store.read(base(clock), lambda session: kv.get(session, "clock"))
    match settings.clock:
        case ManualClock.kind:
            return ManualClock(moment["now"] if moment else clock.now())
        case SystemClock.kind:
            return SystemClock(moment["now"] - moment["real"] if moment else 0)
        case kind:
            raise UnknownMember("clock", kind)


def _tell_of_migration(revision: str, head: str) -> None:
    told = {"from_schema": revision, "to_schema": head, "way_back": "only a backup that was made before"}
    log.warning("the database is brought to the schema of this release", **told)


def _join_nodes(
    settings: Settings, store: Store, base: Context, clock: MovableClock, faults: Faults, tokens: Tokens
) -> None:
    """From now on the process follows what other nodes of a PostgreSQL database change. OtherFolder."""
    if store.embedded:
        return
    shared = shared_folder.identity(settings.shared_root, base.ids.uuid())
    store.write(base, partial(nodes.join, clock=clock, folder=shared))

    def forget() -> None:
        store.memo.clear()
        tokens.forget_all()

    store.nodes = nodes.Nodes(clock, faults, forget)


def job_bounds(settings: Settings) -> JobBounds:
    """How much background work one account may have."""
    running, size = max(1, settings.account_running_jobs), settings.account_transfer_gb * GIB
    lease = settings.job_lease * SECOND
    return JobBounds(settings.account_jobs, running, settings.account_transfers, size, lease)


def build(
    settings: Settings,
    operator_token: str,
    ids: Ids | None = None,
    observers: Observers | None = None,
    tools: Lazy[Tools | None] | None = None,
    on_loaded: Callable[[], object] = lambda: None,
) -> Server:
    """A server for these settings, its schema ready, nothing running yet. MasterKeyError without the right keys.

    `tools` is what was found already by the process (`drivers.find_image_tools`). `on_loaded` is called when the
    packages are loaded.
    """
    providers = _providers(settings)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store(settings.database_url, cipher_of(settings), job_bounds(settings))
    store.quotas = quota_names.parse(settings.account_quota)
    prepare(store, migrates=settings.schema_upgrade == "auto", tell=_tell_of_migration)
    region = REGIONS[settings.region]
    source = ids or Ids()

    def base(clock: MovableClock) -> Context:
        nobody = Grants("", ())
        return Context(NOBODY, "", nobody, clock, source, region, "", settings.public_url.rstrip("/"))

    clock = _clock(settings, store, base)
    context = base(clock)
    ensure_encrypted(store, context, _secret_places)
    tokens = Tokens(store, context)
    drivers = Drivers(settings, tools)
    drivers.share(store, context)
    watched = Watched(store)
    rooms = Lazy(partial(_join, drivers, tokens, store, watched))
    faults = Faults() if store.embedded else SharedFaults(store, context)
    _join_nodes(settings, store, context, clock, faults, tokens)
    worker = Worker(store, context, _handlers(rooms), max(2, settings.workers), faults)
    told = partial(server_status, settings, store, context, drivers)
    operations = routes_control.routes(clock, worker, told, ask_stores(watched, store, drivers, settings.data))
    expected = f"Bearer {operator_token}".encode()
    origin = settings.public_url.rstrip("/") or None
    reading = HelperProcesses(
        _READING, MOST_READING, _READING_BYTES, partial(_reading_setup, settings, store.cipher, drivers)
    )
    processes = ReadingProcesses(reading, store.priority)
    requests = RequestMetrics() if settings.metrics == "on" else None
    observers = observers or Observers()
    observers.exchange(None, requests)
    tracing = tracing_of(settings, store, context)
    if tracing is not None:
        observers.exchange(None, tracing)
        worker.on_ended = tracing.job
    limits = set_limits(settings, store, CallLimits(store.priority))

    def pipeline(router: Router, authenticate: Callable[[Session, str], Context]) -> Pipeline:
        gate = Authenticator(authenticate, lambda token: hmac.compare_digest(token.encode(), expected))
        return Pipeline(router, store, gate, context, surface_of, origin, faults, observers, processes, limits)

    def forget() -> None:
        tokens.forget_all()
        reading.restart()

    def scenarios() -> SavedScenarios:
        from kunsthalle.operator.saved_states import SavedScenarios

        return SavedScenarios(settings, store, context, clock, worker, drivers, forget=forget, secrets=_secret_places)

    def whole() -> Pipeline:
        from kunsthalle.block_storage.unchecked_images import schedule
        from kunsthalle.iam.authentication import authenticate
        from kunsthalle.operator.fault_callers import callers
        from kunsthalle.operator.routes_accounts import routes as account_routes
        from kunsthalle.operator.routes_faults_and_states import fault_routes, scenario_routes
        from kunsthalle.operator.routes_hosts import host_routes
        from kunsthalle.operator.routes_jobs import routes as job_routes
        from kunsthalle.operator.routes_quotas import quota_routes
        from kunsthalle.operator.routes_recordings import recording_routes
        from kunsthalle.operator.routes_signing_keys import signing_key_routes

        tokens.ensure_keys()
        routes, not_implemented, _ = rooms()
        if drivers.tools is not None:
            schedule(store, context)
        rehearsal = (
            *account_routes(),
            *fault_routes(faults, worker.kinds, partial(_expire_tokens, store), callers(store)),
            *scenario_routes(scenarios(), faults),
            *recording_routes(store.recordings, lambda ctx: store.read(ctx, partial(nodes.others, own=store.node))),
            *signing_key_routes(lambda session: nodes.others(session, store.node)),
            *quota_routes(),
            *job_routes(store.node, lambda session: nodes.names(session, store.node)),
            *host_routes(lambda: drivers.hypervisor, store),
        )
        every = permitted_operations.with_questions((*routes, *operations, *rehearsal))
        made = pipeline(Router(every, not_implemented), partial(authenticate, tokens))
        on_loaded()
        return made

    cut_off = folder.read(settings.shared_root, folder.LOADING)
    if cut_off:
        scenarios().resume(cut_off["name"], without_secrets=bool(cut_off.get("without_secrets")))
    front, everything = pipeline(Router(operations), _nobody), Lazy(whole)
    behind = Lazy(lambda: _load(everything))
    watching = VmMonitorThread(store, context, drivers.machines, lambda: drivers.hypervisor)
    pages = Lazy(lambda: _console(everything(), store, context, providers))
    documents = Lazy(_documentation)
    sockets = Lazy(lambda: _sockets(drivers, store, context))
    hosts = Hosts(host_names(settings))
    metrics = Lazy(lambda: _page(settings, operator_token, store, context, drivers, requests or RequestMetrics()))
    forwarding = _forwarding(settings, store, context)
    applications = (pages, documents, sockets, metrics, Lazy(lambda: _scrapes(metrics())), requests, forwarding)
    parts = (settings, store, context, clock, drivers, front, everything, behind, worker, watching)
    return Server(*parts, *applications, hosts, reading, tracing)


def _reading_setup(settings: Settings, cipher: Cipher, drivers: Drivers) -> ReadingSetup:
    from kunsthalle.reading_process import ReadingSetup

    return ReadingSetup(settings.database_url, cipher.path, cipher.keys, settings.region, drivers.reclamation_period)


def _providers(settings: Settings) -> tuple[Provider, ...]:
    """Whom people may sign in with. BadSetting where they are said wrongly."""
    if not settings.oidc_providers and not settings.providers:
        return ()
    from kunsthalle.oidc.providers import of_settings

    return of_settings(settings, os.environ)


def host_names(settings: Settings) -> tuple[str, ...]:
    """The names that the settings give the server; its addresses, where it listens on all, it knows by the calls."""
    public = urlsplit(settings.public_url).hostname or ""
    return (settings.host, public, *(name.strip() for name in settings.allowed_hosts.split(",")))


def _console(api: Application, store: Store, base: Context, providers: tuple[Provider, ...]) -> Application:
    """The console's pages; what they show, they ask of the API as every client does."""
    from kunsthalle.console.console_app import Console
    from kunsthalle.iam.single_sign_on import SingleSignOn

    return Console(api, store, base, SingleSignOn(store, base, providers))


def _page(settings: Settings, token: str, store: Store, base: Context, drivers: Drivers, asked: RequestMetrics) -> Page:
    """What is scraped; its library is loaded with the first scrape. A port of its own needs no operator's token."""
    from kunsthalle.operator.metrics import DatabaseNumbers, page_of

    sinks = tuple(sink.name for sink in settings.audit_sinks)
    numbers = DatabaseNumbers(store, base, accounts=settings.metrics_accounts, sinks=sinks)
    tokens = (settings.metrics_token, "" if settings.metrics_port and not settings.metrics_token else token)
    return page_of(numbers, store, base, asked, lambda: drivers.hypervisor, tokens)


def _forwarding(settings: Settings, store: Store, base: Context) -> AuditForwarding | None:
    """What sends the audit elsewhere, where the settings name such places."""
    if not settings.audit_sinks:
        return None
    from kunsthalle.operator.audit_forwarding import AuditForwarding

    return AuditForwarding(store, base, settings.audit_sinks, base.ids.uuid())


def _scrapes(page: Page) -> Application:
    from kunsthalle.operator.metrics_page import asgi

    return asgi(page)


def _documentation() -> Application:
    from kunsthalle.documentation import Documentation

    return Documentation()


def _sockets(drivers: Drivers, store: Store, base: Context) -> Application:
    from kunsthalle.instances.consoles.console_sessions import Consoles

    return Consoles(store, base, drivers.hypervisor)


def _rotate_signing_keys(store: Store, base: Context, days: int) -> None:
    """By the clock from now on, or no more, where the settings say something else than at the last start."""
    if store.read(base, lambda session: kv.get(session, kv.SIGNING_KEY_DAYS) or 0) != days:
        from kunsthalle.iam.signing_key_rotation import rotate_every

        rotate_every(store, base, days)


def _expire_tokens(store: Store, ctx: Context) -> None:
    from kunsthalle.iam.queries import expire_tokens

    store.write(ctx, expire_tokens)


def _load(whole: Lazy[Pipeline]) -> threading.Thread:
    def run() -> None:
        try:
            whole()
        except Exception:
            log.exception("packages could not be loaded")

    thread = threading.Thread(target=run, name="packages", daemon=True)
    thread.start()
    return thread


_Rooms = tuple[tuple[Route, ...], tuple[Route, ...], tuple[queue.Handler, ...]]


def _join(drivers: Drivers, tokens: Tokens, store: Store, watched: Watched) -> _Rooms:
    from kunsthalle.wiring import join, not_implemented

    routes, handlers = join(drivers, tokens, store, watched)
    return routes, not_implemented(), handlers


def _handlers(rooms: Lazy[_Rooms]) -> Iterator[queue.Handler]:
    """A generator, so that the packages are not asked before the worker is."""
    yield from rooms()[2]


def _nobody(_session: Session, _authorization: str) -> Context:
    """No operation of the front is for the callers of packages."""
    raise unauthenticated()
