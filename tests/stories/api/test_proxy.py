"""Behind nginx, as docs/how-to/first-run.md sets it up: addresses, clients, limits and web sockets are the clients'."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from fixtures.certificates import NAMES, issue
from fixtures.clients import PATIENCE, Account, eventually
from fixtures.forked_served import ForkedServed
from fixtures.packages import nginx
from fixtures.tools import ROOT
from kunsthalle.testing import Served

pytestmark = [pytest.mark.needs_nginx, pytest.mark.by_turns(3)]
PER_ADDRESS = 4
CLIENT, OTHER, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.4"
"""Addresses of this host that clients call from."""
OPTIONS = ("--trusted-proxy", "127.0.0.1", "--connections-per-address", str(PER_ADDRESS))


@dataclass(frozen=True)
class Proxied:
    """A server behind nginx, its address there, and the file of the certificate."""

    served: Served
    url: str
    ca_file: str

    def call(self, source: str, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Status and document of a call through nginx from an address of this host."""
        context = ssl.create_default_context(cafile=self.ca_file)
        where = urlsplit(self.url).netloc
        return _call(
            HTTPSConnection(where, timeout=PATIENCE, context=context, source_address=(source, 0)), method, path, headers
        )

    def direct(self, source: str, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """The same past nginx."""
        where = urlsplit(self.served.url).netloc
        return _call(HTTPConnection(where, timeout=PATIENCE, source_address=(source, 0)), method, path, headers)

    def clients(self, route: str) -> list[str]:
        """Who has called a route, by the log."""
        lines = [json.loads(line) for line in self.served.log.read_text().splitlines()]
        return [line["client"] for line in lines if line.get("route") == route]


def _call(connection: HTTPConnection, method: str, path: str, headers: dict[str, str] | None) -> tuple[int, Any]:
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content.startswith(b"{") else content
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _configuration(folder: Path, inner: str, port: int, cert: str, key: str) -> str:
    """The page's own, with ports and files of the test, for somebody who is not root."""
    page = (ROOT / "docs" / "how-to" / "first-run.md").read_text()
    (block,) = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    for old, new in (
        ("http://127.0.0.1:8100", inner),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/kunsthalle/catalog.pem", cert),
        ("/etc/kunsthalle/catalog.key", key),
    ):
        assert block.count(old) == 1
        block = block.replace(old, new)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    head = f"pid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
    return f"{head}http {{\naccess_log off;\n{places}\n{block}}}\n"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder, port = tmp_path_factory.mktemp("proxied"), _free_port()
    _, cert, _, key = issue(*NAMES).write(folder)
    with ForkedServed(folder / "data", "--hypervisor", "simulated", *OPTIONS) as served:
        (folder / "nginx.conf").write_text(_configuration(folder, served.url, port, cert, key))
        command = [str(nginx()), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            proxied = Proxied(served, f"https://localhost:{port}", cert)
            try:
                eventually(lambda: _answers(port) and proxied.call(CLIENT, "GET", "/healthz")[0] == 200, "nginx")
                yield proxied
            finally:
                process.terminate()
                served.kill()  # it would wait for requests that a test has left in progress


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def token(proxied: Proxied) -> dict[str, str]:
    account = Account(proxied.served, "publisher")
    return {"Authorization": f"Bearer {account.authenticator.token_manager.get_token()}"}


IMAGES = "/v1/images?version=2025-06-30&generation=2"
KEYS = ("GET", "/identity/keys")


def test_addresses_are_those_of_the_proxy(proxied: Proxied) -> None:
    status, document = proxied.call(CLIENT, "GET", IMAGES, token(proxied))
    assert (status, document["first"]["href"].startswith(f"{proxied.url}/v1/images?")) == (200, True)


def test_a_host_that_is_nobodys_is_refused(proxied: Proxied) -> None:
    for name in ("evil.example", "evil.example, localhost@evil.example", "[::1", "local host"):
        status, _ = proxied.direct("127.0.0.1", "GET", IMAGES, {**token(proxied), "X-Forwarded-Host": name})
        assert status == 400, name


def test_the_log_shows_the_client_of_the_proxy(proxied: Proxied) -> None:
    said = {"X-Forwarded-For": "203.0.113.66", "Forwarded": "for=203.0.113.66"}
    sends = {  # in this order; a line is written after its answer was sent
        "what a client says of itself does not count": (lambda: proxied.call(CLIENT, *KEYS, said), CLIENT),
        "nor what a stranger says past the proxy": (lambda: proxied.direct(STRANGER, *KEYS, said), STRANGER),
        "what the proxy says counts": (lambda: proxied.direct("127.0.0.1", *KEYS, said), "203.0.113.66"),
    }
    shown: list[str] = []
    for rule, (send, client) in sends.items():
        send()
        shown.append(client)
        eventually(lambda: len(proxied.clients(KEYS[1])) >= len(shown), "the line of the log")
        assert proxied.clients(KEYS[1]) == shown, rule


def test_the_audit_shows_the_client_of_the_proxy(proxied: Proxied) -> None:
    said = {**token(proxied), "X-Forwarded-For": "203.0.113.66", "Content-Type": "application/json"}
    missing = f"/v1/images/r006-00000000-0000-4000-8000-000000000000?{IMAGES.partition('?')[2]}"
    for ask, source in ((proxied.call, OTHER), (proxied.direct, STRANGER)):
        assert ask(source, "DELETE", missing, said)[0] == 404
    entries = proxied.served.operate("GET", "/_kunsthalle/audit?action=is.image.image.delete")["entries"]
    assert [one["client"] for one in entries] == [STRANGER, OTHER]


def test_a_stranger_chooses_no_address(proxied: Proxied) -> None:
    said = {**token(proxied), "X-Forwarded-Proto": "https", "X-Forwarded-Host": "localhost:1"}
    _, document = proxied.direct(STRANGER, "GET", IMAGES, said)
    assert document["first"]["href"].startswith(proxied.served.url)


def test_headers_of_forwarding_may_not_be_long(proxied: Proxied) -> None:
    status, _ = proxied.direct("127.0.0.1", "GET", "/healthz", {"X-Forwarded-For": "203.0.113.1," * 10_000})
    assert status == 431
    status, _ = proxied.direct("127.0.0.1", "GET", "/identity/token", {"X-Forwarded-For": "10.0.0.1, " * 5_000})
    assert status == 405, "below the bound it is read, and is no address of the route's"


def test_the_console_knows_that_it_is_called_over_https(proxied: Proxied) -> None:
    context = ssl.create_default_context(cafile=proxied.ca_file)
    connection = HTTPSConnection(urlsplit(proxied.url).netloc, timeout=PATIENCE, context=context)
    key = proxied.served.env("publisher")["IBMCLOUD_API_KEY"]
    head = {"Content-Type": "application/x-www-form-urlencoded", "Origin": proxied.url}
    connection.request("POST", "/console/sign-in", f"apikey={key}", head)
    answer = connection.getresponse()
    cookies = answer.headers.get_all("set-cookie") or []
    connection.close()
    assert answer.status == 303
    assert any(one.startswith("__Host-kunsthalle_session=") and "secure" in one.lower() for one in cookies)


def test_web_sockets_pass(proxied: Proxied) -> None:
    account = Account(proxied.served, "publisher")
    server = account.boot("proxied", image={"id": account.import_image("proxied")["id"]})
    path = f"/v1/instances/{server['id']}/console_access_token?version=2025-06-30&generation=2"
    context = ssl.create_default_context(cafile=proxied.ca_file)
    connection = HTTPSConnection(urlsplit(proxied.url).netloc, timeout=PATIENCE, context=context)
    connection.request("POST", path, json.dumps({"console_type": "serial"}), token(proxied))
    made = json.loads(connection.getresponse().read())
    connection.close()
    assert made["href"].startswith(proxied.url.replace("https://", "wss://"))
    with connect(made["href"], proxy=None, ssl=context, open_timeout=PATIENCE) as console:
        assert isinstance(console.recv(timeout=PATIENCE), bytes)


def test_each_client_of_the_proxy_has_a_limit_of_its_own(proxied: Proxied) -> None:
    """Requests in progress are held by a fault; the proxy has more connections than an address may have."""
    slow = {"on": "call", "match": "GET /v1/regions", "effect": "delay", "seconds": 300, "times": 100}
    proxied.served.operate("POST", "/_kunsthalle/faults", slow)
    regions = "/v1/regions?version=2025-06-30&generation=2"

    def held(source: str) -> threading.Thread:
        def ask() -> None:
            try:
                proxied.call(source, "GET", regions)
            except OSError:  # the server has stopped
                return

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        return thread

    for _ in range(PER_ADDRESS):
        held(CLIENT)
    refused = eventually(lambda: _refused(proxied, CLIENT), "the limit of one client")
    assert refused["errors"][0]["code"] == "too_many_connections"
    for _ in range(PER_ADDRESS - 1):
        held(OTHER)
    assert proxied.call(OTHER, "GET", "/healthz")[0] == 200
    assert proxied.call(STRANGER, "GET", "/healthz")[0] == 200


def _refused(proxied: Proxied, source: str) -> Any:
    status, document = proxied.call(source, "GET", "/healthz")
    return document if status == 429 else None
