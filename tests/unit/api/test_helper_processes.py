"""Helper processes: what they do, what becomes of calls whose process ends, and that none is left."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures.threads import PATIENCE
from kunsthalle.core import helper_processes
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.core.helper_processes import (
    NICENESS,
    CannotStart,
    HelperEnded,
    HelperFailed,
    HelperOutOfMemory,
    HelperProcesses,
    HelperTimeout,
)
from kunsthalle.core.sizes import GIB, MIB

MODULE = "fixtures.helper_functions"
TESTS = Path(__file__).parents[2]
MEMORY = 512 * MIB
Pools = Callable[..., HelperProcesses]


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pools]:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    made: list[HelperProcesses] = []

    def make(most: int = 1, module: str = MODULE, setup: str = "", idle_seconds: float = PATIENCE) -> HelperProcesses:
        made.append(HelperProcesses(module, most, MEMORY, lambda: setup, idle_seconds))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


def pid_of(pool: HelperProcesses) -> int:
    return int(pool.call("about", None, PATIENCE).value["pid"])


def wait_for_end(pid: int, descriptor: int | None = None) -> None:
    """Returns once a process has ended, whoever's child it is."""
    pidfd = os.pidfd_open(pid) if descriptor is None else descriptor
    try:
        assert select.select([pidfd], [], [], PATIENCE)[0], f"{pid} still runs"
    finally:
        os.close(pidfd)


def _descriptors() -> set[str]:
    """The open descriptors of this process, but for the one that looks."""
    return {str(path) for path in Path("/proc/self/fd").iterdir() if path.exists()}


def test_nothing_runs_before_the_first_call(pools: Pools) -> None:
    assert (pools().running, pools().pids) == (False, [])


