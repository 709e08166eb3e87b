"""`/metrics`: what this process does and what the database holds, in the text format of Prometheus.

Counts from the database are the same on every node; each is one statement, and all are kept for some seconds, so that
scrapes cost the same however many there are.
"""

from __future__ import annotations

import hmac
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import case, func
from sqlalchemy.exc import SQLAlchemyError

from kunsthalle import __version__
from kunsthalle.api.request_metrics import BUCKETS, RequestMetrics
from kunsthalle.authz.context import Context
from kunsthalle.catalogs.tables import reclamations
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import Problem
from kunsthalle.core.event_counts import COUNTS
from kunsthalle.core.log import get_logger
from kunsthalle.db.audit_cursors import SinkState, states
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.tables import jobs
from kunsthalle.db.unscoped import grouped
from kunsthalle.hypervisor.protocol import Hypervisor
from kunsthalle.images.tables import blobs, images
from kunsthalle.instances.tables import instances
from kunsthalle.operator.host_metrics import HostNumbers

log = get_logger("metrics")
Family = Any
_ALIVE = ("queued", "running")


class Numbers(Struct, frozen=True):
    """What the database holds, at one moment; `oldest` is when the first job of a kind became due, in microseconds."""

    jobs: list[tuple[str, str, int]]
    oldest: list[tuple[str, int]]
    blobs: int
    blob_bytes: int
    images: list[tuple[str, int]]
    held: int
    instances: list[tuple[str, int]]
    reclamations: list[tuple[str, int]]
    account_jobs: list[tuple[str, int]]
    account_instances: list[tuple[str, int]]
    account_images: list[tuple[str, int]]
    sinks: list[SinkState]


