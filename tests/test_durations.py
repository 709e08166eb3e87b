"""What a run of tests says of its length, in which order files are run, and the few that `--quick` takes."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures import durations
from fixtures.durations import Measured
from fixtures.tools import PYTEST

ROOT = Path(__file__).resolve().parents[1]
KNOWN = {"tests/test_long.py": Measured(300.0, 3), "tests/test_short.py": Measured(60.0, 6)}
SUITE = """
    import pytest

    @pytest.fixture
    def basket():
        return []

    @pytest.mark.parametrize("number", range(3))
    def test_basket(basket, number): pass
"""


@pytest.mark.parametrize(
    ("nodeids", "workers", "said"),
    [
        (["tests/test_short.py::a"], 1, "1 test in 1 file: about 10 seconds on 1 worker."),
        ([f"tests/test_short.py::{n}" for n in range(6)], 1, "6 tests in 1 file: about 60 seconds on 1 worker."),
        ([f"tests/test_long.py::{n}" for n in range(9)], 1, "9 tests in 1 file: about 15 minutes on 1 worker."),
        ([f"tests/test_new.py::{n}" for n in range(1_000)], 4, "1,000 tests in 1 file: about 11 hours on 4 workers."),
    ],
)
def test_a_run_says_how_much_it_is(nodeids: list[str], workers: int, said: str) -> None:
    """Part of a file takes part of its time; a new file takes what tests take elsewhere, here 40 seconds each."""
    assert durations.announcement(nodeids, KNOWN, workers) == said


def test_a_file_is_never_divided_between_workers() -> None:
    """Two workers do not halve it, and what the other one does beside it takes no longer."""
    nodeids = [f"tests/test_long.py::{n}" for n in range(3)] + [f"tests/test_short.py::{n}" for n in range(6)]
    seconds = 300 + durations.START_SECONDS
    assert f"about {round(seconds / 60)} minutes on 2 workers" in durations.announcement(nodeids, KNOWN, 2)


def test_workers_get_the_longest_files_first(monkeypatch: pytest.MonkeyPatch) -> None:
    items: list[Any] = [
        SimpleNamespace(nodeid=f"tests/test_{name}.py::{n}") for name in ("short", "long") for n in "ab"
    ]
    monkeypatch.setattr(durations, "read", lambda: KNOWN)
    alone: Any = SimpleNamespace()
    durations.pytest_collection_modifyitems(alone, items)
    assert [one.nodeid[-9:] for one in items] == ["ort.py::a", "ort.py::b", "ong.py::a", "ong.py::b"]
    worker: Any = SimpleNamespace(workerinput={})
    durations.pytest_collection_modifyitems(worker, items)
    assert [one.nodeid[-9:] for one in items] == ["ong.py::a", "ong.py::b", "ort.py::a", "ort.py::b"]


def test_what_was_measured_is_stored_and_what_is_gone_is_not(tmp_path: Path) -> None:
    path = tmp_path / "tests" / "durations.txt"
    path.parent.mkdir()
    for name in ("one", "two"):
        (path.parent / f"test_{name}.py").touch()
    durations.write({f"tests/test_{name}.py": Measured(1.25, 2) for name in ("one", "two", "gone")}, path)
    durations.write({"tests/test_two.py": Measured(3.0, 4)}, path)
    assert durations.read(path) == {"tests/test_one.py": Measured(1.2, 2), "tests/test_two.py": Measured(3.0, 4)}


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "durations.txt").write_text("1.0 2 tests/test_one.py\nmany 2 tests/test_two.py\n")
    with pytest.raises(ValueError, match=r"durations\.txt: .*'many 2 tests/test_two.py'"):
        durations.read(tmp_path / "durations.txt")


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_run_names_its_slowest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: Any) -> None:
    """With workers, too, whose reports say what fixtures took."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.delenv("KUNSTHALLE_DURATIONS", raising=False)
    pytester.makeini("[pytest]")  # paths are told from here, whatever lies in the folders above
    pytester.makepyfile(test_story=SUITE)
    result = pytester.run(*PYTEST, "-q", "-p", "fixtures.durations", "--worst=9", *workers)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "3 tests in 1 file: about * on 1 worker.",
            "The slowest files, of * in all:",
            "* s *100.0%  test_story.py (3 tests)",
            "The slowest fixtures, with how often they were set up:",
            "* s *%  basket of *, each function (3 times)",
            "The slowest tests:",
            "* s *%  test_story.py::test_basket*",
            "*3 passed in *",
        ]
    )


def _quick() -> list[tuple[str, str]]:
    """File and test, or no test for all of the file."""
    named = (ROOT / "tests" / "quick.txt").read_text().split()
    return [(file, test) for file, _, test in (one.partition("::") for one in named)]


def test_what_quick_names_is_there() -> None:
    for file, test in _quick():
        tree = ast.parse((ROOT / file).read_text())
        assert not test or test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_quick_has_something_of_each_area() -> None:
    """An area is a folder that holds tests. Those of `fleet` are collected by its verb alone, and none is quick."""
    areas = {path.parent for path in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in path.parts}
    assert areas - {(ROOT / file).parent for file, _ in _quick()} == {ROOT / "tests" / "fleet"}


def test_quick_takes_less_than_two_minutes_on_two_cores() -> None:
    known = durations.read()
    stored = {file: known.get(file, Measured(1.0, 1)) for file, _ in _quick()}
    whole = sum(durations.expected_seconds(stored, file, 1 if test else stored[file].tests) for file, test in _quick())
    assert whole / 2 + durations.START_SECONDS < 120
