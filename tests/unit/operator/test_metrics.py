"""`/metrics`: who may read it, what is counted, and what is never in it."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from fixtures.app import App
from fixtures.forked_served import ForkedServed
from fixtures.frozen_app import OPERATOR
from kunsthalle.api.access_log import Exchange
from kunsthalle.api.request_metrics import BUCKETS, RequestMetrics
from kunsthalle.operator.metrics import DatabaseNumbers
from kunsthalle.settings import BadSetting, Settings

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples_of(text: str) -> Samples:
    """Every sample of a scrape, by its name and labels."""
    families = text_string_to_metric_families(text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def scrape(app: App) -> Samples:
    answer = app.call(OPERATOR, "GET", "/metrics")
    assert answer.status == 200
    return samples_of(answer.body.decode())


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0)


def test_only_the_operator_may_read_it_where_no_token_is_set(app: App) -> None:
    for who in ("owner", "nobody"):
        answer = app.call(who, "GET", "/metrics")
        assert answer.status == 401
        assert dict(answer.headers)[b"www-authenticate"].startswith(b"Bearer ")
        assert b"kunsthalle_" not in answer.body
    assert app.call(OPERATOR, "POST", "/metrics").status == 405
    assert dict(app.call(OPERATOR, "GET", "/metrics").headers)[b"content-type"].startswith(b"text/plain")
    assert app.call(OPERATOR, "HEAD", "/metrics").body == b""


def test_requests_are_counted_by_route_and_never_by_path(app: App) -> None:
    before = scrape(app)
    image = app.image("golden")
    for _ in range(3):
        app.do("GET", f"/v1/images/{image['id']}")
    app.call("owner", "GET", "/v1/images/r006-00000000-0000-4000-8000-000000000000")
    app.call("owner", "GET", "/v1/nothing/here")
    app.call("owner", "GET", "/console/images")
    after = scrape(app)
    labels = {"surface": "vpc", "method": "GET", "route": "/v1/images/{id}"}

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert more("kunsthalle_requests_total", **labels, status="200") == 4
    assert more("kunsthalle_requests_total", **labels, status="404") == 1
    assert more("kunsthalle_request_duration_seconds_count", **labels) == 5
    assert more("kunsthalle_request_duration_seconds_bucket", **labels, le="+Inf") == 5
    assert more("kunsthalle_requests_total", surface="vpc", method="GET", route="-", status="404") == 1
    assert more("kunsthalle_requests_total", surface="pages", method="GET", route="/console", status="303") == 1
    text = str(after)
    assert image["id"] not in text
    assert app.accounts["owner"] not in text
    assert "golden" not in text


def test_rows_are_counted_by_one_statement_each_and_not_at_every_scrape(app: App) -> None:
    store, now = app.server.store, [100.0]
    numbers = DatabaseNumbers(store, app.server.base, accounts=False, seconds=10, monotonic=lambda: now[0])
    image = app.image("golden")
    app.server_of(image["id"])
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    for engine in (store.engine, store._readers):
        event.listen(engine, "before_cursor_execute", note)
    first = numbers.read()
    assert first is not None
    counted = [statement for statement in statements if statement.startswith("SELECT")]
    assert len(counted) == 7, counted
    assert (dict(first.images), dict(first.instances), first.blobs) == ({"available": 1}, {"running": 1}, 1)
    assert first.account_images == []
    app.image("second")
    statements.clear()
    now[0] = 109.9
    assert numbers.read() is first
    assert statements == []
    now[0] = 110.0
    second = numbers.read()
    assert second is not None
    assert (dict(second.images), second.blobs) == ({"available": 2}, 2)
    by_account = DatabaseNumbers(store, app.server.base, accounts=True).read()
    assert by_account is not None
    assert by_account.account_images == [(app.accounts["owner"], 2)]


def test_jobs_have_an_age_once_they_are_due(app: App) -> None:
    app.pause()
    app.image("golden", settle=False)
    app.server.clock.set(app.server.clock.now() + 90 * 1_000_000)
    numbers = DatabaseNumbers(app.server.store, app.server.base, accounts=False).read()
    assert numbers is not None
    assert ("image.import", "queued", 1) in numbers.jobs
    (due,) = (moment for kind, moment in numbers.oldest if kind == "image.import")
    assert app.server.clock.now() - due == 90 * 1_000_000
    assert "audit.expire" not in dict(numbers.oldest), "it is due in a year"


def test_a_database_that_does_not_answer_is_told_and_the_rest_is_there(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(type(app.server.store), "read", fail)
    samples = scrape(app)
    assert value(samples, "kunsthalle_database_up") == 0
    assert not [name for name, _ in samples if name in {"kunsthalle_images", "kunsthalle_jobs", "kunsthalle_blobs"}]
    assert [name for name, _ in samples if name == "process_resident_memory_bytes"]


def test_what_happens_is_counted(app: App) -> None:
    app.sign_in()
    before = scrape(app)
    image = app.image("golden")
    (app.folders["owner"] / "images" / "bad.qcow2").write_bytes(b"QFI\xfb and nothing more")
    body = {"file": {"href": "cos://us-south/images/bad.qcow2"}, "operating_system": {"name": "debian-12-amd64"}}
    app.do("POST", "/v1/images", {"name": "bad", **body})
    app.settle()
    app.log_in()
    app.sign_in()
    after = scrape(app)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert more("kunsthalle_image_imports_total", outcome="available") == 1
    assert more("kunsthalle_image_imports_total", outcome="failed") == 1
    size = (app.folders["owner"] / "images" / "golden.qcow2").stat().st_size
    assert image["file"]["size"] == 1
    assert more("kunsthalle_image_import_bytes_total") == size
    assert more("kunsthalle_sign_ins_total", grant="api_key", outcome="success") == len(app.keys)


def test_methods_and_buckets_are_bounded() -> None:
    metrics = RequestMetrics()
    for number, method in enumerate(["GET", *(f"X{i}" for i in range(50))]):
        metrics.record(Exchange(method, 0.0), BUCKETS[0] if number == 0 else 60.0, "")
    assert set(metrics.durations) == {("-", "GET", "-"), ("-", "other", "-")}
    assert metrics.durations["-", "GET", "-"][1] == 1, "a bound belongs to its bucket"
    assert metrics.durations["-", "other", "-"][-1] == 50
    assert metrics.durations["-", "other", "-"][0] == 3_000


def _fetch(url: str, token: str = "") -> SimpleNamespace:
    request = Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urlopen(request, timeout=10) as answer:
            return SimpleNamespace(status=answer.status, text=answer.read().decode())
    except HTTPError as error:
        return SimpleNamespace(status=error.code, text=error.read().decode())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.by_turns(3)
def test_a_port_of_its_own_serves_them_alone(tmp_path: Path) -> None:
    port = _free_port()
    options = ("--hypervisor", "simulated", "--metrics-port", str(port))
    with ForkedServed(tmp_path / "data", *options) as server:
        own = _fetch(f"http://127.0.0.1:{port}/metrics")
        assert own.status == 200
        samples = samples_of(own.text)
        assert value(samples, "kunsthalle_database_up") == 1
        assert value(samples, "kunsthalle_open_connections") >= 0
        assert _fetch(f"http://127.0.0.1:{port}/v1/images").status == 404
        assert _fetch(f"{server.url}/metrics").status == 404
        with pytest.raises(Exception, match="metrics-port"), ForkedServed(tmp_path / "other", *options):
            pass


@pytest.mark.by_turns(3)
def test_a_token_from_a_file_opens_them(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("scraper-secret\n")
    options = ("--hypervisor", "simulated", "--metrics-token-file", str(tmp_path / "token"))
    with ForkedServed(tmp_path / "data", *options) as server:
        url = f"{server.url}/metrics"
        assert [_fetch(url, token).status for token in ("scraper-secret", "", "scraper", "wrong")] == [
            200,
            401,
            401,
            401,
        ]
        assert value(samples_of(_fetch(url, "scraper-secret").text), "kunsthalle_open_connections") == 1
        assert "scraper-secret" not in server.log.read_text()


@pytest.mark.by_turns(3)
def test_metrics_can_be_switched_off(tmp_path: Path) -> None:
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated", "--metrics", "off", scenario="") as server:
        assert _fetch(f"{server.url}/metrics").status == 404


def test_everybody_may_read_them_on_loopback_only() -> None:
    with pytest.raises(BadSetting, match="give metrics_token, too, or a loopback address"):
        Settings(metrics_port=9000, metrics_host="0.0.0.0")  # noqa: S104  refused
    Settings(metrics_port=9000, metrics_host="0.0.0.0", metrics_token="x")  # noqa: S104  with a token
