"""On a terminal: colours, prompts, hidden input; and without one, or with a poor one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from fixtures.threads import until
from kunsthalle.ibmcloud.terminal import Terminal
from unit.ibmcloud.command_shell import Screen, Shell, ibmcloud

pytestmark = pytest.mark.by_turns(3)

PROGRAM = str(Path(sys.executable).parent / "ibmcloud")


def _env(world: Shell, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8", **world.env(), **more}


def _spawn(world: Shell, *argv: str, **more: str) -> pexpect.spawn:
    return pexpect.spawn(
        PROGRAM, list(argv), env=_env(world, **more), timeout=20, encoding="utf-8", dimensions=(40, 300)
    )


def _end(child: pexpect.spawn) -> int:
    child.expect(pexpect.EOF)
    child.close()
    return int(child.exitstatus if child.exitstatus is not None else -1)


def _interrupt(child: pexpect.spawn) -> None:
    """Once it waits for a line: what comes between a prompt and that, Python's `input` notices with the next line."""
    until(lambda: Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S")
    child.sendintr()


def test_a_prompt_asks_until_it_is_answered(shell: Shell) -> None:
    child = _spawn(shell, "is", "image-delete", "spare")
    question = "This will delete image spare and cannot be undone. Continue [y/N] ?> "
    child.expect_exact(question)
    child.sendline("perhaps")
    child.expect_exact("Please enter 'y', 'n', 'yes' or 'no'.")
    child.expect_exact(question)
    child.sendline("")
    assert _end(child) == 0
    child = _spawn(shell, "is", "image-delete", "spare")
    child.expect_exact(question)
    child.sendline("YES")
    child.expect_exact("\x1b[32;1mOK\x1b[0m")
    assert _end(child) == 0
    assert shell.run("is", "image", "spare").code in {0, 1}


def test_a_key_is_typed_unseen(shell: Shell) -> None:
    child = _spawn(shell, "login")
    child.expect_exact("API key> ")
    child.sendline(shell.keys["owner"])
    child.expect_exact("Targeted account")
    seen = str(child.before)
    assert _end(child) == 0
    assert shell.keys["owner"] not in seen


@pytest.mark.parametrize("where", ["hidden", "open"])
def test_an_interrupted_prompt_ends_quietly(shell: Shell, where: str) -> None:
    child = _spawn(shell, *(["login"] if where == "hidden" else ["is", "image-delete", "spare"]))
    child.expect_exact("> ")
    _interrupt(child)
    assert _end(child) == (2 if where == "hidden" else 130)
    assert "Traceback" not in str(child.before)
    assert shell.run("is", "image", "spare").code == 0


def test_colours_are_for_terminals_that_want_them(shell: Shell) -> None:
    def shown(**more: str) -> str:
        child = _spawn(shell, "is", "keys", **more)
        child.expect(pexpect.EOF)
        child.close()
        return str(child.before)

    coloured = shown()
    assert "\x1b[1mID" in coloured
    assert "\x1b[36;1mr006-" in coloured
    for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"IBMCLOUD_COLOR": "false"}, {"BLUEMIX_COLOR": "false"}):
        assert "\x1b" not in shown(**more), more
    shell.run("config", "--color", "false")
    assert "\x1b" not in shown()
    assert "\x1b" in shown(IBMCLOUD_COLOR="true")


def test_a_failure_is_red(shell: Shell) -> None:
    child = _spawn(shell, "is", "key", "nothing")
    child.expect_exact("\x1b[31;1mFAILED\x1b[0m")
    assert _end(child) == 1


