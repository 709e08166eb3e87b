"""A forked process is for a test what a started one is: arguments, environment, output, exit code, signals."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from fixtures import forked_processes
from fixtures.forked_served import SIMULATED, ForkedServed
from kunsthalle.testing.served import DidNotStart

QUIET = {"PATH": os.environ["PATH"], "COLUMNS": "80"}


def _run(output: Path, *arguments: str, **environment: str) -> int:
    with output.open("wb") as file:
        return forked_processes.start(arguments, {**QUIET, **environment}, file).wait(60)


def test_it_has_its_own_arguments_output_and_exit_code(tmp_path: Path) -> None:
    output = tmp_path / "output"
    assert _run(output, "version") == 0
    assert output.read_text().startswith("kunsthalle ")
    assert _run(output, "no-such-verb") == 2
    assert "No such command 'no-such-verb'" in output.read_text()


def test_it_has_its_own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUNSTHALLE_PORT", "4242")
    output = tmp_path / "output"
    assert _run(output, "config", "show", "--config", os.devnull, KUNSTHALLE_PORT="2424") == 0
    assert "2424" in output.read_text()
    assert _run(output, "config", "show", "--config", os.devnull) == 0
    assert "2424" not in output.read_text() and "4242" not in output.read_text(), "neither of another one, nor of ours"


def test_what_kills_it_is_told_and_others_go_on(tmp_path: Path) -> None:
    with ForkedServed(tmp_path / "one" / "data", *SIMULATED) as one:
        with ForkedServed(tmp_path / "other" / "data", *SIMULATED) as other:
            assert one.pid != other.pid and one.url != other.url
            os.kill(other.pid, signal.SIGKILL)
            assert other._process is not None and other._process.wait(60) == -signal.SIGKILL == other.ended
        assert one.ended is None
        with pytest.raises(subprocess.TimeoutExpired):
            one._process.wait(0.05)  # type: ignore[union-attr]  # it runs
        assert one.operate("GET", "/_kunsthalle/clock")["kind"] == "system"
        assert one.stop() == 0


def test_a_copy_has_the_scenario_and_a_fresh_one_its_own(tmp_path: Path) -> None:
    known = []
    for name, fresh in (("one", False), ("two", False), ("new", True)):
        with ForkedServed(tmp_path / name, *SIMULATED, fresh=fresh) as server:
            known.append(server.env("publisher")["IBMCLOUD_API_KEY"])
    assert known[0] == known[1] != known[2]


def test_one_that_refuses_to_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(DidNotStart, match="utopia"):
        ForkedServed(tmp_path / "data", *SIMULATED, scenario="utopia").start()
