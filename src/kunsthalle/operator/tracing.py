"""Traces for OpenTelemetry: a span for each request and for each run of a job, sent over OTLP/HTTP.

The trace of a request is the one that its client is told and the log has: a UUID, whose 128 bits are the trace's id. A
job has the trace of the request that asked for it, so all that follows from one request is one trace, on whichever
node it runs and after a restart, too. This module is loaded where the setting `traces` asks for it, and no earlier.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.util.types import Attributes

from kunsthalle import __version__
from kunsthalle.api.access_log import Exchange
from kunsthalle.api.trace_context import PARENT
from kunsthalle.core import trace_parents
from kunsthalle.core.log import get_logger
from kunsthalle.core.trace_parents import TraceParent
from kunsthalle.jobs.queue import Claimed

log = get_logger("traces")
SEND_SECONDS = 10
"""For one batch, tries included."""
FLUSH_SECONDS = 2
"""How long a server that ends waits for its last batch."""
_MOST_WAITING = 4_096
"""Spans that wait to be sent; more are dropped while the collector does not answer."""
_HEX = re.compile(r"[0-9a-f]{32}")


class _Ids(RandomIdGenerator):
    """The ids of a span are those that calls to other servers have named before it is sent."""

    def __init__(self) -> None:
        self.thread = threading.local()

    def generate_trace_id(self) -> int:
        return _own(self.thread).trace_id

    def generate_span_id(self) -> int:
        return _own(self.thread).span_id


def _own(thread: threading.local) -> TraceParent:
    """The span that the thread is about to send."""
    own: TraceParent = thread.own
    return own


class ByTrace(Sampler):
    """A part of the traces, chosen by their ids alone: a request and its jobs are sent, or neither, on every node."""

    def __init__(self, percent: int) -> None:
        self._below = (percent << 48) // 100

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        del parent_context, name, kind, links, trace_state  # the trace's id alone decides
        return SamplingResult(Decision.RECORD_AND_SAMPLE if self.sends(trace_id) else Decision.DROP, attributes)

    def sends(self, trace_id: int) -> bool:
        """Whether the spans of a trace are sent."""
        # The first 48 bits of a UUID are random; the first ones of its second half say its kind.
        return trace_id >> 80 < self._below

    def get_description(self) -> str:
        return f"by trace, below {self._below}"


class _Telling(SpanExporter):
    """Says in the log that spans were not sent, once until they are again: the product does not wait for them."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner, self._failed = inner, False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        outcome = self._inner.export(spans)
        failed = outcome is not SpanExportResult.SUCCESS
        if failed and not self._failed:
            log.warning("traces are not sent: the collector does not take them", spans=len(spans))
        self._failed = failed
        return outcome

    def shutdown(self) -> None:
        self._inner.shutdown()


class Tracing:
    """Observes requests and jobs. `real` is real time in microseconds."""

    def __init__(self, url: str, token: str, percent: int, real: Callable[[], int], node: str) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # what matters of it is told above
        headers = {"authorization": f"Bearer {token}"} if token else None
        exporter = _Telling(OTLPSpanExporter(endpoint=url, headers=headers, timeout=SEND_SECONDS))
        self._ids, self._real, self._sampler, self._random = _Ids(), real, ByTrace(percent), RandomIdGenerator()
        names = {"service.name": "kunsthalle", "service.version": __version__, "service.instance.id": node}
        self._provider = TracerProvider(
            sampler=self._sampler, resource=Resource(names), id_generator=self._ids, shutdown_on_exit=False
        )
        self._processor = BatchSpanProcessor(exporter, max_queue_size=_MOST_WAITING)
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer("kunsthalle", __version__)

    def parent_of(self, trace: str) -> TraceParent:
        """See Tracer.parent_of."""
        trace_id = _number(trace) or self._random.generate_trace_id()
        return TraceParent(trace_id, self._random.generate_span_id(), self._sampler.sends(trace_id))

    def ended(self, name: str, trace: str, seconds: float, *, failed: bool) -> None:
        """See Tracer.ended."""
        self._span(name, SpanKind.INTERNAL, trace, seconds, {}, "", failed=failed)

    def record(self, exchange: Exchange, now: float, trace: str) -> None:
        """The span of a request that was answered; `now` is in seconds, as its beginning."""
        attributes: dict[str, str | int] = {
            "http.request.method": exchange.method,
            "http.route": exchange.route,
            "http.response.status_code": exchange.status,
            "kunsthalle.surface": exchange.surface,
            "kunsthalle.account": exchange.account_id,
        }
        failed = exchange.status >= 500 or not exchange.status
        name = f"{exchange.method} {exchange.route}"
        self._span(name, SpanKind.SERVER, trace, now - exchange.begun, attributes, exchange.parent, failed=failed)

    def job(self, job: Claimed, seconds: float, error: Exception | None) -> None:
        """The span of a run of a job, and what it failed with, where it did."""
        attributes: dict[str, str | int] = {
            "kunsthalle.job.kind": job.kind,
            "kunsthalle.job.attempt": job.attempts,
            "kunsthalle.account": job.account_id,
        }
        failed = error is not None
        self._span(f"job {job.kind}", SpanKind.CONSUMER, job.trace or "", seconds, attributes, "", failed=failed)

    def _span(
        self,
        name: str,
        kind: SpanKind,
        trace: str,
        seconds: float,
        attributes: Mapping[str, str | int],
        traceparent: str,
        *,
        failed: bool,
    ) -> None:
        own = self._ids.thread.own = self._own(trace)
        ended = self._real() * 1_000
        span = self._tracer.start_span(
            name, _parent(own.trace_id, traceparent), kind, dict(attributes), start_time=ended - int(seconds * 1e9)
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)

    def _own(self, trace: str) -> TraceParent:
        """The span that calls were made in; a new one for what made none, such as an answer that was kept."""
        own = trace_parents.current()
        trace_id = _number(trace)
        return own if own is not None and trace_id in {0, own.trace_id} else self.parent_of(trace)

    def flush(self) -> bool:
        """Send what waits; whether it was sent in time."""
        return bool(self._provider.force_flush(FLUSH_SECONDS * 1_000))

    def stop(self) -> None:
        """Send what waits, for a moment; what is not sent then is lost."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(FLUSH_SECONDS)


def _number(trace: str) -> int:
    """The 128 bits of a UUID; 0 for another text."""
    digits = trace.replace("-", "")
    return int(digits, 16) if _HEX.fullmatch(digits) else 0


def _parent(trace_id: int, traceparent: str) -> Context:
    """The client's span, where it has told one of this trace."""
    known = PARENT.fullmatch(traceparent)
    if known is None or int(known["trace"], 16) != trace_id:
        return Context()
    flags = TraceFlags(int(known["flags"], 16) & TraceFlags.SAMPLED)
    span = SpanContext(trace_id, int(known["span"], 16), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(span), Context())
