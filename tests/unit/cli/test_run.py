"""`kunsthalle run`: a fresh world around a command, its status, its signals, and nothing left behind."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.by_turns(6)

RUN = (sys.executable, "-m", "kunsthalle.cli.main", "run")


def _run(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, *words], capture_output=True, text=True, check=False, timeout=120, **more)  # type: ignore[call-overload]  # as given


@pytest.mark.parametrize("status", [0, 7])
def test_it_ends_with_the_status_of_the_command(status: int) -> None:
    done = _run("--", "sh", "-c", f"exit {status}")
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


def test_the_command_gets_a_world_of_its_own() -> None:
    program = """
import json, os, subprocess
from ibm_vpc import VpcV1
vpcs = VpcV1.new_instance().list_vpcs().get_result()["vpcs"]
clock = subprocess.run(["kunsthalle", "clock", "advance", "7d"], capture_output=True, text=True, check=True)
login = ["ibmcloud", "login", "-a", os.environ["KUNSTHALLE_URL"], "-r", "us-south"]
subprocess.run(login, check=True, capture_output=True)
env = subprocess.run(["kunsthalle", "env", "--account", "outsider"], capture_output=True, text=True, check=True)
print(json.dumps({"vpcs": [one["name"] for one in vpcs], "env": dict(os.environ), "warned": env.stderr}))
"""
    bare = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    done = _run("--account", "consumer-a", "--", sys.executable, "-c", program, env=bare)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["vpcs"] == ["default"]
    assert said["warned"] == ""
    assert "IBMCLOUD_ACCOUNT_ID" not in said["env"]
    assert said["env"]["PATH"] == f"/usr/bin:/bin:{Path(sys.executable).parent}"
    assert {"KUNSTHALLE_ACCOUNT_ID", "KUNSTHALLE_OPERATOR_TOKEN", "VPC_APIKEY", "IC_API_KEY"} <= said["env"].keys()
    assert not Path(said["env"]["KUNSTHALLE_DATA"]).exists()
    assert not Path(said["env"]["IBMCLOUD_HOME"]).exists()


def test_the_world_begins_with_a_scenario() -> None:
    program = "from ibm_vpc import VpcV1; print(VpcV1.new_instance().list_images(name='golden').get_result()['images'])"
    done = _run("--scenario", "same-name-twice", "--account", "consumer-a", "--", sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr
    assert "'name': 'golden'" in done.stdout


def test_words_of_the_command_are_its_own() -> None:
    done = _run("printf", "%s %s", "--account", "-x")
    assert (done.returncode, done.stdout) == (0, "--account -x")


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    done = _run("--", "no-such-command-here", env={**os.environ, "TMPDIR": str(tmp_path)})
    assert done.returncode == 127
    assert done.stderr == (
        "Error: There is no command 'no-such-command-here': give a program on the PATH, or the path of one.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_cannot_be_run(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo no\n")
    done = _run("--", str(script))
    assert (done.returncode, done.stderr) == (126, f"Error: {str(script)!r} cannot be run: Permission denied.\n")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--account", "nobody"), "--account: unknown account 'nobody'; there are: enterprise, publisher"),
        (("--clock", "sundial"), "'sundial'"),
        (("--scenario", "nowhere"), "nowhere: there is no such file, and no scenario of that name ships"),
    ],
)
def test_a_world_that_cannot_be_made(options: tuple[str, ...], named: str) -> None:
    done = _run(*options, "--", "true")
    assert done.returncode == 125
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def _ended(pid: int) -> bool:
    """Whether a process that is no child of this one ends within a minute."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 60)[0])
    finally:
        os.close(descriptor)


WAITING = """
import os, signal, sys, threading
told = threading.Event()
def end(number, _frame):
    print("caught", number, flush=True)
    told.set()
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, end)
print(os.getpid(), os.environ["KUNSTHALLE_DATA"], flush=True)
while not told.wait(0.05):
    pass
sys.exit(9)
"""


def _waiting(program: str = WAITING) -> tuple[subprocess.Popen[str], int, Path]:
    """The run, the pid of its command, and the folder of the world."""
    process = subprocess.Popen([*RUN, "--", sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid, folder = process.stdout.readline().split()
    return process, int(pid), Path(folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_are_passed_on(number: signal.Signals) -> None:
    process, pid, folder = _waiting()
    assert folder.is_dir()
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == (f"caught {number.value}\n", 9)
    assert _ended(pid)
    assert not folder.parent.exists()


def test_a_command_that_a_signal_ends() -> None:
    process, pid, folder = _waiting(WAITING.replace("signal.signal(number, end)", "pass"))
    os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL
    assert not folder.parent.exists()


def test_the_server_ends_although_the_run_is_killed() -> None:
    process, pid, folder = _waiting()
    [server] = [
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if _parent(stat) == process.pid and int(stat.parent.name) != pid
    ]
    process.kill()
    process.wait(timeout=60)
    assert _ended(server)
    assert not folder.parent.exists()
    os.kill(pid, signal.SIGTERM)
    process.communicate(timeout=60)


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return 0
