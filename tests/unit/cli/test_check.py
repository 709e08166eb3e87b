"""`kunsthalle check`: how it ends, what it prints, and which server it asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fixtures.forked_served import ForkedServed
from kunsthalle.cli.main import cli
from unit.automation_checks.documents import OWN, instance, plan, state
from unit.automation_checks.documents import Change as PlannedChange

NOTE = state(ibm_is_instance__web=instance())
WARNING = state(ibm_is_instance_template__web={"catalog_offering": [{"offering_crn": "x"}]})
NOTHING = state()


def _check(text: str, *arguments: str, folder: Path) -> Result:
    path = folder / "given"
    path.write_text(text)
    return CliRunner().invoke(cli, ["check", "--offline", str(path), *arguments])


@pytest.mark.parametrize(
    ("text", "arguments", "status"),
    [
        (NOTHING, (), 0),
        (NOTE, (), 0),
        (WARNING, (), 1),
        (NOTE, ("--fail-on", "note"), 1),
        (WARNING, ("--fail-on", "error"), 0),
        (WARNING, ("--ignore", "unpinned-version"), 0),
        (WARNING, ("--format", "sarif"), 1),
        ("{", (), 2),
    ],
)
def test_it_ends_with_0_for_nothing_1_for_findings_and_2_for_a_broken_file(
    tmp_path: Path, text: str, arguments: tuple[str, ...], status: int
) -> None:
    assert _check(text, *arguments, folder=tmp_path).exit_code == status


def test_a_broken_file_among_others_is_told_alone(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_text(WARNING)
    done = _check('{"version": 4,\n', str(good), folder=tmp_path)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: {tmp_path / 'given'}:2: this is neither JSON nor a transcript: ")


def test_unknown_words_are_refused(tmp_path: Path) -> None:
    for words in (["--format", "xml"], ["--ignore", "foreign-imag"], ["--fail-on", "never"]):
        done = _check(NOTHING, *words, folder=tmp_path)
        assert done.exit_code == 2
        assert words[1] in done.stderr
    assert CliRunner().invoke(cli, ["check"]).exit_code == 2


def test_the_account_is_that_of_the_user(tmp_path: Path) -> None:
    planned = plan(ibm_is_instance__web=PlannedChange("create", after={}))
    done = _check(planned, "--account", OWN, "--format", "json", folder=tmp_path)
    assert json.loads(done.stdout) == {
        "server": None,
        "files": [{"file": str(tmp_path / "given"), "form": "Terraform plan", "account": OWN}],
        "findings": [],
    }


def test_standard_input_is_read(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kunsthalle", "check", "/dev/stdin", "--offline"],
        input=WARNING,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "/dev/stdin:" in done.stdout


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a server and without variables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("KUNSTHALLE_DATA", "KUNSTHALLE_URL", "KUNSTHALLE_OPERATOR_TOKEN", "IBMCLOUD_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("nobody")
def test_without_a_server_the_files_alone_tell(tmp_path: Path) -> None:
    path = tmp_path / "given"
    path.write_text(NOTE)
    done = CliRunner().invoke(cli, ["check", str(path)])
    assert done.exit_code == 0
    assert "No server was asked" in done.stdout


@pytest.mark.usefixtures("nobody")
def test_a_server_that_is_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "given"
    path.write_text(NOTE)
    done = CliRunner().invoke(cli, ["check", str(path), "--data", "elsewhere"])
    assert (done.exit_code, "No server runs on elsewhere" in done.stderr) == (2, True)
    done = CliRunner().invoke(cli, ["check", str(path), "--url", "http://127.0.0.1:9"])
    assert (done.exit_code, "KUNSTHALLE_OPERATOR_TOKEN" in done.stderr) == (2, True)
    monkeypatch.setenv("KUNSTHALLE_OPERATOR_TOKEN", "token")
    done = CliRunner().invoke(cli, ["check", str(path), "--url", "http://127.0.0.1:9"])
    assert (done.exit_code, "No server answers at http://127.0.0.1:9" in done.stderr) == (2, True)
    assert "--offline" in done.stderr


def test_a_server_without_a_scenario_is_asked_with_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "given"
    path.write_text(NOTE)
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated", scenario="") as server:
        arguments = ["check", str(path), "--data", str(server.data), "--account", OWN, "--format", "json"]
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
    assert (told["server"], told["files"][0]["account"]) == (server.url, OWN)
    assert [one["rule"] for one in told["findings"]] == ["masked-image"]