class DatabaseNumbers:
    """Counts of rows, read anew when they are older than `seconds`. `accounts`: also by account."""

    def __init__(
        self,
        store: Store,
        base: Context,
        *,
        accounts: bool,
        sinks: tuple[str, ...] = (),
        seconds: float = 10,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._base, self._accounts = store, base, accounts
        self._sinks = sinks
        self._seconds, self._monotonic = seconds, monotonic
        self._lock = threading.Lock()
        self._known: Numbers | None = None
        self._read_at = -1e9

    def read(self) -> Numbers | None:
        """The counts; None where the database does not answer. One scrape at a time reads."""
        with self._lock:
            if self._monotonic() - self._read_at >= self._seconds:
                try:
                    self._known = self._store.read(self._base.as_system(""), self._count)
                except (SQLAlchemyError, Problem):
                    log.exception("the database was not counted")
                    self._known = None
                self._read_at = self._monotonic()
            return self._known

    def _count(self, session: Session) -> Numbers:
        now = session.ctx.now()
        since = case((jobs.c.due_at > jobs.c.created_at, jobs.c.due_at), else_=jobs.c.created_at)
        alive = jobs.c.state.in_(_ALIVE)
        of_blobs = grouped(session, (), (func.count(), func.coalesce(func.sum(blobs.c.size), 0)), blobs)[0]
        accounts: dict[str, list[Any]] = {"account_jobs": [], "account_instances": [], "account_images": []}
        if self._accounts:
            accounts["account_jobs"] = grouped(session, (jobs.c.account_id,), (func.count(),), jobs, alive)
            accounts["account_instances"] = grouped(session, (instances.c.account_id,), (func.count(),), instances)
            accounts["account_images"] = grouped(session, (images.c.account_id,), (func.count(),), images)
        held = grouped(session, (), (func.count(images.c.hold_crn),), images)[0]
        return Numbers(
            jobs=grouped(session, (jobs.c.kind, jobs.c.state), (func.count(),), jobs, jobs.c.state != "done"),
            oldest=grouped(session, (jobs.c.kind,), (func.min(since),), jobs, alive, jobs.c.due_at <= now),
            blobs=int(of_blobs[0]),
            blob_bytes=int(of_blobs[1]),
            images=grouped(session, (images.c.status,), (func.count(),), images),
            held=int(held[0]),
            instances=grouped(session, (instances.c.status,), (func.count(),), instances),
            reclamations=grouped(session, (reclamations.c.state,), (func.count(),), reclamations),
            sinks=states(session, self._sinks) if self._sinks else [],
            **accounts,
        )


class KunsthalleCollector(Collector):
    """Every metric of the product."""

    def __init__(
        self, numbers: DatabaseNumbers, store: Store, base: Context, requests: RequestMetrics, hosts: HostNumbers
    ) -> None:
        self._numbers, self._store, self._base, self._requests = numbers, store, base, requests
        self._hosts = hosts

    def collect(self) -> Iterator[Family]:
        """All families; those of the database are left out while it does not answer."""
        yield _info()
        yield from self._of_requests()
        yield GaugeMetricFamily(
            "kunsthalle_open_connections", "Open connections of clients", self._requests.connections()
        )
        yield from _of_events()
        yield from self._of_pool()
        yield from self._hosts.families()
        numbers = self._numbers.read()
        up = "Whether the database answered when it was counted last"
        yield GaugeMetricFamily("kunsthalle_database_up", up, int(numbers is not None))
        if numbers is not None:
            yield from self._of_jobs(numbers)
            yield from _of_rows(numbers)
            yield from _of_sinks(numbers, self._base.now())

    def _of_requests(self) -> Iterator[Family]:
        text = "Seconds from the first byte of a request to the last of its answer"
        histogram = HistogramMetricFamily(
            "kunsthalle_request_duration_seconds", text, labels=("surface", "method", "route")
        )
        for labels, durations in list(self._requests.durations.items()):
            histogram.add_metric(labels, _cumulated(durations[1:]), durations[0])
        yield histogram
        names = ("surface", "method", "route", "status")
        answered = CounterMetricFamily("kunsthalle_requests", "Requests that were answered", labels=names)
        for (*place, status), number in list(self._requests.statuses.items()):
            answered.add_metric((*place, str(status)), number)
        yield answered

    def _of_pool(self) -> Iterator[Family]:
        pool = self._store.engine.pool
        gauge = GaugeMetricFamily(
            "kunsthalle_database_pool_connections", "Connections to the database by state", labels=("state",)
        )
        gauge.add_metric(("in_use",), pool.checkedout())  # type: ignore[attr-defined]  # of a queue pool
        gauge.add_metric(("idle",), pool.checkedin())  # type: ignore[attr-defined]  # as above
        yield gauge
        most = pool.size() + max(0, pool._max_overflow)  # type: ignore[attr-defined]  # noqa: SLF001  it has no name
        text = "Requests that wait for a thread of the database"
        yield GaugeMetricFamily("kunsthalle_requests_waiting", text, self._store.queue.waiting)
        yield GaugeMetricFamily("kunsthalle_database_pool_limit", "Most connections of this pool", most)

    def _of_jobs(self, numbers: Numbers) -> Iterator[Family]:
        family = GaugeMetricFamily("kunsthalle_jobs", "Jobs that are not done", labels=("kind", "state"))
        for kind, state, number in numbers.jobs:
            family.add_metric((kind, state), number)
        yield family
        text = "Age of the oldest job that waits or runs and is due, in seconds of the product clock"
        oldest = GaugeMetricFamily("kunsthalle_oldest_job_age_seconds", text, labels=("kind",))
        for kind, moment in numbers.oldest:
            oldest.add_metric((kind,), max(0.0, (self._base.now() - moment) / SECOND))
        yield oldest


def _info() -> Family:
    version = ".".join(map(str, sys.version_info[:3]))
    return InfoMetricFamily("kunsthalle_build", "What runs", {"version": __version__, "python": version})


def _cumulated(numbers: list[float]) -> list[tuple[str, float]]:
    total, buckets = 0.0, []
    for bound, number in zip((*map(str, BUCKETS), "+Inf"), numbers, strict=True):
        total += number
        buckets.append((bound, total))
    return buckets


def _of_events() -> Iterator[Family]:
    for count in COUNTS:
        family = CounterMetricFamily(count.name, count.text, labels=count.labels)
        for labels, number in count.values().items():
            family.add_metric(labels, number)
        if not count.labels and not count.values():
            family.add_metric((), 0)
        yield family


def _of_rows(numbers: Numbers) -> Iterator[Family]:
    yield GaugeMetricFamily("kunsthalle_blobs", "Blobs that are stored", numbers.blobs)
    yield GaugeMetricFamily("kunsthalle_blob_bytes", "Bytes of these blobs", numbers.blob_bytes)
    yield GaugeMetricFamily("kunsthalle_held_images", "Images that a version of an offering holds", numbers.held)
    states = (
        ("kunsthalle_images", "Images by status", "status", numbers.images),
        ("kunsthalle_instances", "Instances by status", "status", numbers.instances),
        ("kunsthalle_reclamations", "Deleted catalogs by state of their reclamation", "state", numbers.reclamations),
        ("kunsthalle_account_jobs", "Jobs of an account that wait or run", "account", numbers.account_jobs),
        ("kunsthalle_account_images", "Images of an account", "account", numbers.account_images),
        ("kunsthalle_account_instances", "Instances of an account", "account", numbers.account_instances),
    )
    for name, text, label, rows in states:
        family = GaugeMetricFamily(name, text, labels=(label,))
        for value, number in rows:
            family.add_metric((value,), number)
        yield family


def _of_sinks(numbers: Numbers, now: int) -> Iterator[Family]:
    unsent = GaugeMetricFamily("kunsthalle_audit_unsent", "Entries that a sink has not received", labels=("sink",))
    text = "Age of the first entry that a sink has not received, in seconds of the product clock"
    age = GaugeMetricFamily("kunsthalle_audit_lag_seconds", text, labels=("sink",))
    failures = GaugeMetricFamily("kunsthalle_audit_sink_failures", "Failed attempts in a row", labels=("sink",))
    for sink in numbers.sinks:
        unsent.add_metric((sink.name,), sink.unsent)
        age.add_metric((sink.name,), 0.0 if sink.oldest is None else max(0.0, (now - sink.oldest) / SECOND))
        failures.add_metric((sink.name,), sink.failures)
    yield from (unsent, age, failures)


def registry_of(collector: Collector) -> CollectorRegistry:
    """The metrics of the product, and those of every process: memory, processor time, open files."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    ProcessCollector(registry=registry)
    return registry


class Page:
    """The text of a scrape, and who may have it. `tokens` are those of bearers; without any, everybody may."""

    def __init__(self, registry: CollectorRegistry, tokens: tuple[str, ...]) -> None:
        self._registry = registry
        self._expected = [f"Bearer {token}".encode() for token in tokens if token]

    def is_allowed(self, authorization: str) -> bool:
        """Whether a caller with this header may scrape."""
        words = authorization.encode()
        return not self._expected or any(hmac.compare_digest(words, expected) for expected in self._expected)

    def text(self) -> bytes:
        """All metrics now."""
        return generate_latest(self._registry)


def page_of(
    numbers: DatabaseNumbers,
    store: Store,
    base: Context,
    requests: RequestMetrics,
    engine: Callable[[], Hypervisor],
    tokens: tuple[str, ...],
) -> Page:
    """All metrics, for whoever has one of the tokens."""
    return Page(registry_of(KunsthalleCollector(numbers, store, base, requests, HostNumbers(engine))), tokens)


__all__ = ["CONTENT_TYPE_LATEST", "DatabaseNumbers", "Page", "page_of"]
