"""The packages as people install them: the wheel and the source, by pip, pipx and uv, on every Python that is here.

No compiler is on the path, and dependencies come as wheels alone. What is installed serves calls.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from attacks.people import owner
from fixtures.reader import checkout, environment
from fixtures.tools import ROOT
from kunsthalle.testing import Served

pytestmark = pytest.mark.nightly
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
"""What `requires-python` and the classifiers of the package say."""
TOOLS = Path(sys.executable).parent
COMPILERS = ("cc", "gcc", "g++", "clang", "rustc", "cargo")
ONLY_WHEELS = "--only-binary=:all:"
PATIENCE = 500


def interpreters() -> dict[str, Path]:
    """The Pythons of this machine that make environments, by their versions."""
    managed = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = {}
    for version in VERSIONS:
        name = f"python{version}"
        places = [*sorted(managed.glob(f"{version}.*/bin/{name}")), Path(shutil.which(name) or "/nowhere")]
        place = next(filter(_makes_environments, places), None)
        if place is not None:
            found[version] = place
    return found


def _makes_environments(python: Path) -> bool:
    command = [str(python), "-c", "import ensurepip, venv"]
    return python.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


@dataclass(frozen=True, slots=True)
class Install:
    """How to install one of the packages with one Python, for somebody with an empty home."""

    python: Path
    package: Path
    variables: dict[str, str]

    @property
    def home(self) -> Path:
        return Path(self.variables["HOME"])

    def run(self, *words: str | Path) -> None:
        done = subprocess.run(
            [str(word) for word in words],
            cwd=self.home,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"

    def with_pip(self) -> Path:
        self.run(self.python, "-m", "venv", self.home / "venv")
        self.run(self.home / "venv" / "bin" / "pip", "install", "--quiet", ONLY_WHEELS, self.package)
        return self.home / "venv" / "bin"

    def with_pipx(self) -> Path:
        itself = " --no-binary=kunsthalle" if self.package.suffix == ".gz" else ""
        self.run(TOOLS / "pipx", "install", "--python", self.python, f"--pip-args={ONLY_WHEELS}{itself}", self.package)
        return self.home / ".local" / "bin"

    def with_uv(self) -> Path:
        options = () if self.package.suffix == ".gz" else ("--no-build",)
        self.run(TOOLS / "uv", "tool", "install", "--python", self.python, *options, self.package)
        return self.home / ".local" / "bin"


WAYS: dict[str, Callable[[Install], Path]] = {
    "pip": Install.with_pip,
    "pipx": Install.with_pipx,
    "uv": Install.with_uv,
}


class Installed(Served):
    """A process of the installed program, which knows nothing of the checkout."""

    def __init__(self, program: Path, variables: dict[str, str]) -> None:
        super().__init__(Path(variables["HOME"]) / "data", "--hypervisor", "simulated", patience=120)
        self._program, self._variables = (str(program),), variables

    def environment(self) -> dict[str, str]:
        return self._variables


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the source that a fresh clone builds, by their kinds."""
    folder = tmp_path_factory.mktemp("packages")
    clone = checkout(folder / "kunsthalle")
    subprocess.run([TOOLS / "hatchling", "build", "-d", folder], cwd=clone, capture_output=True, check=True)
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return {"wheel": wheel, "source": source}


@pytest.mark.parametrize("kind", ["wheel", "source"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", interpreters())
def test_what_is_installed_serves_calls(
    packages: dict[str, Path], version: str, way: str, kind: str, tmp_path: Path
) -> None:
    absent = dict.fromkeys(COMPILERS, Path("/bin/false"))
    install = Install(interpreters()[version], packages[kind], environment(tmp_path / "home", absent))
    programs = WAYS[way](install)
    install.run(programs / "ibmcloud", "--version")
    with Installed(programs / "kunsthalle", install.variables) as served:
        running = Path(f"/proc/{served.pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        assert Path(running).is_relative_to(install.home), running
        assert f"Python {version}." in _version(Path(running))
        publisher = owner(served, "publisher")
        assert publisher.ok("GET", "/v1/vpcs?version=2025-06-30&generation=2")["vpcs"]


def _version(python: Path) -> str:
    return subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_all_that_is_locked_is_there_as_a_wheel(version: str, tmp_path: Path) -> None:
    """Also of Pythons that are not on this machine."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", "--require-hashes"]
    pip += ["--target", str(tmp_path), "--implementation", "cp", "--python-version", version, ONLY_WHEELS]
    locked = ROOT / "requirements" / "run.lock"
    done = subprocess.run([*pip, "-r", str(locked)], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr


def test_the_package_says_on_what_it_is_tried() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert f'requires-python = ">={VERSIONS[0]}"' in text
    assert [version for version in VERSIONS if f"Python :: {version}" not in text] == []
