"""The audit to outside: every event at least once and in order, whatever the sink, the process or the nodes do."""

from __future__ import annotations

import dataclasses
import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import NAMES, issue
from fixtures.forked_served import ForkedServed
from fixtures.threads import until
from fixtures.worlds import World
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import DAY, SECOND
from kunsthalle.db import audit, audit_cursors
from kunsthalle.db.audit_cursors import LEASE
from kunsthalle.jobs import audit_retention
from kunsthalle.operator.audit_forwarding import BATCH, SinkSender
from kunsthalle.operator.audit_sinks import SinkError, make
from kunsthalle.settings import AuditSink
from kunsthalle.testing import Served

pytestmark = pytest.mark.by_turns(3)

Event = dict[str, Any]


class Receiver:
    """An address of HTTP that keeps what it is sent. It answers with `status`, and only once `open` is set."""

    def __init__(self, port: int = 0, wrap: Any = None) -> None:
        receiver = self
        self.events: list[Event] = []
        self.batches: list[list[Event]] = []
        self.tokens: set[str | None] = set()
        self.parents: list[str] = []
        self.status, self.closed = 204, False
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            wbufsize = -1  # an answer is one packet: of two, the second waits for an acknowledgement
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                if receiver.closed:  # a process that was killed answers on no open connection
                    self.close_connection = True
                    return
                events = json.loads(self.rfile.read(int(self.headers["content-length"])))
                receiver.entered.set()
                receiver.open.wait(30)
                receiver.tokens.add(self.headers["authorization"])
                receiver.parents.append(self.headers.get("traceparent", ""))
                if receiver.status < 300:
                    receiver.events += events
                    receiver.batches.append(events)
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Nothing is printed."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if wrap is not None:
            self.server.socket = wrap(self.server.socket, server_side=True)
        self.port = int(self.server.server_port)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.closed = True
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def record(world: World, ctx: Context, *names: str) -> None:
    for name in names:
        world.clock.set(world.clock.now() + 1)
        world.write(ctx, audit.record, "is.image.image.create", f"/v1/images/{name}", 201)


def sender(world: World, url: str, owner: str = "one", **fields: Any) -> SinkSender:
    settings = AuditSink(name="siem", url=url, begin=fields.pop("begin", "oldest"), **fields)
    return SinkSender(world.store, world.base, settings, make(settings), owner)


def exhaust(sending: SinkSender) -> float:
    """Steps until there is something to wait for; for how long."""
    pause = 0.0
    while not pause:
        pause = sending.step()
    return pause


def paths(events: list[Event]) -> list[str]:
    return [event["target"]["name"].removeprefix("/v1/images/") for event in events]


def lines(file: Path) -> list[Event]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_an_event_has_the_form_of_activity_tracker(both: World, tmp_path: Path) -> None:
    ctx = dataclasses.replace(both.account(), client="192.0.2.7", trace="trace-1")
    crn = f"crn:v1:bluemix:public:is:eu-de:a/{ctx.account_id}::image:r010-1"
    both.write(ctx, audit.record, "is.image.image.create", "/v1/images", 201, subject={"crn": crn})
    both.write(ctx, audit.record, "is.image.image.delete", "/v1/images/x", 409, "image_managed")
    exhaust(sender(both, f"file://{tmp_path}/audit.log"))
    created, refused = lines(tmp_path / "audit.log")
    assert created.pop("id") != refused.pop("id")
    name = created["initiator"].pop("name")
    assert "@" in name or name == ctx.actor.iam_id
    assert created == {
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "eventType": "activity",
        "eventTime": "2026-01-01T00:00:00.00+0000",
        "action": "is.image.image.create",
        "outcome": "success",
        "severity": "normal",
        "message": f"is.image: create image {crn}",
        "reason": {"reasonCode": 201, "reasonType": "Created"},
        "initiator": {
            "id": ctx.actor.iam_id,
            "typeURI": "service/security/account/user",
            "credential": {"type": "token"},
            "host": {"address": "192.0.2.7", "addressType": "IPv4"},
        },
        "target": {"id": crn, "name": "/v1/images", "typeURI": "is.image/image"},
        "observer": {"name": "ActivityTracker"},
        "correlationId": "trace-1",
        "logSourceCRN": f"crn:v1:bluemix:public:is:eu-de:a/{ctx.account_id}:::",
        "saveServiceCopy": True,
        "dataEvent": False,
        "requestData": {"path": "/v1/images"},
    }
    assert (refused["outcome"], refused["severity"]) == ("failure", "critical")
    assert refused["reason"] == {"reasonCode": 409, "reasonType": "Conflict", "reasonForFailure": "image_managed"}
    assert refused["message"].endswith(" -failure")
    assert refused["logSourceCRN"] == f"crn:v1:bluemix:public:is:us-south:a/{ctx.account_id}:::"