def test_a_call_is_worked_on_in_a_nice_process_with_bounds_that_stays_for_the_next(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUNSTHALLE_SECRET", "of the server's")
    pool = pools()
    about = pool.call("about", None, PATIENCE).value
    assert about["pid"] != os.getpid()
    assert about["nice"] >= os.nice(0) + NICENESS or about["nice"] == 19
    assert about["limits"] == (MEMORY, 1)
    assert "KUNSTHALLE_SECRET" not in about["environment"]
    assert pool.call("echo", {"a": [1, "b"]}, PATIENCE).value == {"a": [1, "b"]}
    assert pid_of(pool) == about["pid"]
    assert pool.pids == [about["pid"]]


def test_descriptors_come_with_a_call_and_none_is_kept(pools: Pools, tmp_path: Path) -> None:
    pool = pools()
    pid = pid_of(pool)
    before = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    for content in (b"one", b"two"):
        path = tmp_path / "file"
        path.write_bytes(content)
        with path.open("rb") as file:
            assert pool.call("contents", None, PATIENCE, [file.fileno(), file.fileno()]).value == [content] * 2
    assert len(list(Path(f"/proc/{pid}/fd").iterdir())) == before


def test_a_refusal_comes_out_as_it_was_raised(pools: Pools) -> None:
    with pytest.raises(Problem) as caught:
        pools().call("refuse", None, PATIENCE)
    problem = caught.value
    assert (problem.reason, problem.code, problem.message) == (Reason.CONFLICT, "conflict", "It is taken.")
    assert (problem.target and problem.target.name, problem.private, problem.retry_after) == (
        "name",
        "not for callers",
        7,
    )


def test_an_error_that_cannot_be_brought_over_is_told(pools: Pools) -> None:
    pool = pools()
    with pytest.raises(HelperFailed, match="has a lock"):
        pool.call("break", None, PATIENCE)
    assert pool.call("echo", 1, PATIENCE).value == 1


def test_too_much_memory_is_an_error_of_the_call_alone(pools: Pools) -> None:
    pool = pools()
    with pytest.raises(HelperOutOfMemory, match="more memory"):
        pool.call("swallow", 4 * GIB, PATIENCE)
    assert pool.call("swallow", MIB, PATIENCE).value == MIB


def test_a_process_that_dies_refuses_its_call_and_the_next_call_has_another(pools: Pools) -> None:
    pool = pools()
    before = pid_of(pool)
    with pytest.raises(HelperEnded, match="exit code -9"):
        pool.call("die", None, PATIENCE)
    assert pid_of(pool) != before


def test_a_process_that_is_killed_in_the_middle_refuses_its_call(pools: Pools) -> None:
    pool = pools()
    with pytest.raises(HelperEnded):
        pool.call("never", None, PATIENCE, progress=lambda pid: os.kill(pid, signal.SIGKILL))
    assert pool.call("echo", 1, PATIENCE).value == 1


def test_a_call_has_a_deadline_and_its_process_ends_with_it(pools: Pools) -> None:
    pool = pools()
    before = pid_of(pool)
    pidfd = os.pidfd_open(before)
    with pytest.raises(HelperTimeout):
        pool.call("never", None, 0.2)
    wait_for_end(before, pidfd)
    assert pid_of(pool) != before


def test_what_is_raised_on_the_way_ends_the_process(pools: Pools) -> None:
    class Unwanted(Exception):
        pass

    def stop(_pid: int) -> None:
        raise Unwanted

    pool = pools()
    with pytest.raises(Unwanted):
        pool.call("never", None, PATIENCE, progress=stop)
    assert pool.pids == []


def test_no_more_processes_run_than_may(pools: Pools) -> None:
    """The second call is made while the first one runs, and waits in vain."""
    pool, refused = pools(), []

    def call_again(pid: int) -> None:
        with pytest.raises(HelperTimeout):
            pool.call("echo", 1, 0.05)
        refused.append(pid)
        os.kill(pid, signal.SIGKILL)

    with pytest.raises(HelperEnded):
        pool.call("never", None, PATIENCE, progress=call_again)
    assert len(refused) == 1


def test_a_process_with_nothing_to_do_ends_and_the_next_call_does_not_notice(pools: Pools) -> None:
    pool = pools(idle_seconds=0.5)
    before = pid_of(pool)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    assert pid_of(pool) != before


def test_after_a_restart_no_call_comes_to_an_old_process(pools: Pools) -> None:
    pool = pools()
    before = pid_of(pool)
    pidfd = os.pidfd_open(before)
    pool.restart()
    wait_for_end(before, pidfd)
    assert pid_of(pool) != before


def test_a_process_that_works_at_a_restart_is_not_used_again(pools: Pools) -> None:
    pool = pools(most=2)
    seen: list[int] = []

    def restart(pid: int) -> None:
        seen.append(pid)
        pool.restart()
        os.kill(pid, signal.SIGKILL)

    with pytest.raises(HelperEnded):
        pool.call("never", None, PATIENCE, progress=restart)
    assert pid_of(pool) not in seen


def test_no_process_and_no_descriptor_is_left_after_the_end(pools: Pools) -> None:
    before = _descriptors()
    pool = pools(most=2)
    pid = pid_of(pool)
    pidfd = os.pidfd_open(pid)
    pool.close()
    wait_for_end(pid, pidfd)
    assert _descriptors() == before
    with pytest.raises(CannotStart):
        pool.call("echo", 1, PATIENCE)


def test_where_none_can_be_started_it_is_said_and_not_tried_again_at_once(pools: Pools) -> None:
    pool = pools(setup="broken")
    for _ in range(2):
        with pytest.raises(CannotStart) as caught:
            pool.call("echo", 1, PATIENCE)
    assert "a moment ago" in str(caught.value)


def test_a_call_waits_only_a_moment_for_a_process_that_is_being_started(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started all the same, and serves a later call."""
    pool = pools()
    monkeypatch.setattr(helper_processes, "WAIT_SECONDS", 0.0)
    with pytest.raises(CannotStart, match="being started"):
        pool.call("echo", 1, PATIENCE)
    (pid,) = pool.pids
    assert not pool.running
    monkeypatch.setattr(helper_processes, "WAIT_SECONDS", PATIENCE)
    assert pid_of(pool) == pid


def test_a_process_that_never_becomes_ready_is_ended(pools: Pools, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = pools()
    monkeypatch.setattr(helper_processes, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(helper_processes, "START_SECONDS", 0.0)
    with pytest.raises(CannotStart, match="not ready"):
        pool.call("echo", 1, PATIENCE)
    assert pool.pids == []


_PROGRAM = f"""
import sys
from kunsthalle.core import helper_processes
from kunsthalle.core.helper_processes import HelperProcesses
helper_processes.WAIT_SECONDS = {PATIENCE}
pool = HelperProcesses({MODULE!r}, 1, {MEMORY})
pool.call("never", None, {PATIENCE}, progress=lambda pid: print(pid, flush=True))
"""


def test_a_process_that_works_ends_with_the_one_that_started_it(pools: Pools) -> None:
    """The parent is killed, and so cannot see to it."""
    assert pools
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        pidfd = os.pidfd_open(pid)
        parent.kill()
    wait_for_end(pid, pidfd)
