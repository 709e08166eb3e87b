"""`kunsthalle serve`, `env` and `clock` as an operator meets them."""

from __future__ import annotations

import json
import shlex
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import click
import pexpect
import pytest
from click.testing import CliRunner
from sqlalchemy import text as sql

from fixtures.forked_served import ForkedServed
from kunsthalle.all_tables import prepare
from kunsthalle.cli import doctor_verb
from kunsthalle.cli.main import cli
from kunsthalle.cli.serve import Refusal, serve
from kunsthalle.core.addresses import is_loopback
from kunsthalle.core.clock import moment
from kunsthalle.db.engine import Store
from kunsthalle.local import folder
from kunsthalle.settings import Settings
from kunsthalle.testing.served import DidNotStart, Served

pytestmark = [pytest.mark.served("--clock", "manual"), pytest.mark.by_turns(3)]

ACCOUNTS = ["enterprise", "publisher", "consumer-a", "consumer-b", "outsider"]


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output of a verb."""
    result = CliRunner().invoke(cli, arguments)
    return result.exit_code, result.output


def test_env_prints_what_clients_need(served: Served) -> None:
    code, output = run("env", "--data", str(served.data), "--account", "publisher")
    found = dict(line.split("=", 1) for line in output.splitlines())
    assert code == 0
    assert found["KUNSTHALLE_URL"] == served.url
    assert found["IBMCLOUD_IS_NG_API_ENDPOINT"] == f"{served.url}/v1"
    assert found["IBMCLOUD_CATALOG_MANAGEMENT_API_ENDPOINT"] == f"{served.url}/api/v1-beta"
    assert found["IBMCLOUD_ENTERPRISE_API_ENDPOINT"] == f"{served.url}/v1"
    assert found["IBMCLOUD_IAM_API_ENDPOINT"] == served.url
    assert len(found["IBMCLOUD_ACCOUNT_ID"]) == 32
    buckets = Path(found["KUNSTHALLE_BUCKETS"])
    assert [path.name for path in buckets.iterdir() if not path.name.startswith(".")] == ["images"]
    assert "KUNSTHALLE_OPERATOR_TOKEN" not in found


def test_env_in_every_format_says_the_same(served: Served) -> None:
    base = ("env", "--data", str(served.data), "--account", "consumer-a", "--format")
    dotenv = dict(line.split("=", 1) for line in run(*base, "dotenv")[1].splitlines())
    assert json.loads(run(*base, "json")[1]) == dotenv
    shell = [shlex.split(line)[1].split("=", 1) for line in run(*base, "shell")[1].splitlines()]
    assert dict(shell) == dotenv
    sdk = dict(line.split("=", 1) for line in run(*base, "sdk")[1].splitlines())
    assert (sdk["VPC_URL"], sdk["VPC_APIKEY"]) == (f"{served.url}/v1", dotenv["IBMCLOUD_API_KEY"])
    assert (sdk["VPC_AUTH_TYPE"], sdk["VPC_AUTH_URL"]) == ("iam", served.url)


def test_every_account_of_the_scenario_has_its_own_key(served: Served) -> None:
    keys = {name: served.env(name)["IBMCLOUD_API_KEY"] for name in ACCOUNTS}
    assert len(set(keys.values())) == len(ACCOUNTS)


def test_env_names_what_there_is_for_an_unknown_account(served: Served) -> None:
    code, output = run("env", "--data", str(served.data), "--account", "nobody")
    assert (code, "publisher" in output) == (1, True)


def test_env_says_how_to_make_a_world_where_there_is_none(tmp_path: Path) -> None:
    code, output = run("env", "--data", str(tmp_path), "--account", "publisher")
    assert (code, "kunsthalle serve --scenario enterprise" in output) == (1, True)


def test_the_operators_token_is_printed_on_request_and_kept_private(served: Served) -> None:
    _, output = run("env", "--data", str(served.data), "--operator")
    assert "KUNSTHALLE_OPERATOR_TOKEN=K" in output
    mode = stat.S_IMODE((served.data / folder.CREDENTIALS).stat().st_mode)
    assert mode == 0o600
    assert stat.S_IMODE(served.data.stat().st_mode) == 0o700


def test_the_clock_moves_forward_by_durations_of_both_forms(served: Served) -> None:
    data = ("--data", str(served.data))
    before = moment(run("clock", *data)[1].strip())
    for text in ("7d", "P1DT2H"):
        assert run("clock", *data, "advance", text)[0] == 0
    after = moment(run("clock", *data)[1].strip())
    assert after - before == (8 * 86_400 + 7_200) * 1_000_000


@pytest.mark.parametrize("text", ["-1d", "P", "soon", "0s", "P9999Y", "999999d"])
def test_the_clock_refuses_what_is_no_duration(served: Served, text: str) -> None:
    code, output = run("clock", "--data", str(served.data), "advance", "--", text)
    assert (code, output.startswith("Error:")) == (1, True), output


def test_the_clock_says_where_no_server_answers(tmp_path: Path) -> None:
    folder.write(tmp_path, folder.CREDENTIALS, {"operator_token": "x"})
    folder.write(tmp_path, folder.SERVER, {"url": f"http://127.0.0.1:{_free_port()}", "pid": 1})
    code, output = run("clock", "--data", str(tmp_path))
    assert (code, f"No server runs on {tmp_path}. Start it" in output) == (1, True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_second_server_does_not_share_a_folder(served: Served) -> None:
    with pytest.raises(DidNotStart, match="Another server works on the folder"):
        Served(served.data).start()


def test_a_second_start_finds_everything_as_it_was(tmp_path: Path) -> None:
    served = ForkedServed(tmp_path / "data", "--hypervisor", "simulated")
    served.start()
    before = {name: served.env(name)["IBMCLOUD_API_KEY"] for name in ACCOUNTS}
    served.stop()
    served.start()
    after = {name: served.env(name)["IBMCLOUD_API_KEY"] for name in ACCOUNTS}
    served.stop()
    assert before == after


@pytest.mark.parametrize(
    ("host", "verdict"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104  a word to judge, nothing listens
        ("::", False),
        ("192.0.2.1", False),
        ("example.test", False),
    ],
)
def test_what_counts_as_loopback(host: str, verdict: bool) -> None:
    assert is_loopback(host) is verdict


def served_until_refused(settings: Settings) -> None:
    """Starts a server in this process; its settings are read once."""
    serve(settings, lambda: pytest.fail("the settings were read anew"))


def test_seeded_keys_are_served_on_loopback_only(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"--host '0\.0\.0\.0': .* give --allow-seeded-keys"):
        served_until_refused(Settings(data=tmp_path / "data", host="0.0.0.0", scenario="enterprise"))  # noqa: S104  refused


@pytest.mark.parametrize("variable", [None, "true"])
def test_seeded_keys_are_served_elsewhere_when_that_is_asked_for_and_each_start_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    if variable is not None:
        monkeypatch.setenv("KUNSTHALLE_ALLOW_SEEDED_KEYS", variable)
    options = ("--hypervisor", "simulated", "--host", "0.0.0.0", *([] if variable else ["--allow-seeded-keys"]))  # noqa: S104  in the test alone
    for number in (1, 2):
        with ForkedServed(tmp_path / "data", *options, scenario="enterprise" if number == 1 else "") as server:
            assert folder.url(server.data).startswith("http://0.0.0.0:")
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
        warnings = [line for line in lines if "keep strangers away" in line["event"]]
        assert [(line["level"], line["scenario"]) for line in warnings] == [("warning", "enterprise")] * number
    monkeypatch.delenv("KUNSTHALLE_ALLOW_SEEDED_KEYS", raising=False)
    with pytest.raises(Refusal, match="API keys of the scenario 'enterprise'"):
        served_until_refused(Settings(data=tmp_path / "data", host="0.0.0.0", port=0))  # noqa: S104  refused


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Refusal, match="Choose another --port"):
            served_until_refused(Settings(data=tmp_path / "data", port=taken.getsockname()[1]))


def test_data_of_a_later_release_are_refused_in_plain_words(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'kunsthalle.sqlite'}")
    prepare(store)
    with store.engine.connect() as connection, connection.begin():
        connection.execute(sql("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(Refusal, match="later release has worked on this data"):
        served_until_refused(Settings(data=tmp_path, port=0))


def test_an_unknown_scenario_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DidNotStart, match="enterprise"):
        Served(tmp_path / "data", scenario="utopia").start()


HEAVY = ("sqlalchemy", "starlette", "uvicorn", "joserfc", "cryptography", "oslo_utils", "kunsthalle.app")


def test_the_command_line_loads_nothing_of_the_server() -> None:
    code = "import sys, kunsthalle.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(HEAVY) & set(loaded)


def test_the_doctor_says_how_it_is_and_exits_accordingly(served: Served) -> None:
    where = ("doctor", "--data", str(served.data))
    code, output = run(*where)
    assert (code, output.startswith("Healthy: examined 0 blobs")) == (0, True)
    leftover = served.data / "blobs" / "tmp" / "import-gone"
    leftover.write_bytes(b"half")
    code, output = run(*where)
    assert (code, "leftover_upload" in output, "(repairable)" in output) == (1, True, True)
    code, output = run(*where, "--repair", "--output", "json")
    assert (code, json.loads(output)["healthy"], leftover.exists()) == (0, True, False)
    code, output = run(*where, "--offline")
    assert (code, "leave out --offline" in output) == (1, True)


def test_the_doctor_looks_at_a_folder_that_nobody_serves(tmp_path: Path) -> None:
    served = ForkedServed(tmp_path / "data", "--hypervisor", "simulated")
    where = ("doctor", "--data", str(served.data), "--offline")
    code, output = run(*where)
    assert (code, "contains no data" in output) == (1, True)
    with served:
        pass
    code, output = run(*where, "--deep")
    assert (code, output.startswith("Healthy")) == (0, True)


def test_a_deep_examination_is_watched_until_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal: asked again and again how far it is, and then it says what it found, or what went wrong."""
    seen, looked = threading.Event(), iter((0, 40, 80))
    monkeypatch.setattr(doctor_verb, "_PAUSE_SECONDS", 0.001)

    def far() -> dict[str, Any]:
        percent = next(looked, None)
        if percent is None:
            seen.set()
            raise click.ClickException("The server has gone.")
        return {"phase": "reading", "percent": percent}

    def work() -> dict[str, Any]:
        assert seen.wait(30)
        return {"healthy": True}

    assert doctor_verb._drawn(work, far) == {"healthy": True}
    with pytest.raises(ZeroDivisionError):
        doctor_verb._drawn(lambda: {"healthy": 1 // 0}, far)


def test_a_terminal_is_shown_how_far_the_doctor_is(served: Served) -> None:
    words = ["-m", "kunsthalle.cli.main", "doctor", "--deep", "--data", str(served.data)]
    screen = pexpect.spawn(sys.executable, words, env={"TERM": "xterm", "PATH": "/usr/bin:/bin"}, timeout=30)
    screen.expect(r"waiting\s+\[")
    screen.expect("Healthy: examined")
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus == 0


def test_buckets_that_are_elsewhere_are_told(tmp_path: Path) -> None:
    folder.write(tmp_path, folder.CREDENTIALS, {"accounts": {"publisher": dict.fromkeys(_OWNER, "acc")}})
    elsewhere = {"address": "s3://tenants/{account}/{bucket}", "endpoint": "https://s3.example.org"}
    folder.write(tmp_path, folder.SERVER, {"url": "http://127.0.0.1:1", "buckets": elsewhere})
    words = ("env", "--data", str(tmp_path), "--account", "publisher", "--format", "json")
    found = json.loads(CliRunner().invoke(cli, words).stdout)
    assert found["KUNSTHALLE_BUCKETS"] == "s3://tenants/acc/{bucket}"
    assert found["KUNSTHALLE_BUCKETS_ENDPOINT"] == "https://s3.example.org"


_OWNER = ("api_key", "account_id", "iam_id")


@pytest.mark.parametrize(
    ("setting", "url", "words"),
    [
        ("blobs", "s3://images?endpoint=https://s3.example.org", "Set KUNSTHALLE_BLOBS_ACCESS_KEY_ID"),
        ("blobs", "s3://key:hidden@images?endpoint=https://s3.example.org", "Keys do not belong"),
        ("buckets", "s3://images?endpoint=https://s3.example.org", "Set KUNSTHALLE_BUCKETS_ACCESS_KEY_ID"),
        ("buckets", "file:///somewhere", "begins with s3://"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, url: str, words: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Refusal, match=words) as refused:
        served_until_refused(Settings(data=tmp_path / "data", **{setting: url}))
    assert "hidden" not in str(refused.value)
    assert not (tmp_path / "data" / "kunsthalle.sqlite").exists()