def test_every_event_arrives_once_and_in_order_while_nothing_goes_wrong(both: World, receiver: Receiver) -> None:
    ctx, names = both.account(), [f"i{number}" for number in range(2 * BATCH + 5)]
    sending = sender(both, f"http://127.0.0.1:{receiver.port}/events", token="secret")
    record(both, ctx, *names[:10])
    exhaust(sending)
    record(both, ctx, *names[10:])
    exhaust(sending)
    assert paths(receiver.events) == names
    assert max(map(len, receiver.batches)) == BATCH
    assert receiver.tokens == {"Bearer secret"}
    exhaust(sending)
    assert len(receiver.events) == len(names)


def test_a_sink_that_was_down_gets_everything_once_it_is_back(both: World) -> None:
    ctx, first = both.account(), Receiver()
    sending = sender(both, f"http://127.0.0.1:{first.port}/events")
    record(both, ctx, "a", "b")
    exhaust(sending)
    first.close()
    record(both, ctx, "c")
    pauses = [exhaust(sending) for _ in range(9)]
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60, 60], "longer and longer, at most a minute"
    (state,) = both.read(both.base, audit_cursors.states, ("siem",))
    assert (state.unsent, state.failures) == (1, 9)
    assert state.last_error is not None
    assert state.last_error.startswith("http://127.0.0.1/events: ")
    record(both, ctx, "d")
    second = Receiver(first.port)
    exhaust(sending)
    assert paths(second.events) == ["c", "d"]
    (state,) = both.read(both.base, audit_cursors.states, ("siem",))
    assert (state.unsent, state.failures, state.last_error, state.oldest) == (0, 0, None, None)
    second.close()


@pytest.mark.parametrize("status", [302, 400, 401, 500, 503])
def test_an_answer_that_is_not_2xx_loses_nothing(world: World, receiver: Receiver, status: int) -> None:
    sending = sender(world, f"http://127.0.0.1:{receiver.port}/", token="secret")
    record(world, world.account(), "a")
    receiver.status = status
    assert exhaust(sending) == 2
    receiver.status = 200
    exhaust(sending)
    assert paths(receiver.events) == ["a"]
    (state,) = world.read(world.base, audit_cursors.states, ("siem",))
    assert "secret" not in str(state)


def test_an_entry_whose_transaction_took_long_is_not_passed_by(both: World, receiver: Receiver) -> None:
    """On PostgreSQL a transaction may be committed after one that began later, which was sent already."""
    ctx, sending = both.account(), sender(both, f"http://127.0.0.1:{receiver.port}/")
    exhaust(sending)
    begun, go_on = threading.Event(), threading.Event()

    def slow(session: Any) -> None:
        audit.record(session, "is.image.image.create", "/v1/images/early", 201)
        begun.set()
        go_on.wait(20)

    thread = threading.Thread(target=lambda: both.store.write(ctx, slow))
    thread.start()
    assert begun.wait(20)
    if not both.store.embedded:
        record(both, ctx, "late")
        exhaust(sending)
        assert paths(receiver.events) == ["late"]
    go_on.set()
    thread.join()
    exhaust(sending)
    assert paths(receiver.events) == (["early"] if both.store.embedded else ["late", "early"])


def test_of_two_nodes_one_sends_and_the_other_takes_over(both: World, receiver: Receiver) -> None:
    ctx, url = both.account(), f"http://127.0.0.1:{receiver.port}/"
    one, two = sender(both, url, "one"), sender(both, url, "two")
    record(both, ctx, "a")
    assert exhaust(one) == 1
    record(both, ctx, "b")
    assert exhaust(two) == 5, "it stands by"
    assert paths(receiver.events) == ["a"]
    both.clock.actual += LEASE + SECOND  # the first one was killed
    exhaust(two)
    assert paths(receiver.events) == ["a", "b"]
    record(both, ctx, "c")
    exhaust(one)
    exhaust(two)
    exhaust(one)
    assert paths(receiver.events) == ["a", "b", "c"]
    two.end()
    record(both, ctx, "d")
    exhaust(one)
    assert paths(receiver.events) == ["a", "b", "c", "d"], "what ends in good order makes nobody wait"


