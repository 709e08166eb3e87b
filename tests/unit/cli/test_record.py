"""`kunsthalle record`, `run --record` and `report`: files of runs, how they end, and what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fixtures.forked_served import ForkedServed
from kunsthalle.cli.main import cli
from kunsthalle.local import environment, folder
from kunsthalle.local.client import access_token, call
from kunsthalle.testing import Served
from kunsthalle.transcripts.models import Transcript
from kunsthalle.transcripts.parsing import read

pytestmark = pytest.mark.by_turns(3)

KUNSTHALLE = (sys.executable, "-m", "kunsthalle.cli.main")
LOOK = """
import sys
from ibm_vpc import VpcV1
vpc = VpcV1.new_instance()
print(vpc.list_vpcs().get_result()["vpcs"][0]["name"])
sys.exit(3)
"""


def _kunsthalle(*words: str, **more: Any) -> Result:
    return CliRunner().invoke(cli, words, **more)


def _paths(transcript: Transcript) -> list[str]:
    return [call.path for call in transcript.calls]


def _look(served: Served) -> None:
    """A call of the publisher's."""
    env = served.env("publisher")
    token = access_token(env["KUNSTHALLE_URL"], env["IBMCLOUD_API_KEY"])
    call(env["KUNSTHALLE_URL"], "GET", "/v1/vpcs?version=2025-06-30&generation=2", token)


