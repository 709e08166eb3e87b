"""The verbs of the checkout: what they install."""

from __future__ import annotations

import os
import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def dev() -> ModuleType:
    """The file `dev`, which has no suffix, as a module."""
    loader = SourceFileLoader("dev_verbs", str(ROOT / "dev"))
    spec = spec_from_loader("dev_verbs", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def _versions(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", ["run.lock", "build.lock"])
def test_who_has_the_tools_of_the_tests_has_the_product_in_the_same_versions(name: str) -> None:
    assert _versions(name).items() <= _versions("dev.lock").items()


def test_the_product_is_installed_without_the_tools_of_its_tests(dev: ModuleType) -> None:
    names = {path.name for path in dev.lock_files("run")}
    installed = set().union(*(_versions(name) for name in names))
    assert {"kunsthalle", "pytest", "mypy", "playwright", "ibm-vpc"}.isdisjoint(installed)
    assert {"starlette", "sqlalchemy", "hatchling"} <= installed


def test_nothing_is_installed_again_where_the_larger_part_is_there(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "VENV", tmp_path)
    path, content = dev.stamp("dev")
    assert not dev.is_installed("run")
    path.write_text(content)
    assert dev.is_installed("dev")
    dev.environment("run")
    assert sorted(child.name for child in tmp_path.iterdir()) == [path.name]
    path.write_text("of an older lock file")
    assert not dev.is_installed("dev")


def test_a_seed_is_taken_out_of_the_arguments(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUNSTHALLE_SEED", "1")
    assert dev.seeded(["-x", "--seed", "77", "tests/matrix"]) == ["-x", "tests/matrix"]
    assert os.environ["KUNSTHALLE_SEED"] == "77"
    for wrong in (["--seed"], ["--seed", "x"]):
        with pytest.raises(SystemExit, match=r"--seed takes a whole number, not (nothing|x)\."):
            dev.seeded(wrong)


def test_what_runs_by_night_is_there(dev: ModuleType) -> None:
    """Each row names tests that ask how far they are to go."""
    for places in dev.NIGHTLY.values():
        for place in places:
            files = [ROOT / place] if place.endswith(".py") else list((ROOT / place).glob("test_*.py"))
            assert any("share(" in file.read_text() for file in files), place
