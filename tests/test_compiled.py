"""What workers compile together before they collect is what Python and pytest would have made, and is read by both."""

from __future__ import annotations

import os
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import PYC_TAIL, _read_pyc

from fixtures.compiled import compile_one


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compiled is kept, whatever the environment says."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


@pytest.mark.parametrize("name", ["module.py", "test_module.py"])
def test_a_module_is_compiled_once_and_again_when_it_has_changed(
    tmp_path: Path, pytestconfig: pytest.Config, name: str
) -> None:
    source = tmp_path / name
    source.write_text("def test_one():\n    assert 1 + 1 == 3\n")
    assert [compile_one(pytestconfig, source) for _ in range(2)] == [True, False]
    made = Path(cache_from_source(str(source)))
    os.utime(source, (made.parent.stat().st_mtime + 10,) * 2)
    assert compile_one(pytestconfig, source)


def test_pytest_takes_what_was_made_of_a_file_of_tests(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    source = tmp_path / "test_module.py"
    source.write_text("def test_one():\n    assert 1 + 1 == 3\n")
    assert compile_one(pytestconfig, source)
    code = _read_pyc(source, Path(cache_from_source(str(source))).with_name(f"test_module{PYC_TAIL}"))
    assert code is not None
    assert "@pytest_ar" in code.co_names, "its asserts are rewritten"


def test_what_cannot_be_compiled_is_left_to_who_imports_it(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    source = tmp_path / "test_module.py"
    source.write_text("def test_one(:\n")
    assert not compile_one(pytestconfig, source)