def test_nobody_who_could_answer(shared: Shell) -> None:
    said = shared.run("is", "image-delete", "spare")
    assert said.code == 1
    assert said.err == "FAILED\nCould not read from input: EOF\n\n"
    said = shared.run("is", "image-delete", "spare", "--output", "JSON")
    assert (said.code, said.out) == (1, "")
    closed = subprocess.run(
        [PROGRAM, "is", "image-delete", "spare"],
        env=_env(shared), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (closed.returncode, "Could not read from input: EOF" in closed.stderr) == (1, True)


def test_a_prompt_stands_beside_json_not_in_it(shell: Shell) -> None:
    said = shell.run("is", "image-delete", "spare", "--output", "JSON", stdin="y\n")
    assert said.code == 0
    assert said.out.startswith("[\n")
    assert "Continue [y/N] ?> " in said.err


def test_a_choice_is_a_numbered_list() -> None:
    out = Screen()
    terminal = Terminal(Screen("0\nx\n2\n"), out, Screen())
    assert terminal.choose("Select an account:", ["one", "two"]) == 1
    assert out.getvalue().startswith("Select an account:\n1. one\n2. two\nEnter a number> ")
    assert out.getvalue().count("Enter a number> ") == 3


def test_quiet_keeps_what_was_asked_for(shared: Shell) -> None:
    loud, quiet = shared.run("is", "keys"), shared.run("is", "keys", "-q")
    progress, _, rest = loud.out.partition("\n")
    assert progress.startswith(
        "Listing keys in all resource groups and region us-south under account publisher as user"
    )
    assert rest == quiet.out
    assert shared.run("is", "keys", env={"IBMCLOUD_QUIET": "true"}) == quiet
    assert shared.run("-q", "is", "keys") == quiet


def test_a_reader_who_goes_away_is_no_error(shared: Shell) -> None:
    line = f'"{PROGRAM}" is instance-profiles | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", line], env=_env(shared), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("where", "code"), [("> /dev/full", 1), (">&-", 0), ("2>&-", 0), ("<&-", 0), ("> /dev/null 2>&1 <&-", 0)]
)
def test_streams_that_are_full_or_closed(shared: Shell, where: str, code: int) -> None:
    line = f'"{PROGRAM}" is keys {where}'
    done = subprocess.run(["sh", "-c", line], env=_env(shared), capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_stream_that_cannot_show_a_letter(shell: Shell) -> None:
    shell.run("catalog", "create", "--name", "Gemälde")
    env = {**_env(shell), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([PROGRAM, "catalog", "list"], env=env, capture_output=True, text=True, check=True)
    assert "Gem\\xe4lde" in done.stdout


def test_wide_letters_take_two_columns(shell: Shell) -> None:
    shell.run("catalog", "create", "--name", "画廊")
    lines = shell.run("catalog", "list").out.splitlines()
    wide = next(line for line in lines if line.startswith("画廊"))
    plain = next(line for line in lines if line.startswith("gallery"))
    assert wide.index(wide.split()[1]) + 2 == plain.index(plain.split()[1])


def test_ctrl_c_while_the_server_thinks(tmp_path: Path, shell: Shell) -> None:
    """The process ends by itself, without a traceback, and the session is as it was."""
    kept = (shell.homes["owner"] / ".bluemix" / "config.json").read_bytes()
    import socket

    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        env = _env(shell, KUNSTHALLE_URL=f"http://127.0.0.1:{mute.getsockname()[1]}")
        process = subprocess.Popen(
            [PROGRAM, "login", "--apikey", "x"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        mute.settimeout(20)
        connection, _ = mute.accept()
        connection.recv(10)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        connection.close()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert (shell.homes["owner"] / ".bluemix" / "config.json").read_bytes() == kept


def test_it_is_also_a_verb_of_kunsthalle(shared: Shell) -> None:
    program = str(Path(PROGRAM).parent / "kunsthalle")
    for argv in (["is", "keys", "-q"], ["--version"], ["is", "image", "--output", "json", "spare"], ["is", "key", "x"]):
        both = [
            subprocess.run([*name, *argv], env=_env(shared), capture_output=True, text=True, check=False)
            for name in ([PROGRAM], [program, "ibmcloud"])
        ]
        assert both[0].returncode == both[1].returncode
        assert both[0].stdout == both[1].stdout


def test_the_screen_of_the_tests_is_none(shared: Shell) -> None:
    """In this process, too, colours follow the terminal."""
    env = {**shared.env(), "TERM": "xterm"}
    assert "\x1b[1mID" in ibmcloud("is", "keys", env=env, terminal=True).out
    assert "\x1b" not in ibmcloud("is", "keys", env=env).out


def home(world: Shell) -> str:
    """Where the consumer, who has a server, is logged in."""
    world.log_in("consumer")
    return world.env("consumer")["IBMCLOUD_HOME"]


def test_a_console_is_talked_to_until_it_is_hung_up(shell: Shell) -> None:
    child = _spawn(shell, "is", "instance-console", "borrowed", IBMCLOUD_HOME=home(shell))
    child.expect_exact("Ctrl-] hangs up.")
    child.expect_exact("kunsthalle: the server borrowed")
    child.send("nobody listens\x03\x1d")
    assert _end(child) == 0, "an interrupt is the guest's"


def test_a_console_in_use_is_not_taken_away(shell: Shell) -> None:
    child = _spawn(shell, "is", "instance-console", "borrowed", IBMCLOUD_HOME=home(shell))
    child.expect_exact("kunsthalle: the server borrowed")
    said = shell.run("is", "instance-console", "borrowed", who="consumer")
    assert said.code == 1
    assert "The serial console is in use" in said.err
    child.sendcontrol("]")
    assert _end(child) == 0
