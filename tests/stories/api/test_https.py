"""A server of https with a certificate that signs itself: clients verify it, and it is renewed while it runs."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from websockets.sync.client import connect

from fixtures.certificates import NAMES, Issued, issue, root
from fixtures.clients import PATIENCE, Account, eventually
from fixtures.forked_served import ForkedServed
from kunsthalle.cli.main import cli
from kunsthalle.ibmcloud.serial_console import talk
from kunsthalle.local import folder, trust
from kunsthalle.testing import Served

TRUST = ("KUNSTHALLE_CA_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


@dataclass(frozen=True)
class Secure:
    """A server of https, and what its first certificate was."""

    served: Served
    first: Issued
    files: Path


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    """It is trusted by what runs in this process, as `env` says."""
    place = tmp_path_factory.mktemp("https")
    first = issue(*NAMES)
    options = first.write(place / "tls")
    with (
        ForkedServed(place / "data", "--hypervisor", "simulated", *options) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in TRUST:
            patch.setenv(name, server.env("publisher")[name])
        yield Secure(server, first, place / "tls")


def elsewhere(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that trusts what the system trusts, and what is given."""
    return {name: value for name, value in os.environ.items() if name not in TRUST} | dict(more)


def run(command: list[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, env=elsewhere(env), timeout=PATIENCE, check=False)


def test_everything_that_tells_the_address_says_https(secure: Secure) -> None:
    served = secure.served
    env = served.env("publisher")
    assert served.url.startswith("https://127.0.0.1:")
    assert {env[name] for name in TRUST} == {str(secure.files / "server.pem")}
    assert env["IBMCLOUD_IS_NG_API_ENDPOINT"] == f"{served.url}/v1"
    log = [json.loads(line) for line in served.log.read_text().splitlines()]
    assert [line["url"] for line in log if line["event"] == "listening"] == [served.url]
    told = run([sys.executable, "-m", "kunsthalle", "status", "--data", str(served.data), "--output", "json"], {})
    assert (told.returncode, json.loads(told.stdout)["url"]) == (0, served.url)
    shown = CliRunner().invoke(cli, ["env", "--data", str(served.data), "--account", "publisher", "--wait", "5"])
    assert f"REQUESTS_CA_BUNDLE={secure.files / 'server.pem'}\n" in shown.output


def test_addresses_in_answers_are_those_of_https(secure: Secure) -> None:
    account = Account(secure.served, "publisher")
    image = account.import_image("over-tls")
    assert image["href"].startswith(f"{secure.served.url}/v1/images/")


SDK = """
import os
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_vpc import VpcV1
url = os.environ["KUNSTHALLE_URL"]
vpc = VpcV1(authenticator=IAMAuthenticator(os.environ["IBMCLOUD_API_KEY"], url=url))
vpc.set_service_url(os.environ["IBMCLOUD_IS_NG_API_ENDPOINT"])
print(vpc.list_images(limit=1).get_status_code())
"""


@pytest.mark.by_turns(3)
def test_the_python_sdk_verifies_by_what_env_exports(secure: Secure) -> None:
    env = secure.served.env("publisher")
    told = run([sys.executable, "-c", SDK], env)
    assert (told.stdout, told.stderr) == ("200\n", "")
    untold = run([sys.executable, "-c", SDK], {name: value for name, value in env.items() if name not in TRUST})
    assert "certificate verify failed" in untold.stderr


NODE = """fetch(process.env.KUNSTHALLE_URL + '/healthz').then(
    answer => console.log(answer.status), error => console.log(error.cause.code))"""


@pytest.mark.needs_node
@pytest.mark.by_turns(3)
def test_node_verifies_by_what_env_exports(secure: Secure) -> None:
    env = secure.served.env("publisher")
    assert run(["node", "-e", NODE], env).stdout == "200\n"
    untold = {name: value for name, value in env.items() if name not in TRUST}
    assert run(["node", "-e", NODE], untold).stdout == "DEPTH_ZERO_SELF_SIGNED_CERT\n"


@pytest.mark.by_turns(3)
def test_the_ibmcloud_command_verifies(secure: Secure, tmp_path: Path) -> None:
    env = secure.served.env("publisher") | {"IBMCLOUD_HOME": str(tmp_path)}
    login = [sys.executable, "-m", "kunsthalle", "ibmcloud", "login", "-a", secure.served.url, "-r", "us-south"]
    images = [sys.executable, "-m", "kunsthalle", "ibmcloud", "is", "images"]
    untold = run(login, {name: value for name, value in env.items() if name not in TRUST})
    assert untold.returncode != 0
    assert "its certificate is not trusted: self-signed certificate; name one to trust in KUNSTHALLE_CA_FILE" in (
        untold.stdout + untold.stderr
    )
    assert "Traceback" not in untold.stderr
    for name in ("KUNSTHALLE_CA_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        known = {one: value for one, value in env.items() if one not in TRUST} | {name: env[name]}
        assert run(login, known).returncode == 0, name
        assert run(images, known).returncode == 0, name


@pytest.mark.by_turns(3)
def test_verbs_are_told_a_root_to_trust(tmp_path: Path) -> None:
    """Whose certificate is not in the file that the server has."""
    authority = root()
    (tmp_path / "root.pem").write_bytes(authority.pem)
    trusted = ("--ca-file", str(tmp_path / "root.pem"))
    options = issue(*NAMES, by=authority).write(tmp_path / "tls")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(trust.CA_FILE, trusted[1])
        server = ForkedServed(tmp_path / "data", "--hypervisor", "simulated", *options).start()
    try:
        where = ("--data", str(server.data))
        program = [sys.executable, "-m", "kunsthalle"]
        assert folder.ca_file(server.data) == ""
        told = run([*program, *trusted, "status", *where], {})
        assert (told.returncode, server.url in told.stdout) == (0, True)
        untold = run([*program, "status", *where], {})
        assert (untold.returncode, "its certificate is not trusted: unable to get local issuer" in untold.stderr) == (
            1,
            True,
        )
        env = run([*program, *trusted, "env", *where, "--account", "publisher", "--format", "json"], {})
        assert {json.loads(env.stdout)[name] for name in TRUST} == {trusted[1]}
        assert not set(TRUST) & set(
            json.loads(run([*program, "env", *where, "--operator", "--format", "json"], {}).stdout)
        )
    finally:
        server.stop()


def test_consoles_are_web_sockets_over_tls(secure: Secure) -> None:
    account = Account(secure.served, "publisher")
    server = account.boot("talkative", image={"id": account.import_image("for-consoles")["id"]})

    def href() -> str:
        made = account.vpc.create_instance_console_access_token(server["id"], "serial", force=True).get_result()
        return str(made["href"])

    address = href()
    assert address.startswith(secure.served.url.replace("https://", "wss://", 1))
    context = ssl.create_default_context(cafile=folder.ca_file(secure.served.data))
    with connect(address, proxy=None, ssl=context, open_timeout=PATIENCE) as console:
        assert isinstance(console.recv(timeout=PATIENCE), bytes)
    heard = io.StringIO()
    talk(href(), io.StringIO(""), heard)
    assert heard.getvalue()


class Kept:
    """A connection that stays open, and the serial number of the certificate that it was given."""

    def __init__(self, served: Served) -> None:
        where = urlsplit(served.url)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._connection = http.client.HTTPSConnection(where.netloc, timeout=PATIENCE, context=context)
        self._connection.connect()
        assert isinstance(self._connection.sock, ssl.SSLSocket)
        self.certificate = self._connection.sock.getpeercert(binary_form=True)

    def is_served(self) -> bool:
        self._connection.request("GET", "/healthz")
        answer = self._connection.getresponse()
        answer.read()
        return answer.status == 200

    def close(self) -> None:
        self._connection.close()


def certificate_of(served: Served) -> bytes | None:
    """Of a new connection."""
    kept = Kept(served)
    kept.close()
    return kept.certificate


def test_a_certificate_is_renewed_without_dropping_connections(secure: Secure) -> None:
    served = secure.served
    kept, before = Kept(served), certificate_of(served)
    assert kept.is_served()
    (secure.files / "server.pem").write_bytes(b"half of a")
    os.kill(served.pid, signal.SIGHUP)
    eventually(lambda: "the TLS certificate was not changed" in served.log.read_text(), "the refusal of broken files")
    assert certificate_of(served) == before, "new connections get the old one"
    assert kept.is_served()
    second = issue(*NAMES)
    second.write(secure.files)
    os.kill(served.pid, signal.SIGHUP)
    eventually(lambda: certificate_of(served) not in {before, None}, "the new certificate")
    assert kept.is_served(), "the connection of before is still there"
    kept.close()
    refusals = [line for line in served.log.read_text().splitlines() if "was not changed" in line]
    assert len(refusals) == 1
    assert json.loads(refusals[0])["level"] == "error"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_of_tls_that_are_served(secure: Secure, version: ssl.TLSVersion) -> None:
    where = urlsplit(secure.served.url)
    context = ssl.create_default_context(cafile=folder.ca_file(secure.served.data))
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection((where.hostname, where.port or 0), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        assert client.version() == version.name.replace("_", ".")
        assert client.selected_alpn_protocol() is None


def test_an_expired_certificate_is_served_with_a_warning(tmp_path: Path) -> None:
    options = issue(*NAMES, begin_days=-9, end_days=-1).write(tmp_path)
    command = [sys.executable, "-m", "kunsthalle", "serve", "--data", str(tmp_path / "data"), "--port", "0", *options]
    environment = elsewhere({"XDG_STATE_HOME": str(tmp_path / "state")})
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        lines: list[dict[str, str]] = []
        assert server.stderr is not None
        while not any(line["event"] == "listening" for line in lines):
            lines.append(json.loads(server.stderr.readline()))
        server.terminate()
    assert [line["level"] for line in lines if "has expired" in line["event"]] == ["warning"]
