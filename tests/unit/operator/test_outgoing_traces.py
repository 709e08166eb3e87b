"""Calls to other servers carry the trace context of the request, or of the job, which makes them; and nobody else's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import App, open_app
from fixtures.faulty import Proxy, proxied
from fixtures.frozen_app import OPERATOR, TRACE
from fixtures.hand_made_cloud import hand_made_cloud
from fixtures.s3 import ENVIRONMENT, S3Server
from fixtures.trace_collector import Collector
from fixtures.worlds import World
from kunsthalle.blobs import s3_uploads
from kunsthalle.core import trace_parents
from kunsthalle.core.clock import SystemClock
from kunsthalle.core.trace_parents import InSpan
from kunsthalle.db import audit
from kunsthalle.db.account_turns import AccountTurns
from kunsthalle.hypervisor.openstack.cloud_access import find_cloud, open_cloud
from kunsthalle.operator.audit_forwarding import SinkSender
from kunsthalle.operator.audit_sinks import make
from kunsthalle.operator.tracing import Tracing
from kunsthalle.settings import AuditSink
from unit.operator.test_audit_forwarding import Receiver, exhaust, record

pytestmark = pytest.mark.by_turns(3)

BITS = TRACE.replace("-", "")
OTHER = "0af76519-16cd-43dd-8448-eb211c80319c"


@pytest.fixture
def tracing(collector: Collector) -> Iterator[Tracing]:
    made = Tracing(collector.url, "", 100, SystemClock().real, "a node")
    yield made
    made.stop()


@pytest.fixture
def s3_proxy(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with proxied(s3) as proxy:
        yield proxy


def opened(folder: Path, proxy: Proxy, **settings: Any) -> App:
    """An application whose blobs and buckets are behind the proxy."""
    server = proxy.upstream
    places = {"blobs": proxy.address(server.bucket(), "blobs"), "buckets": proxy.address(server.bucket(), "{account}")}
    return open_app(folder, **places, **settings)


def import_one(app: App, proxy: Proxy) -> None:
    """An image is imported; only calls since then are kept."""
    app.put("golden.qcow2")
    assert set(proxy.parents) == {""}, "what belongs to no request and no job carries nothing"
    proxy.parents.clear()
    body = {"name": "golden", "file": {"href": "cos://us-south/images/golden.qcow2"}}
    made = app.do("POST", "/v1/images", {**body, "operating_system": {"name": "debian-12-amd64"}})
    app.settle()
    assert app.do("GET", f"/v1/images/{made['id']}")["status"] == "available"


def test_an_s3_server_is_told_of_requests_and_jobs(tmp_path: Path, collector: Collector, s3_proxy: Proxy) -> None:
    with closing(opened(tmp_path / "data", s3_proxy, traces=collector.url)) as app:
        import_one(app, s3_proxy)
        called = set(s3_proxy.parents)
        s3_proxy.parents.clear()
        app.ok(OPERATOR, "POST", "/_kunsthalle/doctor", {"deep": True})
        assert app.server.tracing is not None
        assert app.server.tracing.flush()
        spans = collector.parents()
        assert called == {spans["POST /v1/images"], spans["job image.import"]}
        assert {text[3:35] for text in called} == {BITS}
        assert set(s3_proxy.parents) == {spans["POST /_kunsthalle/doctor"]}
        assert "".join(called).count("-01") == len(called)


def test_uploads_in_parts_are_told_too(tmp_path: Path, s3_proxy: Proxy, tracing: Tracing) -> None:
    with closing(opened(tmp_path / "data", s3_proxy)) as app:
        address = app.server.drivers.blobs._bucket.address  # type: ignore[attr-defined]  # of S3
    s3_proxy.parents.clear()
    with InSpan(tracing, TRACE):
        s3_uploads.unfinished(address)
        (parent,) = s3_proxy.parents
        assert parent == trace_parents.headers()["traceparent"]
    s3_uploads.unfinished(address)
    assert s3_proxy.parents == [parent, ""]


def test_without_traces_nobody_is_told_anything(tmp_path: Path, s3_proxy: Proxy) -> None:
    with closing(opened(tmp_path / "data", s3_proxy)) as app:
        import_one(app, s3_proxy)
        assert set(s3_proxy.parents) == {""}


def test_what_is_not_sent_to_the_collector_says_so(collector: Collector) -> None:
    none = Tracing(collector.url, "", 0, SystemClock().real, "a node")
    with InSpan(none, TRACE):
        assert trace_parents.headers()["traceparent"].startswith(f"00-{BITS}-")
        assert trace_parents.headers()["traceparent"].endswith("-00")
    none.stop()


@pytest.mark.parametrize(("named", "told"), [("127.0.0.1", True), ("localhost", False)])
def test_a_cloud_is_told_on_the_host_that_the_operator_has_named(named: str, *, told: bool, tracing: Tracing) -> None:
    """The catalog of the cloud names 127.0.0.1 for its services, whatever the address of its identity service is."""
    with hand_made_cloud() as (made, client):
        address = client.session.auth.auth_url.replace("127.0.0.1", named)
        access = {"AUTH_URL": address, "USERNAME": "u", "PASSWORD": "p", "PROJECT_NAME": "p", "REGION_NAME": "lab"}
        access |= {"AUTH_TYPE": "v3password", "USER_DOMAIN_ID": "default", "PROJECT_DOMAIN_ID": "default"}
        cloud = open_cloud(find_cloud("", {f"OS_{name}": value for name, value in access.items()}))
        with InSpan(tracing, TRACE):
            parent = trace_parents.headers()["traceparent"]
            cloud.get("compute", "/flavors")
        cloud.get("compute", "/flavors")
        by_path = list(zip(made.calls, made.parents, strict=True))
        assert ("POST /identity/v3/auth/tokens", parent) in by_path
        services = [told_ for call, told_ in by_path if call == "GET /compute/v2.1/flavors"]
        assert services == [parent if told else "", ""]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_a_receiver_of_the_audit_is_told_of_the_request_that_its_events_are_of(
    world: World, receiver: Receiver, collector: Collector, tracing: Tracing
) -> None:
    world.store.tracer = tracing
    sink = AuditSink(name="siem", url=f"http://127.0.0.1:{receiver.port}/", begin="oldest")
    sending = SinkSender(world.store, world.base, sink, make(sink), "one")
    one, other = (replace(world.account(), trace=trace) for trace in (TRACE, OTHER))
    record(world, one, "a", "b")
    exhaust(sending)
    record(world, one, "c")
    record(world, other, "d")
    exhaust(sending)
    assert tracing.flush()
    first, second = receiver.parents
    assert first == collector.parents()["audit delivery"]
    assert first[3:35] == BITS
    assert second == "", "events of two requests are of none"


def test_the_audit_in_a_file_is_no_call(world: World, tmp_path: Path, collector: Collector, tracing: Tracing) -> None:
    world.store.tracer = tracing
    sink = AuditSink(name="file", url=f"file://{tmp_path}/audit.log", begin="oldest")
    sending = SinkSender(world.store, world.base, sink, make(sink), "one")
    world.write(replace(world.account(), trace=TRACE), audit.record, "is.image.image.create", "/v1/images/a", 201)
    exhaust(sending)
    assert json.loads((tmp_path / "audit.log").read_text())["correlationId"] == TRACE
    tracing.flush()
    assert collector.spans == []


def test_a_thread_of_the_store_works_for_the_request_that_waits_for_it(tracing: Tracing) -> None:
    turns = AccountTurns(1, "test", 1)
    try:
        with InSpan(tracing, TRACE):
            asked, told = turns.submit("a", trace_parents.headers), trace_parents.headers()
        assert asked.result(30) == told != {}
        assert turns.submit("a", trace_parents.headers).result(30) == {}
    finally:
        turns.close()
