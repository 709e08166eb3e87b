"""The demo tells its story to the end, on a terminal and in a pipe, and says no when a step answers otherwise."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
from click.testing import CliRunner

from fixtures.tools import ROOT
from kunsthalle.cli import demo_disk, demo_verb
from kunsthalle.cli.demo_teller import shortened
from kunsthalle.cli.main import cli
from kunsthalle.local import folder

pytestmark = pytest.mark.by_turns(6)

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
PROGRAM = [sys.executable, "-m", "kunsthalle", "demo", "--hypervisor", "simulated"]


def _on_a_terminal(command: list[str], tmp_path: Path, **more: str) -> Any:
    environment = {"TERM": "xterm", "PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", **more}
    program, *words = command
    return pexpect.spawn(program, words, env=environment, timeout=60, dimensions=(50, 400), encoding="utf-8")


def test_every_step_is_as_it_should_be(tmp_path: Path) -> None:
    told: list[str] = []
    steps: list[dict[str, Any]] = []
    assert demo_verb.tell(tmp_path / "data", told.append, steps.append, hypervisor="simulated")
    text = "".join(told)
    assert f"{len(steps)} steps, all" in text
    assert all(one["ok"] for one in steps)
    assert {"chapter": "1. The publisher imports an image", "method": "POST", "status": 201}.items() <= steps[0].items()
    assert "steps, all with the expected answer" in text
    assert "✗" not in text
    assert "The image is a generated one" in text
    assert "Instances are simulated" in text
    assert f"kunsthalle serve --data {tmp_path / 'data'}" in text


def test_a_step_that_answers_otherwise_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(
        demo_verb, "_masked", lambda teller, _image, _server: teller.check(False, "the image is not masked")
    )
    assert not demo_verb.tell(tmp_path / "data", told.append, hypervisor="simulated")
    assert "The demo stopped: the image is not masked" in "".join(told)


@pytest.mark.needs_qemu
def test_with_qemu_the_guest_boots_and_says_so(tmp_path: Path) -> None:
    told: list[str] = []
    assert demo_verb.tell(tmp_path / "data", told.append)
    text = "".join(told)
    assert "Instances are QEMU processes of this computer" in text
    assert f"✓ the guest says: {demo_disk.MARKER}: the boot sector of the shared image wrote this line\n" in text
    here = str(tmp_path)
    assert not [one for one in Path("/proc").glob("[0-9]*/cwd") if here in _target(one)], "no process is left"


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def test_ids_are_short_but_where_they_are_of_use() -> None:
    image, account = "r006-704ae2fc-f415-48af-82a3-40f1f7de6654", "2dc8b1f59a64959d5935d08c627a64fb"
    crn = f"crn:v1:bluemix:public:is:us-south:a/{account}::image:{image}"
    assert shortened(crn) == "crn:v1:bluemix:public:is:us-south:a/2dc8b1f5…::image:r006-704ae2fc…"
    assert shortened("/v1/instances/0717_793654e9-d858-4eef-b690-0e196afba5be") == "/v1/instances/0717_793654e9…"
    other = f"{image[5:]}.{'9adf03bb' + image[13:]}"
    assert shortened(other) == "704ae2fc….9adf03bb…"
    digest = "da3b2a96" * 8
    assert shortened(f"sha256 {digest}") == f"sha256 {digest}"


def test_on_a_terminal_it_has_colours(tmp_path: Path) -> None:
    screen = _on_a_terminal(PROGRAM, tmp_path)
    screen.expect(pexpect.EOF)
    text = screen.before
    assert screen.wait() == 0
    assert "\x1b[1m1. The publisher imports an image\x1b[0m" in text
    assert "\x1b[32m✓\x1b[0m" in text
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    asked = [line for line in lines if re.match(r" +(?:GET|POST|DELETE) ", line)]
    assert [line for line in asked if re.search(UUID, line)] == []
    assert any(
        re.search(r" DELETE /v1/images/r006-[0-9a-f]{8}… → 409 image_managed_by_catalog: ", line) for line in asked
    )
    assert any(re.search(rf"✓ r006-{UUID} is available", line) for line in lines)


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_none_gets_none(more: dict[str, str], tmp_path: Path) -> None:
    screen = _on_a_terminal(PROGRAM, tmp_path, **more)
    screen.expect(r"1\. The publisher imports an image")
    screen.expect("✓ r006-")
    screen.sendintr()
    screen.expect(pexpect.EOF)
    assert "\x1b" not in screen.before
    assert screen.wait() == 130


def test_in_a_pipe_it_has_no_colours_and_json_has_whole_ids(tmp_path: Path) -> None:
    command = [*PROGRAM, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={"PATH": ""})
    assert (done.returncode, done.stderr) == (0, "")
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(one["ok"] for one in steps)
    assert any(re.fullmatch(rf"/v1/images/r006-{UUID}", one.get("path", "")) for one in steps)
    ascii_only = {"PATH": "", "PYTHONIOENCODING": "ascii", "TERM": "xterm"}
    told = subprocess.run(PROGRAM, capture_output=True, text=True, timeout=60, check=False, env=ascii_only)
    assert (told.returncode, told.stderr) == (0, "")
    assert "\x1b" not in told.stdout
    assert "steps, all with the expected answer" in told.stdout


@pytest.mark.parametrize("command", [PROGRAM, [str(ROOT / "dev"), *PROGRAM[3:]]], ids=["kunsthalle", "dev"])
def test_ctrl_c_stops_the_server_and_says_so(command: list[str], tmp_path: Path) -> None:
    data = tmp_path / "data"
    screen = _on_a_terminal([*command, "--keep", str(data)], tmp_path)
    screen.expect(r"creates an instance from that CRN")
    server = folder.read(data, folder.SERVER)["pid"]
    os.kill(server, 0)
    screen.sendintr()
    screen.expect("Interrupted: deleting the instances and stopping the server")
    screen.expect(pexpect.EOF)
    assert screen.wait() == 130
    assert "Traceback" not in screen.before
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def test_what_it_cannot_do_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("somebody's")
    for keep in (tmp_path, tmp_path / "file"):
        refused = CliRunner().invoke(cli, ("demo", "--keep", str(keep)))
        assert refused.exit_code == 2
        assert f"--keep: {keep} is no new folder" in refused.output
    refused = CliRunner().invoke(cli, ("demo", "--keep", "/proc/absent"))
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert "--keep: /proc/absent cannot be made (No such file or directory)" in refused.output
    refused = CliRunner().invoke(cli, ("demo", "--hypervisor", "xen"))
    assert refused.exit_code == 2
    assert "auto" in refused.output
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    assert not demo_verb.tell(None, told.append, hypervisor="qemu")
    text = "".join(told).strip()
    assert re.fullmatch(r"The demo stopped: --hypervisor 'qemu': qemu-system-x86_64.*apt-get install.*", text), text
