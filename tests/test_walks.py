"""The seed of a run, the seeds that are kept, how far walks go, and what they must have reached by night."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fixtures import walks
from fixtures.tools import PYTEST
from fixtures.walks import Reached
from test_durations import ROOT

pytestmark = pytest.mark.by_turns(3)

HYPOTHESIS = ("-p", "_hypothesis_pytestplugin")
SUITE = """
    import random
    from hypothesis import given, strategies as st

    def test_walk(walk_seed):
        print("walked", random.Random(walk_seed).random())

    @given(st.integers(0, 10**9))
    def test_property(number):
        print("drew", number)

    def test_end():
        assert False
"""


def _run(pytester: pytest.Pytester, *more: str) -> tuple[str, list[str]]:
    """The seed that a run told, and what it drew."""
    result = pytester.run(*PYTEST, *HYPOTHESIS, "-q", "-rA", "-p", "fixtures.walks", *more)
    result.assert_outcomes(passed=2, failed=1)
    told = re.findall(r"Seed (\d+); `./dev test --seed (\d+)` repeats", result.stdout.str())
    assert len(told) == 2, "at the start, and again after a failure"
    assert len({seed for pair in told for seed in pair}) == 1
    return told[0][0], [line for line in result.outlines if re.match("(walked|drew) ", line)]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv("CI", "true")
    monkeypatch.delenv(walks.VARIABLE)
    pytester.makepyfile(SUITE)
    return pytester


def test_each_run_has_a_seed_of_its_own_that_repeats_it(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is with CI=true, which alone would have hypothesis take the same examples each time, and with workers."""
    first, drawn = _run(suite)
    assert len(drawn) > 10
    second, others = _run(suite)
    assert second != first
    assert others != drawn
    monkeypatch.setenv(walks.VARIABLE, first)
    assert _run(suite, "-n", "1") == (first, drawn)


def test_a_kept_seed_is_walked_besides_the_seed_of_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv(walks.VARIABLE, "77")
    (tmp_path / "kept_seeds.txt").write_text("# why\n5 test_it.py::test_walk\n6 test_it.py::test_other\n")
    pytester.makeconftest(
        f"""
        from pathlib import Path
        import fixtures.walks as walks
        kept = walks.kept_seeds(Path({str(tmp_path / "kept_seeds.txt")!r}))
        walks.kept_seeds = lambda: kept
        pytest_plugins = ["fixtures.walks"]
        """
    )
    pytester.makepyfile(test_it="def test_walk(walk_seed): print('walked', walk_seed)")
    result = pytester.run(*PYTEST, *HYPOTHESIS, "-q", "-rA", "test_it.py")
    result.assert_outcomes(passed=2)
    assert [line for line in result.outlines if line.startswith("walked")] == ["walked 77", "walked 5"]


def test_kept_seeds_are_those_of_tests_that_take_one() -> None:
    for test in walks.kept_seeds():
        file, _, name = test.partition("::")
        assert re.search(rf"def {name}\([^)]*walk_seed", (ROOT / file).read_text()), test


@pytest.mark.parametrize("line", ["x tests/test_it.py::test_walk", "5", "5 tests/test_it.py"])
def test_a_line_of_kept_seeds_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "kept.txt").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=re.escape(line)):
        walks.kept_seeds(tmp_path / "kept.txt")


def test_by_night_a_walk_must_have_come_to_each_branch() -> None:
    reached = Reached(("left", "right"))
    reached.add("left", "left")
    reached.require_all(nightly=False)
    with pytest.raises(AssertionError, match=re.escape("reached: right. It reached {'left': 2, 'right': 0}")):
        reached.require_all(nightly=True)
    reached.add("right")
    reached.require_all(nightly=True)


def test_a_branch_that_nobody_declared_is_an_error() -> None:
    with pytest.raises(LookupError, match="'up' is none of the branches 'left', 'right'"):
        Reached(("left", "right")).add("up")


def test_walks_go_further_by_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "NIGHTLY", True)
    assert walks.share(3, 500) == 500
    monkeypatch.setattr(walks, "NIGHTLY", False)
    assert walks.share(3, 500) == 3


def _by_turns(pytester: pytest.Pytester, *more: str) -> set[str]:
    """What runs of nine tests that take turns in threes, and of one that always runs."""
    result = pytester.run(*PYTEST, *HYPOTHESIS, "-q", "-rA", "-p", "fixtures.walks", *more)
    assert result.ret == 0
    return {line.rpartition("::")[2] for line in result.outlines if line.startswith("PASSED")}


def test_tests_take_turns_where_no_files_are_named(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv(walks.VARIABLE, "1")
    pytester.makeini("[pytest]\nmarkers = by_turns(N): one in N\ntestpaths = .")
    pytester.makepyfile(
        test_pages="""
        import pytest

        @pytest.mark.by_turns(3)
        @pytest.mark.parametrize("page", range(9))
        def test_page(page): pass

        def test_always(): pass
        """
    )
    monkeypatch.setenv("CI", "true")
    first = _by_turns(pytester)
    assert len(first) == 4
    assert "test_always" in first
    assert _by_turns(pytester, "-n", "2") == first, "each worker leaves the same to other runs"
    every = {"test_always", *(f"test_page[{number}]" for number in range(9))}
    assert _by_turns(pytester, "test_pages.py") == every, "who names a file wants all of it"
    monkeypatch.setenv(walks.VARIABLE, "2")
    assert _by_turns(pytester) != first, "another seed draws others"
    monkeypatch.setenv("KUNSTHALLE_NIGHTLY", "true")
    assert _by_turns(pytester) == every
    assert _by_turns(pytester, ".", "-m", "by_turns") == every - {"test_always"}, "the row of the night"


class Marked:
    """A test of one file, with the mark."""

    path = Path("test_it.py")

    def __init__(self, **more: bool) -> None:
        self._more = more

    def get_closest_marker(self, _name: str) -> pytest.Mark:
        return pytest.mark.by_turns(2, **self._more).mark


@pytest.mark.parametrize("number", [1, 3])
def test_each_test_has_the_same_chance_of_a_turn(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one alone, and each of three: chance gives what cannot be divided."""
    tests: list[Any] = [Marked() for _ in range(number)]
    left = Counter[int]()
    for seed in range(400):
        monkeypatch.setenv(walks.VARIABLE, str(seed))
        left.update(tests.index(test) for test in walks._not_their_turn(tests))
    assert all(150 < left[at] < 250 for at in range(number)), left


@pytest.mark.parametrize("number", [1, 3])
def test_tests_that_share_much_have_their_turn_together(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two runs has all of them, the other none."""
    tests: list[Any] = [Marked(together=True) for _ in range(number)]
    left = Counter[int]()
    for seed in range(400):
        monkeypatch.setenv(walks.VARIABLE, str(seed))
        left[len(walks._not_their_turn(tests))] += 1
    assert left.keys() == {0, number}
    assert 150 < left[0] < 250, left


def test_what_many_tests_do_has_its_turn_once_in_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(walks.EVERYTHING, "true")
    assert 250 < sum(_drawn(900)) < 350
    monkeypatch.setenv(walks.EVERYTHING, "false")
    assert all(_drawn(20)), "who names a file wants all of it"
    monkeypatch.setenv(walks.EVERYTHING, "true")
    monkeypatch.setattr(walks, "NIGHTLY", True)
    assert all(_drawn(20))


def _drawn(times: int) -> list[bool]:
    turns = walks.Turns(3)
    return [turns.mine() for _ in range(times)]
