"""`kunsthalle serve` as the person who starts it by hand sees it, and as programs read its log."""

from __future__ import annotations

import http.client
import json
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pexpect
import pytest

from fixtures.forked_served import ForkedServed
from kunsthalle.cli.greeting import greeting
from kunsthalle.local import folder
from kunsthalle.local.client import access_token, call
from kunsthalle.testing.served import Served


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Any]:
    """A terminal on which a server was started; 200 columns wide."""
    words = ["-m", "kunsthalle", "serve", "--data", str(tmp_path / "data"), "--port", "0", "--hypervisor", "simulated"]
    environment = {"TERM": "dumb", "PATH": "/usr/bin:/bin", "XDG_STATE_HOME": str(tmp_path / "state")}
    terminal = pexpect.spawn(
        sys.executable,
        [*words, "--scenario", "enterprise"],
        env=environment,
        timeout=60,
        dimensions=(50, 200),
        encoding="utf-8",
    )
    yield terminal
    terminal.close(force=True)


def url_of(tmp_path: Path) -> str:
    return folder.url(tmp_path / "data")


def operate(tmp_path: Path, path: str, body: Any) -> Any:
    token = folder.credentials(tmp_path / "data")["operator_token"]
    return call(url_of(tmp_path), "POST", path, token, body)


def test_a_server_greets_who_starts_it_and_stops_on_one_ctrl_c(screen: Any, tmp_path: Path) -> None:
    screen.expect(r"Stop +Ctrl-C")
    text, url = screen.before, url_of(tmp_path)
    assert re.search(rf"Address +{re.escape(url)}\s", text)
    assert f"{url}/console" in text
    assert re.search(r"Accounts +enterprise, publisher, consumer-a, consumer-b, outsider", text)
    assert re.search(rf"Data folder +{re.escape(str(tmp_path / 'data'))}\s", text)
    assert f"kunsthalle env --data {tmp_path / 'data'} --account enterprise" in text
    access_token(url, folder.credentials(tmp_path / "data")["accounts"]["publisher"]["api_key"])
    screen.expect(r"Z POST /identity/token 200 [0-9.]+ ms \S+ 127\.0\.0\.1 [0-9a-f-]{36}\s")
    screen.sendintr()
    screen.expect("Stopping")
    screen.expect(pexpect.EOF)
    assert screen.wait() == 0


def test_a_second_ctrl_c_does_not_wait(screen: Any, tmp_path: Path) -> None:
    screen.expect(r"Stop +Ctrl-C")
    slow = {"on": "call", "match": "GET /v1/images", "effect": "delay", "seconds": 60}
    operate(tmp_path, "/_kunsthalle/faults", slow)
    asking = threading.Thread(target=_ask, args=(url_of(tmp_path), "/v1/images?version=2025-06-30&generation=2"))
    asking.start()
    screen.expect(r"POST /_kunsthalle/faults 20")
    _ask(url_of(tmp_path), "/healthz")
    screen.expect(r"GET /healthz 200")
    screen.sendintr()
    screen.expect(r"Stopping: waiting for 1 request in progress. Press Ctrl-C again to stop at once.")
    screen.sendintr()
    screen.expect("Stopped at once. No job was in progress; nothing that was answered is lost.")
    screen.expect(pexpect.EOF)
    asking.join()
    assert screen.wait() == 130


def _ask(url: str, path: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):  # the server stopped at once
        pass
    finally:
        connection.close()


def _lines(server: Served) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def test_programs_read_a_line_for_each_request(tmp_path: Path) -> None:
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated") as server:
        url, env = server.url, server.env("publisher")
        token = access_token(url, env["IBMCLOUD_API_KEY"])
        call(url, "GET", "/v1/images/?version=2025-06-30&generation=2&name=secret-name", token)
        _ask(url, "/nowhere/at/all")
    lines = [line for line in _lines(server) if line["event"] == "request" and line["route"] != "/healthz"]
    assert [(line["method"], line["route"], line["status"], line["account"]) for line in lines] == [
        ("POST", "/identity/token", 200, ""),
        ("GET", "/v1/images", 200, env["IBMCLOUD_ACCOUNT_ID"]),
        ("GET", "-", 404, ""),
    ]
    assert all(
        line["ms"] >= 0 and len(line["trace"]) == 36 and line["client"] == "127.0.0.1" and line["level"] == "info"
        for line in lines
    )
    for secret in ("secret-name", token, env["IBMCLOUD_API_KEY"]):
        assert secret not in server.log.read_text()
    assert [line["url"] for line in _lines(server) if line["event"] == "listening"] == [url]


@pytest.mark.parametrize("options", [("--access-log", "off"), ("--log", "warning")])
def test_the_lines_of_requests_can_be_left_out(tmp_path: Path, options: tuple[str, ...]) -> None:
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated", *options) as server:
        _ask(server.url, "/healthz")
    assert all(line["event"] != "request" for line in _lines(server))


def test_text_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated", "--log-format", "text", scenario="") as server:
        _ask(server.url, "/healthz")
    log = server.log.read_text()
    assert log.startswith("Kunsthalle ")
    assert re.search(r"Z GET /healthz 200 [0-9.]+ ms - 127\.0\.0\.1 ", log)


def test_the_greeting_names_commands_that_the_reader_can_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `./dev serve` the command is in a folder that is not on the path."""

    def credentials() -> str:
        text = greeting("http://127.0.0.1:8100", tmp_path, ["publisher"], empty=False)
        return next(line.split(maxsplit=1)[1] for line in text.splitlines() if "Credentials" in line)

    command = tmp_path / "kunsthalle"
    monkeypatch.setattr(sys, "argv", [str(command), "serve"])
    monkeypatch.setenv("PATH", "/absent")
    assert credentials() == f"{command} env --data {tmp_path} --account publisher"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert credentials() == f"kunsthalle env --data {tmp_path} --account publisher"


def test_the_greeting_of_a_server_without_accounts_says_how_to_make_one(tmp_path: Path) -> None:
    text = greeting("http://127.0.0.1:8100", tmp_path / "a folder", [], empty=True)
    assert f"kunsthalle account create NAME --owner MAIL --data '{tmp_path}/a folder'" in text


def test_browsers_are_led_to_the_console_and_programs_are_told_where_things_are(served: Served) -> None:
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=60)
    connection.request("GET", "/", headers={"Accept": "text/html,application/xhtml+xml"})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Location"), answer.read()) == (303, f"{served.url}/console/", b"")
    entry = call(served.url, "GET", "/", "")
    assert entry["name"] == "Kunsthalle"
    for name in ("vpc", "catalog", "iam", "health", "console", "docs"):
        assert entry[name].startswith(served.url)
    connection.request("GET", urlsplit(entry["console"]).path)
    assert connection.getresponse().status in {200, 303}
    connection.close()
