"""The projects in `examples/`, installed as their users would install them, and run."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.tools import ROOT
from kunsthalle.disk_images.writers import write_qcow2

EXAMPLES = ROOT / "examples"
INSTALL = ("install", "--quiet", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
"""Without an index: what a project needs must be what this repository's environment has, or pip says what is not."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The `bin` of an environment in which the product is installed, beside what it and its tests depend on."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    _pip(folder / "bin", "--force-reinstall", "--no-deps", str(ROOT))
    return folder / "bin"


def _pip(environment: Path, *words: str) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(environment / "python"), *INSTALL, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr


def _run(environment: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": f"{environment}:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300)


def test_every_example_is_run() -> None:
    projects = {path.parent.name for path in EXAMPLES.glob("*/pyproject.toml")}
    assert projects == {"pytest", "unittest", "shell"}


def test_the_installed_product_is_the_one_of_this_checkout(environment: Path, tmp_path: Path) -> None:
    program = "import kunsthalle; print(kunsthalle.__file__)"
    done = _run(environment, tmp_path, str(environment / "python"), "-c", program)
    assert Path(done.stdout.strip()).is_relative_to(environment.parent)


@pytest.mark.by_turns(2)
def test_pytest(environment: Path) -> None:
    _pip(environment, f"{EXAMPLES / 'pytest'}[test]")
    done = _run(environment, EXAMPLES / "pytest", str(environment / "python"), "-m", "pytest", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


@pytest.mark.by_turns(2)
def test_unittest(environment: Path) -> None:
    _pip(environment, f"{EXAMPLES / 'unittest'}[test]")
    done = _run(environment, EXAMPLES / "unittest", str(environment / "python"), "-m", "unittest")
    assert done.returncode == 0, done.stderr
    assert "Ran 3 tests" in done.stderr


@pytest.mark.by_turns(2)
def test_a_shell_script(environment: Path, tmp_path: Path) -> None:
    _pip(environment, str(EXAMPLES / "shell"))
    write_qcow2(tmp_path / "golden.qcow2", 2**30, b"golden")
    kunsthalle = (str(environment / "kunsthalle"), "run", "--")
    done = _run(environment, tmp_path, *kunsthalle, "image-pipeline", "golden.qcow2")
    assert (done.returncode, done.stdout) == (0, "golden is available\n"), done.stderr
    done = _run(environment, tmp_path, *kunsthalle, "image-pipeline", "absent.qcow2")
    assert done.returncode == 1
    assert "absent.qcow2" in done.stderr