def test_a_node_that_lost_the_lease_while_it_sent_moves_no_cursor(both: World, receiver: Receiver) -> None:
    ctx, url = both.account(), f"http://127.0.0.1:{receiver.port}/"
    one, two = sender(both, url, "one"), sender(both, url, "two")
    exhaust(one)
    record(both, ctx, "a")
    receiver.open.clear()
    thread = threading.Thread(target=one.step)
    thread.start()
    assert receiver.entered.wait(20)
    both.clock.actual += LEASE + SECOND
    receiver.open.set()
    exhaust(two)
    thread.join()
    record(both, ctx, "b")
    exhaust(two)
    exhaust(one)
    arrived = paths(receiver.events)
    assert arrived in (["a", "a", "b"], ["a", "b"]), "at least once"


def test_only_events_of_the_accounts_are_sent_and_others_are_passed_by(both: World, tmp_path: Path) -> None:
    mine, other, third = both.account("mine"), both.account("other"), both.account("third")
    sending = sender(both, f"file://{tmp_path}/log", accounts=f"{mine.account_id},{third.account_id}")
    record(both, other, "no")
    record(both, mine, "yes")
    record(both, third, "too")
    both.clock.set(both.clock.now() + 1)
    crn = f"crn:v1:bluemix:public:is:us-south:a/{mine.account_id}::image:r006-1"
    both.write(other, audit.record, "is.image.image.read", "/v1/images/theirs", 403, subject={"crn": crn})
    exhaust(sending)
    assert paths(lines(tmp_path / "log")) == ["yes", "too", "theirs"]
    (state,) = both.read(both.base, audit_cursors.states, ("siem",))
    assert state.unsent == 0


def test_a_new_sink_begins_now_unless_it_is_told_otherwise(both: World, tmp_path: Path) -> None:
    ctx = both.account()
    record(both, ctx, "before")
    sending = sender(both, f"file://{tmp_path}/log", begin="now")
    exhaust(sending)
    record(both, ctx, "after")
    exhaust(sending)
    assert paths(lines(tmp_path / "log")) == ["after"]


