"""Traces reach a collector in the form of OTLP: one for each request, through its jobs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import Decision

from fixtures.app import App, open_app
from fixtures.frozen_app import TRACE
from fixtures.trace_collector import Collector
from kunsthalle.api.asgi import Headers
from kunsthalle.api.trace_context import trace_of
from kunsthalle.app import build
from kunsthalle.core.ids import Ids
from kunsthalle.operator import tracing
from kunsthalle.operator.tracing import ByTrace
from kunsthalle.settings import BadSetting, Settings

PARENT = "00f067aa0ba902b7"
GIVEN = "4bf92f3577b34da6a3ce929d0e0e4736"
AS_UUID = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"


@pytest.fixture
def traced(tmp_path: Path, collector: Collector) -> Iterator[App]:
    made = open_app(tmp_path / "data", traces=collector.url, traces_token="of-the-collector")
    yield made
    made.close()


def attributes(span: Any) -> dict[str, Any]:
    return {entry.key: entry.value.string_value or entry.value.int_value for entry in span.attributes}


def test_a_request_and_its_jobs_are_one_trace_that_the_client_and_the_audit_know(
    traced: App, collector: Collector
) -> None:
    traced.image("golden")
    answer = traced.call("owner", "GET", "/v1/vpcs", traceparent=f"00-{GIVEN}-{PARENT}-01", x_request_id=TRACE)
    assert dict(answer.headers)[b"x-request-id"].decode() == AS_UUID
    traced.call("owner", "GET", "/v1/nothing")
    assert traced.server.tracing is not None
    assert traced.server.tracing.flush()
    spans = {span.name: span for span in collector.spans}
    posted, job, listed = spans["POST /v1/images"], spans["job image.import"], spans["GET /v1/vpcs"]
    assert posted.trace_id.hex() == job.trace_id.hex() == TRACE.replace("-", "")
    assert posted.end_time_unix_nano - posted.start_time_unix_nano > 0
    assert attributes(posted)["kunsthalle.account"] == traced.accounts["owner"]
    assert (attributes(posted)["http.route"], attributes(posted)["http.response.status_code"]) == ("/v1/images", 201)
    assert (attributes(job)["kunsthalle.job.kind"], attributes(job)["kunsthalle.account"]) == (
        "image.import",
        traced.accounts["owner"],
    )
    assert (listed.trace_id.hex(), listed.parent_span_id.hex()) == (GIVEN, PARENT)
    resource = {
        entry.key: entry.value.string_value for entry in collector.requests[0].resource_spans[0].resource.attributes
    }
    assert resource["service.name"] == "kunsthalle"
    assert set(collector.tokens) == {"Bearer of-the-collector"}
    sent = b"".join(request.SerializeToString() for request in collector.requests)
    for secret in (*traced.keys.values(), *traced.tokens.values(), "golden.qcow2"):
        assert not secret or secret.encode() not in sent


def test_a_trace_is_sent_whole_or_not_at_all() -> None:
    half, ids = ByTrace(50), [int(Ids().uuid().replace("-", ""), 16) for _ in range(2_000)]
    decided = [half.should_sample(None, id_, "any").decision for id_ in ids]
    assert 800 < decided.count(Decision.RECORD_AND_SAMPLE) < 1_200
    assert [half.should_sample(None, id_, "other").decision for id_ in ids] == decided
    assert {ByTrace(0).should_sample(None, id_, "any").decision for id_ in ids} == {Decision.DROP}
    assert {ByTrace(100).should_sample(None, id_, "any").decision for id_ in ids} == {Decision.RECORD_AND_SAMPLE}


@pytest.mark.by_turns(3)
def test_a_collector_that_is_down_or_refuses_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(tracing.log, "warning", lambda event, **_fields: told.append(event))
    refusing = Collector(status=400)
    app = open_app(tmp_path / "data", traces=refusing.url)
    try:
        assert app.call("owner", "GET", "/v1/vpcs").status == 200
        assert app.server.tracing is not None
        app.server.tracing.flush()
        assert app.call("owner", "GET", "/v1/vpcs").status == 200
        assert told == ["traces are not sent: the collector does not take them"]
        refusing.close()
        assert app.call("owner", "GET", "/v1/vpcs").status == 200
    finally:
        app.close()


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (f"00-{GIVEN}-{PARENT}-01", True),
        (f"00-{GIVEN}-{PARENT}-00", True),
        (f"01-{GIVEN}-{PARENT}-01-later", True),
        (f"00-{GIVEN}-{PARENT}-01-later", False),
        (f"ff-{GIVEN}-{PARENT}-01", False),
        (f"00-{GIVEN.upper()}-{PARENT}-01", False),
        (f"00-{'0' * 32}-{PARENT}-01", False),
        (f"00-{GIVEN}-{'0' * 16}-01", False),
        (f"00-{GIVEN}-{PARENT}", False),
        (f"01-{GIVEN}-{PARENT}-01-{'x' * 200}", False),
        ("", False),
    ],
)
def test_a_trace_context_names_the_trace_where_it_is_one(text: str, *, taken: bool) -> None:
    headers = Headers([(b"traceparent", text.encode()), (b"x-request-id", TRACE.encode())])
    assert trace_of(headers, Ids()) == (AS_UUID if taken else TRACE)


def test_without_its_packages_the_setting_is_refused_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kunsthalle.operator.tracing", None)
    with pytest.raises(BadSetting, match=r"install kunsthalle\[tracing\]"):
        build(Settings(data=tmp_path / "data", hypervisor="simulated", traces="http://127.0.0.1:1/v1/traces"), "token")


@pytest.mark.by_turns(3)
def test_without_the_setting_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from kunsthalle.app import build; from kunsthalle.settings import Settings\n"
        "server = build(Settings(data=Path(sys.argv[1]), hypervisor='simulated'), 'token'); server.whole()\n"
        "server.metrics(); server.console(); print([name for name in sys.modules if 'opentelemetry' in name])\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "data")]
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"
