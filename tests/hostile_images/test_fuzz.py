"""`./dev fuzz`: it ends when its time is over, and a finding is shown with the seed that finds it again."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import strategies as st

TOOL = Path(__file__).parents[2] / "tools" / "fuzz.py"


@pytest.fixture
def fuzz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz", TOOL)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    monkeypatch.setattr(made, "FOUND", tmp_path / "found")
    return made


def ticking() -> Callable[[], float]:
    """A clock on which a minute passes each time that it is looked at."""
    minutes = iter(range(1_000))
    return lambda: next(minutes) * 60.0


def test_every_kind_of_case_is_tried_until_the_time_is_over(
    fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = fuzz.targets
    monkeypatch.setattr(fuzz, "targets", lambda: [(*one[:3], 5) for one in whole()])
    assert fuzz.run(180, 7, ticking()) == 0
    told = capsys.readouterr().out
    assert "seeds 7 to 8" in told
    assert "10 damaged headers, 10 noise, 10 pieces" in told


def test_a_finding_ends_it_and_names_its_seed(
    fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(number: int) -> None:
        assert number < 3

    monkeypatch.setattr(fuzz, "targets", lambda: [("numbers", fails, (st.integers(0, 3),), 50)])
    assert fuzz.run(120, 7, ticking()) == 1
    assert "numbers: found with --seed 7" in capsys.readouterr().out