def test_for_the_time_of_a_command_whose_status_it_ends_with(served: Served, tmp_path: Path) -> None:
    out = tmp_path / "run.txt"
    _look(served)
    words = ("record", "--data", str(served.data), "-o", str(out), "--", sys.executable, "-c", LOOK)
    known = served.env("publisher")
    sdk = dict(line.split("=", 1) for line in environment.render(known, "sdk").splitlines())
    env = {**os.environ, **known, **sdk}
    done = subprocess.run([*KUNSTHALLE, *words], capture_output=True, text=True, env=env, check=False)
    assert (done.returncode, done.stdout) == (3, "default\n")
    assert done.stderr == f"Recorded 2 calls in {out}.\n"
    transcript = read(out)
    assert _paths(transcript) == ["/identity/token", "/v1/vpcs"]
    assert transcript.accounts[0].label == "publisher"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_until_it_is_told_to_end(served: Served, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "run.txt"
    words = ("record", "--data", str(served.data), "-o", str(out), "--durations")
    process = subprocess.Popen([*KUNSTHALLE, *words], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == f"Recording {folder.url(served.data)}. Ctrl-C ends.\n"
    _look(served)
    process.send_signal(number)
    assert process.wait(30) == 0
    assert process.stderr.read() == f"Recorded 2 calls in {out}.\n"
    assert all(one.milliseconds >= 0 for one in read(out).calls)
    assert list(tmp_path.iterdir()) == [out], "and nothing else is left"


def test_by_address_with_the_token_of_the_operator(served: Served, tmp_path: Path) -> None:
    out = tmp_path / "run.txt"
    words = ["record", "--url", folder.url(served.data), "-o", str(out), "--", "true"]
    refused = _kunsthalle(*words)
    assert (refused.exit_code, refused.output) == (
        2,
        "Error: --url needs the operator's token in KUNSTHALLE_OPERATOR_TOKEN.\n",
    )
    wrong = _kunsthalle(*words, env={"KUNSTHALLE_OPERATOR_TOKEN": "wrong"})
    assert wrong.exit_code == 1
    assert "The operator token is missing or wrong." in wrong.output
    assert not out.exists()
    token = folder.credentials(served.data)["operator_token"]
    done = _kunsthalle(*words, env={"KUNSTHALLE_OPERATOR_TOKEN": token})
    assert done.exit_code == 0, done.output
    assert _paths(read(out)) == []


def test_a_server_that_goes_away_is_told_and_what_there_was_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "run.txt"
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated") as server:
        process = subprocess.Popen(
            [*KUNSTHALLE, "record", "--data", str(server.data), "-o", str(out)], stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        process.stderr.readline()
        _look(server)
        server.kill()
        assert process.wait(60) == 1
        said = process.stderr.read()
    assert "Error: The server went away: " in said
    assert set(_paths(read(out))) <= {"/identity/token", "/v1/vpcs"}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("record",), 2, "Missing option '-o' / '--out'"),
        (("record", "-o", "none/run.txt"), 2, "is no folder that can be written to"),
        (("record", "-o", "run.txt", "--", "no-such-command"), 127, "There is no command 'no-such-command'"),
        (("record", "--url", "http://127.0.0.1:1", "-o", "run.txt"), 1, "No server answers at http://127.0.0.1:1"),
        (("run", "--record", "none/run.txt", "--", "true"), 2, "is no folder that can be written to"),
        (("report", "run.txt"), 2, "Missing option '-o' / '--out'"),
        (("report", "run.txt", "-o", "run.html"), 2, "Error: run.txt: No such file or directory."),
        (
            ("report", "broken.txt", "-o", "run.html"),
            2,
            "Error: broken.txt:3: unknown block 'nothing'; allowed: account",
        ),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: Served, words: tuple[str, ...], status: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUNSTHALLE_DATA", str(served.data))
    Path("broken.txt").write_text("kunsthalle transcript 1\n\nnothing\n")
    done = _kunsthalle(*words, env={"KUNSTHALLE_OPERATOR_TOKEN": "some"})
    assert (done.exit_code, said in done.output) == (status, True), done.output
    assert [path.name for path in tmp_path.iterdir()] == ["broken.txt"]


def test_a_run_against_a_fresh_world(tmp_path: Path) -> None:
    texts = []
    for name in ("one.txt", "other.txt"):
        out = tmp_path / name
        words = ("run", "--record", str(out), "--scenario", "share-pending", "--", sys.executable, "-c", LOOK)
        done = subprocess.run([*KUNSTHALLE, *words], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (3, "default\n"), done.stderr
        assert done.stderr == f"Recorded 2 calls in {out}.\n"
        texts.append(out.read_text())
    assert texts[0] == texts[1]
    assert _paths(read(tmp_path / "one.txt")) == ["/identity/token", "/v1/vpcs"]


def test_a_page_of_a_transcript(tmp_path: Path) -> None:
    source, page = tmp_path / "run.txt", tmp_path / "run.html"
    source.write_text("kunsthalle transcript 1\n\ncall - T\nGET /v1/images\n< 401\n")
    done = _kunsthalle("report", str(source), "-o", str(page), "--title", "A <run>")
    assert (done.exit_code, done.output) == (0, "")
    assert "<h1>A &lt;run&gt;</h1>" in page.read_text()
    assert _kunsthalle("report", str(source), "-o", "-").output.startswith("<!doctype html>")


def test_a_transcript_on_standard_output(served: Served) -> None:
    done = _kunsthalle("record", "--data", str(served.data), "-o", "-", "--", "true")
    assert done.stdout == "kunsthalle transcript 1\n"
    assert done.stderr == "Recorded 0 calls.\n"


def test_a_page_on_standard_output_takes_half_a_character(tmp_path: Path) -> None:
    source = tmp_path / "run.txt"
    source.write_text('kunsthalle transcript 1\n\ncall - T\nPOST /v1/vpcs\n> "\\ud800"\n< 401\n')
    done = _kunsthalle("report", str(source), "-o", "-")
    assert (done.exit_code, "\\ud800" in done.output) == (0, True), done.output


def test_no_name_of_a_broken_file_commands_the_terminal(tmp_path: Path) -> None:
    source = tmp_path / "run\x1b[31m.txt"
    source.write_text("nothing")
    done = _kunsthalle("report", str(source), "-o", "-", color=True)
    assert done.exit_code == 2
    assert "run\\x1b[31m.txt:1: this is no transcript" in done.output