def test_a_file_that_is_rotated_or_cut_off_goes_on_in_whole_lines(world: World, tmp_path: Path) -> None:
    ctx, file = world.account(), tmp_path / "audit.log"
    file.write_text('{"half": "a li')  # what a killed process left
    sending = sender(world, f"file://{file}")
    record(world, ctx, "a")
    exhaust(sending)
    half, whole = file.read_text().splitlines()
    assert half == '{"half": "a li'
    assert paths([json.loads(whole)]) == ["a"]
    file.rename(tmp_path / "audit.log.1")
    record(world, ctx, "b")
    exhaust(sending)
    assert paths(lines(file)) == ["b"]
    sending.reopening = True
    record(world, ctx, "c")
    exhaust(sending)
    assert paths(lines(file)) == ["b", "c"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_loses_nothing(world: World, tmp_path: Path) -> None:
    ctx, folder = world.account(), tmp_path / "logs"
    sending = sender(world, f"file://{folder}/audit.log")
    record(world, ctx, "a")
    assert exhaust(sending) == 2
    (state,) = world.read(world.base, audit_cursors.states, ("siem",))
    assert state.last_error == f"{folder}/audit.log: No such file or directory"
    folder.mkdir()
    exhaust(sending)
    assert paths(lines(folder / "audit.log")) == ["a"]


_SYSLOG = re.compile(rb"<(\d+)>1 (\S+) (\S+) kunsthalle (\d+) audit - \xef\xbb\xbf(\{.*\})", re.DOTALL)


def _parsed(message: bytes) -> tuple[int, Event]:
    match = _SYSLOG.fullmatch(message)
    assert match is not None, message
    assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\dZ", match[2])
    return int(match[1]), json.loads(match[5])


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_syslog_by_datagrams(world: World, tmp_path: Path, kind: str) -> None:
    ctx, path = world.account(), tmp_path / "log.sock"
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.bind(str(path) if kind == "unix" else ("127.0.0.1", 0))
        server.settimeout(20)
        url = f"syslog+unix://{path}" if kind == "unix" else f"syslog+udp://127.0.0.1:{server.getsockname()[1]}"
        record(world, ctx, "a")
        world.write(ctx, audit.record, "is.image.image.delete", "/v1/images/b", 204)
        exhaust(sender(world, url))
        received = [_parsed(server.recv(65_536)) for _ in range(2)]
    assert [priority for priority, _ in received] == [13 * 8 + 6, 13 * 8 + 4]
    assert paths([event for _, event in received]) == ["a", "b"]


def test_syslog_over_tcp_counts_octets_and_connects_anew(world: World) -> None:
    ctx = world.account()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        sending = sender(world, f"syslog+tcp://127.0.0.1:{server.getsockname()[1]}")
        record(world, ctx, "ä")
        exhaust(sending)
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            assert paths([_framed(stream)]) == ["ä"]
        record(world, ctx, "b")
        exhaust(sending)
        again, _ = server.accept()
        with again, again.makefile("rb") as stream:
            assert paths([_framed(stream)]) == ["b"]


def _framed(stream: Any) -> Event:
    length = b""
    while (octet := stream.read(1)) != b" ":
        length += octet
    return _parsed(stream.read(int(length)))[1]


def test_https_trusts_the_file_that_is_named_and_nothing_else(world: World, tmp_path: Path) -> None:
    import ssl

    certificate = issue(*NAMES)
    _, cert, _, key = certificate.write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    receiver = Receiver(wrap=context.wrap_socket)
    url = f"https://localhost:{receiver.port}/"
    record(world, world.account(), "a")
    with pytest.raises(SinkError, match="certificate"):
        make(AuditSink(name="x", url=url)).deliver([{"id": "1"}])
    exhaust(sender(world, url, ca_file=cert))
    assert paths(receiver.events) == ["a"]
    receiver.close()


def _file(tmp_path: Path, sinks: str) -> str:
    path = tmp_path / "kunsthalle.toml"
    path.write_text(f"{sinks}\n")
    return str(path)


def test_a_killed_process_sends_every_acknowledged_change_at_least_once_and_in_order(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    settings = _file(tmp_path, f"[[audit_sinks]]\nname = 'file'\nurl = 'file://{log}'\nbegin = 'oldest'")
    server = ForkedServed(tmp_path / "data", "--hypervisor", "simulated", "--config", settings)
    made: list[str] = []
    for number in range(3):
        with server:
            made += [_vpc(server, f"vpc-{number}-{i}") for i in range(12)]
            server.kill()
    with server:
        until(lambda: not set(made) - set(_vpcs(log)), LEASE / SECOND / 2)  # the lease of the dead is not waited for
        status = _operator(server, "/_kunsthalle/status")
    assert [crn for crn in dict.fromkeys(_vpcs(log)) if crn in set(made)] == made
    assert status["audit_sinks"][0]["name"] == "file"


def _vpcs(log: Path) -> list[str]:
    found = []
    for line in log.read_text().splitlines() if log.exists() else []:
        try:
            event = json.loads(line)
        except ValueError:  # half a line of a process that was killed
            continue
        if event["action"] == "is.vpc.vpc.create":
            found.append(event["target"]["id"])
    return found


def _vpc(server: Served, name: str) -> str:
    from kunsthalle.local.client import access_token, call

    key = server.env("publisher")["IBMCLOUD_API_KEY"]
    token = access_token(server.url, key, "")
    answer = call(server.url, "POST", "/v1/vpcs?version=2026-10-06&generation=2", token, {"name": name}, 30, "")
    return str(answer["crn"])


def _operator(server: Served, path: str) -> Any:
    from kunsthalle.local import folder
    from kunsthalle.local.client import call

    return call(server.url, "GET", path, folder.credentials(server.data)["operator_token"], None, 30, "")


def test_a_slow_sink_slows_no_request(tmp_path: Path, receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/"
    settings = _file(tmp_path, f"[[audit_sinks]]\nname = 'slow'\nurl = '{url}'\ntimeout = 20")
    receiver.open.clear()
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated", "--config", settings) as server:
        made = [_vpc(server, "first")]
        assert receiver.entered.wait(30), "the sink has it and does not answer"
        made += [_vpc(server, f"vpc-{i}") for i in range(5)]
        assert receiver.events == []
        receiver.open.set()
        until(lambda: not set(made) - {event["target"]["id"] for event in list(receiver.events)}, 60)
    ids = [event["target"]["id"] for event in receiver.events]
    assert [crn for crn in dict.fromkeys(ids) if crn in made] == made


def test_entries_that_a_sink_has_not_received_are_kept_longer_and_not_for_ever(both: World, tmp_path: Path) -> None:
    ctx, sending = both.account(), sender(both, f"file://{tmp_path}/log")
    record(both, ctx, "sent")
    exhaust(sending)
    record(both, ctx, "unsent")
    both.write(both.base, audit_cursors.keep_unsent_for, 30)
    soon, later = both.clock.now() + DAY, both.clock.now() + 31 * DAY
    both.clock.set(soon)
    assert both.write(both.base, audit_retention._remove, soon) == 1
    assert [entry.target for entry in both.read(both.base, audit.page, everywhere=True).items] == ["/v1/images/unsent"]
    assert both.write(both.base, audit_retention._remove, later) == 1
